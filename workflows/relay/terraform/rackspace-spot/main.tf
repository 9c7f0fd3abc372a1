provider "spot" {
  token = var.rackspace_spot_token
}

resource "spot_cloudspace" "this" {
  cloudspace_name  = var.cloudspace_name
  region           = var.region
  hacontrol_plane  = false
  wait_until_ready = true

  timeouts = {
    create = "30m"
  }
}

# One server and no autoscaling: the plan's policy holds both.
resource "spot_spotnodepool" "this" {
  cloudspace_name      = spot_cloudspace.this.cloudspace_name
  server_class         = var.server_class
  bid_price            = var.bid_price
  desired_server_count = 1
}

data "spot_kubeconfig" "this" {
  cloudspace_name = spot_cloudspace.this.cloudspace_name

  # A kubeconfig is of use once there is a node.
  depends_on = [spot_spotnodepool.this]
}

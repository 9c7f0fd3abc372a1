output "kubeconfig" {
  description = "Kubeconfig of the Cloudspace."
  value       = data.spot_kubeconfig.this.raw
  sensitive   = true
}

output "cloudspace_name" {
  description = "Name of the Cloudspace."
  value       = spot_cloudspace.this.cloudspace_name
}

output "bid_status" {
  description = "Whether the bid for the node was won."
  value       = spot_spotnodepool.this.bid_status
}

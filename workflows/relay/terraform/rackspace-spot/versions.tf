# Exact versions: the provider's names have changed between releases (`id` and `cloudspace_name`, rxtspot and spot).
terraform {
  required_version = "1.11.4"

  required_providers {
    spot = {
      source  = "rackerlabs/spot"
      version = "0.1.4"
    }
  }

  # The state holds the kubeconfig, and a runner's disk is gone after the job: it is kept encrypted, and locked, in a
  # bucket. `bucket` and `region` come from the plan's `backend-config`, credentials from the environment.
  backend "s3" {
    key          = "relay/rackspace-spot.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

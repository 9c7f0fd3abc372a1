# This file is maintained by `terraform init`. It pins the version; the checksums are added and committed by
#   terraform providers lock -platform=linux_amd64 -platform=linux_arm64 -platform=darwin_arm64
# on a machine that reaches the registry.

provider "registry.terraform.io/rackerlabs/spot" {
  version     = "0.1.4"
  constraints = "0.1.4"
}

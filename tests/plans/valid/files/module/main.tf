output "kubeconfig" {
  value     = "nothing yet"
  sensitive = true
}

variable "size" {}

variable "image" {}

variable "region" {}

variable "nodes" {}

variable "token" {
  ephemeral = true
}

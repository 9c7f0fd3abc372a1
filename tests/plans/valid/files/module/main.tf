output "kubeconfig" {
  value     = "nothing yet"
  sensitive = true
}

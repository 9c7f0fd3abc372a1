variable "cloudspace_name" {
  description = "Name of the Cloudspace."
  type        = string
  default     = "relay"
}

variable "region" {
  description = "Region of the Cloudspace."
  type        = string
  default     = "us-central-dfw-1"
}

variable "server_class" {
  description = "Class of the node; the smallest of the region by default."
  type        = string
  default     = "gp.vs1.small-dfw"
}

variable "bid_price" {
  description = "Highest price for an hour of the node, in USD."
  type        = number
  default     = 0.002

  validation {
    condition     = var.bid_price > 0 && var.bid_price <= 0.01
    error_message = "The bid is above 0 and at most 0.01 USD an hour; a higher one needs a look at the plan's budget."
  }
}

# Ephemeral: terraform keeps it neither in a saved plan nor in the state.
variable "rackspace_spot_token" {
  description = "Token of Rackspace Spot. Given by TF_VAR_rackspace_spot_token, never in a file of the work tree."
  type        = string
  sensitive   = true
  ephemeral   = true
}

//! GitHub workflow files: modelled from a plan, rendered, read back, compared.

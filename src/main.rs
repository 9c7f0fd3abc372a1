//! The `deploy-action` program.

fn main() {}

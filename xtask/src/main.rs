//! Maintenance of the repository: see `cargo xtask --help`.

fn main() {}

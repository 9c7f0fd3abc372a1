//! The programs of others that tests call.

use std::{env, path::PathBuf};

/// A user whom the registries know.
pub const USER: &str = "robot";
/// The password of [`USER`], known to everybody.
pub const PASSWORD: &str = "let the robot in";

/// [`USER`] and [`PASSWORD`] as docker's configuration and `Authorization: Basic` write them.
pub const LOGIN: &str = "cm9ib3Q6bGV0IHRoZSByb2JvdCBpbg==";

/// Finds a program that `cargo xtask setup` brings.
///
/// # Panics
///
/// It is not on the PATH.
pub fn tool(name: &str) -> PathBuf {
    found(name).unwrap_or_else(|| {
        panic!(
            "`{name}` is not on the PATH: `cargo xtask setup` brings it, `cargo xtask test` finds it"
        )
    })
}

/// Finds a program on the PATH.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

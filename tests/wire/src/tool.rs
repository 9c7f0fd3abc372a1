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

/// Finds a program on the PATH, or where `cargo xtask setup` unpacks those that are on none.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = env::split_paths(&path).collect();
    on_path
        .into_iter()
        .chain(unpacked())
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn unpacked() -> Vec<PathBuf> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    let tools = cache.map(|cache| cache.join("deploy-action/tools").read_dir());
    let tools = tools.into_iter().flatten().flatten().flatten();
    tools.map(|tool| tool.path().join("usr/bin")).collect()
}

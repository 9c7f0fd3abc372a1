//! Debian's packages: installed, or unpacked into a folder of ours.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};

use super::{archive, run};
use crate::words;

/// Installs a package into the system, where we may change it.
pub(super) fn install(package: &str) -> anyhow::Result<()> {
    let Some(mut manager) = manager()? else {
        bail!("install it by: sudo apt-get install --yes {package}");
    };
    refresh()?;
    words::say(&format!("installing the package `{package}`"));
    run(manager.args(["install", "--yes", "--no-install-recommends", package]))
}

/// Downloads a package and unpacks it into a folder.
pub(super) fn unpack(package: &str, partial: &Path) -> anyhow::Result<()> {
    download(package, partial)?;
    let archive = archive(partial, "deb")?;
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&archive)
        .arg(partial))?;
    Ok(fs::remove_file(&archive)?)
}

fn download(package: &str, into: &Path) -> anyhow::Result<()> {
    let fetch = || {
        run(Command::new("apt-get")
            .current_dir(into)
            .args(["download", package]))
    };
    if fetch().is_ok() {
        return Ok(());
    }
    // The lists of packages may be old or missing.
    ensure!(refresh()?, "first run: sudo apt-get update");
    fetch()
}

/// Fetches the lists of packages; tells whether we may.
fn refresh() -> anyhow::Result<bool> {
    let Some(mut manager) = manager()? else {
        return Ok(false);
    };
    words::say("fetching the lists of packages");
    run(manager.arg("update")).map(|()| true)
}

/// The system's package manager, when we may change the system: as root, or where a CI machine is ours anyway.
fn manager() -> anyhow::Result<Option<Command>> {
    if is_root()? {
        return Ok(Some(Command::new("apt-get")));
    }
    if env::var("CI").is_ok_and(|ci| ci == "true") {
        let mut manager = Command::new("sudo");
        manager.args(["--non-interactive", "apt-get"]);
        return Ok(Some(manager));
    }
    Ok(None)
}

fn is_root() -> anyhow::Result<bool> {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .context("`id` does not start")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

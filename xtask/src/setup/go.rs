//! Programs of Go modules, built by Go's own client, which holds each module against Go's checksum database.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

use super::{fill, run, system};

/// The oldest minor version that fetches by itself the newer Go which a module asks for.
const FETCHES_ITSELF: u32 = 21;

/// The Go that is fetched for an older one: a module like others.
const TOOLCHAIN: &str = "golang.org/toolchain@v0.0.1-go1.26.8";

/// A program of a module at a version.
#[derive(Clone, Copy)]
pub(crate) struct Module {
    /// Path of the package in the module.
    pub(crate) path: &'static str,
    pub(crate) version: &'static str,
}

/// Brings a program that cannot be asked for its version: that is in the name of its folder.
pub(crate) fn bring(module: Module) -> anyhow::Result<PathBuf> {
    let name = module.path.rsplit('/').next().unwrap_or(module.path);
    let folder = super::cache()?
        .join("tools")
        .join(format!("{name}-{}", module.version));
    let program = folder.join("usr/bin").join(name);
    if !program.is_file() {
        fill(&folder, module.path, |partial| install(module, partial))?;
    }
    Ok(program)
}

/// Builds a module's program into a folder, where a package of the system would have it.
pub(super) fn install(module: Module, into: &Path) -> anyhow::Result<()> {
    let Module { path, version } = module;
    run(Command::new(program()?)
        .args(["install", "-trimpath"])
        .arg(format!("{path}@{version}"))
        .env("CGO_ENABLED", "0")
        .env("GOBIN", into.join("usr/bin")))
}

/// Go itself: the one on the PATH, else the system's; where that is too old, one of Go's own making.
fn program() -> anyhow::Result<PathBuf> {
    let found = Path::new("go");
    if minor_version(found).is_none() {
        system::install("golang").context("Go builds it")?;
    }
    let minor = minor_version(found).context("`go version` says no version of Go 1")?;
    if minor >= FETCHES_ITSELF {
        Ok(found.to_owned())
    } else {
        toolchain(found)
    }
}

/// Lets an old Go fetch a newer one.
fn toolchain(old: &Path) -> anyhow::Result<PathBuf> {
    let folder = super::cache()?.join("tools/go");
    let program = folder.join("bin/go");
    if minor_version(&program).is_some() {
        return Ok(program);
    }
    let output = Command::new(old).args(["env", "GOOS", "GOARCH"]).output()?;
    ensure!(output.status.success(), "`go env` failed");
    let platform = String::from_utf8(output.stdout)?;
    let module = format!(
        "{TOOLCHAIN}.{}",
        platform.split_whitespace().collect::<Vec<_>>().join("-")
    );
    fill(&folder, &module, |partial| {
        let modules = partial.join("modules");
        run(Command::new(old)
            .current_dir(partial)
            .args(["mod", "download", &module])
            .env("GOFLAGS", "-modcacherw")
            .env("GOMODCACHE", &modules))?;
        let content = modules.join(&module);
        // A module's files cannot be run.
        run(Command::new("chmod")
            .args(["-R", "u+x"])
            .args([content.join("bin"), content.join("pkg/tool")]))?;
        for entry in fs::read_dir(&content)? {
            let entry = entry?;
            fs::rename(entry.path(), partial.join(entry.file_name()))?;
        }
        Ok(fs::remove_dir_all(&modules)?)
    })?;
    Ok(program)
}

/// The second number of `go version go1.26.8 linux/amd64`; nothing where there is no such program.
fn minor_version(go: &Path) -> Option<u32> {
    let output = Command::new(go)
        .arg("version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.strip_prefix("go version go1.")?;
    let digits = version.find(|letter: char| !letter.is_ascii_digit())?;
    version[..digits].parse().ok()
}

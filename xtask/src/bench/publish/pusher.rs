//! The programs that push, each with a home of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::image::Image;
use crate::setup;

/// What a push cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pushed {
    pub(super) took: Duration,
    pub(super) requests: usize,
    /// Most bytes of memory, where the system tells.
    pub(super) memory: u64,
}

/// A program that pushes images.
pub(super) struct Pusher {
    kind: Kind,
    program: PathBuf,
    home: tempfile::TempDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    Crane,
    Regctl,
    Skopeo,
}

impl Pusher {
    /// Ours first, then crane.
    pub(super) fn all(ours: &Path) -> anyhow::Result<Vec<Self>> {
        let tool = setup::program;
        let programs = [
            (Kind::Ours, ours.to_owned()),
            (Kind::Crane, tool(&setup::tools::CRANE)?),
            (Kind::Regctl, tool(&setup::tools::REGCTL)?),
            (Kind::Skopeo, tool(&setup::tools::SKOPEO)?),
        ];
        let pusher = |(kind, program)| {
            Ok(Self {
                kind,
                program,
                home: tempfile::tempdir()?,
            })
        };
        programs.into_iter().map(pusher).collect()
    }

    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Ours => "ours",
            Kind::Crane => "crane",
            Kind::Regctl => "regctl",
            Kind::Skopeo => "skopeo",
        }
    }

    /// Takes away what the program remembers of earlier pushes.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        let cache = self.home.path().join("cache");
        if cache.exists() {
            fs::remove_dir_all(cache)?;
        }
        Ok(())
    }

    /// Pushes an image to `REPOSITORY:TAG` of a registry on the loopback address.
    pub(super) fn push(
        &self,
        image: &Image,
        registry: SocketAddr,
        to: &str,
    ) -> anyhow::Result<Pushed> {
        let mut command = self.command(image, &format!("{registry}/{to}"));
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("`{}` does not start", self.program.display()))?;
        let memory = watch(&mut child)?;
        let took = began.elapsed();
        let status = child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name());
        Ok(Pushed {
            took,
            requests: 0,
            memory,
        })
    }

    fn command(&self, image: &Image, to: &str) -> Command {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_STATE_HOME", home.join("state"));
        let folder = image.folder().display();
        let (host, _) = to.split_once('/').unwrap_or((to, ""));
        match self.kind {
            Kind::Ours => command
                .args(["publish", "--to", to, "--layout"])
                .arg(image.folder()),
            Kind::Crane => command
                .args(["push", "--insecure"])
                .arg(image.folder())
                .arg(to),
            Kind::Regctl => command
                .args(["image", "copy", "--host"])
                .arg(format!("reg={host},tls=disabled"))
                .arg(format!("ocidir://{folder}@{}", image.digest()))
                .arg(to),
            Kind::Skopeo => command
                .args(["copy", "--insecure-policy", "--dest-tls-verify=false"])
                .arg(format!("oci:{folder}:bench"))
                .arg(format!("docker://{to}")),
        };
        command
    }
}

/// Waits for the end of a program without taking it, and says how much memory it had at most.
fn watch(child: &mut Child) -> anyhow::Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait()?.is_none() {
        // Where there is no such file, nothing is known; a program that has just ended has no such line.
        if let Ok(text) = fs::read_to_string(&status) {
            most = most.max(high_water(&text).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(most)
}

/// Reads `VmHWM:     1234 kB`, the most of physical memory that a process had.
fn high_water(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process_is_read_where_it_stands() {
        assert_eq!(
            high_water("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(high_water("Name:\tx\n"), None);
    }
}

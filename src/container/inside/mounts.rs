//! The file system that a container sees.
//!
//! Every mount is made after the root was changed, so that a symbolic link in the image (`/proc -> /etc`) leads to a
//! place in the image and never to one outside.

use std::{
    fs::{self, File},
    io,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::Path,
};

use camino::Utf8Path;
use rustix::{
    fs::{Mode, OFlags, StatVfsMountFlags, open, statvfs},
    io::Errno,
    mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
        mount_change, mount_remount, unmount,
    },
    process::{chdir, fchdir, pivot_root},
};

use crate::container::{RootMode, inside::network::ADDRESS, wire::Obstacle};

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Parts of /proc that belong to the whole machine, as the OCI runtime's defaults name them.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];
const HIDDEN: [&str; 4] = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
];

/// Makes `root` the root of this process, with /proc, /dev and /tmp. The mount namespace has to be its own already.
pub(super) fn enter(root: &Utf8Path, mode: RootMode, hostname: &str) -> Result<(), Obstacle> {
    let outside = change_root(root)
        .map_err(|error| Obstacle::namespace(format!("the root `{root}`"), &error.into()))?;
    populate(hostname)?;
    leave(&outside, mode)
        .map_err(|error| Obstacle::namespace(format!("the root `{root}`"), &error.into()))
}

/// Changes the root, and returns the old one, which still is there: the devices are taken from it.
fn change_root(root: &Utf8Path) -> Result<OwnedFd, Errno> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    // The new root has to be a mount of its own (pivot_root(2)).
    mount_bind_recursive(root.as_str(), root.as_str())?;
    let outside = open(
        "/",
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    chdir(root.as_str())?;
    pivot_root(".", ".")?;
    // From here a path that starts with `/` is one in the image, and any other one outside.
    fchdir(&outside)?;
    Ok(outside)
}

fn leave(outside: &OwnedFd, mode: RootMode) -> Result<(), Errno> {
    fchdir(outside)?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    match mode {
        RootMode::Writable => Ok(()),
        RootMode::ReadOnly => read_only("/"),
    }
}

fn populate(hostname: &str) -> Result<(), Obstacle> {
    let at = |what: &str| {
        let step = format!("`{what}` in the container");
        move |error: io::Error| Obstacle::namespace(step, &error)
    };
    processes().map_err(at("/proc"))?;
    devices().map_err(at("/dev"))?;
    temporary().map_err(at("/tmp"))?;
    hosts(hostname).map_err(at("/etc/hosts"))
}

fn processes() -> io::Result<()> {
    fs::create_dir_all("/proc")?;
    mount(
        "proc",
        "/proc",
        "proc",
        MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        None,
    )?;
    for path in READ_ONLY.iter().filter(|path| Path::new(path).exists()) {
        mount_bind_recursive(*path, *path)?;
        read_only(path)?;
    }
    for path in HIDDEN.iter().filter(|path| Path::new(path).exists()) {
        mount_bind("dev/null", *path)?;
    }
    Ok(())
}

/// Makes a mount read-only with the flags that it has: a user namespace may add flags, not drop them.
fn read_only(path: &str) -> Result<(), Errno> {
    let has = statvfs(path)?.f_flag;
    let kept = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ]
    .into_iter()
    .filter(|(flag, _)| has.contains(*flag))
    .fold(MountFlags::empty(), |all, (_, flag)| all | flag);
    mount_remount(path, MountFlags::BIND | MountFlags::RDONLY | kept, "")
}

fn devices() -> io::Result<()> {
    fs::create_dir_all("/dev")?;
    memory("/dev", c"mode=755,size=64k")?;
    for device in DEVICES {
        let inside = format!("/dev/{device}");
        File::create(&inside)?;
        mount_bind(format!("dev/{device}"), inside)?;
    }
    for (target, link) in LINKS {
        std::os::unix::fs::symlink(target, link)?;
    }
    fs::create_dir("/dev/shm")?;
    memory("/dev/shm", c"mode=1777,size=64m")
}

/// Gives the container a `/tmp` in memory, unless the image brings files there.
fn temporary() -> io::Result<()> {
    fs::create_dir_all("/tmp")?;
    if fs::read_dir("/tmp")?.next().is_some() {
        return Ok(());
    }
    Ok(mount(
        "tmpfs",
        "/tmp",
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=1777",
    )?)
}

fn memory(path: &str, options: &std::ffi::CStr) -> io::Result<()> {
    Ok(mount(
        "tmpfs",
        path,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        options,
    )?)
}

/// Writes `/etc/hosts` where the image has none, or an empty one, as docker's layers have.
fn hosts(hostname: &str) -> io::Result<()> {
    let file = Path::new("/etc/hosts");
    match fs::metadata(file) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all("/etc")?,
        Err(error) => return Err(error),
    }
    let text = format!("127.0.0.1 localhost\n::1 localhost\n{ADDRESS} {hostname}\n");
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
}

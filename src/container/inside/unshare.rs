//! Leaving the namespaces that we were started in.

use std::{fs, io};

use rustix::{
    io::Errno,
    process::{getegid, geteuid},
    thread::{
        CapabilitySets, UnshareFlags, capabilities, configure_capability_in_ambient_set,
        set_capabilities,
    },
};

use crate::container::{user::User, wire::Obstacle};

/// Namespaces that the whole supervisor leaves.
const SUPERVISOR: UnshareFlags = UnshareFlags::NEWNET
    .union(UnshareFlags::NEWUTS)
    .union(UnshareFlags::NEWIPC);

/// Whether a user namespace had to be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    /// No: we are root and may do without.
    Own,
    /// Yes: the container's user is the only one that exists there, and stands for ours.
    UserNamespace,
}

/// Enters new network, host-name and message namespaces. The process has one thread.
pub(super) fn leave_outside(user: &User) -> Result<Rights, Obstacle> {
    let own = geteuid().is_root();
    if own {
        match unshare(SUPERVISOR) {
            Ok(()) => return Ok(Rights::Own),
            // Root of a container around us may lack CAP_SYS_ADMIN and yet have user namespaces.
            Err(Errno::PERM) => {}
            Err(error) => return Err(Obstacle::namespace("new namespaces", &error.into())),
        }
    }
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare(SUPERVISOR | UnshareFlags::NEWUSER)
        .map_err(|error| Obstacle::namespace("a user namespace", &error.into()))?;
    map_user(user, uid, gid).map_err(|error| Obstacle::namespace("a user's mapping", &error))?;
    keep_rights()
        .map_err(|error| Obstacle::namespace("rights over the namespaces", &error.into()))?;
    Ok(Rights::UserNamespace)
}

/// Has the next child of this thread become the first process of a new process namespace. From here on this thread
/// starts no other thread: both would have to be in one process namespace (clone(2), EINVAL).
pub(super) fn leave_processes() -> Result<(), Obstacle> {
    unshare(UnshareFlags::NEWPID)
        .map_err(|error| Obstacle::namespace("a process namespace", &error.into()))
}

/// Enters a mount namespace.
pub(super) fn leave_mounts() -> Result<(), Obstacle> {
    unshare(UnshareFlags::NEWNS)
        .map_err(|error| Obstacle::namespace("a mount namespace", &error.into()))
}

/// Without rights outside, one user can be mapped: ours (user_namespaces(7), "Defining user and group ID mappings").
fn map_user(user: &User, uid: u32, gid: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {uid} 1", user.uid))?;
    fs::write("/proc/self/gid_map", format!("{} {gid} 1", user.gid))
}

/// Has the rights over the new namespaces survive the start of the first process, which is no root there when the
/// image's user is none (capabilities(7), "Ambient capability set"). It gives them up itself.
fn keep_rights() -> Result<(), Errno> {
    let sets = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: sets.permitted,
            ..sets
        },
    )?;
    for capability in sets.permitted.iter() {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "rustix marks `unshare` unsafe for the sake of `UnshareFlags::FILES`"
)]
fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: no thread loses sight of a file descriptor, since no caller passes `UnshareFlags::FILES`.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

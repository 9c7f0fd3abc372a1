//! The first process of a container, from its start by the supervisor until it becomes the image's command.

use std::{
    fs::{self, File},
    io::{self, Read, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use rustix::{
    fs::{Mode, OFlags, fcntl_setfl},
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Gid, Signal, Uid, set_parent_process_death_signal, setsid, umask},
    stdio::{dup2_stdin, dup2_stdout},
    system::sethostname,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_gid,
        set_thread_groups, set_thread_uid,
    },
};

use crate::container::{
    RootMode,
    inside::{mounts, unshare},
    user::User,
    wire::{InitOrder, Obstacle},
};

/// What docker leaves to a container, without `MKNOD`, for which docker's device rules are missing here, and
/// without `AUDIT_WRITE`.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SYS_CHROOT);

/// Becomes the command of the image. Returns only when that was not possible.
///
/// Standard input carries the order and stays open while the supervisor lives; standard output takes an obstacle, and
/// its end without one means that the command was executed.
pub(in crate::container) fn init() -> ExitCode {
    let Ok(mut status) = fcntl_dupfd_cloexec(io::stdout(), 3).map(File::from) else {
        return ExitCode::FAILURE;
    };
    let obstacle = match become_command() {
        Ok(never) => match never {},
        Err(obstacle) => obstacle,
    };
    let said = serde_json::to_writer(&mut status, &obstacle).is_ok() && status.flush().is_ok();
    ExitCode::from(if said { 1 } else { 2 })
}

fn become_command() -> Result<std::convert::Infallible, Obstacle> {
    let order = read_order()?;
    die_with_supervisor()?;
    let prepared = |error: Errno| Obstacle::step("standard output", &error.into());
    dup2_stdout(io::stderr()).map_err(prepared)?;
    sethostname(order.contain.hostname.as_bytes())
        .map_err(|error| Obstacle::namespace("the host name", &error.into()))?;
    unshare::leave_mounts()?;
    let mode = if order.contain.read_only {
        RootMode::ReadOnly
    } else {
        RootMode::Writable
    };
    mounts::enter(&order.contain.root, mode, &order.contain.hostname)?;
    let workdir = enter_workdir(&order.contain.workdir)?;
    give_up_rights(&order.user, order.user_namespace)
        .map_err(|error| Obstacle::namespace("the image's user", &error.into()))?;
    // A change of credentials clears the signal (prctl(2), PR_SET_PDEATHSIG).
    die_with_supervisor()?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY, Mode::empty());
    null.and_then(dup2_stdin).map_err(prepared)?;
    Err(execute(&order, &workdir))
}

fn read_order() -> Result<InitOrder, Obstacle> {
    let bug = |words: String| Obstacle::Bug { words };
    let mut line = Vec::new();
    // Byte by byte: what follows the line must stay in the pipe, and the order is short.
    for byte in io::stdin().lock().bytes() {
        match byte {
            Ok(b'\n') => break,
            Ok(byte) => line.push(byte),
            Err(error) => return Err(bug(format!("could not be read: {error}"))),
        }
    }
    serde_json::from_slice(&line).map_err(|error| bug(format!("sent no order: {error}")))
}

/// Asks the kernel to end this process with the supervisor, and ends it at once if that is gone already.
fn die_with_supervisor() -> Result<(), Obstacle> {
    let failed = |error: Errno| Obstacle::step("the tie to the supervisor", &error.into());
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    let pipe = rustix::stdio::stdin();
    fcntl_setfl(pipe, OFlags::NONBLOCK).map_err(failed)?;
    match rustix::io::read(pipe, &mut [0_u8; 1]) {
        Err(Errno::AGAIN) => Ok(()),
        Ok(_) => Err(Obstacle::Bug {
            words: "is gone".to_owned(),
        }),
        Err(error) => Err(failed(error)),
    }
}

/// Goes to the image's working directory, which docker, too, makes where it is missing.
fn enter_workdir(workdir: &str) -> Result<String, Obstacle> {
    let workdir = match workdir {
        "" => "/".to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("/{relative}"),
    };
    let step = || format!("the working directory `{workdir}`");
    if !fs::exists(&workdir).map_err(|error| Obstacle::step(step(), &error))? {
        fs::create_dir_all(&workdir).map_err(|error| Obstacle::step(step(), &error))?;
    }
    rustix::process::chdir(workdir.as_str())
        .map_err(|error| Obstacle::step(step(), &error.into()))?;
    Ok(workdir)
}

fn give_up_rights(user: &User, user_namespace: bool) -> Result<(), Errno> {
    umask(Mode::from_raw_mode(0o022));
    setsid()?;
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        match remove_capability_from_bounding_set(capability) {
            // EINVAL: one that this kernel does not know.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    clear_ambient_capability_set()?;
    let sets = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: CapabilitySet::empty(),
            ..sets
        },
    )?;
    if !user_namespace {
        let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
        set_thread_groups(&groups)?;
    }
    // This process has one thread, so what is set for the thread is set for all of it.
    set_thread_gid(Gid::from_raw(user.gid))?;
    set_thread_uid(Uid::from_raw(user.uid))?;
    set_no_new_privs(true)
}

fn execute(order: &InitOrder, workdir: &str) -> Obstacle {
    let [program, arguments @ ..] = order.contain.command.as_slice() else {
        return Obstacle::Bug {
            words: "sent no command".to_owned(),
        };
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    command.env("HOME", &order.user.home).env("PWD", workdir);
    let error = command.envs(&order.contain.env).exec();
    Obstacle::Execute {
        command: program.clone(),
        errno: error.raw_os_error().unwrap_or(0),
    }
}

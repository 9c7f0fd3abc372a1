//! The machine: its system, the folder that state is kept in, its clock.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::{
    Patient,
    finding::{Area, Finding, Report},
};
use crate::cli::session::state_home;

/// Looks at the machine.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    report.add(system());
    report.add(state(patient));
    report.add(clock(patient));
}

fn system() -> Finding {
    let here = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
    if cfg!(any(target_os = "linux", target_os = "macos")) {
        Finding::ok(Area::Machine, "system", here)
    } else {
        Finding::note(Area::Machine, "system", here)
            .expected(
                "Linux or macOS, to run and rehearse; elsewhere plans are linted and rendered",
            )
            .next("run and rehearse on Linux or macOS, on Windows in WSL 2")
    }
}

/// Whether the ledger can be written: asked of the nearest folder that is there, in which nothing is left.
fn state(patient: &Patient<'_>) -> Finding {
    let told = patient.environment.get("DEPLOY_ACTION_STATE");
    let folder = told.map_or_else(|| state_home(patient.environment), Utf8PathBuf::from);
    let nearest = folder.ancestors().find(|folder| folder.exists());
    let nearest = nearest.filter(|path| !path.as_str().is_empty());
    let nearest = nearest.unwrap_or(Utf8Path::new("."));
    match writable(nearest.as_std_path()) {
        Ok(()) => Finding::ok(Area::Machine, "state", format!("{folder} can be written")),
        Err(error) => Finding::missing(
            Area::Machine,
            "state",
            format!("{nearest} cannot be written: {error}"),
        )
        .expected(format!("ledgers can be kept in {folder}"))
        .next("name another folder by `--state DIR` or XDG_STATE_HOME"),
    }
}

fn writable(folder: &Path) -> std::io::Result<()> {
    tempfile::Builder::new()
        .prefix(".deploy-action-")
        .tempfile_in(folder)
        .map(drop)
}

/// A clock that is behind the last commit is wrong: records and tokens would seem to come from the future.
fn clock(patient: &Patient<'_>) -> Finding {
    let now = Timestamp::now();
    let here = now.strftime("%F %T UTC").to_string();
    let written = patient.plan().and_then(|plan| {
        let modified = plan.folder.as_std_path().metadata().ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    });
    match written {
        Some(written) if written > now => Finding::missing(
            Area::Machine,
            "clock",
            format!("{here}, before the plan's folder was changed"),
        )
        .expected(format!("a time after {}", written.strftime("%F %T UTC")))
        .next("set the clock, as by `timedatectl set-ntp true`"),
        Some(_) | None => Finding::ok(Area::Machine, "clock", here),
    }
}

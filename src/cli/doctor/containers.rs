//! What starts an image for a check: docker, podman, or namespaces of our own.

use super::{
    Patient,
    finding::{Area, Finding, Needed, Report},
    needs::{self, words},
    programs,
};
use crate::container::find_engine;

/// Looks for a way to start an image.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    let need = patient.plan().and_then(needs::containers);
    if patient.plan().is_some() && need.is_none() {
        return;
    }
    let needed = need.as_ref().map_or(Needed::Later, |need| need.needed);
    let expected = match &need {
        Some(need) => format!("docker, podman or namespaces, for {}", words(&need.tasks)),
        None => "docker, podman or namespaces, where a check starts an image".to_owned(),
    };
    if let Some(engine) = find_engine(&patient.environment.variables).await {
        let found = format!("{} {} answers", engine.kind(), engine.version());
        report.add(Finding::ok(Area::Containers, "starting an image", found));
        return;
    }
    report.add(match namespaces(patient).await {
        Ok(found) => Finding::ok(Area::Containers, "starting an image", found),
        Err((found, next)) => {
            Finding::missing_if(needed, Area::Containers, "starting an image", found)
                .expected(expected)
                .next(next)
                .next(format!(
                    "or start an engine: {}",
                    programs::how_to_get("podman", &patient.environment.variables)
                ))
        }
    });
}

/// Whether namespaces can be had: tried, where there is a program to try it with, else read from the kernel's settings.
#[cfg(target_os = "linux")]
async fn namespaces(patient: &Patient<'_>) -> Result<String, (String, String)> {
    use crate::{
        process::{self, CommandSpec, Output, StopListener},
        secret::{Masker, Secret},
    };
    let variables = &patient.environment.variables;
    let is_root = rustix::process::geteuid().is_root();
    let args: &[&str] = if is_root {
        &["--net", "--uts", "--ipc", "true"]
    } else {
        &[
            "--user",
            "--map-root-user",
            "--net",
            "--uts",
            "--ipc",
            "true",
        ]
    };
    let kind = if is_root {
        "namespaces of root's"
    } else {
        "unprivileged user namespaces"
    };
    if programs::find("unshare", variables).is_some()
        && let Ok(masker) = Masker::new(Vec::<(String, Secret)>::new())
    {
        let spec = CommandSpec::new("unshare", "try a namespace")
            .args(args.iter().copied())
            .pass_env(variables, ["PATH"])
            .timeout(std::time::Duration::from_secs(10));
        let output = Output {
            masker: &masker,
            log: None,
            live: None,
        };
        let ended = process::run(&spec, output, StopListener::never()).await;
        if ended.is_ok_and(|ended| ended.succeeded()) {
            return Ok(format!("{kind} can be made"));
        }
        return Err(match setting() {
            Some((setting, value)) => (
                format!("no engine answers, and the kernel's setting forbids {kind}"),
                format!("sudo sysctl -w {setting}={value}"),
            ),
            None => (
                format!("no engine answers, and {kind} cannot be made"),
                "allow them; a container around this one forbids them by its seccomp profile"
                    .to_owned(),
            ),
        });
    }
    match setting() {
        Some((setting, value)) if !is_root => Err((
            format!("no engine answers, and the kernel's setting forbids {kind}"),
            format!("sudo sysctl -w {setting}={value}"),
        )),
        Some(_) | None => Ok(format!("no setting of the kernel forbids {kind}")),
    }
}

#[cfg(not(target_os = "linux"))]
async fn namespaces(_: &Patient<'_>) -> Result<String, (String, String)> {
    Err((
        "no engine answers, and only Linux has namespaces".to_owned(),
        "start Docker Desktop or `podman machine`".to_owned(),
    ))
}

/// The setting of the kernel that forbids user namespaces, with the value that allows them.
#[cfg(target_os = "linux")]
fn setting() -> Option<(&'static str, &'static str)> {
    let is = |path: &str, value: &str| {
        std::fs::read_to_string(path).is_ok_and(|text| text.trim() == value)
    };
    if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return Some(("kernel.unprivileged_userns_clone", "1"));
    }
    if is("/proc/sys/user/max_user_namespaces", "0") {
        return Some(("user.max_user_namespaces", "15000"));
    }
    if is(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
    ) {
        return Some(("kernel.apparmor_restrict_unprivileged_userns", "0"));
    }
    None
}

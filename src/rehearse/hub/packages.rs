//! Container packages: what a registry holds, as GitHub Packages shows it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::{Call, written_at},
    page,
    repository::repository,
    users::{stable_id, user},
};
use crate::rehearse::registry::{HeldManifest, HeldRepository};

const PAGE: &str = "/packages/packages";

/// Answers `GET …/packages…` of an owner: the list, a package, its versions, or one of them.
pub(super) fn answer(call: &Call, owner: &str, rest: &[&str]) -> Answer {
    if !owner.eq_ignore_ascii_case(call.hub.owner()) {
        return Answer::not_found(PAGE);
    }
    match rest {
        [] => list(call),
        ["container", name] => with_package(call, name, |held| Answer::ok(write(call, held))),
        ["container", name, "versions"] => with_package(call, name, |held| versions(call, held)),
        ["container", name, "versions", id] => with_package(call, name, |held| {
            let mut versions = held.manifests.iter();
            match versions.find(|version| version_id(held, version).to_string() == *id) {
                Some(version) => Answer::ok(write_version(call, held, version)),
                None => Answer::not_found(PAGE),
            }
        }),
        _ => Answer::not_found(PAGE),
    }
}

fn list(call: &Call) -> Answer {
    match call.parameter("package_type") {
        Some("container") => {}
        Some("npm" | "maven" | "rubygems" | "docker" | "nuget") => {
            return page::list(call, Vec::new(), Value::Array);
        }
        _ => {
            let message = "The package_type parameter is missing or invalid.";
            return Answer::refused(StatusCode::BAD_REQUEST, message, PAGE);
        }
    }
    let written = of_owner(call)
        .iter()
        .map(|held| write(call, held))
        .collect();
    page::list(call, written, Value::Array)
}

fn versions(call: &Call, held: &HeldRepository) -> Answer {
    if call.parameter("state") == Some("deleted") {
        return page::list(call, Vec::new(), Value::Array);
    }
    let mut newest_first: Vec<&HeldManifest> = held.manifests.iter().collect();
    newest_first.sort_by_key(|version| std::cmp::Reverse(version.pushed_at));
    let written = newest_first
        .into_iter()
        .map(|version| write_version(call, held, version))
        .collect();
    page::list(call, written, Value::Array)
}

fn with_package(call: &Call, name: &str, answer: impl Fn(&HeldRepository) -> Answer) -> Answer {
    let full_name = format!("{}/{name}", call.hub.owner()).to_lowercase();
    match of_owner(call).iter().find(|held| held.name == full_name) {
        Some(held) => answer(held),
        None => Answer::not_found(PAGE),
    }
}

/// Returns the owner's repositories that hold a manifest: blobs alone are no package.
fn of_owner(call: &Call) -> Vec<HeldRepository> {
    let prefix = format!("{}/", call.hub.owner()).to_lowercase();
    let held = (call.hub.packages)().into_iter();
    held.filter(|held| held.name.starts_with(&prefix) && !held.manifests.is_empty())
        .collect()
}

fn package_name<'h>(call: &Call, held: &'h HeldRepository) -> &'h str {
    held.name
        .get(call.hub.owner().len() + 1..)
        .unwrap_or(&held.name)
}

/// Returns the address of a package; its name is one segment.
fn address(call: &Call, held: &HeldRepository) -> String {
    let name = package_name(call, held).replace('/', "%2F");
    format!(
        "{}/users/{}/packages/container/{name}",
        call.base,
        call.hub.owner()
    )
}

fn html(call: &Call, held: &HeldRepository) -> String {
    let name = package_name(call, held).replace('/', "%2F");
    format!(
        "https://github.com/users/{}/packages/container/package/{name}",
        call.hub.owner()
    )
}

fn write(call: &Call, held: &HeldRepository) -> Value {
    let pushed = held.manifests.iter().map(|version| version.pushed_at);
    let (first, last) = (pushed.clone().min(), pushed.max());
    json!({
        "id": stable_id(&held.name),
        "name": package_name(call, held),
        "package_type": "container",
        "owner": user(&call.base, call.hub.owner()),
        "version_count": held.manifests.len(),
        "visibility": "public",
        "url": address(call, held),
        "html_url": html(call, held),
        "repository": repository(call),
        "created_at": first.map(written_at),
        "updated_at": last.map(written_at),
    })
}

fn version_id(held: &HeldRepository, version: &HeldManifest) -> u64 {
    stable_id(&format!("{}@{}", held.name, version.digest))
}

fn write_version(call: &Call, held: &HeldRepository, version: &HeldManifest) -> Value {
    let id = version_id(held, version);
    let html = html(call, held);
    json!({
        "id": id,
        "name": version.digest,
        "url": format!("{}/versions/{id}", address(call, held)),
        "package_html_url": html,
        "html_url": format!("{html}/{id}"),
        "created_at": written_at(version.pushed_at),
        "updated_at": written_at(version.pushed_at),
        "metadata": {"package_type": "container", "container": {"tags": version.tags}},
    })
}

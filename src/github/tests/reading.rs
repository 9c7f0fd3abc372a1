//! What the API tells about pull requests, approvals and packages.

use serde_json::json;

use super::hub::{Hub, Instead};
use crate::github::{ApprovalState, PackageKind, PullRequestState};

fn pull_request(
    number: u64,
    state: &str,
    merged_at: Option<&str>,
    fork: Option<&str>,
) -> serde_json::Value {
    json!({
        "number": number, "title": "t", "html_url": "u", "state": state, "merged_at": merged_at, "draft": false,
        "head": { "ref": "topic", "sha": "feed", "repo": fork.map(|name| json!({ "full_name": name })) },
        "base": { "ref": "main", "sha": "beef", "repo": { "full_name": "acme/web" } },
    })
}

#[tokio::test]
async fn the_pull_request_that_was_merged_comes_first() {
    let hub = Hub::start().await;
    hub.always(Instead::json(&json!([
        pull_request(3, "closed", None, Some("acme/web")),
        pull_request(4, "open", None, Some("eve/web")),
        pull_request(5, "closed", Some("2026-11-20T08:00:00Z"), None),
    ])));
    let found = hub
        .client()
        .pull_requests_of_commit("0a1b/../x")
        .await
        .expect("it answers");
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.number, found.state, found.is_fork))
        .collect();
    assert_eq!(
        told,
        [
            (5, PullRequestState::Merged, true),
            (4, PullRequestState::Open, true),
            (3, PullRequestState::Closed, false),
        ]
    );
    let asked = hub.asked();
    let expected = "/repos/acme/web/commits/0a1b%2F..%2Fx/pulls?per_page=100&page=1";
    assert_eq!(asked[0].path, expected);
    assert_eq!(asked[0].authorization, "Bearer hunter2");
}

#[tokio::test]
async fn one_pull_request_is_read_below_the_path_of_an_enterprise_server() {
    let hub = Hub::start().await;
    hub.always(Instead::json(&pull_request(
        9,
        "open",
        None,
        Some("acme/web"),
    )));
    let found = hub
        .client_at("/api/v3")
        .pull_request(9)
        .await
        .expect("it answers");
    assert_eq!(
        (found.head_sha.as_str(), found.base_ref.as_str()),
        ("feed", "main")
    );
    assert_eq!(hub.asked()[0].path, "/api/v3/repos/acme/web/pulls/9");
}

#[tokio::test]
async fn approvals_name_people_and_environments() {
    let hub = Hub::start().await;
    hub.always(Instead::json(&json!([
        { "state": "approved", "comment": "go", "user": { "login": "ann" }, "environments": [{ "name": "production-approval", "id": 1 }] },
        { "state": "rejected", "comment": "", "user": null, "environments": [] },
    ])));
    let approvals = hub.client().approvals(42).await.expect("it answers");
    assert_eq!(approvals[0].by, "ann");
    assert_eq!(approvals[0].environments, ["production-approval"]);
    assert_eq!(
        (approvals[1].state, approvals[1].by.as_str()),
        (ApprovalState::Rejected, "ghost")
    );
    assert_eq!(
        hub.asked()[0].path,
        "/repos/acme/web/actions/runs/42/approvals"
    );
}

#[tokio::test]
async fn a_person_is_asked_for_packages_where_there_is_no_organisation() {
    let hub = Hub::start().await;
    hub.fault(|asked, _| {
        let package = json!([{ "name": "web/api", "visibility": "private", "html_url": "u", "version_count": 3 }]);
        Some(match asked.path.starts_with("/users/ann/") {
            true => Instead::json(&package),
            false => Instead::new(404, "Not Found"),
        })
    });
    let packages = hub
        .client()
        .packages("ann", PackageKind::Container)
        .await
        .expect("it answers");
    assert_eq!(
        (packages[0].name.as_str(), packages[0].version_count),
        ("web/api", 3)
    );
    let paths: Vec<_> = hub.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        paths,
        [
            "/orgs/ann/packages?package_type=container&per_page=100&page=1",
            "/users/ann/packages?package_type=container&per_page=100&page=1",
        ]
    );
}

#[tokio::test]
async fn a_client_does_not_print_its_token() {
    let hub = Hub::start().await;
    assert!(!format!("{:?}", hub.client()).contains("hunter2"));
}

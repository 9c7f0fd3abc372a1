//! Each resource, read by octocrab's own models.

use octocrab::models::{StatusState, packages::PackageType};
use octocrab::params::State;
use serde_json::json;

use super::{
    super::{
        Approval, ApprovalState, Conclusion, Progress, PullRequestState, WorkflowJob, WorkflowRun,
    },
    world::{COMMENTS, HEAD, LANDED, Recorded, World, options, start},
};

#[tokio::test]
async fn a_comment_is_created_edited_in_place_and_deleted() {
    let world = World::new();
    let octocrab = world.octocrab();
    let issues = octocrab.issues("acme", "api");

    let created = issues.create_comment(1, "first").await.expect("a comment");
    assert_eq!(created.user.login, "github-actions[bot]");
    let updated = issues.update_comment(created.id, "second").await;
    assert_eq!(updated.expect("a comment").body.as_deref(), Some("second"));
    let read = issues.get_comment(created.id).await.expect("a comment");
    assert_eq!(read.body.as_deref(), Some("second"));
    let held = world.hub.comments(1).expect("a readable folder");
    assert_eq!((held.len(), held[0].body.as_str()), (1, "second"));

    issues.delete_comment(created.id).await.expect("a deletion");
    assert!(issues.get_comment(created.id).await.is_err());
    assert_eq!(world.hub.comments(1).expect("a readable folder"), []);
}

#[tokio::test]
async fn comments_come_in_pages_that_lead_to_each_other() {
    let world = World::new();
    let octocrab = world.octocrab();
    let issues = octocrab.issues("acme", "api");
    for number in 1..=35 {
        let body = number.to_string();
        issues.create_comment(1, body).await.expect("a comment");
    }
    let mut page = issues.list_comments(1).send().await.expect("a page");
    assert_eq!((page.items.len(), page.number_of_pages()), (30, Some(2)));
    let mut bodies: Vec<_> = page.take_items();
    let next = octocrab.get_page(&page.next).await.expect("an answer");
    let mut next: octocrab::Page<_> = next.expect("a second page");
    assert!(next.next.is_none() && next.first.is_some());
    bodies.append(&mut next.items);
    let bodies: Vec<_> = bodies
        .iter()
        .filter_map(|found| found.body.clone())
        .collect();
    let expected: Vec<_> = (1..=35).map(|number| number.to_string()).collect();
    assert_eq!(bodies, expected);

    let middle = world.get(&format!("{COMMENTS}?per_page=10&page=2")).await;
    let base = format!("{}{COMMENTS}?per_page=10&page=", world.hub.api_url());
    let link = |page: u8, relation: &str| format!("<{base}{page}>; rel=\"{relation}\"");
    let links = [
        link(1, "prev"),
        link(3, "next"),
        link(4, "last"),
        link(1, "first"),
    ];
    assert_eq!(middle.header("link"), links.join(", "));
    assert_eq!(
        world.get(&format!("{COMMENTS}?page=9")).await.json(),
        json!([])
    );
}

#[tokio::test]
async fn a_merged_pull_request_is_found_by_both_of_its_commits() {
    let world = World::new();
    let octocrab = world.octocrab();
    for sha in [HEAD, LANDED] {
        // Octocrab's own method adds a parameter that GitHub does not have.
        let path = format!("/repos/acme/api/commits/{sha}/pulls");
        let found: Vec<octocrab::models::pulls::PullRequest> =
            serde_json::from_value(world.get(&path).await.json()).expect("pull requests");
        assert_eq!(found.len(), 1, "{sha}");
        assert_eq!(found[0].merge_commit_sha.as_deref(), Some(LANDED));
        assert!(found[0].merged_at.is_some());
    }
    let stranger = format!("/repos/acme/api/commits/{}/pulls", "3".repeat(40));
    assert_eq!(world.get(&stranger).await.json(), json!([]));
    assert_eq!(
        world.get("/repos/acme/api/commits/main/pulls").await.status,
        422
    );

    let pull = octocrab
        .pulls("acme", "api")
        .get(1)
        .await
        .expect("a pull request");
    assert_eq!((pull.merged, pull.head.sha.as_str()), (Some(true), HEAD));
    assert!(octocrab.pulls("acme", "api").get(2).await.is_err());
    let pulls = octocrab.pulls("acme", "api");
    let open = pulls
        .list()
        .state(State::Open)
        .send()
        .await
        .expect("a page");
    assert_eq!(open.items.len(), 0);
    let all = pulls.list().state(State::All).send().await.expect("a page");
    assert_eq!(all.items.len(), 1);
}

#[tokio::test]
async fn an_open_pull_request_has_not_landed() {
    let folder = Recorded::new();
    let mut options = options(&folder);
    if let Some(pull) = &mut options.pull_request {
        pull.state = PullRequestState::Open;
    }
    let world = World {
        hub: start(options),
        folder,
    };
    let pull = world.get("/repos/acme/api/pulls/1").await.json();
    assert_eq!(
        (&pull["state"], &pull["merged"], &pull["merged_at"]),
        (&json!("open"), &json!(false), &json!(null))
    );
    let landed = world
        .get(&format!("/repos/acme/api/commits/{LANDED}/pulls"))
        .await;
    assert_eq!(landed.json(), json!([]));
    let branch = world
        .get("/repos/acme/api/git/ref/heads/server")
        .await
        .json();
    assert_eq!(branch["object"]["sha"], HEAD);
    assert_eq!(
        world.get("/repos/acme/api/git/ref/heads/main").await.status,
        404
    );
}

#[tokio::test]
async fn statuses_are_listed_newest_first_and_combined_by_context() {
    let world = World::new();
    let octocrab = world.octocrab();
    let repository = octocrab.repos("acme", "api");
    for (context, state) in [
        ("plan", StatusState::Pending),
        ("plan", StatusState::Success),
        ("deploy", StatusState::Failure),
    ] {
        let status = repository.create_status(HEAD.into(), state);
        let status = status.context(context.into()).description("words".into());
        status.send().await.expect("a status");
    }
    let listed = repository
        .list_statuses(HEAD.into())
        .send()
        .await
        .expect("a page");
    let states: Vec<_> = listed.items.iter().map(|status| status.state).collect();
    assert_eq!(
        states,
        [
            StatusState::Failure,
            StatusState::Success,
            StatusState::Pending
        ]
    );
    let combined = world
        .get(&format!("/repos/acme/api/commits/{HEAD}/status"))
        .await
        .json();
    assert_eq!(
        (&combined["state"], &combined["total_count"]),
        (&json!("failure"), &json!(2))
    );
    assert_eq!(
        world.hub.statuses(HEAD).expect("a readable folder").len(),
        3
    );
}

#[tokio::test]
async fn a_run_shows_its_jobs_and_approvals_once_it_is_known() {
    let world = World::new();
    let octocrab = world.octocrab();
    let workflows = octocrab.workflows("acme", "api");
    assert!(workflows.get(7_u64.into()).await.is_err());

    let started_at = "2026-02-01T00:00:00Z".parse().expect("a time");
    let run = WorkflowRun {
        id: 7,
        attempt: 2,
        workflow: "deploy".into(),
        path: ".github/workflows/deploy.yml".into(),
        event: "push".into(),
        branch: "main".into(),
        sha: LANDED.into(),
        progress: Progress::InProgress,
        started_at,
    };
    world.hub.put_run(run.clone()).expect("a kept run");
    world
        .hub
        .put_run(WorkflowRun {
            progress: Progress::Waiting,
            ..run
        })
        .expect("a kept run");
    let job = |attempt, progress| WorkflowJob {
        run: 7,
        attempt,
        name: "ship / server".into(),
        progress,
        started_at,
        completed_at: None,
    };
    for job in [
        job(1, Progress::Completed(Conclusion::Failure)),
        job(2, Progress::InProgress),
        job(2, Progress::Completed(Conclusion::Success)),
    ] {
        world.hub.put_job(job).expect("a kept job");
    }
    let approval = Approval {
        run: 7,
        environment: "production-approval".into(),
        state: ApprovalState::Approved,
        user: "grace".into(),
        comment: "sha256:ab".into(),
    };
    world.hub.review(approval).expect("a kept approval");

    let read = workflows.get(7_u64.into()).await.expect("a run");
    assert_eq!(
        (read.status.as_str(), read.head_sha.as_str()),
        ("waiting", LANDED)
    );
    let jobs = workflows
        .list_jobs(7_u64.into())
        .send()
        .await
        .expect("a page");
    assert_eq!((jobs.items.len(), jobs.total_count), (1, Some(1)));
    assert_eq!(
        jobs.items[0].conclusion,
        Some(octocrab::models::workflows::Conclusion::Success)
    );
    let first = workflows
        .list_attempt_jobs(7_u64.into(), 1)
        .send()
        .await
        .expect("a page");
    assert_eq!(
        first.items[0].conclusion,
        Some(octocrab::models::workflows::Conclusion::Failure)
    );
    let approvals = world
        .get("/repos/acme/api/actions/runs/7/approvals")
        .await
        .json();
    assert_eq!(
        approvals[0]["environments"][0]["name"],
        "production-approval"
    );
    assert_eq!(
        (&approvals[0]["state"], &approvals[0]["user"]["login"]),
        (&json!("approved"), &json!("grace"))
    );
    workflows
        .get_run_approvals(7_u64.into())
        .await
        .expect("approvals of octocrab's form");
    let runs = workflows.list_all_runs().send().await.expect("a page");
    assert_eq!(runs.items.len(), 1);
}

#[tokio::test]
async fn packages_are_those_of_the_owner_with_their_versions_newest_first() {
    let world = World::new();
    let octocrab = world.octocrab();
    let packages = octocrab.packages();
    for owner in [
        packages.user("acme"),
        packages.org("Acme"),
        packages.current(),
    ] {
        let found = owner
            .list(PackageType::Container)
            .send()
            .await
            .expect("a page");
        let names: Vec<_> = found
            .items
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, ["api/server", "web"]);
    }
    let acme = packages.org("acme");
    let versions = acme.list_versions(PackageType::Container, "api/server");
    let versions = versions.send().await.expect("a page").items;
    assert_eq!(versions[0].name, format!("sha256:{}", "b".repeat(64)));
    let tags = versions[1]
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.container.as_ref());
    assert_eq!(
        tags.map(|container| container.tags.clone()),
        Some(vec!["1.0".into(), "latest".into()])
    );
    let one = acme
        .get_version(PackageType::Container, "api/server", versions[0].id)
        .await;
    assert_eq!(one.expect("a version").name, versions[0].name);
    assert!(acme.get(PackageType::Container, "none").await.is_err());
    assert_eq!(
        world
            .get("/orgs/other/packages?package_type=container")
            .await
            .status,
        404
    );
    assert_eq!(world.get("/orgs/acme/packages").await.status, 400);
}

#[tokio::test]
async fn the_repository_and_the_budget_are_of_octocrabs_form() {
    let world = World::new();
    let octocrab = world.octocrab();
    let repository = octocrab
        .repos("acme", "api")
        .get()
        .await
        .expect("a repository");
    assert_eq!(repository.full_name.as_deref(), Some("acme/api"));
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    let budget = octocrab.ratelimit().get().await.expect("a budget");
    assert_eq!((budget.rate.limit, budget.rate.used), (1000, 2));
    let main = world.get("/repos/acme/api/git/ref/heads/main").await.json();
    assert_eq!(main["object"]["sha"], LANDED);
}

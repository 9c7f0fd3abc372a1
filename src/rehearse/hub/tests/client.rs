//! Our own client against the hub: what it asks is as GitHub describes it, and how it bears what GitHub does now and then.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    super::{Approval, ApprovalState, Fault, Progress, WorkflowRun},
    world::{COMMENTS, HEAD, LANDED, TOKEN, World},
};
use crate::{
    event::FailureKind,
    github::{
        Client, ClientError, CommentOutcome, CommitState, CommitStatus, LONGEST_COMMENT, Marker,
        PackageKind, Patience, PullRequestState,
    },
    secret::Secret,
};

/// Our client, and the pauses that it made, in seconds.
struct Asking {
    client: Client,
    waited: Arc<Mutex<Vec<u64>>>,
}

impl Asking {
    fn of(world: &World) -> Self {
        let waited = Arc::new(Mutex::new(Vec::new()));
        let pauses = Arc::clone(&waited);
        let wait = move |pause: Duration| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            pauses
                .lock()
                .expect("no test panicked")
                .push(pause.as_secs());
            Box::pin(std::future::ready(()))
        };
        let repository = "acme/api".parse().expect("it is well formed");
        let patience = Patience::with_wait(4, Duration::from_secs(150), Arc::new(wait));
        let client = Client::new(&world.hub.api_url(), repository, &Secret::new(TOKEN));
        let client = client.expect("an address").with_patience(patience);
        Self { client, waited }
    }

    async fn comment(&self, text: &str) -> Result<CommentOutcome, ClientError> {
        let marker = Marker::new("relay", None);
        self.client.upsert_comment(1, &marker, text).await
    }

    fn waited(&self) -> Vec<u64> {
        self.waited.lock().expect("no test panicked").clone()
    }
}

/// Returns how many requests with this method came.
fn count(world: &World, method: &str) -> usize {
    let requests = world.hub.requests().expect("a readable record");
    let of_method = requests.iter().filter(|request| request.method == method);
    of_method.count()
}

#[tokio::test]
async fn everything_that_it_asks_is_described_and_answered() {
    let world = World::of_our_client();
    let asking = Asking::of(&world);
    let client = &asking.client;
    world
        .hub
        .put_run(WorkflowRun {
            id: 7,
            attempt: 1,
            workflow: "deploy".to_owned(),
            path: ".github/workflows/deploy.yml".into(),
            event: "push".to_owned(),
            branch: "main".to_owned(),
            sha: LANDED.to_owned(),
            progress: Progress::InProgress,
            started_at: "2026-02-01T00:00:00Z".parse().expect("a time"),
        })
        .expect("a kept run");
    world
        .hub
        .review(Approval {
            run: 7,
            environment: "production-approval".to_owned(),
            state: ApprovalState::Approved,
            user: "grace".to_owned(),
            comment: "go".to_owned(),
        })
        .expect("a kept approval");

    let pulls = client.pull_requests_of_commit(LANDED).await;
    let pulls = pulls.expect("pull requests");
    assert_eq!(
        (pulls[0].number, pulls[0].state, pulls[0].is_fork),
        (1, PullRequestState::Merged, false)
    );
    let pull = client.pull_request(1).await.expect("a pull request");
    assert_eq!(pull.head_sha, HEAD);
    let approvals = client.approvals(7).await.expect("approvals");
    assert_eq!(
        (approvals[0].by.as_str(), approvals[0].environments.len()),
        ("grace", 1)
    );
    let packages = client.packages("acme", PackageKind::Container).await;
    let names: Vec<String> = packages
        .expect("packages")
        .into_iter()
        .map(|package| package.name)
        .collect();
    assert_eq!(names, ["api/server", "web"]);
    let status = CommitStatus {
        state: CommitState::Success,
        context: "deploy-action/relay".to_owned(),
        description: "all is well".to_owned(),
        url: Some("https://github.com/acme/api/actions/runs/7".to_owned()),
    };
    client.set_status(HEAD, &status).await.expect("a status");
    let statuses = world.hub.statuses(HEAD).expect("a readable folder");
    assert_eq!(statuses[0].context, "deploy-action/relay");

    for (text, method) in [("one", "POST"), ("two", "PATCH"), ("two", "PATCH")] {
        asking.comment(text).await.expect("a comment");
        assert_eq!(count(&world, method), if method == "POST" { 2 } else { 1 });
    }
    let missing = client.pull_request(2).await.expect_err("there is one only");
    assert!(matches!(missing, ClientError::NotFound { .. }), "{missing}");
}

#[tokio::test]
async fn its_comment_is_found_behind_hundreds_of_others_and_duplicates_go() {
    let world = World::of_our_client();
    let asking = Asking::of(&world);
    let marked = Marker::new("relay", None).mark("old");
    let others = |number: usize| format!("remark {number}");
    for body in (0..205).map(others).chain([marked.clone(), marked]) {
        let body = serde_json::json!({ "body": body });
        assert_eq!(world.send("POST", COMMENTS, &body).await.status, 201);
    }
    let outcome = asking.comment("new").await.expect("it is edited");
    assert!(matches!(outcome, CommentOutcome::Updated(_)), "{outcome:?}");
    assert_eq!(count(&world, "GET"), 3, "three pages of a hundred");
    let comments = world.hub.comments(1).expect("a readable folder");
    assert_eq!(comments.len(), 206);
    assert!(comments[205].body.ends_with("\nnew"));
}

#[tokio::test]
async fn a_comment_of_the_greatest_length_arrives_whole_and_one_past_it_is_not_sent() {
    let room = LONGEST_COMMENT - Marker::new("relay", None).mark("").chars().count();
    for character in ["a", "界", "🚀"] {
        for missing in [1, 0] {
            let world = World::of_our_client();
            let text = character.repeat(room - missing);
            let asking = Asking::of(&world);
            asking.comment(&text).await.expect("it fits");
            let comments = world.hub.comments(1).expect("a readable folder");
            assert_eq!(
                comments[0].body.chars().count(),
                LONGEST_COMMENT - missing,
                "{character}"
            );
            assert!(comments[0].body.ends_with(&text));
        }
        let world = World::of_our_client();
        let too_long = Asking::of(&world)
            .comment(&character.repeat(room + 1))
            .await;
        assert!(
            matches!(too_long, Err(ClientError::TooLong { found }) if found == LONGEST_COMMENT + 1),
            "{character}"
        );
        assert!(world.hub.requests().expect("a readable record").is_empty());
    }
}

#[tokio::test]
async fn limits_are_waited_out_where_they_pass_soon() {
    let limited = |status, seconds: Option<u64>| Fault::Limited {
        status,
        retry_after: seconds.map(Duration::from_secs),
    };
    for (fault, waited) in [
        (limited(403, Some(7)), [7, 7]),
        (limited(429, Some(7)), [7, 7]),
        (limited(429, Some(0)), [0, 0]),
    ] {
        let world = World::of_our_client();
        let asking = Asking::of(&world);
        world.hub.fail_next(2, "/comments", fault);
        asking.comment("words").await.expect("the limit passes");
        assert_eq!(asking.waited(), waited);
        assert_eq!(world.hub.comments(1).expect("a readable folder").len(), 1);
    }
    let world = World::of_our_client();
    let asking = Asking::of(&world);
    world.hub.fail_next(1, "/comments", limited(403, None));
    asking.comment("words").await.expect("the limit passes");
    assert_eq!(asking.waited(), [60]);
}

#[tokio::test]
async fn a_spent_budget_is_waited_for_when_it_is_short_and_told_when_it_is_not() {
    let world = World::of_our_client();
    let asking = Asking::of(&world);
    let spent = |seconds| Fault::Exhausted {
        reset_in: Duration::from_secs(seconds),
    };
    world.hub.fail_next(1, "/comments", spent(30));
    asking.comment("words").await.expect("the budget is back");
    let waited = asking.waited();
    // The clocks of both sides count whole seconds.
    assert!(matches!(waited[..], [29..=32]), "{waited:?}");

    world.hub.fail_next(1, "/comments", spent(3_000));
    let error = asking.comment("more").await.expect_err("it takes too long");
    assert_eq!(error.kind(), FailureKind::Quota);
    assert!(
        matches!(&error, ClientError::RateLimited { retry_after: Some(time), .. } if (2_999..3_003).contains(&time.as_secs())),
        "{error:?}"
    );
    assert_eq!(asking.waited().len(), 1, "nobody waits for that");
}

#[tokio::test]
async fn trouble_at_github_is_borne_and_makes_no_second_comment() {
    for status in [500, 502, 503, 504] {
        let world = World::of_our_client();
        let asking = Asking::of(&world);
        world
            .hub
            .fail_next(3, "/comments", Fault::Failed { status });
        asking.comment("words").await.expect("the trouble passes");
        assert_eq!(asking.waited(), [1, 2, 4]);
        assert_eq!(world.hub.comments(1).expect("a readable folder").len(), 1);
        world
            .hub
            .fail_next(9, "/statuses/", Fault::Failed { status });
        let status = CommitStatus {
            state: CommitState::Pending,
            context: "deploy-action/relay".to_owned(),
            description: String::new(),
            url: None,
        };
        let error = asking.client.set_status(HEAD, &status).await;
        let error = error.expect_err("it does not pass");
        assert_eq!(error.kind(), FailureKind::Unavailable);
    }
}

#[tokio::test]
async fn a_comment_that_was_kept_and_whose_answer_was_lost_is_not_written_twice() {
    let world = World::of_our_client();
    let asking = Asking::of(&world);
    world
        .hub
        .fail_next(1, "POST /repos/acme/api/issues/1/comments", Fault::Lost);
    let outcome = asking.comment("words").await.expect("it is there");
    assert!(matches!(outcome, CommentOutcome::Created(_)), "{outcome:?}");
    assert_eq!(count(&world, "POST"), 1);
    assert_eq!(world.hub.comments(1).expect("a readable folder").len(), 1);
}

#[tokio::test]
async fn refusals_are_told_in_githubs_words_and_not_repeated() {
    for (status, words) in [
        (403, "Resource not accessible by integration"),
        (404, "Not Found"),
        (410, "Gone"),
        (422, "Validation Failed"),
    ] {
        let world = World::of_our_client();
        let asking = Asking::of(&world);
        world
            .hub
            .fail_next(1, "/comments", Fault::Refused { status });
        let error = asking.comment("words").await.expect_err("it is refused");
        assert_eq!(error.kind(), FailureKind::Task);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((count(&world, "GET"), asking.waited()), (1, vec![]));
    }
}

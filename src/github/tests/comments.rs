//! The comment that is edited in place.

use super::hub::{Hub, Instead, Kept};
use crate::{
    event::FailureKind,
    github::{ClientError, CommentOutcome, LONGEST_COMMENT, Marker},
};

fn marker() -> Marker {
    Marker::new("relay", None)
}

async fn upsert(hub: &Hub, text: &str) -> Result<CommentOutcome, ClientError> {
    hub.client().upsert_comment(7, &marker(), text).await
}

fn bodies(hub: &Hub) -> Vec<String> {
    hub.comments().into_iter().map(|kept| kept.body).collect()
}

#[tokio::test]
async fn a_comment_is_made_then_left_alone_then_edited() {
    let hub = Hub::start().await;
    let first = upsert(&hub, "one").await.expect("it is made");
    let url = "https://github.com/acme/web/pull/7#issuecomment-1001".to_owned();
    assert_eq!(first, CommentOutcome::Created(url.clone()));
    assert_eq!(hub.take_methods(), ["GET", "POST", "GET"]);

    let second = upsert(&hub, "one").await.expect("it is there");
    assert_eq!(second, CommentOutcome::Unchanged(url.clone()));
    assert_eq!(hub.take_methods(), ["GET"]);

    let third = upsert(&hub, "two").await.expect("it is edited");
    assert_eq!(third, CommentOutcome::Updated(url));
    assert_eq!(hub.take_methods(), ["GET", "PATCH"]);
    assert_eq!(bodies(&hub), [marker().mark("two")]);
}

#[tokio::test]
async fn our_comment_is_found_on_the_last_page_whoever_wrote_it() {
    let hub = Hub::start().await;
    for number in 0..34 {
        hub.keep(format!("comment {number}\n{}", marker()));
    }
    let ours = hub.keep(marker().mark("old").replace('\n', "\r\n"));
    hub.keep(Marker::new("other", None).mark("other"));
    let outcome = upsert(&hub, "new").await.expect("it is edited");
    assert!(outcome.url().ends_with(&ours.to_string()));
    assert_eq!(hub.take_methods(), ["GET", "GET", "GET", "GET", "PATCH"]);
    assert_eq!(hub.comments().len(), 36);
}

#[tokio::test]
async fn other_line_ends_are_no_change() {
    let hub = Hub::start().await;
    hub.keep(marker().mark("a\nb").replace('\n', "\r\n"));
    let outcome = upsert(&hub, "a\nb\n").await.expect("it is there");
    assert!(matches!(outcome, CommentOutcome::Unchanged(_)));
}

#[tokio::test]
async fn of_two_jobs_that_comment_at_once_one_comment_remains() {
    let hub = Hub::start().await;
    // The other job's comment comes in between our look and our own comment.
    hub.fault(|asked, comments| {
        if asked.method == "POST" && comments.is_empty() {
            let body = marker().mark("of the other job");
            comments.push(Kept { id: 1, body });
        }
        None
    });
    let outcome = upsert(&hub, "ours").await.expect("it is there");
    assert!(matches!(outcome, CommentOutcome::Updated(_)));
    let body = marker().mark("ours");
    assert_eq!(hub.comments(), [Kept { id: 1, body }]);
}

#[tokio::test]
async fn two_jobs_that_run_at_once_leave_one_comment() {
    let hub = Hub::start().await;
    let (left, right) = tokio::join!(upsert(&hub, "left"), upsert(&hub, "right"));
    left.expect("it is there");
    right.expect("it is there");
    assert_eq!(hub.comments().len(), 1);
}

#[tokio::test]
async fn older_duplicates_are_reduced_to_the_oldest() {
    let hub = Hub::start().await;
    let oldest = hub.keep(marker().mark("one"));
    hub.keep("a remark");
    hub.keep(marker().mark("two"));
    hub.keep(marker().mark("three"));
    upsert(&hub, "one").await.expect("it is there");
    let left: Vec<_> = hub.comments().into_iter().map(|kept| kept.id).collect();
    assert_eq!(left, [oldest, oldest + 1]);
}

#[tokio::test]
async fn a_comment_that_is_deleted_before_it_is_edited_is_made_anew() {
    let hub = Hub::start().await;
    hub.keep(marker().mark("old"));
    hub.fault(|asked, comments| {
        if asked.method == "PATCH" {
            comments.clear();
        }
        None
    });
    let outcome = upsert(&hub, "new").await.expect("it is made");
    assert!(matches!(outcome, CommentOutcome::Created(_)));
    assert_eq!(bodies(&hub), [marker().mark("new")]);
}

#[tokio::test]
async fn a_list_that_is_a_moment_late_makes_no_second_comment() {
    let hub = Hub::start().await;
    hub.fault(|asked, _| (asked.method == "GET").then(|| Instead::json(&serde_json::json!([]))));
    let outcome = upsert(&hub, "one").await.expect("it is made");
    assert!(matches!(outcome, CommentOutcome::Created(_)));
    assert_eq!(hub.comments().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_comment() {
    let hub = Hub::start().await;
    hub.fault(|asked, comments| {
        (asked.method == "POST").then(|| {
            let body = asked.body["body"].as_str().expect("it has one").to_owned();
            comments.push(Kept { id: 1, body });
            Instead::new(502, "Bad Gateway")
        })
    });
    let outcome = upsert(&hub, "one").await.expect("it is there");
    assert!(matches!(outcome, CommentOutcome::Created(_)));
    assert_eq!(hub.comments().len(), 1);
    assert_eq!(hub.take_methods(), ["GET", "POST", "GET"]);
}

#[tokio::test]
async fn a_comment_that_cannot_be_posted_says_why() {
    for (status, message, kind, hinted) in [
        (
            403,
            "Resource not accessible by integration",
            FailureKind::Task,
            true,
        ),
        (
            403,
            "Unable to create comment because issue is locked.",
            FailureKind::Task,
            true,
        ),
        (404, "Not Found", FailureKind::Task, true),
        (422, "Validation Failed", FailureKind::Task, false),
        (503, "Service Unavailable", FailureKind::Unavailable, false),
    ] {
        let hub = Hub::start().await;
        hub.fault(move |asked, _| (asked.method == "POST").then(|| Instead::new(status, message)));
        let error = upsert(&hub, "text").await.expect_err(message);
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.hint().is_some(), hinted, "{error}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(
            error.to_string().contains("comment on pull request 7"),
            "{error}"
        );
        let n_posts = hub
            .take_methods()
            .iter()
            .filter(|method| *method == "POST")
            .count();
        assert_eq!(n_posts, if status == 503 { 2 } else { 1 }, "{error}");
    }
}

#[tokio::test]
async fn the_details_of_a_refusal_are_told() {
    let hub = Hub::start().await;
    let mut instead = Instead::new(422, "");
    instead.set_body(r#"{"message":"Validation Failed","errors":[{"message":"body is too long"},"and more",{"code":1}]}"#);
    hub.always(instead);
    let error = upsert(&hub, "text").await.expect_err("it is refused");
    let expected = "GitHub refuses to list the comments of pull request 7: Validation Failed; body is too long; and more (status 422)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_locked_conversation_is_told_from_a_missing_permission() {
    let hub = Hub::start().await;
    hub.keep(marker().mark("old"));
    hub.fault(|asked, _| (asked.method == "PATCH").then(|| Instead::new(403, "issue is locked")));
    let error = upsert(&hub, "new").await.expect_err("it is locked");
    assert!(matches!(error, ClientError::Locked { .. }), "{error}");
}

#[tokio::test]
async fn a_comment_that_is_too_long_is_not_sent() {
    let hub = Hub::start().await;
    let room = LONGEST_COMMENT - marker().mark("").chars().count();
    let error = upsert(&hub, &"日".repeat(room + 1))
        .await
        .expect_err("it is too long");
    assert!(matches!(error, ClientError::TooLong { found } if found == LONGEST_COMMENT + 1));
    assert!(hub.asked().is_empty());
    upsert(&hub, &"日".repeat(room)).await.expect("it fits");
}

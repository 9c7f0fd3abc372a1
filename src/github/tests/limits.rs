//! Rate limits and trouble: what is repeated, how long it is waited, and when it is enough.

use std::time::Duration;

use super::hub::{Hub, Instead};
use crate::{
    event::FailureKind,
    github::{Client, ClientError, CommitState, CommitStatus},
    secret::Secret,
};

const DATE: &str = "Sat, 21 Nov 2026 08:00:00 GMT";
const RESET_IN_50_MINUTES: &str = "1795251000";

/// Answers the first requests so, and then usefully.
fn first(hub: &Hub, n_times: usize, instead: Instead) {
    let mut left = n_times;
    hub.fault(move |_, _| {
        if left > 0 {
            left -= 1;
            return Some(instead.clone());
        }
        Some(Instead::json(&serde_json::json!([])))
    });
}

async fn ask(hub: &Hub) -> Result<(), ClientError> {
    hub.client()
        .pull_requests_of_commit("0a1b")
        .await
        .map(|_| ())
}

#[tokio::test]
async fn a_limit_that_names_a_time_is_waited_for() {
    for status in [403, 429] {
        let hub = Hub::start().await;
        first(
            &hub,
            2,
            Instead::new(status, "slow down").header("retry-after", "7"),
        );
        ask(&hub).await.expect("the third attempt succeeds");
        assert_eq!(hub.waited(), [7, 7]);
    }
}

#[tokio::test]
async fn a_secondary_limit_without_a_time_is_waited_for_a_minute() {
    let hub = Hub::start().await;
    first(
        &hub,
        1,
        Instead::new(403, "You have exceeded a secondary rate limit."),
    );
    ask(&hub).await.expect("the second attempt succeeds");
    assert_eq!(hub.waited(), [60]);
}

#[tokio::test]
async fn a_budget_that_comes_back_soon_is_waited_for() {
    let hub = Hub::start().await;
    let spent = Instead::new(403, "API rate limit exceeded")
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", "1795248029")
        .header("date", DATE);
    first(&hub, 1, spent);
    ask(&hub).await.expect("the second attempt succeeds");
    assert_eq!(hub.waited(), [30]);
}

#[tokio::test]
async fn a_budget_that_is_spent_for_an_hour_ends_the_call_at_once() {
    let hub = Hub::start().await;
    let spent = Instead::new(403, "API rate limit exceeded")
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", RESET_IN_50_MINUTES)
        .header("date", DATE);
    hub.always(spent);
    let error = ask(&hub).await.expect_err("it takes too long");
    assert_eq!(error.kind(), FailureKind::Quota);
    assert!(
        matches!(error, ClientError::RateLimited { retry_after: Some(time), .. } if time == Duration::from_secs(3_001)),
        "{error:?}"
    );
    assert_eq!((hub.waited(), hub.asked().len()), (vec![], 1));
}

#[tokio::test]
async fn patience_ends() {
    let hub = Hub::start().await;
    hub.always(Instead::new(502, "Bad Gateway"));
    let error = ask(&hub).await.expect_err("it never succeeds");
    assert!(
        matches!(error, ClientError::Unavailable { status: 502, .. }),
        "{error}"
    );
    assert_eq!(hub.waited(), [1, 2, 4, 8]);
    assert_eq!(hub.asked().len(), 5);
}

#[tokio::test]
async fn a_plain_refusal_is_not_repeated() {
    for status in [400, 401, 403, 404, 422] {
        let hub = Hub::start().await;
        hub.always(Instead::new(status, "no"));
        let error = ask(&hub).await.expect_err("it is refused");
        assert_eq!(error.kind(), FailureKind::Task, "{error}");
        assert_eq!(hub.asked().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailability() {
    let hub = Hub::start().await;
    let client = hub.client();
    drop(hub);
    let error = client
        .pull_requests_of_commit("0a1b")
        .await
        .expect_err("nobody is there");
    assert_eq!(error.kind(), FailureKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_answer_that_is_none_of_githubs_is_unreadable() {
    let hub = Hub::start().await;
    hub.always(Instead::json(&serde_json::json!({ "number": 1 })));
    let error = ask(&hub).await.expect_err("it is no list");
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn a_proxy_that_answers_with_a_page_is_quoted_in_short() {
    let hub = Hub::start().await;
    let page = format!("<html>\n{}</html>", "x ".repeat(5_000));
    let mut instead = Instead::new(403, "");
    instead.set_body(page);
    hub.always(instead);
    let error = ask(&hub).await.expect_err("it is refused");
    assert!(error.to_string().len() < 500, "{error}");
    assert!(error.to_string().contains("<html> x x"), "{error}");
}

#[tokio::test]
async fn a_status_is_sent_again_after_a_lost_answer() {
    let hub = Hub::start().await;
    let mut is_first = true;
    hub.fault(move |_, _| match std::mem::take(&mut is_first) {
        true => Some(Instead::new(500, "oops")),
        false => Some(Instead::json(&serde_json::json!({ "id": 1 }))),
    });
    let status = CommitStatus {
        state: CommitState::Failure,
        context: "deploy-action/relay".to_owned(),
        description: "é".repeat(200),
        url: None,
    };
    hub.client()
        .set_status("0a1b", &status)
        .await
        .expect("the second attempt succeeds");
    let asked = hub.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].path, "/repos/acme/web/statuses/0a1b");
    let expected = serde_json::json!({
        "state": "failure", "context": "deploy-action/relay", "description": "é".repeat(140),
    });
    assert_eq!(asked[1].body, expected);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let repository = "acme/web".parse().expect("it is well formed");
    let error =
        Client::new("http://[", repository, &Secret::new("x")).expect_err("it is no address");
    assert!(matches!(error, ClientError::Address { .. }), "{error}");
}

//! What Google and GitHub refuse, and in which words that is told.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use super::{ACCOUNT, PROVIDER, World, variables};
use crate::{
    cloud::{CloudError, Federation, GoogleIdentity, Refusal},
    event::FailureKind,
    rehearse::google::Trust,
};

async fn refusal_of(world: &World, account: Option<&str>) -> CloudError {
    let identity = world.identity(account);
    identity.token().await.expect_err("it is refused")
}

/// The reason of a refusal, which has to come with words and a next step.
fn reason(error: &CloudError) -> Refusal {
    let CloudError::Refused { reason, said, .. } = error else {
        panic!("{error:?}");
    };
    assert!(
        !said.is_empty() && error.to_string().contains(said),
        "{error}"
    );
    assert!(error.hint().is_some(), "{error}");
    (**reason).clone()
}

async fn reason_where(change: impl FnOnce(&mut Trust)) -> Refusal {
    reason(&refusal_of(&World::trusting(change), Some(ACCOUNT)).await)
}

#[test]
fn a_job_without_the_permission_is_told_which() {
    let federation = Federation {
        provider: PROVIDER.parse().expect("a provider"),
        service_account: None,
    };
    let only_one = variables(&[("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x.example/")]);
    for variables in [variables(&[]), only_one] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let problem = runtime.expect("a runtime").block_on(async {
            let services = World::new().services();
            GoogleIdentity::federated(&federation, &variables, services).expect_err("no token")
        });
        assert!(matches!(problem, CloudError::NoIdToken(_)), "{problem:?}");
        let hint = problem.hint().expect("a hint");
        assert!(hint.contains("permissions: id-token: write"), "{hint}");
    }
}

#[tokio::test]
async fn an_audience_that_the_provider_does_not_accept_is_named() {
    let found = format!("https://iam.googleapis.com/{PROVIDER}");
    let reason = reason_where(|trust| {
        trust.audiences = Some(BTreeSet::from(["https://acme.example".to_owned()]));
    });
    assert_eq!(reason.await, Refusal::Audience { found });
}

#[tokio::test]
async fn a_provider_is_told_from_its_pool_and_from_one_that_is_not_there() {
    let world = World::new();
    let pool = PROVIDER.trim_end_matches("/providers/actions");
    for wrong in [pool.to_owned(), PROVIDER.replace("123", "acme-prod")] {
        let problem = world.identify(&wrong, None).expect_err("no provider");
        assert_eq!(problem.kind(), FailureKind::Invalid);
        assert!(problem.to_string().contains(&wrong), "{problem}");
        assert!(problem.hint().is_some());
    }
    let reason = reason_where(|trust| trust.providers = Some(BTreeSet::new())).await;
    let name = format!("//iam.googleapis.com/{PROVIDER}");
    assert_eq!(reason, Refusal::UnknownProvider(name));
}

#[tokio::test]
async fn what_the_provider_asks_of_a_job_is_told() {
    let long = format!("repo:acme/api:ref:refs/heads/{}", "x".repeat(127));
    let issuer = "https://git.acme.example/_services/token".to_owned();
    assert_eq!(
        reason_where(|trust| trust.subject = long).await,
        Refusal::ClaimTooLong
    );
    assert_eq!(
        reason_where(|trust| trust.issuer = Some(issuer)).await,
        Refusal::Issuer
    );
    let condition = reason_where(|trust| trust.condition = Some(false)).await;
    assert_eq!(condition, Refusal::Condition);
}

#[tokio::test]
async fn an_account_that_may_not_be_taken_on_is_named_with_the_role() {
    let world = World::trusting(|trust| {
        trust.accounts = Some(BTreeSet::from(["another@acme.example".to_owned()]));
    });
    let problem = refusal_of(&world, Some(ACCOUNT)).await;
    let account = ACCOUNT.to_owned();
    assert_eq!(reason(&problem), Refusal::NotPermitted { account });
    assert_eq!(problem.kind(), FailureKind::Task);
    let hint = problem.hint().expect("a hint");
    assert!(hint.contains("roles/iam.workloadIdentityUser"), "{hint}");
    // A grant may be on its way: it was asked as often as patience says.
    assert_eq!(world.n_requests("generateAccessToken 403"), 4);
}

#[tokio::test]
async fn a_grant_that_is_not_yet_known_everywhere_is_waited_for() {
    let world = World::new();
    world.google.deny_next(3);
    let identity = world.identity(Some(ACCOUNT));
    assert_eq!(world.who(&identity).await.as_deref(), Some(ACCOUNT));
}

#[tokio::test]
async fn clocks_that_do_not_agree_are_told_with_the_difference() {
    // GitHub's token comes from the future: nothing here is wrong.
    let world = World::new();
    world.github_ahead.store(300, Ordering::Relaxed);
    let problem = refusal_of(&world, None).await;
    assert_eq!(reason(&problem), Refusal::ClockSkew { seconds: None });
    // GitHub's token is past, and so is this machine's time.
    world.github_ahead.store(-600, Ordering::Relaxed);
    world.ahead.store(-600, Ordering::Relaxed);
    let problem = refusal_of(&world, None).await;
    let seconds = Some(-600);
    assert_eq!(reason(&problem), Refusal::ClockSkew { seconds });
    assert!(problem.to_string().contains("600 s behind"), "{problem}");
}

#[tokio::test]
async fn a_job_that_is_over_gets_nothing_more() {
    let world = World::new();
    let identity = world.identity(None);
    identity.token().await.expect("a token");
    world.google.end_job();
    world.pass(360);
    let problem = identity.token().await.expect_err("the job is over");
    assert_eq!(reason(&problem), Refusal::JobOver);
    assert_eq!(problem.kind(), FailureKind::AuthExpired);
}

#[tokio::test]
async fn nothing_of_an_identity_or_of_a_refusal_shows_a_token() {
    let world = World::trusting(|trust| trust.condition = Some(false));
    let identity = world.identity(Some(ACCOUNT));
    let problem = identity.token().await.expect_err("it is refused");
    let variables = world.google.variables();
    let token = &variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    for shown in [
        format!("{identity:?}"),
        format!("{problem:?} {problem} {:?}", problem.hint()),
    ] {
        assert!(!shown.contains(token.as_str()), "{shown}");
    }
}

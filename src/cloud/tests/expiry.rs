//! Tokens that run out while a run goes on.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::{ACCOUNT, SUBJECT, World};

const MINUTE: i64 = 60;

#[tokio::test]
async fn a_federated_token_is_replaced_before_its_five_minutes_have_passed() {
    let world = World::new();
    let identity = world.identity(None);
    let first = identity.token().await.expect("a token");
    world.pass(4 * MINUTE - 1);
    assert_eq!(identity.token().await.ok().as_ref(), Some(&first));
    world.pass(1);
    let second = identity.token().await.expect("a token");
    assert_ne!(second, first);
    // The first is still good at that moment: who has just been given it is not refused.
    let alive = |token: &str| world.google.identity_of(token);
    assert_eq!(alive(first.secret().expose()).as_deref(), Some(SUBJECT));
    assert_eq!(alive(second.secret().expose()).as_deref(), Some(SUBJECT));
}

#[tokio::test]
async fn a_token_is_good_in_minute_6_and_in_minute_61() {
    let world = World::new();
    for account in [None, Some(ACCOUNT)] {
        let identity = world.identity(account);
        let expected = account.unwrap_or(SUBJECT);
        let first = identity.token().await.expect("a token");
        for minutes in [6, 55] {
            world.pass(minutes * MINUTE);
            assert_eq!(world.who(&identity).await.as_deref(), Some(expected));
        }
        assert_eq!(world.google.identity_of(first.secret().expose()), None);
    }
}

#[tokio::test]
async fn a_service_accounts_token_is_kept_until_five_minutes_before_its_end() {
    let world = World::new();
    let identity = world.identity(Some(ACCOUNT));
    let first = identity.token().await.expect("a token");
    world.pass(50 * MINUTE - 1);
    assert_eq!(identity.token().await.ok().as_ref(), Some(&first));
    world.pass(1);
    assert_ne!(identity.token().await.ok().as_ref(), Some(&first));
    assert_eq!(world.n_requests("generateAccessToken"), 2);
}

#[tokio::test]
async fn one_token_is_fetched_for_all_who_ask_at_the_same_time() {
    let world = World::new();
    let identity = world.identity(Some(ACCOUNT));
    let tokens = join_all((0..8).map(|_| identity.token())).await;
    let first = tokens[0].as_ref().expect("a token").clone();
    for token in tokens {
        assert_eq!(token.expect("a token"), first);
    }
    assert_eq!(
        world.google.requests(),
        [
            "GET /idtoken 200".to_owned(),
            "POST /v1/token 200".to_owned(),
            format!("POST /v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken 200"),
        ]
    );
}

#[tokio::test]
async fn a_token_that_was_refused_is_replaced_once_for_all_whatever_our_clock_says() {
    let world = World::new();
    let identity = world.identity(None);
    let refused = identity.token().await.expect("a token");
    world.google.revoke();
    let anew = (0..4).map(|_| identity.token_in_place_of(refused.secret()));
    for token in join_all(anew).await {
        let token = token.expect("a token");
        let who = world.google.identity_of(token.secret().expose());
        assert_eq!(who.as_deref(), Some(SUBJECT));
    }
    assert_eq!(world.n_requests("/v1/token"), 2);
}

#[tokio::test]
async fn a_clock_that_is_wrong_here_makes_no_token_older_or_younger() {
    for ahead in [-20 * MINUTE, 20 * MINUTE] {
        let world = World::new();
        world.ahead.store(ahead, Ordering::Relaxed);
        let identity = world.identity(Some(ACCOUNT));
        let first = identity.token().await.expect("a token");
        world.pass(50 * MINUTE - 1);
        assert_eq!(
            identity.token().await.ok().as_ref(),
            Some(&first),
            "{ahead}"
        );
        world.pass(1);
        assert_ne!(
            identity.token().await.ok().as_ref(),
            Some(&first),
            "{ahead}"
        );
    }
}

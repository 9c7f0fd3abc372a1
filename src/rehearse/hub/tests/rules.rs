//! What holds for every request: tokens, limits, faults, the record and the folder.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{Fault, Hub, HubError, HubOptions},
    world::{COMMENTS, HEAD, Recorded, TOKEN, World, answered, options, start},
};

#[tokio::test]
async fn only_the_right_token_is_let_in() {
    let world = World::new();
    for (request, message) in [
        (world.anonymous("GET", COMMENTS), "Requires authentication"),
        (
            world.anonymous("GET", COMMENTS).bearer_auth("ghs_other"),
            "Bad credentials",
        ),
        (
            world
                .anonymous("GET", COMMENTS)
                .basic_auth("x", Some(TOKEN)),
            "Bad credentials",
        ),
    ] {
        let refused = answered(request).await;
        assert_eq!(
            (refused.status, refused.json()["message"].as_str()),
            (401, Some(message))
        );
        assert_eq!(
            refused.json()["documentation_url"],
            "https://docs.github.com/rest"
        );
    }
    let classic = world
        .anonymous("GET", COMMENTS)
        .header("Authorization", format!("token {TOKEN}"));
    assert_eq!(answered(classic).await.status, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::new();
    for path in [
        "/",
        "/nonsense",
        "/repos/acme/other",
        "/repos/acme/api/issues/2/comments",
        "/repos/acme/api/issues/x/comments",
        "/repos/acme/api/issues/comments/99",
        "/repos/acme/api/actions/runs/99/jobs",
        "/repos/acme/api/git/ref/heads/other",
        "/repos/acme/api/%zz",
    ] {
        let answer = world.get(path).await;
        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (404, Some("Not Found")),
            "{path}"
        );
    }
    assert_eq!(world.get("/repos/ACME/Api").await.status, 200);
    assert_eq!(world.get("/user").await.status, 403);
}

#[tokio::test]
async fn a_body_is_refused_one_character_past_the_limit_whatever_its_bytes() {
    let world = World::new();
    for character in ["a", "界", "🚀"] {
        let longest = world
            .send("POST", COMMENTS, &json!({"body": character.repeat(65_536)}))
            .await;
        assert_eq!(longest.status, 201, "{character}");
        let id = longest.json()["id"].clone();
        let too_long = json!({"body": character.repeat(65_537)});
        let refused = world.send("POST", COMMENTS, &too_long).await;
        assert_eq!(refused.status, 422);
        assert_eq!(
            refused.json()["errors"],
            json!([{
                "resource": "IssueComment",
                "code": "unprocessable",
                "field": "data",
                "message": "Body is too long (maximum is 65536 characters)",
            }])
        );
        let path = format!("/repos/acme/api/issues/comments/{id}");
        let refused = world.send("PATCH", &path, &too_long).await;
        assert_eq!(refused.json()["errors"][0]["field"], "body");
    }
}

#[tokio::test]
async fn a_body_that_says_nothing_is_refused() {
    let world = World::new();
    for body in [
        json!({}),
        json!({"body": ""}),
        json!({"body": " \n"}),
        json!({"body": 1}),
        json!({"body": null}),
    ] {
        let refused = world.send("POST", COMMENTS, &body).await;
        assert_eq!(
            (refused.status, refused.json()["message"].as_str()),
            (422, Some("Validation Failed")),
            "{body}"
        );
    }
    let broken = answered(world.request("POST", COMMENTS).body("{")).await;
    assert_eq!(
        (broken.status, broken.json()["message"].as_str()),
        (400, Some("Problems parsing JSON"))
    );
    assert_eq!(world.hub.comments(1).expect("a readable folder"), []);
}

#[tokio::test]
async fn a_status_of_another_form_is_refused() {
    let world = World::new();
    let path = format!("/repos/acme/api/statuses/{HEAD}");
    for body in [
        json!({"state": "done"}),
        json!({}),
        json!({"state": "success", "description": "x".repeat(141)}),
    ] {
        assert_eq!(world.send("POST", &path, &body).await.status, 422, "{body}");
    }
    let stranger = world
        .send(
            "POST",
            "/repos/acme/api/statuses/main",
            &json!({"state": "success"}),
        )
        .await;
    assert_eq!(stranger.status, 422);
    assert_eq!(world.hub.statuses(HEAD).expect("a readable folder"), []);
}

#[tokio::test]
async fn faults_hit_the_planned_number_of_matching_requests() {
    let world = World::new();
    world
        .hub
        .fail_next(2, "/comments", Fault::Failed { status: 502 });
    world
        .hub
        .fail_next(1, "/comments", Fault::Refused { status: 403 });
    assert_eq!(world.get("/repos/acme/api").await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.get(COMMENTS).await.status);
    }
    assert_eq!(statuses, [502, 502, 403, 200]);
}

#[tokio::test]
async fn a_limit_looks_like_githubs() {
    let world = World::new();
    let limited = |status, retry_after| Fault::Limited {
        status,
        retry_after,
    };
    world
        .hub
        .fail_next(1, "", limited(429, Some(Duration::from_secs(7))));
    let answer = world.get("/rate_limit").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "7"));

    world.hub.fail_next(1, "", limited(403, None));
    let answer = world.get("/rate_limit").await;
    assert_eq!((answer.status, answer.header("retry-after")), (403, ""));
    assert!(
        answer.body.contains("secondary rate limit"),
        "{}",
        answer.body
    );

    let reset_in = Duration::from_secs(3000);
    world.hub.fail_next(1, "", Fault::Exhausted { reset_in });
    let answer = world.get("/rate_limit").await;
    assert_eq!(
        (answer.status, answer.header("x-ratelimit-remaining")),
        (403, "0")
    );
    let fresh = world.get("/rate_limit").await;
    assert_eq!(
        (fresh.status, fresh.header("x-ratelimit-remaining")),
        (200, "996")
    );
    let reset = |text: &str| text.parse::<u64>().expect("a second");
    assert!(reset(answer.header("x-ratelimit-reset")) < reset(fresh.header("x-ratelimit-reset")));
}

#[tokio::test]
async fn the_enterprise_prefix_leads_to_the_same_and_into_its_own_links() {
    let world = World::new();
    world.send("POST", COMMENTS, &json!({"body": "a"})).await;
    world.send("POST", COMMENTS, &json!({"body": "b"})).await;
    let page = world.get(&format!("/api/v3{COMMENTS}?per_page=1")).await;
    let base = format!("<{}/api/v3{COMMENTS}?", world.hub.api_url());
    assert!(
        page.header("link").starts_with(&base),
        "{}",
        page.header("link")
    );
    let url = page.json()[0]["url"]
        .as_str()
        .expect("an address")
        .to_owned();
    assert!(
        url.contains("/api/v3/repos/acme/api/issues/comments/"),
        "{url}"
    );
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let world = World::new();
    let first = world.get(COMMENTS).await;
    let tag = first.header("etag").to_owned();
    let again = || world.request("GET", COMMENTS).header("If-None-Match", &tag);
    let unchanged = answered(again()).await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    world.send("POST", COMMENTS, &json!({"body": "a"})).await;
    assert_eq!(answered(again()).await.status, 200);
}

#[tokio::test]
async fn each_request_is_recorded_without_its_token() {
    let world = World::new();
    world
        .send("POST", COMMENTS, &json!({"body": "words"}))
        .await;
    world.get(&format!("/api/v3{COMMENTS}?page=1")).await;
    let record = std::fs::read_to_string(world.folder.path().join("requests.jsonl"));
    assert!(!record.expect("a record").contains(TOKEN));
    let requests = world.hub.requests().expect("a readable record");
    let seen: Vec<_> = requests
        .iter()
        .map(|request| {
            (
                request.method.as_str(),
                request.path.as_str(),
                request.query.as_deref(),
                request.body.as_deref(),
                request.status,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("POST", COMMENTS, None, Some("{\"body\":\"words\"}"), 201),
            ("GET", COMMENTS, Some("page=1"), None, 200),
        ]
    );
}

#[tokio::test]
async fn a_second_hub_on_the_folder_edits_the_comment_of_the_first() {
    let world = World::new();
    let created = world
        .send("POST", COMMENTS, &json!({"body": "first"}))
        .await;
    let World { folder, hub } = world;
    hub.stop().await;
    let world = World {
        hub: start(options(&folder)),
        folder,
    };
    let path = format!("/repos/acme/api/issues/comments/{}", created.json()["id"]);
    assert_eq!(
        world
            .send("PATCH", &path, &json!({"body": "second"}))
            .await
            .status,
        200
    );
    let comments = world.hub.comments(1).expect("a readable folder");
    assert_eq!((comments.len(), comments[0].body.as_str()), (1, "second"));
    assert!(comments[0].updated_at > comments[0].created_at);
    assert_eq!(world.hub.requests().expect("a readable record").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_of_many_clients_and_two_hubs_all_arrive() {
    let world = World::new();
    let other = start(options(&world.folder));
    let posts = (0..20).map(|number| {
        let hub = if number % 2 == 0 { &world.hub } else { &other };
        let address = format!("{}{COMMENTS}", hub.api_url());
        let request = crate::rehearse::loopback::plain_client().post(address);
        answered(
            request
                .bearer_auth(TOKEN)
                .json(&json!({"body": number.to_string()})),
        )
    });
    let answers = futures_util::future::join_all(posts).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let comments = world.hub.comments(1).expect("a readable folder");
    let ids: std::collections::BTreeSet<_> = comments.iter().map(|comment| comment.id).collect();
    assert_eq!((comments.len(), ids.len()), (20, 20));
}

#[tokio::test]
async fn a_repository_of_another_form_is_refused() {
    let folder = Recorded::new();
    for repository in ["acme", "acme/", "/api", "acme/api/x"] {
        let options = HubOptions {
            repository: repository.into(),
            ..options(&folder)
        };
        let error = Hub::start(options).expect_err(repository);
        assert!(matches!(error, HubError::Repository(found) if found == repository));
    }
}

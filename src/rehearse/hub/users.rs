//! Users, as they stand in other objects.

use serde_json::{Value, json};

use crate::digest::Digest;

/// The user that a workflow's token acts as.
pub(super) const ACTIONS_BOT: &str = "github-actions[bot]";
const ACTIONS_BOT_ID: u64 = 41_898_282;

/// Writes a user. Names of bots end in `[bot]`.
pub(super) fn user(base: &str, login: &str) -> Value {
    let id = if login == ACTIONS_BOT {
        ACTIONS_BOT_ID
    } else {
        stable_id(login)
    };
    let bot = login.strip_suffix("[bot]");
    let address = format!(
        "{base}/users/{}",
        login.replace('[', "%5B").replace(']', "%5D")
    );
    let html = match bot {
        Some(app) => format!("https://github.com/apps/{app}"),
        None => format!("https://github.com/{login}"),
    };
    json!({
        "login": login,
        "id": id,
        "node_id": node_id("User", id),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": address,
        "html_url": html,
        "followers_url": format!("{address}/followers"),
        "following_url": format!("{address}/following{{/other_user}}"),
        "gists_url": format!("{address}/gists{{/gist_id}}"),
        "starred_url": format!("{address}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{address}/subscriptions"),
        "organizations_url": format!("{address}/orgs"),
        "repos_url": format!("{address}/repos"),
        "events_url": format!("{address}/events{{/privacy}}"),
        "received_events_url": format!("{address}/received_events"),
        "type": if bot.is_some() { "Bot" } else { "User" },
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// Makes an id that is the same in every run.
pub(super) fn stable_id(name: &str) -> u64 {
    let hex = Digest::of(name).hex();
    hex[..7]
        .bytes()
        .filter_map(|digit| char::from(digit).to_digit(16))
        .fold(1, |id, digit| id * 16 + u64::from(digit))
}

/// Makes the id that the GraphQL API would know an object by.
pub(super) fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{id:012x}")
}

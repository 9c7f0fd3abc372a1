//! The rules as a whole: what events come to, where it is better than the original's, and what is known of versions.

mod highest;
mod ours;

use super::*;

const SHA: &str = "860c1904a1ce19322e91ac35af1ab07466440c37";

fn facts(git_ref: &str) -> GitFacts {
    let event_name = match git_ref.starts_with("refs/pull") {
        true => "pull_request",
        false => "push",
    };
    GitFacts {
        event_name: event_name.to_owned(),
        git_ref: git_ref.to_owned(),
        sha: SHA.to_owned(),
        default_branch: "main".to_owned(),
        ..GitFacts::default()
    }
}

fn now() -> jiff::Timestamp {
    "2020-01-10T00:30:00Z".parse().expect("a time")
}

fn names(git_ref: &str, rules: &str, flavor: &str) -> Result<TagNames, TagRulesError> {
    TagRules::parse(rules, flavor)?.names(&facts(git_ref), now())
}

fn docker(git_ref: &str, rules: &str, flavor: &str) -> Result<TagNames, TagRulesError> {
    TagRules::parse_as(Dialect::Docker, rules, flavor)?.names(&facts(git_ref), now())
}

fn joined(names: &TagNames) -> String {
    names.all().join(" ")
}

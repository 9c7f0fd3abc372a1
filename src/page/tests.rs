//! What the page says, and that nothing of others is more than text.

use std::collections::BTreeMap;

use super::{
    Content, History, LogView, Logs, MadeOf, Part, Variant, anchor, html::STATES, to_html,
};
use crate::{
    checkpoint::{
        Summary,
        fixture::{self, Records},
    },
    ident::TaskKey,
    report::fixture::moment,
};

/// A page with what only its own tests look at.
#[derive(Default)]
struct Beside {
    logs: Logs,
    made_of: BTreeMap<TaskKey, MadeOf>,
    running: BTreeMap<TaskKey, String>,
}

fn page_with(records: &Records, beside: &Beside, change: impl Fn(&mut Summary)) -> String {
    let history = History::of([records.0.as_slice()], |_| false);
    let mut page = String::new();
    records.with_graph(|graph, mut summary| {
        change(&mut summary);
        let content = Content {
            summary: &summary,
            graph,
            history: &history,
            logs: &beside.logs,
            made_of: &beside.made_of,
            running: &beside.running,
        };
        page = to_html(&content, Variant::File);
    });
    page
}

fn page(records: &Records) -> String {
    page_with(records, &Beside::default(), |_| {})
}

fn key(text: &str) -> TaskKey {
    text.parse().expect("a key")
}

#[test]
fn every_state_and_an_empty_run_can_be_shown() {
    for records in [
        Records::default(),
        Records::begun(true),
        fixture::good_run(),
        fixture::failed_run(),
    ] {
        let page = page(&records);
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    }
    for state in STATES {
        let page = page_with(&fixture::failed_run(), &Beside::default(), |summary| {
            summary.overall.state = state;
            summary.phases[0].tasks[0].state = state;
        });
        assert!(page.contains(state.words()));
    }
}

#[test]
fn nothing_in_a_text_becomes_html_and_nothing_is_fetched() {
    let hostile = "</code></style><script>alert(1)</script> ` <img src=https://x.org/a.png onerror=x> \"' ]]> \u{202e}";
    let failed = key("app@production");
    let path = "logs/4711/app@production/attempt-1/log.txt".to_owned();
    let log = LogView {
        href: Some("logs/x.txt".to_owned()),
        tail: hostile.to_owned(),
        has_more: true,
    };
    let part = Part {
        name: hostile.to_owned(),
        before: Some(hostile.to_owned()),
        now: None,
    };
    let made_of = MadeOf {
        n_parts: 1,
        before: Some(moment(0)),
        changes: vec![part],
    };
    let beside = Beside {
        logs: Logs::from([((failed.clone(), path), log)]),
        made_of: BTreeMap::from([(failed.clone(), made_of)]),
        running: BTreeMap::from([(failed, hostile.to_owned())]),
    };
    let page = page_with(&fixture::failed_run(), &beside, |summary| {
        summary.title.plan = hostile.to_owned();
        summary.title.description = Some(hostile.to_owned());
        summary.failures[0].message = hostile.to_owned();
        summary.failures[0].hint = Some(hostile.to_owned());
        summary.overall.next = vec![hostile.to_owned()];
        summary.people.decisions[0].question = hostile.to_owned();
        summary.phases[0].name = hostile.to_owned();
        summary.phases[0].tasks[0].name = hostile.to_owned();
        summary.phases[0].tasks[0].why = Some(hostile.to_owned());
        summary.images[0].reference = hostile.to_owned();
        if let Some(run) = &mut summary.title.run {
            run.url = Some("javascript:alert(1)".to_owned());
        }
    });
    assert!(
        !page.contains("<script") && !page.contains("<img") && !page.contains("href=\"javascript")
    );
    assert!(!page.contains('\u{202e}') && page.contains("‹U+202E›"));
    assert!(page.matches("&lt;script&gt;").count() >= 12);
    let elements = page.split('<').filter_map(|rest| rest.split('>').next());
    for element in elements {
        assert!(
            !element.contains("src=") && !element.starts_with("link"),
            "{element}"
        );
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    assert!(!page.contains(" style=\""), "the policy would refuse it");
}

#[test]
fn a_name_without_an_end_does_not_fill_the_page() {
    let long = "x".repeat(10_000);
    let short = page(&fixture::failed_run()).len();
    let page = page_with(&fixture::failed_run(), &Beside::default(), |summary| {
        summary.title.plan = long.clone();
        summary.failures[0].message = long.clone();
        summary.phases[0].name = long.clone();
    });
    assert!(page.len() < short + 6_000, "{} and {short}", page.len());
}

#[test]
fn each_task_has_its_place_on_the_page_and_in_the_graph() {
    let page = page(&fixture::failed_run());
    for key in [
        "build",
        "server",
        "app@production",
        "page@production",
        "signed@production",
    ] {
        let place = anchor(key);
        assert_eq!(page.matches(&format!("id=\"{place}\"")).count(), 1, "{key}");
        let in_graph = format!("href=\"#{place}\"><title>{key}: ");
        assert_eq!(page.matches(&in_graph).count(), 1, "{key}");
    }
    assert_eq!(anchor("a[b c]"), "task-a[b_c]");
}

#[test]
fn all_attempts_of_a_task_are_told_with_their_logs() {
    let page = page(&fixture::failed_run());
    let build = &page[page.find("data-part=\"task-build\"").expect("its section")..];
    let build = &build[..build.find("</details>").expect("its end")];
    for told in [
        "attempt-1/log.txt",
        "attempt-2/log.txt",
        "exit code 2",
        "1 min 12 s",
    ] {
        assert!(build.contains(told), "{told}: {build}");
    }
}

#[test]
fn the_policy_allows_the_style_that_is_there_and_no_script() {
    let page = page(&Records::default());
    let style = page
        .split("<style>")
        .nth(1)
        .and_then(|rest| rest.split("</style>").next())
        .expect("a style");
    let policy = Variant::File.policy();
    assert!(page.contains(&format!("content=\"{policy}\"")));
    let digest = hex::decode(crate::digest::Digest::of(style).hex()).expect("hexadecimal");
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")));
    assert!(!policy.contains("script-src") && policy.starts_with("default-src 'none'"));
    assert!(Variant::Served.policy().contains("script-src 'sha256-"));
}

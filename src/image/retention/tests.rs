//! What stays and what goes, by rules alone.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{Held, Rules, Verdict, judge, order_of_deletion};
use crate::digest::Digest;

const DAY: i64 = 24 * 60 * 60;
const NOW: i64 = 20_000 * DAY;

/// A manifest that is named by one letter, with tags, and so many days old.
fn held(name: &str, tags: &[&str], days: Option<i64>) -> Held {
    Held {
        digest: Digest::of(name),
        tags: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
        companion_tags: Vec::new(),
        children: Vec::new(),
        subject: None,
        created: days.map(|days| Timestamp::from_second(NOW - days * DAY).expect("a time")),
    }
}

fn index(name: &str, tags: &[&str], days: i64, children: &[&str]) -> Held {
    Held {
        children: children.iter().map(Digest::of).collect(),
        ..held(name, tags, Some(days))
    }
}

fn attached(name: &str, subject: &str) -> Held {
    Held {
        subject: Some(Digest::of(subject)),
        ..held(name, &[], None)
    }
}

fn verdicts(held: Vec<Held>, rules: &Rules) -> Vec<Verdict> {
    judge(held, rules, Timestamp::from_second(NOW).expect("a time"))
}

/// `name: why` for each of these names that stays, and `name goes`.
fn words(held: Vec<Held>, names: &[&str], rules: &Rules) -> Vec<String> {
    let verdicts = verdicts(held, rules);
    let of = |name: &&str| {
        let digest = Digest::of(name);
        let verdict = verdicts
            .iter()
            .find(|verdict| verdict.held.digest == digest);
        let verdict = verdict.expect("it is held");
        let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        match verdict.goes() {
            true => format!("{name} goes"),
            false => format!("{name}: {}", reasons.join(", ")),
        }
    };
    names.iter().map(of).collect()
}

fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * 24 * 60 * 60))
}

#[test]
fn images_stay_by_tag_by_age_and_by_number() {
    let held = || {
        vec![
            held("a", &["1.0"], Some(90)),
            held("b", &["1.1"], Some(60)),
            held("c", &["main", "1.2"], Some(40)),
            held("d", &["pr-1"], Some(10)),
            held("e", &["pr-2"], None),
        ]
    };
    let names = ["a", "b", "c", "d", "e"];
    let old = Rules {
        older_than: days(30),
        ..Rules::default()
    };
    assert_eq!(
        words(held(), &names, &old),
        [
            "a goes",
            "b goes",
            "c goes",
            "d: not old enough",
            "e: nothing tells how old it is"
        ]
    );
    let tags = Rules {
        keep_tags: vec![
            "1.[01]".parse().expect("a pattern"),
            "main".parse().expect("a pattern"),
        ],
        ..old
    };
    assert_eq!(
        words(held(), &names[..3], &tags),
        [
            "a: its tag `1.0` is kept",
            "b: its tag `1.1` is kept",
            "c: its tag `main` is kept"
        ]
    );
    // What has no age counts as the newest, and so does not push out what has one.
    let number = Rules {
        keep: Some(3),
        ..Rules::default()
    };
    assert_eq!(
        words(held(), &names, &number),
        [
            "a goes",
            "b goes",
            "c: among the newest",
            "d: among the newest",
            "e: among the newest"
        ]
    );
    let both = Rules {
        keep: Some(1),
        older_than: days(50),
        ..Rules::default()
    };
    assert_eq!(
        words(held(), &names, &both),
        [
            "a goes",
            "b goes",
            "c: not old enough",
            "d: not old enough",
            "e: among the newest, nothing tells how old it is"
        ]
    );
}

#[test]
fn parts_and_attachments_stay_with_what_needs_them_and_go_with_the_last_of_it() {
    let held = || {
        vec![
            index("new", &["2"], 1, &["arm", "amd"]),
            index("old", &["1"], 90, &["arm", "mips"]),
            held("arm", &[], None),
            held("amd", &[], None),
            held("mips", &[], None),
            attached("sbom-of-arm", "arm"),
            attached("sbom-of-mips", "mips"),
            attached("signature-of-old", "old"),
            attached("of-nothing", "gone"),
        ]
    };
    let rules = Rules {
        older_than: days(30),
        ..Rules::default()
    };
    let by = |name: &str| Digest::of(name).short();
    assert_eq!(
        words(
            held(),
            &[
                "new",
                "old",
                "arm",
                "amd",
                "mips",
                "sbom-of-arm",
                "sbom-of-mips",
                "signature-of-old",
                "of-nothing"
            ],
            &rules
        ),
        [
            "new: not old enough".to_owned(),
            "old goes".to_owned(),
            format!("arm: part of {}", by("new")),
            format!("amd: part of {}", by("new")),
            "mips goes".to_owned(),
            format!("sbom-of-arm: attached to {}", by("arm")),
            "sbom-of-mips goes".to_owned(),
            "signature-of-old goes".to_owned(),
            "of-nothing goes".to_owned(),
        ]
    );
}

#[test]
fn what_is_deployed_stays_whatever_the_rules_say_with_all_that_belongs_to_it() {
    let held = vec![
        index("old", &[], 90, &["arm"]),
        held("arm", &[], None),
        attached("signature", "old"),
        held("part", &[], None),
        index("older", &["1"], 99, &["part"]),
    ];
    let rules = Rules {
        older_than: days(30),
        deployed: BTreeMap::from([
            (Digest::of("old"), "ship/image in production".to_owned()),
            (Digest::of("part"), "by hand".to_owned()),
        ]),
        ..Rules::default()
    };
    assert_eq!(
        words(held, &["old", "arm", "signature", "part", "older"], &rules),
        [
            "old: deployed: ship/image in production".to_owned(),
            format!("arm: part of {}", Digest::of("old").short()),
            format!("signature: attached to {}", Digest::of("old").short()),
            "part: deployed: by hand".to_owned(),
            "older goes".to_owned(),
        ]
    );
}

#[test]
fn something_attached_that_has_a_tag_of_its_own_keeps_its_image() {
    let mut report = attached("report", "old");
    report.tags = vec!["report-1".parse().expect("a tag")];
    let held = vec![held("old", &["1"], Some(90)), report];
    let rules = Rules {
        keep_tags: vec!["report-*".parse().expect("a pattern")],
        older_than: days(30),
        ..Rules::default()
    };
    assert_eq!(
        words(held, &["old", "report"], &rules),
        [
            format!("old: {} is attached to it", Digest::of("report").short()),
            "report: its tag `report-1` is kept".to_owned()
        ]
    );
}

#[test]
fn what_has_no_tag_goes_by_its_age_alone() {
    let held = || vec![held("a", &[], Some(90)), held("b", &[], None)];
    let number = Rules {
        keep: Some(1),
        ..Rules::default()
    };
    let stays = "without a tag, only age lets it go";
    assert_eq!(
        words(held(), &["a", "b"], &number),
        [format!("a: {stays}"), format!("b: {stays}")]
    );
    let age = Rules {
        older_than: days(30),
        ..Rules::default()
    };
    assert_eq!(
        words(held(), &["a", "b"], &age),
        ["a goes", "b: nothing tells how old it is"]
    );
}

#[test]
fn at_no_time_of_a_deletion_anything_names_what_is_gone() {
    let mut list = index("list", &[], 90, &["signature"]);
    list.subject = Some(Digest::of("index"));
    let held = vec![
        held("arm", &[], None),
        attached("sbom", "arm"),
        index("index", &["1"], 90, &["arm"]),
        attached("signature", "index"),
        list,
        index("outer", &["2"], 90, &["index"]),
    ];
    let rules = Rules {
        older_than: days(30),
        ..Rules::default()
    };
    let verdicts = verdicts(held, &rules);
    let order = order_of_deletion(&verdicts);
    assert_eq!(order.len(), 6);
    for (at, held) in order.iter().enumerate() {
        for later in &order[at + 1..] {
            assert!(
                !later.children.contains(&held.digest),
                "{later:?} names {held:?}"
            );
            assert!(
                later.subject != Some(held.digest),
                "{later:?} names {held:?}"
            );
        }
    }
}

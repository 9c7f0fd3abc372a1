//! The documents in `seeds/`, by the counts that were taken from them by hand, and the rules of ids one by one.

use proptest::prelude::*;

use super::*;
use crate::diagnostic::SourceFile;

const ROCKET: &str = include_str!("seeds/rocket.md");
const CODITECT: &str = include_str!("seeds/coditect.md");
const KOTTE: &str = include_str!("seeds/kotte.md");
const VEXA: &str = include_str!("seeds/vexa.md");
const RELAY: &str = include_str!("seeds/relay.md");

fn read(text: &str) -> Document {
    Document::parse(SourceFile::new("PLAN.md", text))
}

fn ids(text: &str) -> Vec<String> {
    let document = read(text);
    document
        .items()
        .iter()
        .map(|item| item.id.clone())
        .collect()
}

/// Counts the headings of levels 1 to 3.
fn headings(document: &Document) -> [usize; 3] {
    [1, 2, 3].map(|level| {
        let wanted = ItemKind::Heading { level };
        document
            .items()
            .iter()
            .filter(|item| item.kind == wanted)
            .count()
    })
}

fn count(document: &Document, fits: impl Fn(&Item) -> bool) -> usize {
    document.items().iter().filter(|item| fits(item)).count()
}

/// Returns what stands under the heading with this id.
fn under<'d>(document: &'d Document, heading: &str) -> Vec<&'d Item> {
    assert!(document.find(heading).is_some(), "no heading `{heading}`");
    let of_heading = |item: &&Item| {
        let above = document.heading_of(item);
        !item.is_heading() && above.is_some_and(|above| above.id == heading)
    };
    document.items().iter().filter(of_heading).collect()
}

fn words(item: &Item) -> Option<&str> {
    item.status.as_ref().map(|status| status.text.as_str())
}

#[test]
fn rocket_has_twelve_phases_of_bullets_without_statuses() {
    let document = read(ROCKET);
    assert_eq!(ROCKET.len(), 4_996);
    assert_eq!(headings(&document), [1, 13, 0]);
    let in_phase = |item: &Item| {
        let heading = document.heading_of(item);
        heading.is_some_and(|heading| heading.text.starts_with("Phase "))
    };
    let is =
        |item: &Item, wanted| in_phase(item) && item.kind == ItemKind::Bullet { depth: wanted };
    assert_eq!(count(&document, |item| item.text.starts_with("Phase ")), 12);
    assert_eq!(count(&document, |item| is(item, 0)), 44);
    assert_eq!(count(&document, |item| is(item, 1)), 43);
    assert_eq!(under(&document, "open-items").len(), 3);
    assert_eq!(
        count(&document, |item| item.status.is_some() || item.has_own_id),
        0
    );
    let wrapped = "phase-10-load-testing/simulate-10k-websocket-clients";
    assert_eq!(document.find(wrapped).map(|item| item.line), Some(118));
}

#[test]
fn coditect_has_check_boxes_and_symbols_tables_and_repeated_headings() {
    let document = read(CODITECT);
    assert_eq!(CODITECT.len(), 19_587);
    assert_eq!(headings(&document), [1, 17, 43]);
    let open_boxes = |heading| {
        let items = under(&document, heading);
        items
            .iter()
            .filter(|item| words(item) == Some("[ ]"))
            .count()
    };
    let groups = [
        "instance-health",
        "database-setup",
        "kubernetes-integration-2",
        "security-validation",
        "monitoring",
    ];
    assert_eq!(groups.map(open_boxes), [5, 7, 3, 5, 5]);
    assert_eq!(count(&document, Item::is_check_box), 25);
    let steps = [
        "immediate-day-3-completion",
        "week-1-days-4-5-fastapi-backend-integration",
        "week-2-api-completion",
    ];
    let by_depth = steps.map(|heading| {
        let items = under(&document, heading);
        let numbered = |item: &&&Item| matches!(item.kind, ItemKind::Numbered { depth: 0, .. });
        let n_numbered = items.iter().filter(numbered).count();
        (n_numbered, items.len() - n_numbered)
    });
    assert_eq!(by_depth, [(5, 0), (4, 16), (8, 0)]);
    let rows = [
        "cloud-sql-instance",
        "technical-risks",
        "operational-risks",
        "business-risks",
    ]
    .map(|heading| {
        under(&document, heading)
            .iter()
            .filter(|item| item.kind == ItemKind::Row)
            .count()
    });
    assert_eq!(rows, [4, 5, 4, 3]);
    assert_eq!(count(&document, |item| item.kind == ItemKind::Row), 16);
    let records = count(&document, |item| {
        item.has_own_id && item.id.starts_with("ADR-00")
    });
    assert_eq!(records, 4);
    for twice in [
        "database-schema-2",
        "kubernetes-integration-2",
        "security-validation-2",
    ] {
        assert!(
            document.find(twice).is_some_and(Item::is_heading),
            "{twice}"
        );
    }
    let paused = "immediate-day-3-completion/execute-automated-deployment-script";
    assert_eq!(document.find(paused).and_then(words), Some("⏸\u{fe0f}"));
    let whole = document.find("checkpoint-cloud-sql-deployment-package-ready");
    assert_eq!(
        whole.and_then(words),
        Some("✅ DEPLOYMENT PACKAGE COMPLETE - Ready for Execution")
    );
}

#[test]
fn kotte_has_check_boxes_with_bold_ids() {
    let document = read(KOTTE);
    assert_eq!(KOTTE.len(), 8_400);
    assert_eq!(headings(&document), [1, 8, 6]);
    assert_eq!(count(&document, Item::is_check_box), 23);
    let own: Vec<_> = document
        .items()
        .iter()
        .filter(|item| item.has_own_id)
        .map(|item| item.id.as_str())
        .collect();
    assert_eq!(
        own,
        [
            "1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3", "2.4", "3.1", "3.2", "3.3",
            "3.4", "3.5", "4.1", "4.2", "4.3", "5.1"
        ]
    );
    let without = under(&document, "phase-6-production-hardening-optional");
    assert_eq!(without.len(), 5);
    let nested = |item: &Item| matches!(item.kind, ItemKind::Bullet { depth: 1.. });
    assert_eq!(count(&document, nested), 62);
    assert_eq!(under(&document, "deployment-order").len(), 7);
    assert_eq!(under(&document, "open-decisions").len(), 4);
    assert_eq!(under(&document, "networking").len(), 4);
    let image = document.find("1.3").expect("it has this id");
    assert_eq!(
        (image.text.as_str(), words(image)),
        ("Build and push image", Some("[ ]"))
    );
}

#[test]
fn vexa_has_rows_with_statuses_under_headings_in_bold() {
    let document = read(VEXA);
    assert_eq!(VEXA.len(), 10_459);
    assert_eq!(headings(&document), [1, 9, 4]);
    let rows = |status: &str| {
        let fits = |item: &Item| item.kind == ItemKind::Row && words(item) == Some(status);
        count(&document, fits)
    };
    let statuses = [
        "Completed",
        "Automated",
        "Not Started",
        "Ready for Phase 3",
        "Ready to Run",
    ];
    assert_eq!(statuses.map(rows), [12, 5, 5, 1, 1]);
    assert_eq!(count(&document, |item| item.kind == ItemKind::Row), 24);
    let sections: Vec<_> = document
        .items()
        .iter()
        .filter(|item| item.is_heading())
        .filter_map(words)
        .collect();
    assert_eq!(
        sections,
        [
            "Phase 3 Automated",
            "Completed",
            "Completed",
            "Completed",
            "Automated",
            "Not Started",
            "Completed"
        ]
    );
    assert!(document.find("current-status").is_some());
    assert!(
        document
            .find("phase-0-tooling-repository-bootstrap/create-makefile")
            .is_some()
    );
    assert_eq!(count(&document, |item| item.has_own_id), 0);
}

#[test]
fn relay_has_numbered_sections_and_goals() {
    let document = read(RELAY);
    assert_eq!(RELAY.len(), 5_585);
    assert_eq!(headings(&document), [1, 5, 0]);
    assert_eq!(document.title(), Some("Relay Infrastructure Plan"));
    assert_eq!(under(&document, "relay-infrastructure-plan").len(), 5);
    assert!(document.find("docker-image-publishing-to-ghcr").is_some());
    let last = "application-deployment-with-kubecfg-pending-kubeconfig";
    let actions = |item: &&&Item| matches!(item.kind, ItemKind::Numbered { depth: 1, .. });
    assert_eq!(under(&document, last).iter().filter(actions).count(), 3);
    assert_eq!(count(&document, |item| item.status.is_some()), 0);
}

#[test]
fn every_status_of_every_document_can_be_written_where_it_was_read() {
    for text in [ROCKET, CODITECT, KOTTE, VEXA, RELAY] {
        for item in read(text).items() {
            if let Some(status) = &item.status {
                let bytes = &text[status.span.start..status.span.end];
                assert_eq!(bytes, status.text, "{}", item.id);
            }
        }
    }
}

#[test]
fn an_item_goes_by_its_own_id_however_it_is_set() {
    let text = "# Plan\n- **A12** build\n- A13: push\n- [A14] deploy\n- **A15:** watch\n- `A16` look\n- A17 – undo\n- A18 wait\n\
                - 2.1 first\n- 2.2) second\n- ADR-001 why\n- C-CMT-1: comments\n\n### 3.4 Deploy\n\n| # | Task |\n|--|--|\n| B1 | Ship |\n| 7 | Sail |\n";
    assert_eq!(
        ids(text),
        [
            "plan", "A12", "A13", "A14", "A15", "A16", "A17", "A18", "2.1", "2.2", "ADR-001",
            "C-CMT-1", "3.4", "B1", "3.4/sail"
        ]
    );
    let texts: Vec<_> = read(text)
        .items()
        .iter()
        .map(|item| item.text.clone())
        .collect();
    assert_eq!(
        texts,
        [
            "Plan", "build", "push", "deploy", "watch", "look", "undo", "wait", "first", "second",
            "why", "comments", "Deploy", "Ship", "Sail"
        ]
    );
}

#[test]
fn what_only_looks_like_an_id_is_a_word() {
    let text = "- S3 bucket\n- S3 policy\n- 1.24+ of Kubernetes\n- 2025.11.17 is the day\n- IPv4 only\n- v1.2 of it\n- K8S\n- A-B c\n";
    assert_eq!(
        ids(text),
        [
            "s3-bucket",
            "s3-policy",
            "1-24-of-kubernetes",
            "2025-11-17-is-the-day",
            "ipv4-only",
            "v1-2-of-it",
            "k8s",
            "a-b-c"
        ]
    );
}

#[test]
fn a_repeated_id_gets_a_number_that_nobody_else_has() {
    let text = "# Ship\n- go\n- go-2\n- go\n- **A1** x\n- **A1** y\n\n# Ship\n- go\n";
    assert_eq!(
        ids(text),
        [
            "ship",
            "ship/go",
            "ship/go-2",
            "ship/go-3",
            "A1",
            "A1-2",
            "ship-2",
            "ship-2/go"
        ]
    );
}

#[test]
fn fences_comments_and_front_matter_hold_no_items() {
    let text = "---\ntitle: x\n- [ ] no\n---\n# Plan\n```\n- [ ] no\n# no\n```\n<!--\n- [ ] no\n-->\n- yes\n  ```\n  - [ ] no\n  ```\n\n      - [ ] no\n";
    assert_eq!(ids(text), ["plan", "plan/yes"]);
    assert_eq!(read(text).items()[0].line, 5);
    assert_eq!(ids("---\n\n# Plan\n---\n"), ["plan"]);
    assert_eq!(ids("\u{feff}# Plan\n"), ["plan"]);
}

#[test]
fn statuses_are_found_in_boxes_symbols_cells_and_lines() {
    let text = "# A ✅\n- [x] one\n- [~] two\n- ⏳ three\n- **❌ four**\n- five\n  - Status: done enough\n\n## B\n**Status:** `soak`\r\n\n| Task | State |\n|--|--|\n| six | **late** |\n| seven | |\n";
    let document = read(text);
    let found: Vec<_> = document
        .items()
        .iter()
        .map(|item| (item.text.as_str(), words(item)))
        .collect();
    assert_eq!(
        found,
        [
            ("A", Some("✅")),
            ("one", Some("[x]")),
            ("two", Some("[~]")),
            ("three", Some("⏳")),
            ("four", Some("❌")),
            ("five", Some("done enough")),
            ("Status: done enough", None),
            ("B", Some("soak")),
            ("six", Some("late")),
            ("seven", Some("")),
        ]
    );
    assert!(
        document.find("a/status").is_some(),
        "the id does not change with the status"
    );
}

#[test]
fn a_word_that_ends_in_status_is_no_label() {
    let document = read("# Apistatus: green\n- Substatus: x\n");
    assert!(document.items().iter().all(|item| item.status.is_none()));
    assert!(document.find("apistatus-green").is_some());
}

#[test]
fn a_wrong_id_finds_the_item_that_was_meant() {
    let document = read("# Ship\n- rotate keys\n- **A12** build\n\n# Sail\n- go\n\n# Moor\n- go\n");
    let nearest = |id| document.nearest(id).map(|item| item.id.as_str());
    assert_eq!(nearest("rotate-keys"), Some("ship/rotate-keys"));
    assert_eq!(nearest("shop/rotate-key"), Some("ship/rotate-keys"));
    assert_eq!(nearest("a12"), Some("A12"));
    assert_eq!(nearest("sial/go"), Some("sail/go"));
    assert_eq!(nearest("something-else-entirely"), None);
    assert_eq!(document.find("ship/rotate"), None);
}

#[test]
fn a_text_that_nests_without_end_is_read_in_one_go() {
    let document = read(&format!("{}x\n", "- + ".repeat(5_000)));
    assert_eq!(document.items().len(), 10_000);
    assert_eq!(document.items()[9_999].text, "x");
}

proptest! {
    #[test]
    fn any_text_is_a_document_with_unique_ids_and_places_in_it(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "# ", "## ", "- ", "  - ", "1. ", "1) ", "[ ] ", "[x] ", "[~] ", "| a | Status |\n|--|--|\n", "| ", " |", "\n", "\n\n",
                "\r\n", "```\n", "**", "`", "A1", "1.2", ": ", "✅", "⏸\u{fe0f}", "Status: ", "é", "日", "\u{0}", "---\n", "> ",
                "<!--", "-->", "\t", "&amp;", "\\", "[a](b)", "![", "~", "ADR-1", "\u{feff}", "word ",
            ]),
            0..40,
        ),
    ) {
        let text = parts.concat();
        let document = read(&text);
        let mut seen = std::collections::HashSet::new();
        for item in document.items() {
            prop_assert!(seen.insert(item.id.clone()), "`{}` twice in {text:?}", item.id);
            prop_assert_eq!(document.find(&item.id), Some(item));
            prop_assert!(text.get(item.span.start..item.span.end).is_some());
            if let Some(status) = &item.status {
                prop_assert_eq!(text.get(status.span.start..status.span.end), Some(status.text.as_str()));
            }
        }
    }

    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&String::from_utf8_lossy(&bytes));
    }
}

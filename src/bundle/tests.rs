use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::*;
use crate::{
    digest::Digest,
    ident::{EnvironmentName, TaskKey},
    secret::sealed,
};

fn environment() -> EnvironmentName {
    "production".parse().expect("a name")
}

fn task() -> TaskKey {
    "network@production".parse().expect("a task")
}

fn draft(plan: &[u8], shown: Option<Digest>) -> Draft {
    let digest = Digest::of("x");
    let planned = SealedPlan {
        headline: "1 to add".to_owned(),
        text: "create a.b".to_owned(),
        changes: true,
        plan: shown,
        program: Program {
            name: "terraform".to_owned(),
            version: "1.11.4".to_owned(),
            digest: None,
        },
        lock_file: None,
        providers: BTreeMap::new(),
        backend: Backend {
            kind: "local".to_owned(),
            configuration: digest,
            workspace: "default".to_owned(),
        },
    };
    let entry = Entry {
        outlook: Outlook::Planned(Box::new(planned)),
        made_of: Some(BTreeMap::from([(
            "kind".to_owned(),
            "terraform".to_owned(),
        )])),
    };
    let time = |text: &str| text.parse().expect("a time");
    Draft {
        manifest: Manifest {
            bound: Bound {
                plan: "app".to_owned(),
                plan_digest: digest,
                repository: None,
                commit: None,
                tree: None,
                rehearsal: false,
            },
            created: time("2026-01-02T03:04:05Z"),
            expires: time("2026-01-03T03:04:05Z"),
            version: "0.1.0".to_owned(),
            values: BTreeMap::new(),
            files: digest,
            tasks: BTreeMap::from([(task(), entry)]),
        },
        plans: BTreeMap::from([(
            environment(),
            Plans::from([(task(), Zeroizing::new(plan.to_vec()))]),
        )]),
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = camino::Utf8Path::from_path(folder.path()).expect("UTF-8");
    let store = Store::at(path.join("bundles"));
    (folder, store)
}

#[test]
fn what_was_sealed_is_read_by_its_digest_and_opened_by_its_key_alone() {
    let ((key, recipient), (other, _)) = (sealed::new_key(), sealed::new_key());
    let plan = b"PK\x03\x04 a saved plan with hunter22 in it";
    let recipients = BTreeMap::from([(environment(), recipient)]);
    let bytes = draft(plan, Some(Digest::of(plan)))
        .seal(&recipients)
        .expect("it is sealed");
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("hunter22"), "{text}");
    let (_folder, store) = store();
    let digest = store.keep(&bytes).expect("it is kept");
    let bundle = store.get(&digest).expect("it is there");
    assert_eq!(bundle.manifest.bound.plan, "app");
    let plans = bundle.open(&environment(), &key).expect("it is opened");
    assert_eq!(plans[&task()].as_slice(), plan);
    assert!(matches!(
        bundle.open(&environment(), &other),
        Err(BundleError::Sealed { .. })
    ));
}

#[test]
fn a_sealed_plan_that_is_not_the_one_that_was_shown_is_refused() {
    let (key, recipient) = sealed::new_key();
    let recipients = BTreeMap::from([(environment(), recipient)]);
    let (_folder, store) = store();
    let another = draft(b"one", Some(Digest::of("another")));
    let digest = store
        .keep(&another.seal(&recipients).expect("it is sealed"))
        .expect("it is kept");
    let opened = store
        .get(&digest)
        .expect("it is there")
        .open(&environment(), &key);
    assert!(matches!(opened, Err(BundleError::OtherPlan { .. })));
}

#[test]
fn nothing_is_sealed_to_nobody() {
    let sealed = draft(b"one", Some(Digest::of("one"))).seal(&BTreeMap::new());
    assert!(matches!(sealed, Err(BundleError::Sealed { .. })));
}

#[test]
fn what_is_no_bundle_and_what_a_later_version_made_is_refused_in_words() {
    let (_folder, store) = store();
    for (text, reason) in [
        ("{}", "missing field `format`"),
        (
            r#"{"format":2,"manifest":{"more":1}}"#,
            "it has format 2, and 1 is read",
        ),
        (r#"{"format":1,"manifest":{},"sealed":{}}"#, "missing field"),
        ("\u{0}", "expected value"),
    ] {
        let digest = store.keep(text.as_bytes()).expect("it is kept");
        let refused = store.get(&digest).expect_err(text).to_string();
        assert!(refused.contains(reason), "{refused}");
    }
}

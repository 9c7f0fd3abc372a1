//! A file of HCL: its skeleton, the module that it is, the lock file that it may be.

use std::sync::Arc;

use deploy_action::{
    diagnostic::{SourceFile, Span},
    terraform::{
        LockFile, Module,
        hcl::{Body, scan},
    },
};

/// Whatever stands in it, each place lies in the text and holds what it is said to hold; a lock file is written back as it was.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input).into_owned();
    places(&text, &scan(&text));
    if let Ok(locked) = LockFile::read(text.clone()) {
        assert_eq!(
            locked.without_hashes(|_| false),
            text,
            "it is written otherwise"
        );
        let without = locked.without_hashes(|_| true);
        assert!(without.len() <= text.len(), "something was added");
    }
    for name in ["main.tf", "main.tf.json"] {
        let file = Arc::new(SourceFile::new(name, text.as_str()));
        for variable in Module::of([&file]).variables.values() {
            let Span { start, end } = variable.declared.span;
            assert!(text.get(start..end).is_some(), "{start}..{end} is no place");
        }
    }
}

fn places(text: &str, body: &Body) {
    let holds = |span: Span, inner: &str| text.get(span.start..span.end) == Some(inner);
    for attribute in &body.attributes {
        assert!(holds(attribute.name_span, &attribute.name), "{attribute:?}");
        assert!(
            holds(attribute.value_span, &attribute.value),
            "{attribute:?}"
        );
        attribute.text();
        attribute.texts();
    }
    for block in &body.blocks {
        let whole = text.get(block.span.start..block.span.end);
        assert!(
            whole.is_some_and(|whole| whole.starts_with(&block.kind)),
            "{block:?}"
        );
        places(text, &block.body);
    }
}

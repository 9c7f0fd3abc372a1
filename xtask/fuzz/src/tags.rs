//! Rules for tags, and an event: rules, flavor, ref, event and payload, with a zero byte between them.

use deploy_action::{
    expression::Value,
    image::{
        Dialect, GitFacts, KnownTags, LabelLines, PullRequestCommit, Tag, TagImages, TagInput,
        TagRules, ToldEvent,
    },
};

/// Whatever is written and whatever happened, ours is tags that every registry takes, each once; the original's answer is any.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split('\0');
    let mut part = || parts.next().unwrap_or_default();
    let [rules, flavor, git_ref, name] = [part(), part(), part(), part()];
    let payload = serde_json::from_str::<serde_json::Value>(part());
    let payload = payload.map_or(Value::Null, Value::from);
    let facts = GitFacts::of_event(&ToldEvent {
        name,
        git_ref,
        sha: "860c1904a1ce19322e91ac35af1ab07466440c37",
        base_ref: Some(git_ref),
        payload: &payload,
        commit: PullRequestCommit::Head,
    });
    let now = Default::default();
    if let Ok(rules) = TagRules::parse(rules, flavor)
        && let Ok(names) = rules.names(&facts, now)
    {
        let all = names.all();
        for (at, name) in all.iter().enumerate() {
            assert!(name.parse::<Tag>().is_ok(), "`{name}` is no tag");
            assert!(!all[..at].contains(name), "`{name}` stands twice");
        }
        let computed = rules.compute(&facts, now).expect("the names are tags");
        let settled = computed.settle(&KnownTags::default());
        assert_eq!(
            settled.moves, computed.tags,
            "nothing is known that is higher"
        );
    }
    let original = TagRules::parse_as(Dialect::Docker, rules, flavor);
    drop(original.map(|rules| rules.names(&facts, now)));
    let labels = LabelLines::parse(TagInput::Labels, rules);
    drop(labels.map(|lines| lines.labels(&[], &facts, now)));
    drop(TagImages::parse(rules));
}

//! What events come to, and where ours is better.

use proptest::prelude::*;

use super::*;

const SEMVER: &str = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}";

#[test]
fn events_come_to_the_tags_of_the_original() {
    for (git_ref, rules, flavor, expected) in [
        ("refs/heads/dev", "", "", "dev"),
        ("refs/heads/my/feature#1245", "", "", "my-feature-1245"),
        (
            "refs/heads/main",
            "type=edge\ntype=sha",
            "",
            "edge sha-860c190",
        ),
        (
            "refs/pull/15/merge",
            "",
            "prefix=glo-\nsuffix=-bal",
            "pr-15-bal",
        ),
        (
            "refs/pull/15/merge",
            "type=ref,event=pr,prefix=",
            "prefix=glo-\nsuffix=-bal",
            "15-bal",
        ),
        ("refs/tags/v1.1.1", SEMVER, "", "1.1.1 1.1 1 latest"),
        ("refs/tags/v1.1.1", SEMVER, "latest=false", "1.1.1 1.1 1"),
        ("refs/tags/v2.0.8-beta.67", SEMVER, "", "2.0.8-beta.67"),
        (
            "refs/tags/v2.0.8-beta.67",
            "type=semver,pattern={{raw}}",
            "",
            "v2.0.8-beta.67",
        ),
        (
            "refs/tags/v1.2.3+build.5",
            "type=semver,pattern={{raw}}",
            "",
            "v1.2.3-build.5 latest",
        ),
        ("refs/tags/v1", SEMVER, "", ""),
        ("refs/tags/release1", "", "", "release1 latest"),
        (
            "refs/tags/v1.1.1",
            SEMVER,
            "suffix=-dev,onlatest=true",
            "1.1.1-dev 1.1-dev 1-dev latest-dev",
        ),
        (
            "refs/heads/dev",
            "type=raw,my\ntype=ref,event=branch,priority=90",
            "latest=true",
            "my dev latest",
        ),
        (
            "refs/heads/dev",
            "# no\ntype=raw,value=foo#bar",
            "",
            "foo-bar",
        ),
        (
            "refs/heads/gh-readonly-queue/main/pr-12-0a1b",
            "",
            "",
            "gh-readonly-queue-main-pr-12-0a1b",
        ),
        ("refs/heads/dev", "type=raw,value=", "", ""),
    ] {
        let ours = names(git_ref, rules, flavor).expect(rules);
        let theirs = docker(git_ref, rules, flavor).expect(rules);
        assert_eq!(joined(&ours), expected, "{git_ref} {rules} {flavor}");
        assert_eq!(joined(&theirs), expected, "{git_ref} {rules} {flavor}");
        let differs = ours
            .warnings
            .iter()
            .find(|warning| warning.contains("docker"));
        assert_eq!(differs, None, "{git_ref} {rules}");
    }
}

/// Where the original is wrong: its answer, ours, and what ours says of the difference.
#[test]
fn the_originals_traps_are_right_here_and_told() {
    for (git_ref, rules, theirs, ours, told) in [
        (
            "refs/tags/v1.2.3",
            "type=semver,pattern={{version}}\nlatest",
            "1.2.3 latest latest",
            "1.2.3 latest",
            "docker/metadata-action would give `latest` twice",
        ),
        (
            "refs/tags/v1.2.3-rc.1",
            "",
            "v1.2.3-rc.1 latest",
            "v1.2.3-rc.1",
            "`v1.2.3-rc.1` is a pre-release, so it does not move `latest`, as docker/metadata-action would let it",
        ),
        (
            "refs/tags/v2.0.8-beta.67",
            r"type=match,pattern=\d.\d.\d",
            "2.0.8 latest",
            "2.0.8",
            "`v2.0.8-beta.67` is a pre-release, so it does not move `latest`, as docker/metadata-action would let it",
        ),
        (
            "refs/heads/a&b",
            "type=raw,{{branch}}",
            "a-amp-b",
            "a-b",
            "line 1, `type=raw,{{branch}}`: the tag is `a-b`, where docker/metadata-action makes `a-amp-b`",
        ),
        (
            "refs/heads/dev",
            "type=raw,value={{tag}},prefix=tag-",
            "tag-",
            "",
            "line 1, `type=raw,value={{tag}},prefix=tag-`: there is no tag, where docker/metadata-action makes `tag-`",
        ),
        (
            "refs/heads/.hidden",
            "",
            ".hidden",
            "hidden-16924190",
            "`.hidden` begins with a sign that begins no tag: it becomes `hidden-16924190`",
        ),
        (
            "refs/heads/dev",
            "type=sha\ntype=semver,pattern={{version}}-{{sha}},value=1.2.3",
            "1.2.3- sha-860c190 latest",
            "1.2.3-860c190 sha-860c190 latest",
            "line 2, `type=semver,pattern={{version}}-{{sha}},value=1.2.3`: the tag is `1.2.3-860c190`, where docker/metadata-action makes `1.2.3-`",
        ),
    ] {
        let found = names(git_ref, rules, "").expect(rules);
        assert_eq!(joined(&docker(git_ref, rules, "").expect(rules)), theirs);
        assert_eq!(joined(&found), ours, "{rules}");
        assert!(
            found.warnings.iter().any(|warning| warning == told),
            "{rules}: {:#?}",
            found.warnings
        );
    }
}

#[test]
fn a_long_branch_is_cut_and_keeps_apart_from_others() {
    let long = format!("refs/heads/dependabot/{}", "x".repeat(140));
    let tag = |git_ref: &str| joined(&names(git_ref, "", "").expect("a tag"));
    assert_eq!(tag(&long).len(), 128);
    assert_ne!(tag(&long), tag(&format!("{long}y")));
    assert_eq!(joined(&docker(&long, "", "").expect("any")).len(), 151);
}

#[test]
fn a_tag_that_no_registry_takes_is_refused_with_its_rule() {
    for (git_ref, rules, because) in [
        ("refs/heads/x", "type=raw,-x", "it starts with `-`"),
        ("refs/heads/x", "type=raw,.{{branch}}", "it starts with `.`"),
        ("refs/heads/ü", "type=raw,{{branch}}", "it starts with `-`"),
        (
            "refs/heads/x",
            "type=raw,value=x,enable=TRUE",
            "`TRUE` is neither true nor false",
        ),
        (
            "refs/heads/x",
            "type=raw,value={{date 'Y' tz='Nowhere/None'}}",
            "unknown time zone",
        ),
    ] {
        let rules = format!("type=sha\n{rules}");
        let problem = names(git_ref, &rules, "").expect_err(&rules).to_string();
        assert!(problem.contains(because), "{problem}");
        assert!(problem.starts_with("tags, line 2, `type=raw,"), "{problem}");
    }
}

#[test]
fn branches_that_become_one_tag_are_refused() {
    let mut facts = facts("refs/heads/feature/a");
    facts.branches = vec!["feature/a".to_owned(), "feature-b".to_owned()];
    let rules = TagRules::parse("", "").expect("the default rules");
    assert!(rules.names(&facts, now()).is_ok());
    facts.branches.push("feature-a".to_owned());
    let problem = rules
        .names(&facts, now())
        .expect_err("they collide")
        .to_string();
    assert!(
        problem
            .contains("the branches `feature/a` and `feature-a` both become the tag `feature-a`"),
        "{problem}"
    );
}

#[test]
fn texts_that_become_one_tag_are_named() {
    let found = names(
        "refs/heads/x",
        "type=raw,a/b\ntype=raw,a#b\ntype=raw,a/b",
        "",
    )
    .expect("tags");
    assert_eq!(joined(&found), "a-b");
    assert_eq!(
        found.warnings,
        ["`a/b` and `a#b` both become the tag `a-b`"]
    );
}

#[test]
fn a_new_branch_or_tag_is_not_the_default_branch() {
    let rules = "type=raw,value=default,enable={{is_default_branch}}\ntype=raw,x";
    for (git_ref, ours, theirs) in [
        ("refs/tags/v1", "x", "default x"),
        ("refs/heads/dev", "x", "default x"),
        ("refs/heads/main", "default x", "default x"),
    ] {
        let created = GitFacts {
            event_name: "create".to_owned(),
            ..facts(git_ref)
        };
        let of = |rules: Result<TagRules, TagRulesError>| {
            joined(
                &rules
                    .and_then(|rules| rules.names(&created, now()))
                    .expect("tags"),
            )
        };
        assert_eq!(of(TagRules::parse(rules, "")), ours, "{git_ref}");
        assert_eq!(
            of(TagRules::parse_as(Dialect::Docker, rules, "")),
            theirs,
            "{git_ref}"
        );
    }
}

#[test]
fn a_component_reads_its_own_tags_only() {
    let rules = "type=semver,pattern={{version}},component=api\ntype=semver,pattern={{major}},component=api\ntype=ref,event=tag,component=api";
    for (tag, expected) in [
        ("api/v1.2.3", "1.2.3 1 v1.2.3 latest"),
        ("api-v1.2.3", "1.2.3 1 v1.2.3 latest"),
        ("api@1.2.3", "1.2.3 1 latest"),
        ("api/v1.3.0-rc.1", "1.3.0-rc.1 v1.3.0-rc.1"),
        ("web/v1.2.3", ""),
        ("v1.2.3", ""),
    ] {
        let found = names(&format!("refs/tags/{tag}"), rules, "").expect(tag);
        assert_eq!(joined(&found), expected, "{tag}");
        let told = found
            .warnings
            .iter()
            .any(|warning| warning.contains("docker"));
        assert!(!told, "{:?}", found.warnings);
    }
    // What the original has no name for, it ignores.
    let theirs = docker(
        "refs/tags/api/v1.2.3",
        "type=semver,pattern={{version}},component=api",
        "",
    )
    .expect("warnings");
    assert_eq!(
        theirs.warnings,
        ["api-v1.2.3 is not a valid semver. More info: https://semver.org/"]
    );
    let other = names(
        "refs/tags/api-gateway-v1.0.0",
        "type=semver,pattern={{version}},component=api",
        "",
    )
    .expect("nothing");
    assert_eq!((joined(&other), other.warnings.len()), (String::new(), 0));
}

#[test]
fn what_became_of_each_rule_is_told() {
    let rules = "type=schedule\ntype=semver,pattern={{version}}\ntype=raw,1.2.3\ntype=raw,x,enable=false\ntype=ref,event=pr\ntype=sha";
    let found = names("refs/tags/v1.2.3", rules, "").expect("tags");
    let steps: Vec<String> = found.steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "line 1, `type=schedule`: no tag: the event is `push`, no schedule",
            "line 2, `type=semver,pattern={{version}}`: `1.2.3`, which is the version",
            "line 5, `type=ref,event=pr`: no tag: `refs/tags/v1.2.3` is no pull request",
            "line 3, `type=raw,1.2.3`: `1.2.3`, which is there already",
            "line 4, `type=raw,x,enable=false`: no tag: its `enable` is false",
            "line 6, `type=sha`: `sha-860c190`",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is written and whatever happened: an answer or an error, and ours is what registries take.
    #[test]
    fn no_rules_and_no_event_break_the_program(
        rules in prop_oneof!["\\PC{0,60}", "(type=(semver|pep440|match|raw|sha|ref|edge|schedule)(,(value|pattern|match|event|group|prefix|suffix|enable|priority|component)=[a-z0-9{}.v()'\" /-]{0,12}){0,3}\n?){0,4}"],
        flavor in "((latest|prefix|suffix|onlatest)=[a-z{}\"',]{0,8}[,\n]?){0,3}",
        git_ref in prop_oneof!["refs/(heads|tags|pull)/[a-z0-9v./_üé&<>#-]{0,30}", "\\PC{0,20}"],
        event_name in "(push|create|schedule|pull_request_target|[a-z]{0,5})",
        number in proptest::option::of(0_u64..100),
    ) {
        let facts = GitFacts { event_name, pull_request: number, branches: vec![git_ref.clone()], ..facts(&git_ref) };
        if let Ok(names) = TagRules::parse(&rules, &flavor).and_then(|rules| rules.names(&facts, now())) {
            let all = names.all();
            for (at, name) in all.iter().enumerate() {
                prop_assert!(name.parse::<crate::image::Tag>().is_ok(), "{name}");
                prop_assert!(!all[..at].contains(name), "{all:?}");
            }
        }
        // The original's answer may be anything but the end of the program.
        drop(TagRules::parse_as(Dialect::Docker, &rules, &flavor).map(|rules| rules.names(&facts, now())));
        drop(LabelLines::parse(TagInput::Labels, &rules).map(|lines| lines.labels(&[], &facts, now())));
        drop(TagImages::parse(&rules));
    }
}

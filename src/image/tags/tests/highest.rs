//! What moves only with the highest version.

use super::*;
use crate::image::Tag;

const SEMVER: &str = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}\ntype=sha";

fn known(git: &[&str], registry: &[&str]) -> KnownTags {
    let tags = registry
        .iter()
        .map(|tag| tag.parse::<Tag>().expect("a tag"));
    KnownTags {
        git: git.iter().map(|tag| (*tag).to_owned()).collect(),
        registry: RegistryTags::Listed(tags.collect()),
    }
}

/// The tags that move, and those that are left.
fn settled(git_ref: &str, rules: &str, flavor: &str, known: &KnownTags) -> (String, String) {
    let rules = TagRules::parse(rules, flavor).expect("rules");
    let computed = rules.compute(&facts(git_ref), now()).expect("tags");
    let settled = computed.settle(known);
    let moves: Vec<&str> = settled.moves.iter().map(Tag::as_str).collect();
    let left: Vec<&str> = settled.left.iter().map(|left| left.tag.as_str()).collect();
    (moves.join(" "), left.join(" "))
}

#[test]
fn a_tag_that_moves_from_version_to_version_stays_with_the_highest() {
    for (git, registry, moves, left) in [
        (&[][..], &[][..], "1.2.3 1.2 1 sha-860c190 latest", ""),
        (
            &["v1.2.3", "v1.2.2", "v0.9.0"],
            &["1.2.2", "1.2", "1", "latest"],
            "1.2.3 1.2 1 sha-860c190 latest",
            "",
        ),
        // A backport: a higher version is known to git, to the registry, or only as a part of one.
        (&["v1.3.0"], &[], "1.2.3 1.2 sha-860c190", "1 latest"),
        (&[], &["1.3.0"], "1.2.3 1.2 sha-860c190", "1 latest"),
        (&[], &["1.3"], "1.2.3 1.2 sha-860c190", "1 latest"),
        (&[], &["2"], "1.2.3 1.2 1 sha-860c190", "latest"),
        (&["v2.0.0"], &["1.2.4"], "1.2.3 sha-860c190", "1.2 1 latest"),
        (&["v1.10.0"], &[], "1.2.3 1.2 sha-860c190", "1 latest"),
        // Neither pre-releases nor what is no version count, nor the tags of other parts.
        (
            &["v2.0.0-rc.1", "nightly-9", "web/v9.0.0"],
            &["2.0.0-rc.1", "sha-9999999", "main", "latest"],
            "1.2.3 1.2 1 sha-860c190 latest",
            "",
        ),
    ] {
        let found = settled("refs/tags/v1.2.3", SEMVER, "", &known(git, registry));
        assert_eq!(
            (found.0.as_str(), found.1.as_str()),
            (moves, left),
            "{git:?} {registry:?}"
        );
    }
}

#[test]
fn a_silent_registry_leaves_what_moves_where_it_is() {
    let silent = KnownTags {
        git: Vec::new(),
        registry: RegistryTags::Silent {
            because: "it did not answer".to_owned(),
        },
    };
    let found = settled("refs/tags/v1.2.3", SEMVER, "", &silent);
    assert_eq!(
        found,
        ("1.2.3 sha-860c190".to_owned(), "1.2 1 latest".to_owned())
    );
    // What comes from no version is moved as told.
    let found = settled(
        "refs/heads/main",
        "type=ref,event=branch\ntype=sha",
        "latest=true",
        &silent,
    );
    assert_eq!(found, ("main sha-860c190 latest".to_owned(), String::new()));
}

#[test]
fn the_reason_names_what_is_higher() {
    let rules = TagRules::parse(SEMVER, "").expect("rules");
    let computed = rules
        .compute(&facts("refs/tags/v1.2.3"), now())
        .expect("tags");
    assert!(computed.floats());
    let left = computed.settle(&known(&["v1.4.0"], &[])).left;
    assert_eq!(left.len(), 2);
    assert_eq!(left[0].because, "`v1.4.0` is higher than 1.2.3");
    let plain = TagRules::parse("type=sha\ntype=semver,pattern={{version}}", "latest=false")
        .expect("rules");
    let plain = plain
        .compute(&facts("refs/tags/v1.2.3"), now())
        .expect("tags");
    assert!(
        !plain.floats(),
        "nothing of it moves, so nobody has to be asked"
    );
}

#[test]
fn variants_components_and_other_types_have_their_own_highest() {
    for (git_ref, rules, flavor, git, registry, moves, left) in [
        // The flavor's suffix: only tags of the same variant count.
        (
            "refs/tags/v1.2.3",
            "type=semver,pattern={{major}}",
            "suffix=-alpine,onlatest=true",
            &[][..],
            &["1.9.0", "1.9.0-debian"][..],
            "1-alpine latest-alpine",
            "",
        ),
        (
            "refs/tags/v1.2.3",
            "type=semver,pattern={{major}}",
            "suffix=-alpine,onlatest=true",
            &[],
            &["1.9.0-alpine"],
            "",
            "1-alpine latest-alpine",
        ),
        (
            "refs/tags/api/v1.2.3",
            "type=semver,pattern={{major}},component=api",
            "",
            &["web/v2.0.0", "v3.0.0", "api/v1.2.2"],
            &[],
            "1 latest",
            "",
        ),
        (
            "refs/tags/api/v1.2.3",
            "type=semver,pattern={{major}},component=api",
            "",
            &["api-v1.4.0"],
            &[],
            "",
            "1 latest",
        ),
        (
            "refs/tags/api/v1.2.3",
            r#"type=semver,pattern={{major}},"match=v(\d+\.\d+\.\d+)$""#,
            "",
            &["web/v2.0.0", "api/v1.2.2"],
            &[],
            "1 latest",
            "",
        ),
        (
            "refs/tags/api/v1.2.3",
            r#"type=semver,pattern={{major}},"match=v(\d+\.\d+\.\d+)$""#,
            "",
            &["api/v2.0.0"],
            &[],
            "1",
            "latest",
        ),
        // The tag itself, and a part of it by a regular expression.
        (
            "refs/tags/v1.2.3",
            "",
            "",
            &["v1.3.0"],
            &[],
            "v1.2.3",
            "latest",
        ),
        (
            "refs/tags/v1.2.3",
            r"type=match,pattern=\d+\.\d+",
            "",
            &["v1.2.9"],
            &[],
            "",
            "1.2 latest",
        ),
        (
            "refs/tags/v1.2.3",
            r"type=match,pattern=\d+\.\d+",
            "",
            &["v1.3.0"],
            &[],
            "1.2",
            "latest",
        ),
        (
            "refs/tags/v1.2.3",
            r"type=match,pattern=\d+\.\d+",
            "",
            &[],
            &["1.2.9"],
            "",
            "1.2 latest",
        ),
        // A rule that names it itself.
        (
            "refs/tags/v1.2.3",
            "type=semver,pattern={{version}}\ntype=raw,latest",
            "latest=false",
            &["v2.0.0"],
            &[],
            "1.2.3",
            "latest",
        ),
        (
            "refs/tags/1.2",
            "type=pep440,pattern={{version}}\ntype=pep440,pattern={{major}}",
            "",
            &["1!0.1"],
            &[],
            "1.2 1",
            "latest",
        ),
        (
            "refs/tags/1.2",
            "type=pep440,pattern={{version}}\ntype=pep440,pattern={{major}}",
            "",
            &["1.10"],
            &["20200110"],
            "1.2",
            "1 latest",
        ),
        // A number alone is no version where no rule makes such tags.
        (
            "refs/tags/v1.2.3",
            "type=semver,pattern={{version}}",
            "",
            &[],
            &["20200110", "4711"],
            "1.2.3 latest",
            "",
        ),
        (
            "refs/tags/release1",
            "",
            "",
            &["v9.0.0"],
            &["9.0.0"],
            "release1 latest",
            "",
        ),
    ] {
        let found = settled(git_ref, rules, flavor, &known(git, registry));
        assert_eq!(
            (found.0.as_str(), found.1.as_str()),
            (moves, left),
            "{git_ref} {rules} {git:?} {registry:?}"
        );
    }
}

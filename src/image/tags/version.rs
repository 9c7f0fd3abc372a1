//! Versions in the tags of git: semantic ones and those of Python (PEP 440).

use std::sync::LazyLock;

use regex::Regex;

use super::template::VersionParts;

/// A version that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Understood {
    pub(super) parts: VersionParts,
    /// Compares as the versions do, among releases.
    pub(super) order: Order,
    /// Whether it is a release: no pre-release, and for Python neither a post- nor a development release.
    pub(super) release: bool,
    /// Whether it comes before a release.
    pub(super) is_prerelease: bool,
}

/// Numbers of a version, most significant first, without zeros at their end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(Vec<Number>);

/// A number of any length: by its length, then by its digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Number(usize, String);

impl Order {
    fn of<'n>(numbers: impl IntoIterator<Item = &'n str>) -> Self {
        let numbers = numbers.into_iter().map(|digits| {
            let digits = digits.trim_start_matches('0');
            Number(digits.len(), digits.to_owned())
        });
        let mut numbers: Vec<Number> = numbers.collect();
        while numbers.last().is_some_and(|last| last.0 == 0) {
            numbers.pop();
        }
        Self(numbers)
    }
}

/// Reads a semantic version, with `v` before it; the build's metadata is left out of `version`.
pub(super) fn semantic(raw: &str) -> Option<Understood> {
    let text = raw.trim();
    let version = semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()?;
    let release = version.pre.is_empty();
    let mut shown = format!("{}.{}.{}", version.major, version.minor, version.patch);
    if !release {
        shown.push('-');
        shown.push_str(&version.pre);
    }
    let parts = VersionParts {
        raw: raw.to_owned(),
        version: shown,
        major: version.major.to_string(),
        minor: version.minor.to_string(),
        patch: version.patch.to_string(),
    };
    Some(Understood {
        order: Order::of([&*parts.major, &*parts.minor, &*parts.patch]),
        parts,
        release,
        is_prerelease: !release,
    })
}

/// The grammar of PEP 440, appendix B, read without regard to case.
static PYTHON: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?xi) ^ \s* v?
        (?: (?P<epoch>[0-9]+) ! )?
        (?P<release> [0-9]+ (?: \. [0-9]+ )* )
        (?P<pre> [-_.]? (?P<pre_l> alpha|a|beta|b|preview|pre|c|rc ) [-_.]? (?P<pre_n> [0-9]+ )? )?
        (?P<post> - (?P<post_n1> [0-9]+ ) | [-_.]? (?: post|rev|r ) [-_.]? (?P<post_n2> [0-9]+ )? )?
        (?P<dev> [-_.]? dev [-_.]? (?P<dev_n> [0-9]+ )? )?
        (?: \+ (?P<local> [a-z0-9]+ (?: [-_.] [a-z0-9]+ )* ) )?
        \s* $";
    Regex::new(pattern).expect("the pattern above is a literal")
});

/// Reads a version of Python and writes it in its normal form.
pub(super) fn python(raw: &str) -> Option<Understood> {
    python_with(raw, ".")
}

/// As [`python`], but the parts of a local version stand between commas, which the original turns into `-`.
pub(super) fn python_of_the_original(raw: &str) -> Option<Understood> {
    python_with(raw, ",")
}

fn python_with(raw: &str, between_locals: &str) -> Option<Understood> {
    let found = PYTHON.captures(raw)?;
    let number = |name: &str| -> String {
        let digits = found
            .name(name)
            .map_or("0", |digits| digits.as_str())
            .trim_start_matches('0');
        if digits.is_empty() {
            "0".to_owned()
        } else {
            digits.to_owned()
        }
    };
    let release: Vec<_> = found["release"]
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" => "0",
            part => part,
        })
        .collect();
    let mut version = release.join(".");
    if found.name("epoch").is_some() && number("epoch") != "0" {
        version = format!("{}!{version}", number("epoch"));
    }
    if let Some(kind) = found.name("pre_l") {
        let kind = match kind.as_str().to_lowercase().as_str() {
            "a" | "alpha" => "a",
            "b" | "beta" => "b",
            _ => "rc",
        };
        version.push_str(&format!("{kind}{}", number("pre_n")));
    }
    if found.name("post").is_some() {
        let group = if found.name("post_n1").is_some() {
            "post_n1"
        } else {
            "post_n2"
        };
        version.push_str(&format!(".post{}", number(group)));
    }
    if found.name("dev").is_some() {
        version.push_str(&format!(".dev{}", number("dev_n")));
    }
    if let Some(local) = found.name("local") {
        let local = local.as_str().to_lowercase();
        let parts = local.split(['-', '_', '.']).map(|part| {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            let digits = part.trim_start_matches('0');
            match (is_number, digits) {
                (true, "") => "0",
                (true, digits) => digits,
                (false, _) => part,
            }
        });
        let parts: Vec<&str> = parts.collect();
        version.push_str(&format!("+{}", parts.join(between_locals)));
    }
    let epoch = number("epoch");
    let order = Order::of(std::iter::once(&*epoch).chain(release.iter().copied()));
    let part = |at: usize| release.get(at).copied().unwrap_or("0").to_owned();
    Some(Understood {
        parts: VersionParts {
            raw: raw.to_owned(),
            major: part(0),
            minor: part(1),
            patch: part(2),
            version,
        },
        order,
        release: ["pre", "post", "dev"]
            .iter()
            .all(|name| found.name(name).is_none()),
        is_prerelease: ["pre", "dev"].iter().any(|name| found.name(name).is_some()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semantic_versions_are_read_strictly() {
        for (raw, version, release) in [
            ("v1.2.3", "1.2.3", true),
            ("1.2.3+build.5", "1.2.3", true),
            ("v2.0.8-beta.67", "2.0.8-beta.67", false),
        ] {
            let understood = semantic(raw).expect(raw);
            assert_eq!(
                (understood.parts.version.as_str(), understood.release),
                (version, release)
            );
        }
        for raw in [
            "v1", "1.2", "01.2.3", "sometag", "", "c-v1.2.3", "=1.2.3", "vv1.2.3",
        ] {
            assert_eq!(semantic(raw), None, "{raw}");
        }
    }

    #[test]
    fn versions_compare_by_their_numbers() {
        let order = |read: fn(&str) -> Option<Understood>, raw: &str| read(raw).expect(raw).order;
        let semver = |raw| order(semantic, raw);
        assert!(semver("1.10.0") > semver("v1.9.9"));
        assert!(semver("2.0.0") > semver("1.99.99"));
        assert_eq!(semver("1.2.3+a"), semver("v1.2.3+b"));
        let pep440 = |raw| order(python, raw);
        assert_eq!(pep440("1.2"), pep440("v1.2.0.0"));
        assert!(pep440("1!0.1") > pep440("2024.1"));
        assert!(pep440("1.100000000000000000000000") > pep440("1.99999999999999999999999"));
    }

    #[test]
    fn pythons_versions_are_written_in_their_normal_form() {
        for (raw, version, release) in [
            ("v1.1.1", "1.1.1", true),
            ("1.2", "1.2", true),
            ("1.1beta2", "1.1b2", false),
            ("1.2post1", "1.2.post1", false),
            ("1.2-1", "1.2.post1", false),
            ("1.0dev4", "1.0.dev4", false),
            ("v1.2.3rc2", "1.2.3rc2", false),
            ("1!2.0-ALPHA_3+Local.1", "1!2.0a3+local.1", false),
            ("1.2+build-007.0", "1.2+build.7.0", true),
        ] {
            let understood = python(raw).expect(raw);
            assert_eq!(
                (understood.parts.version.as_str(), understood.release),
                (version, release),
                "{raw}"
            );
        }
        assert_eq!(python("sometag"), None);
        let original = python_of_the_original("1.2+build.5").expect("it is one");
        assert_eq!(original.parts.version, "1.2+build,5");
    }
}

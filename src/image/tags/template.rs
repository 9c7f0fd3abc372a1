//! `{{…}}` in rules: the part of Handlebars that the original's rules use.

use jiff::{Timestamp, tz::TimeZone};

use super::{date, dialect::Dialect};

/// A text with values in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value { name: Name, escape: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Branch,
    Tag,
    Sha,
    BaseRef,
    IsDefaultBranch,
    IsNotDefaultBranch,
    Date {
        format: Option<String>,
        zone: Option<String>,
    },
    CommitDate {
        format: Option<String>,
        zone: Option<String>,
    },
    Raw,
    Version,
    Major,
    Minor,
    Patch,
    /// Stands for nothing, as in the original.
    Unknown,
}

/// Where a text stands: the original knows other names at each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scope {
    /// Values, prefixes, suffixes, `enable`, labels.
    #[default]
    Global,
    /// The pattern of a schedule.
    Schedule,
    /// The pattern of a version.
    Version,
}

/// What values stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) dialect: Dialect,
    pub(super) scope: Scope,
    pub(super) branch: String,
    pub(super) tag: String,
    pub(super) sha: String,
    pub(super) base_ref: String,
    pub(super) is_default_branch: bool,
    pub(super) now: Timestamp,
    pub(super) commit_date: Timestamp,
    pub(super) version: Option<VersionParts>,
}

/// The parts of a version, where a rule is about one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct VersionParts {
    pub(super) raw: String,
    pub(super) version: String,
    pub(super) major: String,
    pub(super) minor: String,
    pub(super) patch: String,
}

impl Template {
    pub(super) fn literal(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            pieces.push(Piece::Text(rest[..start].to_owned()));
            let after = &rest[start..];
            let (open, close) = if after.starts_with("{{{") {
                ("{{{", "}}}")
            } else {
                ("{{", "}}")
            };
            let inside = &after[open.len()..];
            let end = inside
                .find(close)
                .ok_or_else(|| format!("`{after}` is not closed"))?;
            pieces.push(Piece::Value {
                name: Name::parse(inside[..end].trim(), dialect)?,
                escape: open.len() == 2 && dialect == Dialect::Docker,
            });
            rest = &inside[end + close.len()..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }

    /// Whether it is `{{raw}}` and nothing else.
    pub(super) fn is_raw(&self) -> bool {
        matches!(
            self.0.as_slice(),
            [Piece::Value {
                name: Name::Raw,
                ..
            }]
        )
    }

    pub(super) fn render(&self, values: &Values) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Value { name, escape: true } => text.push_str(&escape(&name.value(values)?)),
                Piece::Value {
                    name,
                    escape: false,
                } => text.push_str(&name.value(values)?),
            }
        }
        Ok(text)
    }
}

impl Name {
    fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        if text.starts_with('!') {
            return Ok(Self::Unknown);
        }
        if text.starts_with(['#', '/', '>', '^', '&', '~', '{']) {
            return Err(format!(
                "`{{{{{text}}}}}` is a block, a part or a sign of Handlebars that rules do not read; expected a name"
            ));
        }
        let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let dated = |make: fn(Option<String>, Option<String>) -> Self| {
            let (format, zone) = read_date(arguments)?;
            Ok(make(format, zone))
        };
        match name {
            "date" => return dated(|format, zone| Self::Date { format, zone }),
            "commit_date" => return dated(|format, zone| Self::CommitDate { format, zone }),
            _ => {}
        }
        if !arguments.trim().is_empty() {
            return Err(format!(
                "`{{{{{text}}}}}` has arguments, only `date` and `commit_date` take some"
            ));
        }
        Ok(match name {
            "branch" => Self::Branch,
            "tag" => Self::Tag,
            "sha" => Self::Sha,
            "base_ref" => Self::BaseRef,
            "is_default_branch" => Self::IsDefaultBranch,
            "is_not_default_branch" => Self::IsNotDefaultBranch,
            "raw" => Self::Raw,
            "version" => Self::Version,
            "major" => Self::Major,
            "minor" => Self::Minor,
            "patch" => Self::Patch,
            _ if dialect == Dialect::Docker => Self::Unknown,
            other => {
                return Err(format!(
                    "unknown `{{{{{other}}}}}`; expected branch, tag, sha, base_ref, is_default_branch, is_not_default_branch, \
                     date, commit_date, and for versions raw, version, major, minor or patch"
                ));
            }
        })
    }

    /// Whether the original knows the name at a place.
    fn is_known_in(&self, scope: Scope) -> bool {
        match self {
            Self::Date { .. } | Self::CommitDate { .. } => scope != Scope::Version,
            Self::Raw | Self::Version | Self::Major | Self::Minor | Self::Patch => {
                scope == Scope::Version
            }
            Self::Branch
            | Self::Tag
            | Self::Sha
            | Self::BaseRef
            | Self::IsDefaultBranch
            | Self::IsNotDefaultBranch => scope == Scope::Global,
            Self::Unknown => false,
        }
    }

    fn value(&self, values: &Values) -> Result<String, String> {
        if values.dialect == Dialect::Docker && !self.is_known_in(values.scope) {
            return match self {
                Self::Date { .. } | Self::CommitDate { .. } => Err(
                    "docker/metadata-action knows no date in the pattern of a version".to_owned(),
                ),
                _ => Ok(String::new()),
            };
        }
        // As in the original, a part of a version is empty where there is none.
        let part = |part: fn(&VersionParts) -> &String| {
            values
                .version
                .as_ref()
                .map(part)
                .cloned()
                .unwrap_or_default()
        };
        Ok(match self {
            Self::Branch => values.branch.clone(),
            Self::Tag => values.tag.clone(),
            Self::Sha => values.sha.clone(),
            Self::BaseRef => values.base_ref.clone(),
            Self::IsDefaultBranch => values.is_default_branch.to_string(),
            Self::IsNotDefaultBranch => (!values.is_default_branch).to_string(),
            Self::Unknown => String::new(),
            Self::Date { format, zone } => {
                show(values, values.now, format.as_deref(), zone.as_deref())?
            }
            Self::CommitDate { format, zone } => show(
                values,
                values.commit_date,
                format.as_deref(),
                zone.as_deref(),
            )?,
            Self::Raw => part(|version| &version.raw),
            Self::Version => part(|version| &version.version),
            Self::Major => part(|version| &version.major),
            Self::Minor => part(|version| &version.minor),
            Self::Patch => part(|version| &version.patch),
        })
    }
}

fn show(
    values: &Values,
    at: Timestamp,
    format: Option<&str>,
    zone: Option<&str>,
) -> Result<String, String> {
    let zone = match zone.map(|name| (name, TimeZone::get(name))) {
        None => TimeZone::UTC,
        Some((_, Ok(zone))) => zone,
        // The original writes to its log, and goes on with the runner's zone.
        Some((_, Err(_))) if values.dialect == Dialect::Docker => TimeZone::UTC,
        Some((name, Err(_))) => {
            return Err(format!(
                "unknown time zone `{name}`; expected one such as `Europe/Paris`"
            ));
        }
    };
    Ok(date::format(&at.to_zoned(zone), format))
}

/// Reads `'FORMAT' tz='ZONE'`. A format without quotes is a name that stands for nothing, as in the original.
fn read_date(arguments: &str) -> Result<(Option<String>, Option<String>), String> {
    let mut format = None;
    let mut zone = None;
    let mut rest = arguments.trim();
    while !rest.is_empty() {
        let (key, value_start) = match rest.find(['\'', '"', ' ']) {
            Some(at) if rest[..at].ends_with('=') => (Some(&rest[..at - 1]), &rest[at..]),
            _ => (None, rest),
        };
        let (value, after) = match value_start.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let inside = &value_start[1..];
                let end = inside
                    .find(quote)
                    .ok_or_else(|| format!("a quote in `{arguments}` is not closed"))?;
                (Some(inside[..end].to_owned()), &inside[end + 1..])
            }
            _ => {
                let end = value_start
                    .find(char::is_whitespace)
                    .unwrap_or(value_start.len());
                (None, &value_start[end..])
            }
        };
        match key {
            None => format = value,
            Some("tz") => zone = value,
            Some(other) => {
                return Err(format!("unknown option `{other}` of a date; expected `tz`"));
            }
        }
        rest = after.trim_start();
    }
    Ok((format, zone))
}

/// The original escapes for HTML, so `a&b` becomes `a&amp;b` and then `a-amp-b`; three braces avoid it.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '`' => escaped.push_str("&#x60;"),
            '=' => escaped.push_str("&#x3D;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(dialect: Dialect, text: &str) -> Result<String, String> {
        let values = Values {
            dialect,
            branch: "a&b".to_owned(),
            sha: "860c190".to_owned(),
            now: "2020-01-10T00:30:00Z".parse().expect("a time"),
            commit_date: "2022-04-19T09:27:24Z".parse().expect("a time"),
            ..Values::default()
        };
        Template::parse(text, dialect)?.render(&values)
    }

    #[test]
    fn values_are_put_in_as_the_original_does() {
        for dialect in [Dialect::Ours, Dialect::Docker] {
            for (text, expected) in [
                ("x-{{ sha }}-{{sha}}", "x-860c190-860c190"),
                ("{{{branch}}}", "a&b"),
                ("{{tag}}", ""),
                (
                    "{{is_default_branch}}/{{is_not_default_branch}}",
                    "false/true",
                ),
                ("{{date 'YYYYMMDD-HHmmss' tz='UTC'}}", "20200110-003000"),
                ("{{date 'HH:mm' tz='Asia/Tokyo'}}", "09:30"),
                ("{{commit_date \"YYYY-MM-DD\"}}", "2022-04-19"),
                ("{{commit_date YYYY}}", "2022-04-19T09:27:24Z"),
                ("{{version}}", ""),
                ("a{{! why }}b", "ab"),
                ("a { b } }}", "a { b } }}"),
            ] {
                assert_eq!(render(dialect, text).as_deref(), Ok(expected), "{text}");
            }
            for bad in [
                "{{date 'YYYY' zone='UTC'}}",
                "{{date 'YYYY}}",
                "{{sha 'x'}}",
                "{{#if tag}}x{{/if}}",
            ] {
                assert!(render(dialect, bad).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn only_the_original_escapes_for_html_and_leaves_out_what_it_does_not_know() {
        for (text, docker, ours) in [
            ("{{branch}}", "a&amp;b", Ok("a&b")),
            ("x{{nope}}", "x", Err("unknown `{{nope}}`")),
            ("{{}}", "", Err("unknown `{{}}`")),
            (
                "{{date 'Y' tz='Nowhere/None'}}",
                "2020",
                Err("unknown time zone"),
            ),
        ] {
            assert_eq!(
                render(Dialect::Docker, text).as_deref(),
                Ok(docker),
                "{text}"
            );
            match (render(Dialect::Ours, text), ours) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn only_raw_alone_is_raw() {
        for (pattern, raw) in [
            ("{{ raw }}.{{ version }}", false),
            ("{{ version }},{{raw }.", false),
            ("{{ raw }}", true),
            ("{{ raw}}", true),
            ("{{raw}}", true),
            ("v{{raw}}", false),
        ] {
            let found = Template::parse(pattern, Dialect::Docker);
            assert_eq!(found.is_ok_and(|found| found.is_raw()), raw, "{pattern}");
        }
    }
}

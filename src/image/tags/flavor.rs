//! What goes for all rules: whether `latest` is moved, prefix and suffix.

use super::{
    dialect::Dialect,
    lines::{Line, fields, lines},
    problem::{TagInput, TagProblem},
    template::Template,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Flavor {
    /// `None` where the first rule decides.
    pub(super) latest: Option<bool>,
    pub(super) prefix: Affix,
    pub(super) suffix: Affix,
}

/// A text before or after each tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Affix {
    pub(super) text: Template,
    pub(super) on_latest: bool,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Prefix,
    Suffix,
}

impl Flavor {
    pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Self, Vec<TagProblem>> {
        let mut flavor = Self::default();
        let mut problems = Vec::new();
        for line in lines(TagInput::Flavor, text) {
            let Some(fields) = fields(line.text) else {
                problems.push(line.wrong("a quote is not closed"));
                continue;
            };
            let mut last = None;
            for field in fields {
                problems.extend(flavor.take(line, &field, &mut last, dialect).err());
            }
        }
        match problems.is_empty() {
            true => Ok(flavor),
            false => Err(problems),
        }
    }

    fn take(
        &mut self,
        line: Line<'_>,
        field: &str,
        last: &mut Option<Side>,
        dialect: Dialect,
    ) -> Result<(), TagProblem> {
        let no_part = || {
            line.wrong(format!(
                "`{field}` is no part of a flavor; expected latest, prefix, suffix, or onlatest behind one of these"
            ))
        };
        let (key, value) = field.split_once('=').ok_or_else(no_part)?;
        let value = value.trim();
        let template = || Template::parse(value, dialect).map_err(|because| line.wrong(because));
        match (key.trim().to_lowercase().as_str(), *last) {
            ("latest", _) => {
                self.latest = read_latest(value).map_err(|because| line.wrong(because))?;
            }
            ("prefix", _) => {
                self.prefix.text = template()?;
                *last = Some(Side::Prefix);
            }
            ("suffix", _) => {
                self.suffix.text = template()?;
                *last = Some(Side::Suffix);
            }
            ("onlatest", side) => {
                let on_latest = read_bool(value).map_err(|because| line.wrong(because))?;
                match side {
                    Some(Side::Prefix) => self.prefix.on_latest = on_latest,
                    Some(Side::Suffix) => self.suffix.on_latest = on_latest,
                    // The original takes it, and it does nothing.
                    None if dialect == Dialect::Docker => {}
                    None => return Err(no_part()),
                }
            }
            _ => return Err(no_part()),
        }
        Ok(())
    }
}

fn read_latest(text: &str) -> Result<Option<bool>, String> {
    match text {
        "auto" => Ok(None),
        other => read_bool(other)
            .map(Some)
            .map_err(|_| format!("unknown `latest={other}`; expected auto, true or false")),
    }
}

pub(super) fn read_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("`{other}` is neither true nor false")),
    }
}

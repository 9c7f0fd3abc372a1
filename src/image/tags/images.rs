//! The list of images that tags are put on.

use super::{
    flavor::read_bool,
    lines::{Line, fields, lines},
    problem::{TagInput, TagProblem, TagRulesError},
};

/// Names of images, lower-cased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagImages {
    /// Those that are enabled.
    names: Vec<String>,
    /// How many stand in the list and are not enabled.
    n_disabled: usize,
}

impl TagImages {
    /// Reads a list of images: a name a line, or `name=NAME,enable=true`; a single line may hold several names.
    ///
    /// # Errors
    /// If lines have other attributes, no name, or an `enable` that is neither true nor false.
    pub fn parse(text: &str) -> Result<Self, TagRulesError> {
        let all: Vec<Line<'_>> = lines(TagInput::Images, text).collect();
        if let [only] = all.as_slice()
            && let Some(names) = several(only)
        {
            return Ok(Self {
                names,
                n_disabled: 0,
            });
        }
        let mut images = Self::default();
        let mut problems = Vec::new();
        for line in all {
            match read(&line) {
                Ok((name, true)) => images.names.push(name),
                Ok((_, false)) => images.n_disabled += 1,
                Err(problem) => problems.push(problem),
            }
        }
        match problems.is_empty() {
            true => Ok(images),
            false => Err(TagRulesError::new(problems)),
        }
    }

    /// Returns the names of those that are enabled.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the list names images, and none of them is enabled.
    pub fn all_disabled(&self) -> bool {
        self.names.is_empty() && self.n_disabled > 0
    }
}

/// The old form of the list: names in one line.
fn several(line: &Line<'_>) -> Option<Vec<String>> {
    let fields = fields(line.text)?;
    let names = fields.iter().map(|field| field.trim().to_lowercase());
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    (!names.is_empty() && fields.iter().all(|field| !field.contains('='))).then_some(names)
}

fn read(line: &Line<'_>) -> Result<(String, bool), TagProblem> {
    let mut name = String::new();
    let mut enabled = true;
    for field in fields(line.text).ok_or_else(|| line.wrong("a quote is not closed"))? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.trim().to_lowercase(), value.trim()),
            None => ("name".to_owned(), field.trim()),
        };
        match key.as_str() {
            "name" => name = value.to_lowercase(),
            "enable" => {
                enabled = read_bool(value).map_err(|because| line.wrong(because))?;
            }
            other => {
                return Err(line.wrong(format!(
                    "unknown attribute `{other}`; expected name or enable"
                )));
            }
        }
    }
    match name.is_empty() {
        false => Ok((name, enabled)),
        true => Err(line.wrong("it has no name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_one_a_line_or_all_in_one() {
        for (text, expected) in [
            ("", &[][..]),
            (
                "org/app\nghcr.io/MyUSER/MyApp",
                &["org/app", "ghcr.io/myuser/myapp"],
            ),
            ("org/app, ghcr.io/a/b", &["org/app", "ghcr.io/a/b"]),
            ("name=org/app\nghcr.io/a/b,enable=false", &["org/app"]),
            ("name=org/app,enable=true", &["org/app"]),
        ] {
            let images = TagImages::parse(text).expect(text);
            assert_eq!(images.names(), expected, "{text}");
        }
        let none = TagImages::parse("a/b,enable=false").expect("a list");
        assert!(none.all_disabled());
    }

    #[test]
    fn all_wrong_lines_are_told() {
        let problems = TagImages::parse("a/b\nname=,enable=true\nx,enable=1\n\"x\nx,tag=y")
            .expect_err("four are wrong");
        let told: Vec<String> = problems
            .problems()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "images, line 2, `name=,enable=true`: it has no name",
                "images, line 3, `x,enable=1`: `1` is neither true nor false",
                "images, line 4, `\"x`: a quote is not closed",
                "images, line 5, `x,tag=y`: unknown attribute `tag`; expected name or enable",
            ]
        );
    }
}

//! The check `file`: files of the plan's folder.
mod facts;
mod find;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::time::timeout;

use crate::{
    expression::Value,
    probe::{
        Evidence, Observations, ProbeError, Unit,
        file::{
            facts::{FileFacts, read_facts},
            find::{Found, find},
        },
        observation::count,
        repository::Git,
    },
};

/// What git says of each path; nothing where there is no repository or no git.
struct GitFacts {
    ignored: Option<Vec<bool>>,
    tracked: Option<Vec<bool>>,
}

/// What the check `file` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileQuestion {
    /// Paths relative to the plan's folder; `*`, `?`, `[…]` and `**` make a pattern of one. A pattern matches files,
    /// never folders, and nothing below `.git`.
    pub paths: Vec<String>,
}

/// Looks at files below `root`. One path that is no pattern gives each observation as it is; several, or a pattern,
/// give lists with an element a file.
///
/// Observes `count`, and of each file `mode` (four octal digits), `lines`, `words`, `headings` and `fences` (numbers
/// of them, in Markdown), `size`, `sha256` (64 hexadecimal digits), `content` (of a file up to 1 MiB), `ignored` and
/// `tracked` (by git; also of a path where nothing is).
///
/// # Errors
/// A path leads out of `root`, a file cannot be read, or there is too much of them.
pub async fn ask_file(
    question: &FileQuestion,
    root: &Utf8Path,
    git: &Git<'_>,
    limit: Duration,
) -> Result<Evidence, ProbeError> {
    let looking = look(question.paths.clone(), root.to_owned(), git);
    timeout(limit, looking)
        .await
        .map_err(|_| ProbeError::Timeout {
            what: "reading files",
            limit,
        })?
}

async fn look(
    paths: Vec<String>,
    root: Utf8PathBuf,
    git: &Git<'_>,
) -> Result<Evidence, ProbeError> {
    let folder = root.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let found = find(&paths, &folder)?;
        let facts = read_facts(&found.files, &folder)?;
        Ok::<_, ProbeError>((found, facts))
    });
    let (found, facts) = reading
        .await
        .map_err(|error| ProbeError::Internal(format!("reading files broke off: {error}")))??;
    let named: Vec<&Utf8Path> = found
        .files
        .iter()
        .chain(&found.missing)
        .map(Utf8PathBuf::as_path)
        .collect();
    let git = GitFacts {
        ignored: git.ignored(&root, &named).await?,
        tracked: git.tracked(&root, &named).await?,
    };
    Ok(Evidence {
        holds: holds(&found),
        observed: observe(&found, &facts, &git),
    })
}

fn holds(found: &Found) -> Result<(), String> {
    let missing: Vec<String> = found
        .missing
        .iter()
        .map(|path| format!("`{path}` is not there"))
        .chain(
            found
                .unmatched
                .iter()
                .map(|pattern| format!("nothing matches `{pattern}`")),
        )
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing.join("; "))
    }
}

fn observe(found: &Found, facts: &[FileFacts], git: &GitFacts) -> Observations {
    let shape = |values: Vec<Value>| match found.single {
        true => values.into_iter().next().unwrap_or_default(),
        false => Value::List(values),
    };
    let each = |of: fn(&FileFacts) -> Value| shape(facts.iter().map(of).collect());
    let number = |number: Option<u64>| number.map_or(Value::Null, count);
    let mut observed = Observations::new();
    observed.add("count", count(found.files.len() as u64));
    observed.add(
        "mode",
        each(|file| Value::Text(format!("{:04o}", file.mode))),
    );
    for (name, of) in FileFacts::COUNTS {
        observed.add(
            name,
            shape(facts.iter().map(|file| number(of(file))).collect()),
        );
    }
    let sizes = facts.iter().map(|file| number(file.size)).collect();
    observed.add_in("size", shape(sizes), Unit::Bytes);
    observed.add("sha256", each(|file| text(file.sha256.clone())));
    observed.add("content", each(|file| text(file.content.clone())));
    let flags = |flags: &Option<Vec<bool>>| match flags {
        Some(flags) => shape(flags.iter().copied().map(Value::Boolean).collect()),
        None => Value::Null,
    };
    observed.add("ignored", flags(&git.ignored));
    observed.add("tracked", flags(&git.tracked));
    observed
}

fn text(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

#[cfg(test)]
mod tests;

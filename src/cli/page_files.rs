//! What the page shows besides the summary, gathered from the ledger: runs, ends of logs, parts of fingerprints.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Seek as _, SeekFrom},
};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::{CliError, report_files::Replayed};
use crate::{
    checkpoint::{State, Summary},
    event::LogRef,
    graph::TaskGraph,
    ident::TaskKey,
    ledger::{fingerprint_parts, walk_folder},
    page::{
        Content, History, LogView, Logs, MadeOf, Part, Variant, link_of_path, live_parts, tail,
        to_html,
    },
    plan::fingerprint::changes,
};

/// Folder of the logs, beside a page that has copies of them and below the address of a served one.
const LOGS: &str = "logs";
/// Lines of a log that are shown where something went wrong, or goes on.
const LINES_OF_TROUBLE: usize = 40;
/// Lines of other logs.
const LINES: usize = 12;
/// How much of the end of a log is read, in bytes.
const END: u64 = 64 * 1024;

/// Where the page's links to logs lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links {
    /// Nowhere: the page has no place of its own.
    None,
    /// From this folder to where the logs lie.
    From(Utf8PathBuf),
    /// To [`LOGS`] beside the page.
    Beside,
}

impl Links {
    /// Returns the links of a page in this file.
    ///
    /// # Errors
    ///
    /// The folder of the file cannot be found.
    pub fn of(page: Option<&Utf8Path>) -> Result<Self, CliError> {
        let Some(page) = page else {
            return Ok(Self::None);
        };
        let folder = page.parent().filter(|folder| !folder.as_str().is_empty());
        let folder = folder.unwrap_or(Utf8Path::new("."));
        folder
            .canonicalize_utf8()
            .map(Self::From)
            .map_err(|error| CliError::file("write", page, &error))
    }

    fn link(&self, file: &Utf8Path, key: &TaskKey, path: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::From(folder) => {
                // A link leads from the real place of the page to the real place of the log.
                let file = file.canonicalize_utf8().ok()?;
                Some(link_of_path(relative(folder, &file).as_str()))
            }
            Self::Beside => Some(link_of_path(beside(key, path).as_str())),
        }
    }
}

/// What a page shows besides the summary.
pub struct Gathered {
    history: History,
    logs: Logs,
    made_of: BTreeMap<TaskKey, MadeOf>,
}

impl Gathered {
    /// Gathers it.
    pub fn of(summary: &Summary, replayed: &Replayed, links: &Links) -> Self {
        let history = history(replayed);
        let tasks = || summary.tasks();
        let logs = tasks()
            .flat_map(|task| {
                let n_lines = if is_trouble(task.state) {
                    LINES_OF_TROUBLE
                } else {
                    LINES
                };
                logs_of(&history, &task.key)
                    .enumerate()
                    .map(move |(index, log)| {
                        (
                            task.key.clone(),
                            log.path.clone(),
                            if index == 0 { n_lines } else { 0 },
                        )
                    })
                    .collect::<Vec<_>>()
            })
            .map(|(key, path, lines)| {
                let view = log_view(replayed, &key, &path, lines, links);
                ((key, path), view)
            })
            .collect();
        let made_of = tasks()
            .filter_map(|task| Some((task.key.clone(), made_of(replayed, &history, &task.key)?)))
            .collect();
        Self {
            history,
            logs,
            made_of,
        }
    }

    fn content<'c>(
        &'c self,
        graph: &'c TaskGraph<'c>,
        summary: &'c Summary,
        running: &'c BTreeMap<TaskKey, String>,
    ) -> Content<'c> {
        Content {
            summary,
            graph,
            history: &self.history,
            logs: &self.logs,
            made_of: &self.made_of,
            running,
        }
    }
}

/// Writes the page of a run that is not followed.
pub fn page(
    graph: &TaskGraph<'_>,
    summary: &Summary,
    replayed: &Replayed,
    links: &Links,
) -> String {
    let gathered = Gathered::of(summary, replayed, links);
    to_html(
        &gathered.content(graph, summary, &BTreeMap::new()),
        Variant::File,
    )
}

/// A served page, and what its body is.
pub struct ServedPage {
    /// The page.
    pub page: String,
    /// The body.
    pub parts: String,
    /// The logs that it links, by their links.
    pub logs: BTreeMap<String, Utf8PathBuf>,
}

/// Writes the page of a run that is followed; `running` are the last lines of what runs, masked.
pub fn served_page(
    graph: &TaskGraph<'_>,
    summary: &Summary,
    replayed: &Replayed,
    running: &BTreeMap<TaskKey, String>,
) -> ServedPage {
    let mut gathered = Gathered::of(summary, replayed, &Links::Beside);
    gathered.history = gathered.history.until(jiff::Timestamp::now());
    let content = gathered.content(graph, summary, running);
    let logs = gathered.logs.iter().filter_map(|((key, path), view)| {
        Some((view.href.clone()?, file_of(replayed, key, path)?))
    });
    ServedPage {
        page: to_html(&content, Variant::Served),
        parts: live_parts(&content),
        logs: logs.collect(),
    }
}

/// Copies all logs that the page links beside it. What an earlier page linked and this one does not is removed.
///
/// # Errors
///
/// A file cannot be written.
pub fn copy_logs(folder: &Utf8Path, replayed: &Replayed) -> Result<(), CliError> {
    let logs = folder.join(LOGS);
    if logs.exists() {
        fs::remove_dir_all(&logs).map_err(|error| CliError::file("remove", &logs, &error))?;
    }
    let history = history(replayed);
    let tasks: BTreeSet<&TaskKey> = history
        .runs
        .iter()
        .flat_map(|run| run.tasks.keys())
        .collect();
    for key in tasks {
        for log in logs_of(&history, key) {
            let Some(from) = file_of(replayed, key, &log.path).filter(|from| from.exists()) else {
                continue;
            };
            let to = folder.join(beside(key, &log.path));
            let parent = to.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(|error| CliError::file("make", parent, &error))?;
            fs::copy(&from, &to).map_err(|error| CliError::file("write", &to, &error))?;
        }
    }
    Ok(())
}

fn history(replayed: &Replayed) -> History {
    History::of(replayed.records.iter().map(Vec::as_slice), |run| {
        replayed.living.contains(run)
    })
}

fn is_trouble(state: State) -> bool {
    matches!(
        state,
        State::Failed
            | State::Interrupted
            | State::RolledBack
            | State::Cancelled
            | State::Running
            | State::Waiting
    )
}

/// The logs of a task, the latest first.
fn logs_of<'h>(history: &'h History, key: &TaskKey) -> impl Iterator<Item = &'h LogRef> {
    let attempts = history.attempts_of(key);
    attempts.filter_map(|(_, attempt)| attempt.end.as_ref()?.log.as_ref())
}

/// The place of a log that a record names; `None` for a path that leads out of the ledger.
fn file_of(replayed: &Replayed, key: &TaskKey, path: &str) -> Option<Utf8PathBuf> {
    let path = Utf8Path::new(path);
    let stays = path
        .components()
        .all(|part| matches!(part, Utf8Component::Normal(_)));
    stays.then(|| walk_folder(&replayed.folder, key.environment.as_ref()).join(path))
}

/// The place of a log beside the page. Its ending tells a browser that it is text.
fn beside(key: &TaskKey, path: &str) -> Utf8PathBuf {
    let walk = key
        .environment
        .as_ref()
        .map_or("none", |environment| environment.as_str());
    let path = path.strip_prefix("logs/").unwrap_or(path);
    Utf8PathBuf::from(format!("{LOGS}/{walk}/{path}.txt"))
}

fn log_view(
    replayed: &Replayed,
    key: &TaskKey,
    path: &str,
    lines: usize,
    links: &Links,
) -> LogView {
    let Some(file) = file_of(replayed, key, path) else {
        return LogView::default();
    };
    // A log that is gone has nothing to show, and no link.
    let Some((text, is_whole)) = end_of(&file) else {
        return LogView::default();
    };
    let (tail, has_more) = match lines {
        0 => (String::new(), true),
        lines => tail(&text, is_whole, lines),
    };
    LogView {
        href: links.link(&file, key, path),
        tail,
        has_more,
    }
}

/// The end of a file, and whether that is all of it.
fn end_of(path: &Utf8Path) -> Option<(String, bool)> {
    let mut file = fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(END);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes).ok()?;
    Some((String::from_utf8_lossy(&bytes).into_owned(), start == 0))
}

fn made_of(replayed: &Replayed, history: &History, key: &TaskKey) -> Option<MadeOf> {
    let walk = walk_folder(&replayed.folder, key.environment.as_ref());
    let mut made = history
        .attempts_of(key)
        .filter_map(|(_, attempt)| Some((attempt.started, attempt.fingerprint?)));
    let (_, last) = made.next()?;
    let before = made.find(|(_, fingerprint)| *fingerprint != last);
    // Parts that cannot be read are parts of which nothing can be said.
    let parts = |fingerprint| fingerprint_parts(&walk, &fingerprint).ok().flatten();
    let now = parts(last)?;
    let changed = match before {
        Some((_, before)) => changes(&parts(before)?, &now),
        None => Vec::new(),
    };
    Some(MadeOf {
        n_parts: now.len(),
        before: before.map(|(started, _)| started),
        changes: changed
            .into_iter()
            .map(|change| Part {
                name: change.part,
                before: change.before,
                now: change.now,
            })
            .collect(),
    })
}

/// The path that leads from one folder to a file; both are absolute.
fn relative(folder: &Utf8Path, file: &Utf8Path) -> Utf8PathBuf {
    let shared = folder
        .components()
        .zip(file.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder
        .components()
        .skip(shared)
        .map(|_| Utf8Component::ParentDir);
    up.chain(file.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_up_and_down_again() {
        let check =
            |folder, file| relative(Utf8Path::new(folder), Utf8Path::new(file)).into_string();
        assert_eq!(check("/a/b", "/a/b/c.txt"), "c.txt");
        assert_eq!(check("/a/b/d", "/a/c/e.txt"), "../../c/e.txt");
    }

    #[test]
    fn a_log_beside_the_page_is_text_in_the_folder_of_its_walk() {
        let key = "app[a b]@production".parse().expect("a key");
        assert_eq!(
            beside(&key, "logs/7/app+a%20b@production/attempt-1/log"),
            "logs/production/7/app+a%20b@production/attempt-1/log.txt"
        );
    }
}

//! From what is known to HTML, by the templates: no text of others becomes an element, nothing is fetched.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use base64::Engine as _;
use indexmap::IndexMap;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use tera::{Context, Kwargs, State as TeraState, Tera, Value};

use super::{
    drawing::Drawing,
    history::{AttemptHistory, History, RunHistory},
    log::{LogView, Logs},
    text::{escape, escaped, is_web, prose},
    timeline::{self, MOST_RUNS, Timeline},
};
use crate::{
    checkpoint::{
        State,
        summary::{AnswerSource, CheckLine, CheckWord, ItemState, ProofWord, Summary, TaskSummary},
    },
    digest::Digest,
    event::{LogRef, Outcome},
    graph::TaskGraph,
    ident::TaskKey,
    report::{
        Tone, shortened,
        words::{duration, moment},
    },
};

/// The page and its parts. The ending makes Tera escape what they write.
const TEMPLATES: [(&str, &str); 7] = [
    (
        "page.html",
        include_str!("../../templates/page/page.html.tera"),
    ),
    (
        "body.html",
        include_str!("../../templates/page/body.html.tera"),
    ),
    (
        "graph.html",
        include_str!("../../templates/page/graph.html.tera"),
    ),
    (
        "timeline.html",
        include_str!("../../templates/page/timeline.html.tera"),
    ),
    (
        "task.html",
        include_str!("../../templates/page/task.html.tera"),
    ),
    (
        "check.html",
        include_str!("../../templates/page/check.html.tera"),
    ),
    (
        "records.html",
        include_str!("../../templates/page/records.html.tera"),
    ),
];
const STYLE: &str = include_str!("../../templates/page/style.css");
const SCRIPT: &str = include_str!("../../templates/page/live.js");

/// The most parts of a fingerprint that are listed.
const MOST_PARTS: usize = 30;

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Content<'c> {
    /// What the deployment has come to.
    pub summary: &'c Summary,
    /// Its tasks, and what comes before what.
    pub graph: &'c TaskGraph<'c>,
    /// Its runs.
    pub history: &'c History,
    /// The ends of logs, masked.
    pub logs: &'c Logs,
    /// What changed in the fingerprints of tasks.
    pub made_of: &'c BTreeMap<TaskKey, MadeOf>,
    /// The last lines of what runs, masked.
    pub running: &'c BTreeMap<TaskKey, String>,
}

/// What a task was made of at its last attempt, against the attempt before that was made of something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeOf {
    /// How many parts there are.
    pub n_parts: usize,
    /// When the attempt before was started; `None` where the task was never made of anything else.
    pub before: Option<Timestamp>,
    /// What is not as it was then.
    pub changes: Vec<Part>,
}

/// A part of a fingerprint that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it was; `None`: it was not there.
    pub before: Option<String>,
    /// What it is; `None`: it is gone.
    pub now: Option<String>,
}

/// Where a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// As a file, without any script.
    File,
    /// From the server of a run, with the script that follows it.
    Served,
}

impl Variant {
    /// Returns the policy under which a browser shows the page (Content Security Policy, level 3).
    pub fn policy(self) -> String {
        let own = match self {
            Self::File => String::new(),
            Self::Served => format!("script-src '{}'; connect-src 'self'; ", hash_source(SCRIPT)),
        };
        let style = hash_source(STYLE);
        format!("default-src 'none'; style-src '{style}'; {own}base-uri 'none'; form-action 'none'")
    }
}

/// Writes the page.
pub fn to_html(content: &Content<'_>, variant: Variant) -> String {
    let mut context = context(content, variant);
    context.insert("style", STYLE);
    context.insert("script", SCRIPT);
    context.insert("policy", &variant.policy());
    render("page.html", &context)
}

/// Writes what stands in the body of a served page, to take the place of what is there.
pub fn live_parts(content: &Content<'_>) -> String {
    render("body.html", &context(content, Variant::Served))
}

/// Returns the name of a task's place on the page, without `#`.
pub fn anchor(key: &str) -> String {
    let characters = key
        .chars()
        .map(|character| match character.is_whitespace() {
            true => '_',
            false => character,
        });
    format!("task-{}", characters.collect::<String>())
}

fn hash_source(text: &str) -> String {
    let bytes = hex::decode(Digest::of(text).hex()).expect("a digest is written in hexadecimal");
    let hash = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("sha256-{hash}")
}

fn render(template: &str, context: &Context) -> String {
    static ENGINE: LazyLock<Tera> = LazyLock::new(engine);
    ENGINE
        .render(template, context)
        .expect("the templates read only what is always there, and a test renders them")
}

fn engine() -> Tera {
    let mut tera = Tera::new();
    tera.set_escape_fn(|text, html| escape(text, html));
    tera.register_filter("prose", |text: &str, _: Kwargs, _: &TeraState| {
        Value::safe_string(&prose(text))
    });
    tera.register_filter("anchor", |key: &str, _: Kwargs, _: &TeraState| anchor(key));
    tera.register_filter("task_id", |key: &str, _: Kwargs, _: &TeraState| {
        let end = key.find(['[', '@']).unwrap_or(key.len());
        key[..end].to_owned()
    });
    tera.register_filter("took", |milliseconds: u64, _: Kwargs, _: &TeraState| {
        duration(Duration::from_millis(milliseconds))
    });
    tera.register_filter("moment", |at: &str, _: Kwargs, _: &TeraState| {
        said(at, moment)
    });
    tera.register_filter("clock", |at: &str, _: Kwargs, _: &TeraState| {
        said(at, clock)
    });
    tera.register_filter("money", |amount: f64, _: Kwargs, _: &TeraState| {
        format!("{amount:.2}")
    });
    tera.register_filter("web", |url: &str, _: Kwargs, _: &TeraState| is_web(url));
    tera.register_filter("name", |text: &str, _: Kwargs, _: &TeraState| {
        shortened(text, 120)
    });
    tera.register_filter("short", |text: &str, _: Kwargs, _: &TeraState| {
        shortened(text, 1_500)
    });
    tera.register_filter("state", |name: &str, _: Kwargs, _: &TeraState| {
        Value::safe_string(&badge(name))
    });
    tera.add_raw_templates(TEMPLATES)
        .expect("the templates are part of the program, and a test renders them");
    tera
}

fn said(at: &str, write: fn(Timestamp) -> String) -> String {
    at.parse().map_or_else(|_| at.to_owned(), write)
}

fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// A state as a word with its tone and, as an ornament, its symbol.
fn badge(name: &str) -> String {
    let Some(shown) = STATES_BY_NAME.get(name) else {
        return escaped(name);
    };
    let Shown {
        words,
        symbol,
        class,
        ..
    } = shown;
    format!("<span class=\"word {class}\"><span aria-hidden=\"true\">{symbol}</span>{words}</span>")
}

/// The classes of a state: its tone, and `done` where it was carried out and the tone does not say so.
pub(super) fn class(state: State) -> &'static str {
    match state.tone() {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Attention => "attention",
        Tone::Active => "active",
        Tone::Quiet if state.is_done() => "quiet done",
        Tone::Quiet => "quiet",
    }
}

fn context(content: &Content<'_>, variant: Variant) -> Context {
    let summary = content.summary;
    let mut context = Context::new();
    context.insert("summary", summary);
    context.insert("is_served", &(variant == Variant::Served));
    context.insert("states", &*STATES_BY_NAME);
    context.insert("words", &words());
    context.insert("drawing", &Drawing::of(content.graph, summary));
    context.insert("meter", &meter(&summary.overall.counts));
    let meters: Vec<_> = summary
        .phases
        .iter()
        .map(|phase| meter(&phase.counts))
        .collect();
    context.insert("meters", &meters);
    context.insert("runs", &runs(content));
    context.insert(
        "n_runs_left_out",
        &content.history.runs.len().saturating_sub(MOST_RUNS),
    );
    context.insert("checks", &checks(summary));
    let details: BTreeMap<String, Detail<'_>> = summary
        .tasks()
        .map(|task| (task.key.to_string(), detail(content, task)))
        .collect();
    context.insert("details", &details);
    context
}

/// Shares of states, in percent: from where, how wide, of which class.
fn meter(counts: &IndexMap<State, usize>) -> Vec<(f64, f64, &'static str)> {
    let all: usize = counts.values().sum();
    let mut left = 0.0;
    let parts = counts.iter().rev().map(|(state, number)| {
        let width = 100.0 * *number as f64 / all.max(1) as f64;
        let part = (left, width, class(*state));
        left += width;
        part
    });
    parts.collect()
}

/// A run with its timeline.
#[derive(Debug, Serialize)]
struct RunView<'c> {
    id: &'c str,
    url: Option<&'c str>,
    commit: Option<&'c str>,
    actor: Option<&'c str>,
    rehearsal: bool,
    lives: bool,
    started: Timestamp,
    cancelled: Option<&'c str>,
    timeline: Timeline,
}

/// The run that the page is about first, then the others, the latest first.
fn runs<'c>(content: &Content<'c>) -> Vec<RunView<'c>> {
    let about = content.summary.title.run.as_ref().map(|run| &run.id);
    let (first, others): (Vec<&RunHistory>, Vec<_>) = content
        .history
        .runs
        .iter()
        .partition(|run| Some(&run.id) == about);
    let chosen = first.into_iter().chain(others).take(MOST_RUNS);
    chosen
        .map(|run| RunView {
            id: run.id.as_str(),
            url: run.url.as_deref(),
            commit: run.commit.as_deref(),
            actor: run.actor.as_deref(),
            rehearsal: run.rehearsal,
            lives: run.lives,
            started: run.started,
            cancelled: run.cancelled.as_ref().map(|(_, by)| by.as_str()),
            timeline: Timeline::of(run),
        })
        .collect()
}

/// What a task's section says besides its summary.
#[derive(Debug, Serialize)]
struct Detail<'c> {
    attempts: Vec<AttemptView<'c>>,
    made_of: Option<&'c MadeOf>,
    /// How many changed parts are not listed.
    n_parts_left_out: usize,
    log: Option<LogDetail<'c>>,
    running: Option<&'c str>,
}

/// An attempt in a row.
#[derive(Debug, Serialize)]
struct AttemptView<'c> {
    number: u32,
    run: &'c str,
    started: Timestamp,
    took: String,
    word: &'static str,
    tone: Tone,
    message: Option<&'c str>,
    log: Option<LogDetail<'c>>,
}

/// A log with its path in the ledger.
#[derive(Debug, Serialize)]
struct LogDetail<'c> {
    path: &'c str,
    bytes: u64,
    view: Option<&'c LogView>,
}

fn detail<'c>(content: &Content<'c>, task: &TaskSummary) -> Detail<'c> {
    let attempts: Vec<AttemptView<'c>> = content
        .history
        .attempts_of(&task.key)
        .map(|(run, found)| attempt(content, &task.key, run, found))
        .collect();
    let made_of = content.made_of.get(&task.key);
    Detail {
        log: content
            .history
            .attempts_of(&task.key)
            .find_map(|(_, found)| log(content, &task.key, found)),
        attempts,
        made_of,
        n_parts_left_out: made_of.map_or(0, |made_of| {
            made_of.changes.len().saturating_sub(MOST_PARTS)
        }),
        running: content.running.get(&task.key).map(String::as_str),
    }
}

fn attempt<'c>(
    content: &Content<'c>,
    key: &TaskKey,
    run: &'c RunHistory,
    found: &'c AttemptHistory,
) -> AttemptView<'c> {
    AttemptView {
        number: found.number,
        run: run.id.as_str(),
        started: found.started,
        took: duration(timeline::took(found, run)),
        word: timeline::word(found, run),
        tone: timeline::tone(found, run),
        message: found.end.as_ref().and_then(|end| match &end.outcome {
            Outcome::Failed(failure) => Some(failure.message.as_str()),
            Outcome::Succeeded | Outcome::Cancelled => None,
        }),
        log: log(content, key, found),
    }
}

fn log<'c>(
    content: &Content<'c>,
    key: &TaskKey,
    found: &'c AttemptHistory,
) -> Option<LogDetail<'c>> {
    let LogRef { path, bytes } = found.end.as_ref()?.log.as_ref()?;
    Some(LogDetail {
        path,
        bytes: *bytes,
        view: content.logs.get(&(key.clone(), path.clone())),
    })
}

/// All answered checks with their tasks, what failed first.
fn checks(summary: &Summary) -> Vec<(String, &CheckLine)> {
    let all = summary.tasks().flat_map(|task| {
        task.checks
            .iter()
            .map(|check| (task.key.to_string(), check))
    });
    let mut answered: Vec<(String, &CheckLine)> =
        all.filter(|(_, check)| check.answered.is_some()).collect();
    answered.sort_by_key(|(_, check)| match check.word {
        CheckWord::Failed => 0,
        CheckWord::NotAsked => 1,
        CheckWord::Held | CheckWord::Recorded | CheckWord::NotYet => 2,
    });
    answered
}

/// How a state is shown.
#[derive(Debug, Serialize)]
struct Shown {
    words: &'static str,
    symbol: char,
    tone: Tone,
    class: &'static str,
}

pub(super) const STATES: [State; 15] = [
    State::Failed,
    State::Interrupted,
    State::RolledBack,
    State::Cancelled,
    State::NoLongerHolds,
    State::Running,
    State::Waiting,
    State::Blocked,
    State::ToDo,
    State::NotRun,
    State::AutomatedUnproved,
    State::DoneClaimed,
    State::DoneVerified,
    State::Skipped,
    State::Obsolete,
];

static STATES_BY_NAME: LazyLock<IndexMap<String, Shown>> = LazyLock::new(|| {
    let named = STATES.iter().filter_map(|state| {
        let name = serde_json::to_value(state).ok()?;
        let shown = Shown {
            words: state.words(),
            symbol: state.symbol(),
            tone: state.tone(),
            class: class(*state),
        };
        Some((name.as_str()?.to_owned(), shown))
    });
    named.collect()
});

/// The words of the other closed sets, by their names in the JSON form.
fn words() -> serde_json::Value {
    fn of<W: Serialize + Copy>(all: &[W], words: fn(W) -> &'static str) -> serde_json::Value {
        let entries = all.iter().filter_map(|word| {
            let name = serde_json::to_value(word).ok()?;
            Some((name.as_str()?.to_owned(), words(*word).into()))
        });
        serde_json::Value::Object(entries.collect())
    }
    use {AnswerSource as A, CheckWord as C, ItemState as I, ProofWord as P};
    serde_json::json!({
        "check": of(&[C::Held, C::Failed, C::Recorded, C::NotAsked, C::NotYet], C::words),
        "proof": of(&[P::Failed, P::NotProved, P::Claimed, P::Proved], P::words),
        "answer": of(&[A::Open, A::Assumed, A::Expected, A::Task, A::Plan], A::words),
        "item": of(
            &[
                I::Uncovered, I::Failed, I::ByHand, I::Open, I::AutomatedUnproved, I::Declared, I::DoneClaimed,
                I::DoneVerified,
            ],
            I::words,
        ),
    })
}

//! The summary as one HTML page: no script, nothing from the network, every text escaped.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use tera::{Context, Kwargs, State as TeraState, Tera, Value};

use super::{
    markdown::Excerpts,
    state::State,
    summary::{AnswerSource, CheckWord, ItemState, ProofWord, Summary},
};
use crate::report::{
    Tone,
    words::{duration, moment},
};

const TEMPLATE: &str = include_str!("../../templates/page.html.tera");
/// The ending makes Tera escape what it writes.
const NAME: &str = "page.html";
/// The narrowest bar of the timeline, in percent of its width.
const NARROWEST: f64 = 0.4;

/// A task that ran, on the timeline.
#[derive(Debug, Serialize)]
struct Bar {
    key: String,
    state: State,
    /// In percent of the width.
    left: f64,
    /// In percent of the width.
    width: f64,
    took: String,
    from: String,
}

/// The time in which the run's tasks ran.
#[derive(Debug, Serialize)]
struct Timeline {
    bars: Vec<Bar>,
    ticks: Vec<(f64, String)>,
}

/// Writes the summary as a page; `excerpts` are the last lines of logs, masked.
pub fn to_html(summary: &Summary, excerpts: &Excerpts) -> String {
    let mut tera = Tera::new();
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
    tera.add_raw_template(NAME, TEMPLATE)
        .expect("the template is part of the program, and a test renders it");
    let excerpts: BTreeMap<String, &String> = excerpts
        .iter()
        .map(|(key, text)| (key.to_string(), text))
        .collect();
    let mut context = Context::new();
    context.insert("summary", summary);
    context.insert("timeline", &timeline(summary));
    context.insert("excerpts", &excerpts);
    context.insert("states", &states());
    context.insert("words", &words());
    tera.render(NAME, &context)
        .expect("the template reads only what is always there, and a test renders it")
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

fn said(at: &str, write: fn(Timestamp) -> String) -> String {
    at.parse().map_or_else(|_| at.to_owned(), write)
}

fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Escapes a sentence of ours and sets the names between backticks as code.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let mut html = String::with_capacity(text.len());
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        let escaped = escaped(part);
        match (index % 2 == 1, is_last) {
            (true, false) => html.push_str(&format!("<code>{escaped}</code>")),
            (true, true) => html.push_str(&format!("`{escaped}")),
            (false, _) => html.push_str(&escaped),
        }
    }
    html
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
    }
    html
}

fn timeline(summary: &Summary) -> Option<Timeline> {
    const N_TICKS: u32 = 4;
    let run = summary.title.run.as_ref()?;
    let tasks = summary.tasks().filter_map(|task| {
        let started = task
            .times
            .started
            .filter(|_| task.times.run.as_ref() == Some(&run.id))?;
        Some((
            task,
            started,
            task.times.finished.unwrap_or(summary.title.at),
        ))
    });
    let tasks: Vec<_> = tasks.collect();
    let begin = tasks.iter().map(|(_, started, _)| *started).min()?;
    let end = tasks.iter().map(|(_, _, finished)| *finished).max()?;
    let seconds = |at: Timestamp| at.duration_since(begin).as_secs_f64();
    let whole = seconds(end).max(0.001);
    let mut bars: Vec<(Timestamp, Bar)> = tasks
        .into_iter()
        .map(|(task, started, finished)| {
            let took = finished.duration_since(started).unsigned_abs();
            let bar = Bar {
                key: task.key.to_string(),
                state: task.state,
                left: 100.0 * seconds(started) / whole,
                width: (100.0 * took.as_secs_f64() / whole).max(NARROWEST),
                took: duration(task.times.took_ms.map_or(took, Duration::from_millis)),
                from: clock(started),
            };
            (started, bar)
        })
        .collect();
    bars.sort_by_key(|(started, _)| *started);
    let ticks = (0..=N_TICKS).map(|tick| {
        let share = f64::from(tick) / f64::from(N_TICKS);
        let passed = match tick {
            0 => "0 s".to_owned(),
            _ => duration(Duration::from_secs_f64(whole * share)),
        };
        (100.0 * share, passed)
    });
    Some(Timeline {
        bars: bars.into_iter().map(|(_, bar)| bar).collect(),
        ticks: ticks.collect(),
    })
}

/// How a state is shown.
#[derive(Debug, Serialize)]
struct Shown {
    words: &'static str,
    symbol: char,
    tone: Tone,
}

const STATES: [State; 15] = [
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

fn states() -> indexmap::IndexMap<State, Shown> {
    let shown = |state: State| Shown {
        words: state.words(),
        symbol: state.symbol(),
        tone: state.tone(),
    };
    STATES
        .into_iter()
        .map(|state| (state, shown(state)))
        .collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::{self, Records};

    #[test]
    fn every_state_and_an_empty_run_can_be_shown() {
        for records in [
            Records::default(),
            Records::begun(true),
            fixture::good_run(),
            fixture::failed_run(),
        ] {
            let page = to_html(&records.summary(), &Excerpts::new());
            assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        }
        for state in STATES {
            let mut summary = fixture::failed_run().summary();
            summary.overall.state = state;
            summary.phases[0].tasks[0].state = state;
            assert!(to_html(&summary, &Excerpts::new()).contains(state.words()));
        }
    }

    #[test]
    fn nothing_in_a_text_becomes_html_and_nothing_is_fetched() {
        let hostile =
            "</code><script>alert(1)</script> ` <img src=https://x.org/a.png onerror=x> \"'";
        let mut summary = fixture::failed_run().summary();
        summary.title.plan = hostile.to_owned();
        summary.failures[0].message = hostile.to_owned();
        summary.failures[0].hint = Some(hostile.to_owned());
        summary.overall.next = vec![hostile.to_owned()];
        summary.people.decisions[0].question = hostile.to_owned();
        summary.phases[0].tasks[0].why = Some(hostile.to_owned());
        summary.images[0].reference = hostile.to_owned();
        if let Some(run) = &mut summary.title.run {
            run.url = Some("javascript:alert(1)".to_owned());
        }
        let excerpts = Excerpts::from([(summary.failures[0].task.clone(), hostile.to_owned())]);
        let page = to_html(&summary, &excerpts);
        assert!(
            !page.contains("<script")
                && !page.contains("<img")
                && !page.contains("href=\"javascript")
        );
        assert!(page.contains("&lt;script&gt;"));
        for fetching in ["src=", "<link", "url(", "@import"] {
            assert!(
                !page.replace("src=https", "").contains(fetching),
                "{fetching}"
            );
        }
    }

    #[test]
    fn each_task_has_its_place_on_the_page() {
        let page = to_html(&fixture::failed_run().summary(), &Excerpts::new());
        for key in ["build", "server", "app@production"] {
            assert_eq!(
                page.matches(&format!("id=\"task-{key}\"")).count(),
                1,
                "{key}"
            );
        }
        assert_eq!(anchor("a[b c]"), "task-a[b_c]");
    }

    #[test]
    fn bars_begin_where_their_tasks_began() {
        let timeline = timeline(&fixture::good_run().summary()).expect("tasks ran");
        let bars: Vec<String> = timeline
            .bars
            .iter()
            .map(|bar| format!("{} {:.0} {:.0}", bar.key, bar.left, bar.width))
            .collect();
        assert_eq!(
            bars,
            [
                "build 0 66",
                "server 67 10",
                "app@production 79 10",
                "page@production 90 10"
            ]
        );
    }
}

//! One line for each fact that a person wants to see.

use std::time::Duration;

use camino::Utf8PathBuf;
use jiff::Timestamp;

use crate::{
    event::{
        Answer, CheckAnswer, Event, Failure, FailureKind, Outcome, Reality, Reason, StartedRun,
        Waiting,
    },
    ident::{CheckId, EnvironmentName, PhaseId, TaskKey},
    report::{
        Colours, Places, Tone, shortened, visible,
        words::{duration, moment},
    },
};

/// A line before it is written.
pub(in crate::report) struct Line {
    tone: Tone,
    symbol: char,
    word: &'static str,
    rest: String,
    /// Whether it belongs to the line before it.
    is_detail: bool,
}

impl Line {
    /// Returns the lines of an event; none for what only programs want to know.
    pub fn of(event: &Event, places: &Places) -> Vec<Self> {
        match event {
            Event::RunStarted(run) => vec![begins(run)],
            Event::TaskStarted { task, attempt, .. } => vec![starts(task, *attempt)],
            Event::CheckAnswered {
                task,
                check,
                answer,
                ..
            } => vec![answered(task, check, answer)],
            Event::TaskFinished {
                task,
                outcome,
                took_ms,
                log,
                ..
            } => {
                let log = log.as_ref().map(|log| places.log(task, log));
                finished(task, outcome, Duration::from_millis(*took_ms), log)
            }
            Event::RetryScheduled {
                task,
                attempt,
                delay_ms,
                because,
            } => vec![retries(task, *attempt, *delay_ms, *because)],
            Event::TaskUpToDate { task, since } => vec![up_to_date(task, *since)],
            Event::TaskSkipped { task, because } => vec![skipped(task, because)],
            Event::TaskBlocked { task, on } => vec![blocked(task, on)],
            Event::TaskPaused { task, waiting } => paused(task, waiting),
            Event::TaskNotRun { task, because } => vec![attention('–', "not run", task, because)],
            Event::TaskInterrupted { task, advice } => {
                vec![attention('!', "interrupted", task, advice)]
            }
            Event::TaskInvalidated { task, because } => {
                vec![attention('!', "no longer holds", task, because)]
            }
            Event::TaskSettled { task, done, by } => vec![settled(task, *done, by)],
            Event::GateConfirmed { task, by } => vec![good("confirmed", format!("{task} by {by}"))],
            Event::PhaseApproved {
                phase,
                environment,
                by,
                reality,
            } => vec![approved(phase, environment, by, reality)],
            Event::DecisionAnswered {
                decision,
                answer,
                by,
            } => vec![good("decided", format!("{decision}: {answer}, by {by}"))],
            Event::EvidenceCaptured { task, path } => vec![evidence(task, path)],
            Event::TaskRolledBack { task, way, failure } => {
                rolled_back(task, way, failure.as_ref())
            }
            Event::CancelRequested { by } => vec![stopping(by)],
            Event::ChildKept { .. } | Event::RunFinished(_) => Vec::new(),
        }
    }

    /// Writes the line: with a symbol where there are colours, with words alone where there are none.
    pub fn written(&self, colours: Colours) -> String {
        let rest = visible(&self.rest);
        if self.is_detail {
            return format!("  {}: {rest}", self.word);
        }
        let word = match colours {
            Colours::Plain => self.word.to_owned(),
            Colours::Ansi => format!("{} {}", self.symbol, self.word),
        };
        // Padded before it is painted: codes have no width.
        format!(
            "{} {rest}",
            colours.paint(self.tone, &format!("{word:<12}"))
        )
    }
}

fn line(tone: Tone, symbol: char, word: &'static str, rest: String) -> Line {
    Line {
        tone,
        symbol,
        word,
        rest,
        is_detail: false,
    }
}

fn detail(word: &'static str, rest: String) -> Line {
    Line {
        tone: Tone::Quiet,
        symbol: ' ',
        word,
        rest,
        is_detail: true,
    }
}

fn with_hint(line: Line, failure: &Failure) -> Vec<Line> {
    let hint = failure.hint.iter().map(|hint| detail("hint", hint.clone()));
    std::iter::once(line).chain(hint).collect()
}

fn attention(symbol: char, word: &'static str, task: &TaskKey, why: &str) -> Line {
    line(Tone::Attention, symbol, word, format!("{task}: {why}"))
}

fn good(word: &'static str, rest: String) -> Line {
    line(Tone::Good, '✓', word, rest)
}

fn begins(run: &StartedRun) -> Line {
    let what = if run.rehearsal { "rehearsal" } else { "run" };
    let commit = run.commit.as_ref();
    let commit = commit.map_or(String::new(), |commit| format!(", commit {commit}"));
    let rest = format!("{what} of {}{commit}", run.plan);
    line(Tone::Active, '▶', "begins", rest)
}

fn starts(task: &TaskKey, attempt: u32) -> Line {
    let rest = match attempt {
        0 | 1 => task.to_string(),
        again => format!("{task}, attempt {again}"),
    };
    line(Tone::Active, '▶', "starts", rest)
}

fn finished(
    task: &TaskKey,
    outcome: &Outcome,
    took: Duration,
    log: Option<Utf8PathBuf>,
) -> Vec<Line> {
    let took = duration(took);
    match outcome {
        Outcome::Succeeded => vec![good("done", format!("{task} in {took}"))],
        Outcome::Failed(failure) => {
            let rest = format!("{task} after {took}: {}", failure.message);
            let mut lines = with_hint(line(Tone::Bad, '✗', "failed", rest), failure);
            lines.extend(log.map(|log| detail("log", log.into_string())));
            lines
        }
        Outcome::Cancelled => {
            let rest = format!("{task} after {took}");
            vec![line(Tone::Attention, '×', "cancelled", rest)]
        }
    }
}

fn retries(task: &TaskKey, attempt: u32, delay_ms: u64, because: FailureKind) -> Line {
    let delay = duration(Duration::from_millis(delay_ms));
    let why = kind_words(because);
    let rest = format!("{task} in {delay}, attempt {attempt}: {why}");
    line(Tone::Attention, '↻', "retries", rest)
}

fn up_to_date(task: &TaskKey, since: Timestamp) -> Line {
    let rest = format!("{task} since {}", moment(since));
    line(Tone::Quiet, '✓', "up to date", rest)
}

fn skipped(task: &TaskKey, because: &Reason) -> Line {
    let rest = format!("{task}: {}", reason(because));
    line(Tone::Quiet, '–', "skipped", rest)
}

fn blocked(task: &TaskKey, on: &TaskKey) -> Line {
    let rest = format!("{task}: `{on}` has to succeed first");
    line(Tone::Quiet, '–', "blocked", rest)
}

fn paused(task: &TaskKey, waiting: &Waiting) -> Vec<Line> {
    let (why, next) = waits(task, waiting);
    vec![attention('‖', "paused", task, &why), detail("next", next)]
}

fn settled(task: &TaskKey, done: bool, by: &str) -> Line {
    let what = if done { "is done" } else { "is to be repeated" };
    let rest = format!("{task} {what}, says {by}");
    line(Tone::Quiet, '·', "settled", rest)
}

fn approved(phase: &PhaseId, environment: &EnvironmentName, by: &str, reality: &Reality) -> Line {
    let stand_in = match reality {
        Reality::Real => "",
        Reality::StandIn { .. } | Reality::NotRun { .. } => " (stand-in)",
    };
    let rest = format!("phase {phase} in {environment} by {by}{stand_in}");
    good("approved", rest)
}

fn evidence(task: &TaskKey, path: &str) -> Line {
    line(Tone::Quiet, '·', "evidence", format!("{task}: {path}"))
}

fn rolled_back(task: &TaskKey, way: &str, failure: Option<&Failure>) -> Vec<Line> {
    match failure {
        None => {
            let rest = format!("{task} by {way}");
            vec![line(Tone::Attention, '↺', "rolled back", rest)]
        }
        Some(failure) => {
            let rest = format!("{task} was not rolled back by {way}: {}", failure.message);
            with_hint(line(Tone::Bad, '✗', "failed", rest), failure)
        }
    }
}

fn stopping(by: &str) -> Line {
    let rest = format!("{by} asked for it");
    line(Tone::Attention, '!', "stopping", rest)
}

fn answered(task: &TaskKey, check: &CheckId, answer: &CheckAnswer) -> Line {
    let (tone, symbol, word) = match answer.answer {
        Answer::Held => (Tone::Good, '✓', "held"),
        Answer::Failed => (Tone::Bad, '✗', "not held"),
        Answer::Recorded => (Tone::Quiet, '·', "recorded"),
        Answer::NotAsked => (Tone::Attention, '–', "not asked"),
    };
    let names = answer
        .observed
        .keys()
        .filter(|name| answer.required.is_empty() || answer.required.contains_key(*name));
    let observed: Vec<String> = names
        .map(|name| {
            let unit = answer.unit.as_ref().filter(|_| name == "value");
            let unit = unit.map_or(String::new(), |unit| format!(" {unit}"));
            let required = answer
                .required
                .get(name)
                .map_or(String::new(), |text| format!(" (required {text})"));
            let value = shortened(&answer.observed[name].to_string(), 120);
            format!("{name} {value}{unit}{required}")
        })
        .collect();
    let mut rest = format!("{task}/{check}");
    if !observed.is_empty() {
        rest.push_str(&format!(": {}", observed.join(", ")));
    }
    if let Some(message) = answer
        .message
        .as_ref()
        .filter(|_| answer.answer != Answer::Held)
    {
        rest.push_str(&format!("; {message}"));
    }
    if let Reality::StandIn { who } = &answer.reality {
        rest.push_str(&format!(" [stand-in: {who}]"));
    }
    line(tone, symbol, word, rest)
}

fn reason(because: &Reason) -> String {
    match because {
        Reason::Condition { text } => format!("`{text}` is false"),
    }
}

/// Returns what a task waits for, and what a person does about it.
pub(in crate::report) fn waits(task: &TaskKey, waiting: &Waiting) -> (String, String) {
    match waiting {
        Waiting::Decision { decision } => (
            format!("decision `{decision}` is open"),
            format!("answer `{decision}` in the plan and run again"),
        ),
        Waiting::Approval { phase, environment } => (
            format!("phase `{phase}` waits for approval in `{environment}`"),
            format!("have a reviewer of `{environment}` approve it, then run again"),
        ),
        Waiting::Confirmation { text } => (
            text.clone(),
            format!("when it is done, run again with `--confirm {task}`"),
        ),
        Waiting::Settlement => (
            "nobody knows how far it came".to_owned(),
            format!("look, then run again with `--done {task}` or `--force {task}`"),
        ),
    }
}

fn kind_words(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Task => "it failed",
        FailureKind::Unavailable => "a service was unavailable",
        FailureKind::Timeout => "its time was over",
        FailureKind::Quota => "a quota or rate limit was reached",
        FailureKind::StateLocked => "the state is locked",
        FailureKind::AuthExpired => "credentials ran out",
        FailureKind::ProviderCrash => "a provider crashed",
        FailureKind::PlanStale => "what was reviewed no longer fits",
        FailureKind::VerifyFailed => "a check did not hold",
        FailureKind::Invalid => "its values make no sense together",
        FailureKind::Internal => "this program made a mistake",
    }
}

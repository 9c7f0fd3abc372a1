//! One line for each fact that a person wants to see.

use std::time::Duration;

use crate::{
    event::{Answer, CheckAnswer, Event, Failure, FailureKind, Outcome, Reality, Reason, Waiting},
    ident::{CheckId, TaskKey},
    report::{
        Colours, Tone, shortened,
        words::{duration, moment},
    },
};

/// A line before it is written.
pub(super) struct Line {
    tone: Tone,
    symbol: char,
    word: &'static str,
    rest: String,
    /// Whether it belongs to the line before it.
    is_detail: bool,
}

impl Line {
    /// Returns the lines of an event; none for what only programs want to know.
    pub fn of(event: &Event) -> Vec<Self> {
        match event {
            Event::RunStarted(run) => {
                let rehearsal = if run.rehearsal { "rehearsal" } else { "run" };
                let commit = run
                    .commit
                    .as_ref()
                    .map_or(String::new(), |commit| format!(", commit {commit}"));
                vec![line(
                    Tone::Active,
                    '▶',
                    "begins",
                    format!("{rehearsal} of {}{commit}", run.plan),
                )]
            }
            Event::TaskStarted { task, attempt, .. } => {
                let attempt = if *attempt > 1 {
                    format!(", attempt {attempt}")
                } else {
                    String::new()
                };
                vec![line(
                    Tone::Active,
                    '▶',
                    "starts",
                    format!("{task}{attempt}"),
                )]
            }
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
                let mut lines = finished(task, outcome, Duration::from_millis(*took_ms));
                if let (Outcome::Failed(_), Some(log)) = (outcome, log) {
                    lines.push(detail("log", log.path.clone()));
                }
                lines
            }
            Event::RetryScheduled {
                task,
                attempt,
                delay_ms,
                because,
            } => {
                let delay = duration(Duration::from_millis(*delay_ms));
                let why = kind_words(*because);
                vec![line(
                    Tone::Attention,
                    '↻',
                    "retries",
                    format!("{task} in {delay}, attempt {attempt}: {why}"),
                )]
            }
            Event::TaskUpToDate { task, since } => {
                vec![line(
                    Tone::Quiet,
                    '✓',
                    "up to date",
                    format!("{task} since {}", moment(*since)),
                )]
            }
            Event::TaskSkipped { task, because } => {
                vec![line(
                    Tone::Quiet,
                    '–',
                    "skipped",
                    format!("{task}: {}", reason(because)),
                )]
            }
            Event::TaskBlocked { task, on } => {
                vec![line(
                    Tone::Quiet,
                    '–',
                    "blocked",
                    format!("{task}: `{on}` has to succeed first"),
                )]
            }
            Event::TaskPaused { task, waiting } => {
                let (why, next) = waits(task, waiting);
                vec![
                    line(Tone::Attention, '‖', "paused", format!("{task}: {why}")),
                    detail("next", next),
                ]
            }
            Event::TaskNotRun { task, because } => {
                vec![line(
                    Tone::Attention,
                    '–',
                    "not run",
                    format!("{task}: {because}"),
                )]
            }
            Event::TaskInterrupted { task, advice } => {
                vec![line(
                    Tone::Attention,
                    '!',
                    "interrupted",
                    format!("{task}: {advice}"),
                )]
            }
            Event::TaskSettled { task, done, by } => {
                let what = if *done {
                    "is done"
                } else {
                    "is to be repeated"
                };
                vec![line(
                    Tone::Quiet,
                    '·',
                    "settled",
                    format!("{task} {what}, says {by}"),
                )]
            }
            Event::TaskInvalidated { task, because } => {
                vec![line(
                    Tone::Attention,
                    '!',
                    "no longer holds",
                    format!("{task}: {because}"),
                )]
            }
            Event::GateConfirmed { task, by } => vec![line(
                Tone::Good,
                '✓',
                "confirmed",
                format!("{task} by {by}"),
            )],
            Event::PhaseApproved {
                phase,
                environment,
                by,
                reality,
            } => {
                let by = match reality {
                    Reality::Real => by.clone(),
                    Reality::StandIn { .. } | Reality::NotRun { .. } => format!("{by} (stand-in)"),
                };
                vec![line(
                    Tone::Good,
                    '✓',
                    "approved",
                    format!("phase {phase} in {environment} by {by}"),
                )]
            }
            Event::DecisionAnswered {
                decision,
                answer,
                by,
            } => {
                vec![line(
                    Tone::Good,
                    '✓',
                    "decided",
                    format!("{decision}: {answer}, by {by}"),
                )]
            }
            Event::EvidenceCaptured { task, path } => {
                vec![line(
                    Tone::Quiet,
                    '·',
                    "evidence",
                    format!("{task}: {path}"),
                )]
            }
            Event::TaskRolledBack {
                task,
                way,
                failure: None,
            } => {
                vec![line(
                    Tone::Attention,
                    '↺',
                    "rolled back",
                    format!("{task} by {way}"),
                )]
            }
            Event::TaskRolledBack {
                task,
                way,
                failure: Some(failure),
            } => {
                let rest = format!("{task} was not rolled back by {way}: {}", failure.message);
                with_hint(line(Tone::Bad, '✗', "failed", rest), failure)
            }
            Event::CancelRequested { by } => {
                vec![line(
                    Tone::Attention,
                    '!',
                    "stopping",
                    format!("{by} asked for it"),
                )]
            }
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

fn finished(task: &TaskKey, outcome: &Outcome, took: Duration) -> Vec<Line> {
    let took = duration(took);
    match outcome {
        Outcome::Succeeded => vec![line(Tone::Good, '✓', "done", format!("{task} in {took}"))],
        Outcome::Failed(failure) => {
            let rest = format!("{task} after {took}: {}", failure.message);
            with_hint(line(Tone::Bad, '✗', "failed", rest), failure)
        }
        Outcome::Cancelled => vec![line(
            Tone::Attention,
            '×',
            "cancelled",
            format!("{task} after {took}"),
        )],
    }
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
        Reason::NullOutput { of } => format!("it reads an output of `{of}`, which is skipped"),
    }
}

/// Returns what a task waits for, and what a person does about it.
fn waits(task: &TaskKey, waiting: &Waiting) -> (String, String) {
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

/// Drops what would move the cursor or change the terminal, and joins lines.
pub(super) fn visible(text: &str) -> String {
    let characters = text.trim_end().chars().map(|character| match character {
        '\n' => ' ',
        other => other,
    });
    characters
        .filter(|character| *character == '\t' || !character.is_control())
        .collect()
}

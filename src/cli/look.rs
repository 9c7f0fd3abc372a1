//! How a run looks while it goes on: a tree on a terminal, groups on GitHub's runner, lines everywhere else.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    time::Duration,
};

use camino::Utf8Path;

use super::{CliError, Environment, Exit, output, session::Session, trace};
use crate::{
    checkpoint::{Beside, Budget, Excerpts, Material, Summary, to_markdown},
    execute::{Recorder, Run},
    github::{
        command::{Annotation, AnnotationLevel, Annotations},
        file::append_summary,
    },
    graph::TaskGraph,
    ident::TaskKey,
    report::{
        Canvas, Colours, JsonLines, Live, Output, PhaseTasks, Places, Reporter, RunnerLog, Shown,
        Size, Spot, Story, Terminal,
    },
};

/// How a run is shown while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// A tree on a terminal, unless `CI` is set or `TERM` is `dumb`; else lines
    Auto,
    /// A tree of what runs, below finished lines; stderr has to be a terminal
    Live,
    /// Lines
    Plain,
}

/// Ten times a second is as often as anybody sees.
const TICK_OF_A_TREE: Duration = Duration::from_millis(100);
/// Lines are not in a hurry.
const TICK_OF_LINES: Duration = Duration::from_secs(1);

/// How this run looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    kind: Kind,
    colours: Colours,
    on_actions: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Tree,
    Groups,
    Lines,
}

impl Look {
    /// Decides by what was asked for and by where the program runs.
    ///
    /// # Errors
    ///
    /// A tree was asked for where no terminal is.
    pub fn of(
        format: output::Format,
        progress: Progress,
        environment: &Environment,
        session: &Session,
    ) -> Result<Self, CliError> {
        let on_actions = session.world.runner.on_actions;
        let is_ci = on_actions
            || environment
                .get("CI")
                .is_some_and(|ci| ci != "false" && ci != "0");
        let can_draw = environment.stderr_is_terminal && environment.get("TERM") != Some("dumb");
        let kind = match (format, progress) {
            (output::Format::Json, _) => Kind::Json,
            (_, Progress::Live) if environment.stderr_is_terminal => Kind::Tree,
            (_, Progress::Live) => {
                let refused = CliError::new(
                    Exit::Usage,
                    "`--progress live` needs a terminal, and stderr is none",
                );
                return Err(refused.hint("leave it out: lines are written then"));
            }
            (_, Progress::Auto) if can_draw && !is_ci => Kind::Tree,
            _ if on_actions => Kind::Groups,
            _ => Kind::Lines,
        };
        Ok(Self {
            kind,
            colours: environment.palette(),
            on_actions,
        })
    }

    /// Returns the reporters of a run of these tasks.
    pub fn reporters(
        self,
        verbose: bool,
        session: &Session,
        graph: &TaskGraph<'_>,
        selected: &BTreeSet<usize>,
    ) -> Vec<Box<dyn Reporter>> {
        // Stderr takes every piece as it comes; a line is one of them.
        let stderr = || Box::new(std::io::LineWriter::new(std::io::stderr()));
        let story = |colours, output| Story::new(colours, output, Places::below(&session.state));
        let output = if verbose {
            Output::Everything
        } else {
            Output::OfFailures
        };
        let told = story(self.colours, output);
        let spots = || spots(session, graph);
        match self.kind {
            Kind::Json => {
                let lines: Box<dyn Reporter> =
                    Box::new(JsonLines::new(Box::new(std::io::stdout())));
                let commands = || RunnerLog::new(stderr(), Shown::Nothing, spots());
                let on_runner = self
                    .on_actions
                    .then(|| Box::new(commands()) as Box<dyn Reporter>);
                std::iter::once(lines).chain(on_runner).collect()
            }
            Kind::Tree => {
                let canvas = Canvas {
                    writer: stderr(),
                    size: Box::new(size),
                    colours: self.colours,
                };
                vec![Box::new(Live::new(canvas, told, phases(graph, selected)))]
            }
            Kind::Groups => {
                let shown = Shown::Lines(Box::new(story(Colours::Plain, Output::Elsewhere)));
                vec![Box::new(RunnerLog::new(stderr(), shown, spots()))]
            }
            Kind::Lines => vec![Box::new(Terminal::new(stderr(), told))],
        }
    }

    /// Lets time pass for the reporters, and tells them at once when the terminal has another size.
    pub async fn passes(self, recorder: &Recorder) -> Infallible {
        let every = match self.kind {
            Kind::Tree => TICK_OF_A_TREE,
            Kind::Json | Kind::Groups | Kind::Lines => TICK_OF_LINES,
        };
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut resized = Resized::listen();
        let hold = (self.kind == Kind::Tree).then(trace::Hold::begin);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = resized.next() => {}
            }
            let said = hold.as_ref().map(trace::Hold::take).unwrap_or_default();
            said.iter().for_each(|line| recorder.notice(line));
            recorder.tick(jiff::Timestamp::now());
        }
    }

    /// Tells what is known only at the end: published references as data, and on a runner the summary of the job.
    pub fn end(self, run: &Run<'_, '_>) {
        if self.kind != Kind::Json {
            for reference in run.published() {
                output::data(&format!("{reference}\n"));
            }
        }
        if let Some(path) = run
            .world
            .runner
            .files
            .step_summary
            .as_ref()
            .filter(|_| self.on_actions)
        {
            summarise(run, path);
        }
    }
}

/// Writes what became of the run's tasks to the job summary. A summary that cannot be written never fails a deployment.
fn summarise(run: &Run<'_, '_>, path: &Utf8Path) {
    let known = run.recorder.known();
    let summary = Summary::of(&Material {
        graph: run.graph,
        values: run.values,
        document: None,
        state: known.state(),
        selected: Some(&run.selected),
        now: run.world.now(),
    });
    let beside = Beside {
        marker: None,
        excerpts: &Excerpts::default(),
    };
    let text = to_markdown(&summary, &beside, Budget::JOB_SUMMARY);
    let masked = run.masker.borrow().mask(&text).into_owned();
    if let Err(error) = append_summary(path, &[masked]) {
        warn(&format!("the summary of the job is not written: {error}"));
    }
}

/// GitHub drops an output that holds a secret, without an error: the jobs that read it would read nothing.
pub fn warn_of_dropped(run: &Run<'_, '_>, outputs: &[(&str, &str)]) {
    let masker = run.masker.borrow();
    for (name, value) in outputs {
        if masker.mask(value) != *value {
            warn(&format!(
                "output `{name}` holds the text of a secret, so GitHub hands it to no other job; give the secret another value, or what is named like it another name"
            ));
        }
    }
}

fn warn(text: &str) {
    let mut annotations = Annotations::new();
    annotations.push(Annotation::new(AnnotationLevel::Warning, text));
    output::words(&annotations.commands());
}

/// The phases of the plan with their selected tasks.
fn phases(graph: &TaskGraph<'_>, selected: &BTreeSet<usize>) -> Vec<PhaseTasks> {
    let phases = graph.plan().phases.iter().enumerate();
    let with_tasks = phases.map(|(index, phase)| {
        let tasks = selected.iter().map(|&task| &graph.nodes()[task]);
        let of_phase = tasks.filter(|node| node.phase == index);
        PhaseTasks {
            name: phase.id.to_string(),
            tasks: of_phase.map(|node| node.key.clone()).collect(),
        }
    });
    with_tasks.filter(|phase| !phase.tasks.is_empty()).collect()
}

/// Where each task stands in the plan, from the root of the repository, as annotations name it.
fn spots(session: &Session, graph: &TaskGraph<'_>) -> HashMap<TaskKey, Spot> {
    let source = &session.read.source;
    let name = Utf8Path::new(source.name());
    let file = session
        .world
        .folder
        .join(name.file_name().unwrap_or_default());
    let top = session.world.runner.folders.workspace.as_ref();
    let below = top
        .and_then(|top| top.canonicalize_utf8().ok())
        .and_then(|top| Some(file.strip_prefix(top).ok()?.to_owned()));
    let file = below.unwrap_or_else(|| name.to_owned());
    let spot = |node: &crate::graph::Node<'_>| {
        let (line, column) = source.line_column(node.task.span.start);
        Spot {
            file: file.to_string(),
            line,
            column,
        }
    };
    let nodes = graph.nodes().iter();
    nodes.map(|node| (node.key.clone(), spot(node))).collect()
}

fn size() -> Size {
    let (rows, columns) = console::Term::stderr().size();
    Size {
        columns: columns.into(),
        rows: rows.into(),
    }
}

/// Hears that the terminal has another size.
struct Resized {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Resized {
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Without the signal the next tick sees the size.
        Self {
            signal: signal(SignalKind::window_change()).ok(),
        }
    }

    #[cfg(not(unix))]
    fn listen() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

//! One job of a rendered workflow, carried out as a runner would: its own work tree, its own GitHub world, a process a step.

use std::{collections::BTreeMap, fs, path::Path};

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use tokio::sync::mpsc;

use super::contexts::{Contexts, EndedJob, JobResult};
use crate::{
    execute::{ExecuteError, copy_folder},
    expression::{Map, Value},
    github::file::parse_output_file,
    process::{
        self, CommandSpec, GRACE_OF_CHANGES, Output, OutputLine, SignalTarget, StopListener,
        StopPolicy,
    },
    secret::{Masker, Secret},
    workflow::{JobFile, StepFile, action::INPUTS_READ, pins::DEPLOY_ACTION},
};

/// How a job ended.
#[derive(Debug, Clone)]
pub struct JobEnd {
    /// For the jobs that need it.
    pub ended: EndedJob,
    /// For the report.
    pub report: JobReport,
}

/// What is told of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Its id.
    pub id: String,
    /// What people see.
    pub name: String,
    /// Its result.
    pub result: JobResult,
    /// Its steps.
    pub steps: Vec<StepReport>,
}

/// What is told of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// What people see.
    pub name: String,
    /// Its exit code; `None` where it was not started.
    pub exit: Option<i32>,
    /// Where its masked log is.
    pub log: Option<Utf8PathBuf>,
}

/// What all jobs of a workflow run in.
pub struct Runner<'r> {
    /// This program.
    pub program: &'r Path,
    /// Variables that every job gets.
    pub base: &'r BTreeMap<String, String>,
    /// The mask of everything that is shown.
    pub masker: &'r Masker,
    /// Folder of the jobs' files.
    pub work: Utf8PathBuf,
    /// Folder in which artifacts of this run are kept.
    pub artifacts: Utf8PathBuf,
    /// Asks the jobs' processes to stop.
    pub stop: StopListener,
}

/// One job on its way.
pub struct Job<'j> {
    /// As it stands in the file.
    pub file: &'j JobFile,
    /// What its expressions read.
    pub contexts: Contexts,
    /// Its work tree, checked out already.
    pub tree: Utf8PathBuf,
    /// Variables of this job.
    pub variables: BTreeMap<String, String>,
    /// Shows the output of its steps.
    pub live: mpsc::Sender<OutputLine>,
    /// Asks its processes to stop.
    pub stop: StopListener,
}

impl Runner<'_> {
    /// Carries out the steps of a job.
    ///
    /// # Errors
    ///
    /// A step cannot be started, or says what this runner does not know. A step that fails is the job's result.
    pub async fn carry_out(&self, mut job: Job<'_>) -> Result<JobEnd, ExecuteError> {
        let mut steps = Vec::new();
        let mut result = JobResult::Success;
        let mut outputs_by_step: Map = Map::new();
        for (number, step) in job.file.steps.iter().enumerate() {
            if !job
                .contexts
                .condition(step.condition.as_deref())
                .map_err(|error| not_understood(&error))?
            {
                continue;
            }
            let report = self.step(&job, number, step, &mut outputs_by_step).await?;
            let succeeded = report.exit.unwrap_or(0) == 0;
            let is_cancelled = !job.contexts.cancelled && is_requested(&job.stop).await;
            if is_cancelled {
                job.contexts.cancelled = true;
                result = JobResult::Cancelled;
            } else if !succeeded && result == JobResult::Success {
                job.contexts.failed_before = true;
                result = JobResult::Failure;
            }
            steps.push(report);
            job.contexts
                .roots
                .insert("steps".to_owned(), Value::Map(outputs_by_step.clone()));
        }
        let mut outputs = IndexMap::new();
        for (name, text) in &job.file.outputs {
            outputs.insert(
                name.clone(),
                job.contexts
                    .text(text)
                    .map_err(|error| not_understood(&error))?,
            );
        }
        let report = JobReport {
            id: job.file.id.clone(),
            name: job
                .contexts
                .text(&job.file.name)
                .unwrap_or_else(|_| job.file.name.clone()),
            result,
            steps,
        };
        Ok(JobEnd {
            ended: EndedJob { result, outputs },
            report,
        })
    }

    /// Whether the jobs were asked to stop.
    pub async fn is_stopped(&self) -> bool {
        is_requested(&self.stop).await
    }

    async fn step(
        &self,
        job: &Job<'_>,
        number: usize,
        step: &StepFile,
        outputs: &mut Map,
    ) -> Result<StepReport, ExecuteError> {
        let name = job
            .contexts
            .text(&step.name)
            .map_err(|error| not_understood(&error))?;
        let done = |exit| StepReport {
            name: name.clone(),
            exit,
            log: None,
        };
        match (step.uses.as_deref(), &step.run) {
            (Some(uses), _) if uses.starts_with(&format!("{}@", DEPLOY_ACTION.action)) => {
                let inputs = self.inputs(job, step)?;
                let spec = CommandSpec::new(
                    self.program,
                    format!("carry out step `{name}` of `{}`", job.file.id),
                )
                .arg("action");
                let spec = inputs
                    .into_iter()
                    .fold(spec, |spec, (variable, value)| spec.env(variable, value));
                self.process(job, number, step, name, spec, outputs).await
            }
            (Some(uses), _) if uses.starts_with("actions/checkout@") => Ok(done(None)),
            (Some(uses), _) if uses.starts_with("actions/upload-artifact@") => {
                self.keep(job, step)?;
                Ok(done(None))
            }
            (Some(uses), _) if uses.starts_with("actions/download-artifact@") => {
                self.fetch(job, step)?;
                Ok(done(None))
            }
            (Some(uses), _) => Err(ExecuteError::task(
                crate::event::FailureKind::Task,
                format!("the rehearsal does not know the action `{uses}`"),
            )
            .hint("a rendered workflow uses ours, checkout, and the two for artifacts")),
            (None, Some(run)) => {
                let script = job.tree.with_extension(format!("step-{number}.sh"));
                fs::write(&script, run)
                    .map_err(|error| ExecuteError::file("write", script.clone(), error))?;
                let spec = CommandSpec::new(
                    "bash",
                    format!("carry out step `{name}` of `{}`", job.file.id),
                );
                let spec = spec
                    .args(["--noprofile", "--norc", "-eo", "pipefail"])
                    .arg(script.as_str());
                self.process(job, number, step, name, spec, outputs).await
            }
            (None, None) => Ok(done(None)),
        }
    }

    /// The inputs of our action, as its composite steps hand them to the binary.
    fn inputs(
        &self,
        job: &Job<'_>,
        step: &StepFile,
    ) -> Result<Vec<(String, String)>, ExecuteError> {
        let mut found = Vec::new();
        for input in INPUTS_READ {
            if let Some(text) = step.with.get(input.name) {
                found.push((
                    input.variable.to_owned(),
                    job.contexts
                        .text(text)
                        .map_err(|error| not_understood(&error))?,
                ));
            }
        }
        Ok(found)
    }

    async fn process(
        &self,
        job: &Job<'_>,
        number: usize,
        step: &StepFile,
        name: String,
        spec: CommandSpec,
        outputs: &mut Map,
    ) -> Result<StepReport, ExecuteError> {
        let folder = self.work.join(format!("{}.step-{number}", job.file.id));
        fs::create_dir_all(&folder)
            .map_err(|error| ExecuteError::file("make", folder.clone(), error))?;
        let mut spec = spec.dir(&job.tree).stop(StopPolicy {
            signal_to: SignalTarget::Leader,
            grace: GRACE_OF_CHANGES,
        });
        for (variable, value) in self.base.iter().chain(&job.variables) {
            spec = spec.env(variable, value);
        }
        for (variable, text) in job.file.env.iter().chain(&step.env) {
            let value = job
                .contexts
                .text(text)
                .map_err(|error| not_understood(&error))?;
            spec = if text.contains("secrets.") {
                spec.secret_env(variable, Secret::new(value))
            } else {
                spec.env(variable, value)
            };
        }
        for (variable, file) in FILES {
            let path = folder.join(file);
            fs::write(&path, "")
                .map_err(|error| ExecuteError::file("write", path.clone(), error))?;
            spec = spec.env(*variable, path.as_str());
        }
        let log = folder.join("log");
        let output = Output {
            masker: self.masker,
            log: Some(log.as_std_path()),
            live: Some(job.live.clone()),
        };
        // A step that runs in a cancelled job is there to close it, and is not cut short, as on GitHub.
        let stop = if job.contexts.cancelled {
            StopListener::never()
        } else {
            job.stop.clone()
        };
        let ended = process::run(&spec, output, stop).await?;
        withhold_masks(&log).map_err(|error| ExecuteError::file("write", log.clone(), error))?;
        if let Some(id) = &step.id {
            outputs.insert(id.clone(), step_outputs(&folder.join("output"))?);
        }
        Ok(StepReport {
            name,
            exit: Some(ended.how.code()),
            log: Some(log),
        })
    }

    /// What `actions/upload-artifact` does: the files of a folder are kept under a name.
    fn keep(&self, job: &Job<'_>, step: &StepFile) -> Result<(), ExecuteError> {
        let (name, path) = (self.with(job, step, "name")?, self.with(job, step, "path")?);
        let from = Utf8PathBuf::from(path);
        if from.is_dir() {
            copy_folder(&from, &self.artifacts.join(name), &|_| true)
        } else {
            Ok(())
        }
    }

    /// What `actions/download-artifact` does: the files that were kept under a name come back.
    fn fetch(&self, job: &Job<'_>, step: &StepFile) -> Result<(), ExecuteError> {
        let (name, path) = (
            self.with(job, step, "pattern")?,
            self.with(job, step, "path")?,
        );
        let from = self.artifacts.join(name);
        if from.is_dir() {
            copy_folder(&from, Utf8Path::new(&path), &|_| true)
        } else {
            Ok(())
        }
    }

    fn with(&self, job: &Job<'_>, step: &StepFile, input: &str) -> Result<String, ExecuteError> {
        let text = step.with.get(input).map_or("", String::as_str);
        job.contexts
            .text(text)
            .map_err(|error| not_understood(&error))
    }
}

/// Takes out of a step's log what it told its runner to mask: a runner keeps that to itself.
fn withhold_masks(log: &Utf8Path) -> std::io::Result<()> {
    let bytes = match fs::read(log) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let is_shown = |line: &&&[u8]| !line.trim_ascii_start().starts_with(b"::add-mask::");
    let shown: Vec<&[u8]> = lines.iter().filter(is_shown).copied().collect();
    match shown.len() == lines.len() {
        true => Ok(()),
        false => fs::write(log, shown.concat()),
    }
}

async fn is_requested(stop: &StopListener) -> bool {
    let mut stop = stop.clone();
    tokio::select! {
        biased;
        _ = stop.requested() => true,
        () = std::future::ready(()) => false,
    }
}

/// The runner's files of a step: variable and name.
const FILES: &[(&str, &str)] = &[
    ("GITHUB_OUTPUT", "output"),
    ("GITHUB_ENV", "env"),
    ("GITHUB_PATH", "path"),
    ("GITHUB_STATE", "state"),
    ("GITHUB_STEP_SUMMARY", "summary.md"),
];

fn step_outputs(path: &Utf8Path) -> Result<Value, ExecuteError> {
    let bytes = fs::read(path).map_err(|error| ExecuteError::file("read", path, error))?;
    let outputs = parse_output_file(&bytes).map_err(|error| {
        ExecuteError::task(
            crate::event::FailureKind::Task,
            format!("`{path}` is no file of outputs: {error}"),
        )
    })?;
    let outputs: Map = outputs
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    Ok(Value::Map(
        [("outputs".to_owned(), Value::Map(outputs))]
            .into_iter()
            .collect(),
    ))
}

fn not_understood(error: &dyn std::error::Error) -> ExecuteError {
    ExecuteError::task(
        crate::event::FailureKind::Internal,
        format!("the rendered workflow: {}", crate::execute::chain(error)),
    )
}

//! A workflow file read again, by types that know nothing of how it was made.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::WorkflowError;

/// A workflow file.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedWorkflow {
    /// What the run is called.
    pub name: String,
    /// Events with their filters.
    pub on: Value,
    /// Its jobs, in file order.
    pub jobs: Vec<JobFile>,
}

/// A job of a workflow file. Expressions stand as they are written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobFile {
    /// Its id.
    pub id: String,
    /// What people see.
    pub name: String,
    /// Jobs that end first.
    pub needs: Vec<String>,
    /// Whether it runs.
    pub condition: Option<String>,
    /// Labels of its runner.
    pub runs_on: Vec<String>,
    /// Its GitHub environment.
    pub environment: Option<String>,
    /// Variables of all steps.
    pub env: IndexMap<String, String>,
    /// What its token may do.
    pub permissions: IndexMap<String, String>,
    /// After how many minutes it is ended.
    pub timeout_minutes: Option<u64>,
    /// Values for other jobs.
    pub outputs: IndexMap<String, String>,
    /// `strategy.matrix`.
    pub matrix: Option<Value>,
    /// Its steps.
    pub steps: Vec<StepFile>,
}

/// A step of a job. Expressions stand as they are written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepFile {
    /// How other steps name it.
    pub id: Option<String>,
    /// What people see.
    pub name: String,
    /// Whether it runs.
    pub condition: Option<String>,
    /// The action.
    pub uses: Option<String>,
    /// A command of the shell.
    pub run: Option<String>,
    /// Inputs of the action.
    pub with: IndexMap<String, String>,
    /// Variables.
    pub env: IndexMap<String, String>,
}

impl RenderedWorkflow {
    /// Finds a job.
    pub fn job(&self, id: &str) -> Option<&JobFile> {
        self.jobs.iter().find(|job| job.id == id)
    }
}

/// Reads a workflow file.
///
/// # Errors
///
/// The text is not YAML, or lacks what makes it a workflow: events, jobs, their runners and steps, needs that exist.
pub fn read(text: &str) -> Result<RenderedWorkflow, WorkflowError> {
    let root: Value = serde_yaml::from_str(text)
        .map_err(|error| WorkflowError::NotAWorkflow(error.to_string()))?;
    of_tree(&root).map_err(WorkflowError::NotAWorkflow)
}

/// Reads a workflow from its tree; in words what is missing.
pub(super) fn of_tree(root: &Value) -> Result<RenderedWorkflow, String> {
    let root = map(root, "the file")?;
    let on = root
        .get("on")
        .filter(|on| !on.is_null())
        .ok_or("it has no `on`")?
        .clone();
    let jobs = map(root.get("jobs").ok_or("it has no `jobs`")?, "`jobs`")?;
    let jobs: Vec<JobFile> = jobs
        .iter()
        .map(|(id, value)| job(id, value))
        .collect::<Result<_, _>>()?;
    if jobs.is_empty() {
        return Err("it has no job".to_owned());
    }
    for job in &jobs {
        if let Some(need) = job
            .needs
            .iter()
            .find(|need| jobs.iter().all(|other| other.id != **need))
        {
            return Err(format!(
                "job `{}` needs `{need}`, which is not there",
                job.id
            ));
        }
    }
    Ok(RenderedWorkflow {
        name: text_of(root, "name").unwrap_or_default(),
        on,
        jobs,
    })
}

fn job(id: &str, value: &Value) -> Result<JobFile, String> {
    let job = map(value, &format!("job `{id}`"))?;
    let steps = match job.get("steps") {
        Some(Value::Array(steps)) if !steps.is_empty() => steps
            .iter()
            .map(|step| self::step(id, step))
            .collect::<Result<_, _>>()?,
        _ => return Err(format!("job `{id}` has no steps")),
    };
    let runs_on = texts(job.get("runs-on"));
    if runs_on.is_empty() {
        return Err(format!("job `{id}` has no `runs-on`"));
    }
    let environment = match job.get("environment") {
        Some(Value::Object(entries)) => text_of(entries, "name"),
        other => other.and_then(scalar),
    };
    Ok(JobFile {
        id: id.to_owned(),
        name: text_of(job, "name").unwrap_or_else(|| id.to_owned()),
        needs: texts(job.get("needs")),
        condition: text_of(job, "if"),
        runs_on,
        environment,
        env: text_map(job.get("env")),
        permissions: text_map(job.get("permissions")),
        timeout_minutes: job.get("timeout-minutes").and_then(Value::as_u64),
        outputs: text_map(job.get("outputs")),
        matrix: job
            .get("strategy")
            .and_then(|strategy| strategy.get("matrix"))
            .cloned(),
        steps,
    })
}

fn step(job: &str, value: &Value) -> Result<StepFile, String> {
    let step = map(value, &format!("a step of job `{job}`"))?;
    let (uses, run) = (text_of(step, "uses"), text_of(step, "run"));
    if uses.is_some() == run.is_some() {
        return Err(format!(
            "a step of job `{job}` has neither `uses` nor `run`, or both"
        ));
    }
    let name = text_of(step, "name")
        .or_else(|| uses.clone())
        .or_else(|| run.clone())
        .unwrap_or_default();
    Ok(StepFile {
        id: text_of(step, "id"),
        name,
        condition: text_of(step, "if"),
        uses,
        run,
        with: text_map(step.get("with")),
        env: text_map(step.get("env")),
    })
}

fn map<'v>(value: &'v Value, what: &str) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{what} is no map"))
}

/// A scalar as GitHub sees it: a text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text_of(entries: &Map<String, Value>, key: &str) -> Option<String> {
    entries.get(key).and_then(scalar)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(scalar).collect(),
        other => other.and_then(scalar).into_iter().collect(),
    }
}

fn text_map(value: Option<&Value>) -> IndexMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .map(|(key, value)| (key.clone(), scalar(value).unwrap_or_default()))
        .collect()
}

//! `deploy-action render`: the workflow files of a plan, and the files of its committed render tasks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use super::{CliError, Environment, Exit, output, plan_file, unified_diff::unified_diff};
use crate::{
    diagnostic::{Diagnostic, words::count},
    expression::Map,
    graph::{self, TaskGraph},
    plan::{
        self, Plan,
        kind::{Reader, render::Render},
        model::Kind,
        values::{Given, Values, Wanted, evaluation_problem},
    },
    render, workflow,
};

/// Writes the workflow files, and the files of render tasks that are kept in git
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action render
  deploy-action render --check
  deploy-action render apps/shop/deploy.yaml --dir .github/workflows")]
pub struct RenderArgs {
    #[command(flatten)]
    plan: plan_file::PlanFile,
    /// Writes nothing; ends with 3 and a diff when a file is not what the plan says
    #[arg(long)]
    check: bool,
    /// Folder of the workflow files [default: .github/workflows beside the plan]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<Utf8PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
    /// Who carries the workflows out; files for act need a folder of their own
    #[arg(long = "for", value_name = "TARGET", default_value = "github")]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// GitHub itself
    Github,
    /// act, on this machine: the same jobs without the keys that act refuses or does not heed
    Act,
}

impl From<Target> for workflow::Target {
    fn from(target: Target) -> Self {
        match target {
            Target::Github => Self::GitHub,
            Target::Act => Self::Act,
        }
    }
}

/// Folder in which GitHub looks for workflow files, below the root of a repository.
const WORKFLOWS: &str = ".github/workflows";

/// Runs the verb.
///
/// # Errors
///
/// The plan cannot be read or rendered, or a file cannot be read or written.
pub fn render(args: &RenderArgs, environment: &Environment) -> Result<Exit, CliError> {
    let read = args.plan.read(environment)?;
    let Some(plan) = &read.plan else {
        return Err(plan_file::invalid(&args.plan.file));
    };
    let place = Place::of(args, plan)?;
    let rendered = rendered(plan, &place, args.target.into())
        .map_err(|problem| problem.shown(args, environment, &read))?;
    let stale = stale(&place, &rendered)?;
    if args.check {
        Ok(check(args, &rendered, &stale)?)
    } else {
        write(args, &rendered, &stale)
    }
}

/// Where files lie.
struct Place {
    /// Folder of the workflow files.
    workflows: Utf8PathBuf,
    /// The plan file, from the root of the repository.
    plan: String,
}

impl Place {
    /// The root of the repository is the folder that holds `.github/workflows`; by default the plan's own.
    fn of(args: &RenderArgs, plan: &Plan) -> Result<Self, CliError> {
        let file = args.plan.file.file_name().unwrap_or(plan_file::DEFAULT);
        let Some(dir) = &args.dir else {
            if args.target == Target::Act {
                let refused = "workflows for act cannot stand where GitHub looks for its own";
                return Err(
                    CliError::new(Exit::Usage, refused).hint("name another folder by --dir")
                );
            }
            return Ok(Self {
                workflows: plan.folder.join(WORKFLOWS),
                plan: file.to_owned(),
            });
        };
        let absolute = |path: &Utf8Path| {
            camino::absolute_utf8(path).map_err(|error| CliError::file("find", path, &error))
        };
        let dir_path = absolute(dir)?;
        // Elsewhere than where GitHub looks for them, the files are written as for the plan's own folder.
        let Some(root) = dir_path.as_str().strip_suffix(WORKFLOWS) else {
            return Ok(Self {
                workflows: dir.clone(),
                plan: file.to_owned(),
            });
        };
        let plan = absolute(&args.plan.file)?;
        let below = plan.strip_prefix(root).map_err(|_error| {
            CliError::new(
                Exit::Usage,
                format!(
                    "`{}` does not lie in the repository of `{dir}`",
                    args.plan.file
                ),
            )
            .hint("name the folder of the repository that holds the plan")
        })?;
        Ok(Self {
            workflows: dir.clone(),
            plan: below.to_string(),
        })
    }
}

/// Why nothing was rendered.
enum Problem {
    /// Mistakes in the plan, with their places.
    Plan(Vec<Diagnostic>),
    /// A workflow that cannot be.
    Workflow(workflow::WorkflowError),
}

impl Problem {
    fn shown(self, args: &RenderArgs, environment: &Environment, read: &plan::Read) -> CliError {
        match self {
            Self::Plan(problems) => {
                output::problems(environment, output::Format::Text, &read.source, &problems);
                CliError::new(
                    Exit::Usage,
                    format!(
                        "`{}` cannot be rendered; nothing was written",
                        args.plan.file
                    ),
                )
            }
            Self::Workflow(error) => {
                let exit = if error.is_bug() {
                    Exit::Bug
                } else {
                    Exit::Usage
                };
                let shown = CliError::from_error(exit, &error);
                match error.hint() {
                    Some(hint) => shown.hint(hint),
                    None => shown,
                }
            }
        }
    }
}

type Files = BTreeMap<Utf8PathBuf, String>;

fn rendered(plan: &Plan, place: &Place, target: workflow::Target) -> Result<Files, Problem> {
    // Examples stand for what only a run is given, as in `graph`: the jobs are the same.
    let given = Given {
        rehearsal: true,
        ..Given::default()
    };
    let values = Values::resolve(plan, &given, Wanted::Known).map_err(Problem::Plan)?;
    let graph = graph::build(plan, &values).map_err(Problem::Plan)?;
    let mut files = match target {
        workflow::Target::GitHub => committed(plan, &graph).map_err(Problem::Plan)?,
        workflow::Target::Act => Files::new(),
    };
    let workflows =
        workflow::files(plan, &graph, &place.plan, target).map_err(Problem::Workflow)?;
    for file in workflows {
        files.insert(place.workflows.join(&file.name), file.text);
    }
    Ok(files)
}

/// The files of render tasks that are kept in git.
fn committed(plan: &Plan, graph: &TaskGraph<'_>) -> Result<Files, Vec<Diagnostic>> {
    let values = Values::resolve(plan, &Given::default(), Wanted::Known)?;
    let mut files = Files::new();
    let mut problems = Vec::new();
    let committed = |node: &&graph::Node<'_>| {
        let flag = node
            .task
            .body
            .get("committed")
            .and_then(|field| field.literal());
        node.task.kind == Kind::Render && flag.as_deref() == Some("true")
    };
    for node in graph.nodes().iter().filter(committed) {
        let scope = values.planning(plan, node.key.environment.as_ref(), node.leg.as_ref());
        match one(plan, node, &scope) {
            Ok((path, text)) => match files.insert(path.clone(), text.clone()) {
                Some(other) if other != text => problems.push(
                    Diagnostic::error("render", format!("`{path}` would be rendered twice, with different content"))
                        .at(node.task.span)
                        .help("let `to` differ by environment or leg, or render it once by `environment: none`"),
                ),
                Some(_) | None => {}
            },
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() {
        Ok(files)
    } else {
        Err(problems)
    }
}

fn one(
    plan: &Plan,
    node: &graph::Node<'_>,
    scope: &plan::values::PlanningScope<'_>,
) -> Result<(Utf8PathBuf, String), Box<Diagnostic>> {
    let problem =
        |message: String| Box::new(Diagnostic::error("render", message).at(node.task.span));
    let body = node
        .task
        .body
        .evaluate(scope)
        .map_err(|error| Box::new(evaluation_problem(&error)))?;
    let empty = Map::new();
    let entries = match &body {
        crate::expression::Value::Map(entries) => entries,
        _ => &empty,
    };
    let body = Render::read(Reader::new(entries)).map_err(|error| problem(error.to_string()))?;
    let template = fs::read_to_string(plan.folder.join(&body.template))
        .map_err(|error| problem(format!("`{}` cannot be read: {error}", body.template)))?;
    let text = render::file(&template, &body.with)
        .map_err(|error| problem(format!("`{}` does not render: {error}", body.template)))?;
    Ok((plan.folder.join(&body.to), text))
}

/// Workflow files that were rendered from this plan and that it declares no more.
fn stale(place: &Place, rendered: &Files) -> Result<Vec<Utf8PathBuf>, CliError> {
    let entries = match place.workflows.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CliError::file("read", &place.workflows, &error)),
    };
    let mut stale = BTreeSet::new();
    for entry in entries {
        let path = entry
            .map_err(|error| CliError::file("read", &place.workflows, &error))?
            .path()
            .to_owned();
        if rendered.contains_key(&path) || !matches!(path.extension(), Some("yml" | "yaml")) {
            continue;
        }
        if current(&path)?
            .is_some_and(|text| workflow::source_of(&text) == Some(place.plan.as_str()))
        {
            stale.insert(path);
        }
    }
    Ok(stale.into_iter().collect())
}

/// The text of a file; `None` where there is none. What is not UTF-8 is no text of ours, and differs from every one.
fn current(path: &Utf8Path) -> Result<Option<String>, CliError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file("read", path, &error)),
    }
}

fn check(args: &RenderArgs, rendered: &Files, stale: &[Utf8PathBuf]) -> Result<Exit, CliError> {
    let mut drifted = stale.len();
    let mut shown = String::new();
    let mut listed = Vec::new();
    for (path, text) in rendered {
        // A checkout on Windows may have turned the ends of lines; that is no drift.
        let found = current(path)?.map(|found| found.replace("\r\n", "\n"));
        if found.as_ref() == Some(text) {
            listed.push(json!({ "path": path, "state": "as-planned" }));
            continue;
        }
        drifted += 1;
        let before = if found.is_some() {
            path.as_str()
        } else {
            "/dev/null"
        };
        let found = found.unwrap_or_default();
        let diff = unified_diff((before, &found), (path.as_str(), text));
        listed.push(json!({ "path": path, "state": "drifted", "diff": diff }));
        shown.push_str(&diff);
    }
    if args.format == output::Format::Json {
        let undeclared = |path| json!({ "path": path, "state": "undeclared" });
        listed.extend(stale.iter().map(undeclared));
        output::json(&listed.into());
    }
    if drifted == 0 {
        output::words(&format!(
            "{} as the plan says\n",
            count(rendered.len(), "file")
        ));
        return Ok(Exit::Done);
    }
    if args.format == output::Format::Text {
        output::data(&shown);
    }
    for path in stale {
        output::words(&format!(
            "`{path}` was rendered from this plan, which declares it no more\n"
        ));
    }
    let dir = args
        .dir
        .as_ref()
        .map(|dir| format!(" --dir {dir}"))
        .unwrap_or_default();
    let verb = if drifted == 1 { "is" } else { "are" };
    output::words(&format!(
        "{} {verb} not what the plan says; `deploy-action render {}{dir}` writes what it says\n",
        count(drifted, "file"),
        args.plan.file
    ));
    Ok(Exit::Drift)
}

fn write(args: &RenderArgs, rendered: &Files, stale: &[Utf8PathBuf]) -> Result<Exit, CliError> {
    let mut paths = String::new();
    let mut listed = Vec::new();
    for (path, text) in rendered {
        // A file that is as it should be keeps its time, so that nothing is built again because of it.
        let is_new = current(path)?.as_ref() != Some(text);
        if is_new {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)
                    .map_err(|error| CliError::file("make", folder, &error))?;
            }
            fs::write(path, text).map_err(|error| CliError::file("write", path, &error))?;
        }
        paths.push_str(&format!("{path}\n"));
        let state = if is_new { "written" } else { "as-planned" };
        listed.push(json!({ "path": path, "state": state }));
    }
    for path in stale {
        fs::remove_file(path).map_err(|error| CliError::file("remove", path, &error))?;
        output::words(&format!("removed `{path}`: the plan declares it no more\n"));
        listed.push(json!({ "path": path, "state": "removed" }));
    }
    match args.format {
        output::Format::Text => output::data(&paths),
        output::Format::Json => output::json(&listed.into()),
    }
    Ok(Exit::Done)
}

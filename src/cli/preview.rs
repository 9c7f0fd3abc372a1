//! `deploy-action preview`: what a run would do, sealed under one digest.

use std::{cell::RefCell, fs, io, rc::Rc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    CliError, Environment, Exit, bundles, outcome, output,
    plan_file::PlanFile,
    session::{Choice, Session, block_on, execute_error, looking, select},
    signals,
};
use crate::{
    bundle::{Draft, Manifest, Outlook, Store},
    checkpoint::preview_to_markdown,
    digest::Digest,
    event::Record,
    execute::{ExecuteError, Previewed, Run, Trust, copy_folder},
    github::{
        Nonce,
        file::{append_outputs, append_summary},
    },
    ident::TaskKey,
    plan::duration,
    portable,
    process::{GRACE_WHEN_CANCELLED, Patience, stopper},
    report::Reporter,
    workflow::action,
};

/// Shows what a run would do, changes nothing, and seals it under one digest
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What changes nothing outside is carried out, images are made and not pushed, terraform plans. What reads
something that only the run will know is deferred to it. The digest goes to stdout: it names what was shown,
and `run --bundle DIGEST` carries out exactly that, or refuses.

Nothing is sealed where a task fails.

Examples:
  deploy-action preview
  deploy-action preview --environment staging --expires 3d
  deploy-action run --bundle \"$(deploy-action preview)\"")]
pub struct PreviewArgs {
    #[command(flatten)]
    plan: PlanFile,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    bundles: bundles::Folder,
    /// How long it may be carried out
    #[arg(long, value_name = "DURATION", default_value = "1d")]
    expires: String,
    /// Shows the output of all tasks, and not of failed ones alone
    #[arg(long, short)]
    verbose: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan is not valid, or the bundle cannot be written.
pub fn preview(args: &PreviewArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(carry_out(args, environment))
}

async fn carry_out(args: &PreviewArgs, environment: &Environment) -> Result<Exit, CliError> {
    let cancelled = signals::listen()?;
    let expires = duration::parse(&args.expires)
        .map_err(|error| CliError::new(Exit::Usage, format!("--expires: {error}")))?;
    let mut session = Session::open(&args.plan, &args.choice, environment).await?;
    let store = args.bundles.store(&session);
    session.state = copied(&session)?;
    let graph = session.graph(environment)?;
    let selected = select(&graph, &args.choice)?;
    if selected.is_empty() {
        output::words("nothing is selected\n");
        return Ok(Exit::NothingSelected);
    }
    let said = Said::default();
    let shown = Shown {
        said: Rc::clone(&said),
        verbose: args.verbose,
    };
    let recorder = session.recorder(vec![Box::new(shown)])?;
    let options = looking();
    let run = session.run(&graph, &options, &recorder, selected).await?;
    let previewed = match foresee(&run, &said, args.verbose, cancelled.clone()).await {
        Err(ExecuteError::Cancelled) => {
            return Ok(outcome::cancelled(cancelled.borrow().unwrap_or("SIGINT")));
        }
        previewed => previewed.map_err(|error| execute_error(&error))?,
    };
    let failed = failures(&previewed);
    if !failed.is_empty() {
        output::words(&format!(
            "nothing is sealed: {} cannot be done as it is\n",
            failed.join(", ")
        ));
        tell(&run, args.format, None, &previewed);
        summarise(&run, &previewed, None);
        return Ok(exit_of(&previewed));
    }
    if !Trust::of(&session.world.runner).may_seal() {
        output::words(
            "nothing is sealed: these are not this repository's own changes, or nobody knows whose they are\n",
        );
        tell(&run, args.format, None, &previewed);
        summarise(&run, &previewed, None);
        return Ok(Exit::Done);
    }
    let draft = draft(&session, &run, previewed, expires).await?;
    let sealed = seal(&run, draft, &store)?;
    tell(
        &run,
        args.format,
        Some((&sealed, &store)),
        &sealed.previewed,
    );
    summarise(&run, &sealed.previewed, Some(&sealed.digest));
    tell_runner(&run, &sealed)?;
    Ok(Exit::Done)
}

/// Looks at everything. It is cancelled too where the runner would not wait for it any longer.
async fn foresee(
    run: &Run<'_, '_>,
    said: &Said,
    verbose: bool,
    mut cancelled: signals::Cancelled,
) -> Result<Previewed, ExecuteError> {
    let (stopper, stop) = stopper();
    let mut begin = |key: &TaskKey| {
        said.borrow_mut().clear();
        tracing::info!(task = %key, "previewed");
    };
    let mut end = |key: &TaskKey, outlook: &Outlook| {
        let lines = said.take();
        output::words(&words(key, outlook, if verbose { &[] } else { &lines }));
    };
    let leaving = signals::leave(cancelled.clone());
    let foreseen = run.preview(&stop, &mut begin, &mut end);
    let stopping = async {
        while cancelled.borrow_and_update().is_none() {
            if cancelled.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        stopper.stop(Patience::AtMost(GRACE_WHEN_CANCELLED));
        std::future::pending().await
    };
    tokio::select! {
        foreseen = foreseen => foreseen,
        never = stopping => never,
        _ = leaving => Err(ExecuteError::Cancelled),
    }
}

/// A copy of the ledger, which the preview writes to and nobody reads after it.
fn copied(session: &Session) -> Result<Utf8PathBuf, CliError> {
    let copy = session.world.scratch.join("state");
    for walk in folders_in(&session.state)? {
        let to = copy.join(walk.file_name().unwrap_or_default());
        if walk.file_name() == Some(bundles::FOLDER) {
            continue;
        }
        portable::private_folder()
            .create(&to)
            .map_err(|error| CliError::file("make", &to, &error))?;
        let is_taken = |name: &str| !matches!(name, "logs" | "evidence" | "built");
        copy_top(&walk, &to, &is_taken)?;
    }
    Ok(copy)
}

/// The folders in a folder, which may not be there.
fn folders_in(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, CliError> {
    let failed = |error| CliError::file("read", folder, &error);
    let mut found = Vec::new();
    if folder.exists() {
        for entry in folder.read_dir_utf8().map_err(failed)? {
            let path = entry.map_err(failed)?.into_path();
            found.extend(path.is_dir().then_some(path));
        }
    }
    Ok(found)
}

/// Copies a ledger, without what is taken by nobody.
fn copy_top(
    walk: &Utf8Path,
    to: &Utf8Path,
    is_taken: &dyn Fn(&str) -> bool,
) -> Result<(), CliError> {
    let failed = |error| CliError::file("copy", walk, &error);
    for entry in walk.read_dir_utf8().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        match (is_taken(entry.file_name()), entry.path().is_dir()) {
            (false, _) => {}
            (true, true) => copy_folder(entry.path(), &target, &|_| true)
                .map_err(|error| execute_error(&error))?,
            // A run that goes on meanwhile may have removed it.
            (true, false) => match fs::copy(entry.path(), &target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            },
        }
    }
    Ok(())
}

/// The exit of a preview in which something failed.
fn exit_of(previewed: &Previewed) -> Exit {
    let entries = previewed.tasks.values();
    let kinds = entries.filter_map(|entry| match &entry.outlook {
        Outlook::Failed { kind, .. } => Some(*kind),
        _ => None,
    });
    outcome::of_failures(&kinds.collect::<Vec<_>>())
}

fn failures(previewed: &Previewed) -> Vec<String> {
    let failed = previewed.tasks.iter();
    let failed = failed.filter(|(_, entry)| entry.outlook.is_failure());
    failed.map(|(task, _)| format!("`{task}`")).collect()
}

async fn draft(
    session: &Session,
    run: &Run<'_, '_>,
    previewed: Previewed,
    expires: Duration,
) -> Result<Draft, CliError> {
    let created = run.world.now();
    let expires = jiff::SignedDuration::try_from(expires)
        .ok()
        .and_then(|expires| created.checked_add(expires).ok())
        .ok_or_else(|| CliError::new(Exit::Usage, "--expires: no clock goes so far"))?;
    Ok(Draft {
        manifest: Manifest {
            bound: bundles::bound(session).await?,
            created,
            expires,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            values: run.values.parts().own().clone(),
            files: run.files().map_err(|error| execute_error(&error))?,
            tasks: previewed.tasks,
        },
        plans: previewed.plans,
    })
}

/// A bundle that is kept.
struct Sealed {
    digest: Digest,
    expires: jiff::Timestamp,
    previewed: Previewed,
}

/// Seals the plans and keeps the bundle, unless what everybody can read of it holds a secret.
fn seal(run: &Run<'_, '_>, draft: Draft, store: &Store) -> Result<Sealed, CliError> {
    let readable = serde_json::to_string(&draft.manifest)
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    if run.masker.borrow().finds(&readable) {
        let message = "the readable part of the bundle would hold a secret; nothing is sealed";
        return Err(CliError::new(Exit::Failed, message).hint(
            "a value of the plan is the text of a secret: read it by `${{ secrets.NAME }}`, or give the secret another value; `sensitive` of a terraform task names secrets alone",
        ));
    }
    let (tasks, expires) = (draft.manifest.tasks.clone(), draft.manifest.expires);
    let bytes = draft.seal(&run.recipients());
    let kept = bytes.and_then(|bytes| store.keep(&bytes));
    let digest = kept.map_err(|error| bundles::refused(&error))?;
    Ok(Sealed {
        digest,
        expires,
        previewed: Previewed {
            tasks,
            ..Previewed::default()
        },
    })
}

fn tell(
    run: &Run<'_, '_>,
    format: output::Format,
    sealed: Option<(&Sealed, &Store)>,
    previewed: &Previewed,
) {
    match format {
        output::Format::Text => {
            if let Some((sealed, store)) = sealed {
                output::words(&format!(
                    "sealed until {}, in {}\n",
                    sealed.expires.strftime("%F %T UTC"),
                    store.file(&sealed.digest)
                ));
                output::data(&format!("{}\n", sealed.digest));
            }
        }
        output::Format::Json => {
            let told = serde_json::json!({
                "digest": sealed.map(|(sealed, _)| sealed.digest.to_string()),
                "file": sealed.map(|(sealed, store)| store.file(&sealed.digest)),
                "expires": sealed.map(|(sealed, _)| sealed.expires),
                "tasks": previewed.tasks,
            });
            // Where nothing was sealed, nobody has searched it for secrets.
            let text = format!("{told:#}\n");
            output::data(&run.masker.borrow().mask(&text));
        }
    }
}

/// Writes what was foreseen to the job summary. A summary that cannot be written never fails a preview.
fn summarise(run: &Run<'_, '_>, previewed: &Previewed, sealed: Option<&Digest>) {
    let runner = &run.world.runner;
    let Some(path) = runner
        .files
        .step_summary
        .as_ref()
        .filter(|_| runner.on_actions)
    else {
        return;
    };
    let mut sections = preview_to_markdown(&previewed.tasks, sealed);
    for section in &mut sections {
        *section = run.masker.borrow().mask(section).into_owned();
    }
    if let Err(error) = append_summary(path, &sections) {
        output::words(&format!(
            "note: the summary of the job is not written: {error}\n"
        ));
    }
}

/// On a runner, the digest is an output of the step; the next one keeps the folder.
fn tell_runner(run: &Run<'_, '_>, sealed: &Sealed) -> Result<(), CliError> {
    let Some(path) = &run.world.runner.files.output else {
        return Ok(());
    };
    let digest = sealed.digest.to_string();
    let outputs = [(action::OUTPUT_DIGEST, digest.as_str())];
    let nonce = Nonce::random().map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    append_outputs(path, &outputs, &nonce).map_err(|error| CliError::from_error(Exit::Bug, &error))
}

/// One task in a line, and below it what terraform would do, or what it printed before it failed.
fn words(key: &TaskKey, outlook: &Outlook, printed: &[String]) -> String {
    let mut text = format!("{key}: {}", outlook.word());
    let details = outlook.details();
    if !details.is_empty() {
        text.push_str(&format!(" ({details})"));
    }
    text.push('\n');
    let mut below = |line: &str| text.push_str(&format!("  {line}\n"));
    match outlook {
        Outlook::Planned(planned) if planned.changes => planned.text.lines().for_each(below),
        Outlook::Failed { hint, .. } => {
            printed.iter().for_each(|line| below(line));
            hint.iter().for_each(|hint| below(&format!("hint: {hint}")));
        }
        _ => {}
    }
    text
}

/// What a task printed while it is looked at.
type Said = Rc<RefCell<Vec<String>>>;

struct Shown {
    said: Said,
    verbose: bool,
}

impl Reporter for Shown {
    fn record(&mut self, _: &Record) {}

    fn output(&mut self, task: &TaskKey, line: &str) {
        match self.verbose {
            true => output::words(&format!("{task} | {line}\n")),
            false => self.said.borrow_mut().push(line.to_owned()),
        }
    }

    fn notice(&mut self, text: &str) {
        output::words(&format!("note: {text}\n"));
    }
}

//! Bundles on the command line: where they are, to what they are bound, why one is refused.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::{
    CliError, Exit, output,
    session::{Session, execute_error},
};
use crate::{
    bundle::{Bound, Bundle, BundleError, Outlook, Plans, Store},
    diagnostic::words::count,
    digest::Digest,
    execute::{Reviewed, Run, Secrets},
    graph::TaskGraph,
    ident::EnvironmentName,
    probe::Git,
    secret::Masker,
    workflow::action,
};

/// Folder of a plan's bundles, beside its ledgers. No environment has such a name.
pub(super) const FOLDER: &str = ".bundles";

/// Where bundles are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Folder {
    /// Folder of bundles [default: one beside the plan's ledger, on a runner one below its temporary folder]
    #[arg(long, value_name = "DIR", env = "DEPLOY_ACTION_BUNDLES", value_hint = clap::ValueHint::DirPath)]
    pub bundles: Option<Utf8PathBuf>,
}

impl Folder {
    /// Returns the folder for a plan.
    pub(super) fn store(&self, session: &Session) -> Store {
        let runner = &session.world.runner;
        let on_runner = runner.folders.temp.as_ref().filter(|_| runner.on_actions);
        let default = || match on_runner {
            Some(temp) => temp.join(action::BUNDLES),
            None => session.state.join(FOLDER),
        };
        Store::at(self.bundles.clone().unwrap_or_else(default))
    }
}

/// Says where this is: what a bundle is bound to besides its tasks.
pub(super) async fn bound(session: &Session) -> Result<Bound, CliError> {
    let world = &session.world;
    let masker = Masker::default();
    let git = Git {
        variables: &world.variables,
        masker: &masker,
    };
    let tree = ["rev-parse", "--verify", "--quiet", "HEAD^{tree}"];
    let tree = git.line(&world.folder, &tree).await;
    Ok(Bound {
        plan: session.plan().name.clone(),
        plan_digest: session.plan().digest(),
        repository: world.runner.repository.as_ref().map(ToString::to_string),
        commit: world.runner.revision.sha.clone(),
        tree: tree.map_err(|error| execute_error(&error.into()))?,
        rehearsal: world.stand_ins.is_rehearsal(),
    })
}

/// What is opened of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// The plans that are to be applied.
    Plans,
    /// Nothing: whoever only looks needs no key.
    Nothing,
}

/// Takes the bundle that a run is of, with the plans that the selected tasks need.
///
/// # Errors
///
/// It is not there, was changed, has ended, belongs elsewhere, or cannot be opened.
pub(super) async fn take(
    (digest, folder): (&str, &Folder),
    session: &Session,
    (graph, selected): (&TaskGraph<'_>, &BTreeSet<usize>),
    opening: Opening,
) -> Result<Reviewed, CliError> {
    let digest: Digest = digest.parse().map_err(|_| {
        CliError::new(Exit::Usage, format!("`--bundle {digest}` is no digest"))
            .hint("write the one that `preview` printed: `sha256:…`")
    })?;
    let refused = |error: BundleError| refused(&error);
    let bundle = folder.store(session).get(&digest).map_err(refused)?;
    let now = session.world.now();
    if now > bundle.manifest.expires {
        let expired = bundle.manifest.expires;
        return Err(refused(BundleError::Expired { expired, now }));
    }
    belongs(&bundle.manifest.bound, &bound(session).await?).map_err(refused)?;
    let mut plans = Plans::new();
    let environments = match opening {
        Opening::Plans => wanted(&bundle, graph, selected),
        Opening::Nothing => BTreeSet::new(),
    };
    for environment in environments {
        let key = key_of(session, &environment)?;
        plans.extend(bundle.open(&environment, &key).map_err(refused)?);
    }
    Ok(Reviewed::new(bundle, plans))
}

/// Refuses a bundle of another plan, of another repository, or of a rehearsal. The commit may be another: what counts of it is
/// what the tasks are made of.
fn belongs(reviewed: &Bound, here: &Bound) -> Result<(), BundleError> {
    let place = |bound: &Bound| {
        bound
            .repository
            .clone()
            .unwrap_or_else(|| "none".to_owned())
    };
    let world = |bound: &Bound| match bound.rehearsal {
        true => "a rehearsal".to_owned(),
        false => "a run in the real world".to_owned(),
    };
    for (what, reviewed, found) in [
        ("plan ", reviewed.plan.clone(), here.plan.clone()),
        ("repository ", place(reviewed), place(here)),
        ("", world(reviewed), world(here)),
    ] {
        if reviewed != found {
            return Err(BundleError::Foreign {
                what,
                reviewed,
                found,
            });
        }
    }
    Ok(())
}

/// The environments whose plans are to be applied by the selected tasks.
fn wanted(
    bundle: &Bundle,
    graph: &TaskGraph<'_>,
    selected: &BTreeSet<usize>,
) -> BTreeSet<EnvironmentName> {
    let keys = selected.iter().map(|&index| &graph.nodes()[index].key);
    let planned = keys.filter(|key| {
        let entry = bundle.manifest.tasks.get(key);
        entry.is_some_and(
            |entry| matches!(&entry.outlook, Outlook::Planned(planned) if planned.plan.is_some()),
        )
    });
    planned.filter_map(|key| key.environment.clone()).collect()
}

fn key_of(
    session: &Session,
    environment: &EnvironmentName,
) -> Result<crate::secret::Secret, CliError> {
    let declared = session.plan().environments.get(environment);
    let Some(name) = declared.and_then(|declared| declared.key.as_ref()) else {
        let message = format!("the bundle holds plans for `{environment}`, which names no `key`");
        return Err(CliError::new(Exit::Usage, message)
            .hint("`key` of the environment names the secret that opens what is sealed to its `recipient`"));
    };
    let world = &session.world;
    let secrets = Secrets::find(
        session.plan(),
        &world.folder,
        &world.variables,
        &world.stand_ins,
    );
    let key = secrets.get(name.as_str()).cloned();
    key.map_err(|error| {
        let told = CliError::from_error(Exit::Usage, &error);
        match error.hint_of() {
            Some(hint) => told.hint(hint),
            None => told,
        }
    })
}

/// Refuses a run of something else than was reviewed, with both sides of each difference.
pub(super) fn hold(run: &Run<'_, '_>) -> Result<(), CliError> {
    let differences = run.differences_from_review();
    if differences.is_empty() {
        return Ok(());
    }
    if let Some(reviewed) = &run.options.bundle {
        let bound = &reviewed.manifest().bound;
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        output::words(&format!(
            "the bundle is of commit {} (tree {}), and this is {}\n",
            side(&bound.commit),
            side(&bound.tree),
            side(&run.world.runner.revision.sha)
        ));
    }
    differences
        .iter()
        .for_each(|difference| output::words(&format!("  {difference}\n")));
    let message = format!(
        "this is not what was reviewed: {}; nothing was run",
        count(differences.len(), "difference")
    );
    Err(CliError::new(Exit::Usage, message).hint("preview again, and let that be reviewed"))
}

/// Turns the refusal of a bundle into an error of the command line: nothing was run.
pub(super) fn refused(error: &BundleError) -> CliError {
    CliError::from_error(Exit::Usage, error).hint(error.hint())
}

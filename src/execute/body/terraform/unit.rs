//! A root module with all that its processes need: folders, environment, variables.

use std::{cell::OnceCell, collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};

use super::{super::run::Environment, copy};
use crate::{
    event::Reality,
    execute::{ExecuteError, Run, attempt::Attempt},
    plan::kind::terraform::Terraform,
    portable,
    process::CommandSpec,
    secret::Secret,
    terraform::{Module, arguments::variable},
};

/// The most of terraform's standard output that is read, in bytes: plans of very large systems.
const MOST_OUTPUT: u64 = 512 * 1024 * 1024;

/// Folder of the plugin cache below the user's cache folder.
const PLUGIN_CACHE: &str = "deploy-action/terraform/plugins";

/// A root module on its way.
pub(super) struct Unit {
    pub(super) body: Terraform,
    /// Where terraform works: the module, or a rehearsal's copy of it.
    pub(super) dir: Utf8PathBuf,
    /// Private files of the attempt.
    pub(super) folder: Utf8PathBuf,
    /// What stands in for providers and backend.
    pub(super) reality: Reality,
    /// Where downloaded providers are shared; in a rehearsal nothing is downloaded.
    pub(super) cache: Option<Utf8PathBuf>,
    /// The program at the version that the plan pins, once it is known to be there.
    program: OnceCell<Utf8PathBuf>,
    environment: Environment,
    variables: BTreeMap<String, Variable>,
}

enum Variable {
    Clear(String),
    Secret(Secret),
}

/// The private folder of an attempt, beside those of its keepers.
pub(super) const FOLDER: &str = "terraform";

/// The file beside a keeper's folder that says where terraform worked.
pub(super) const DIR_FILE: &str = "dir";

impl Unit {
    /// Gathers what the module needs, and makes the folders.
    pub(super) fn of<'p>(
        run: &Run<'_, 'p>,
        attempt: &Attempt<'_, 'p>,
        body: Terraform,
        folder_of_attempt: &Utf8Path,
    ) -> Result<Self, ExecuteError> {
        let folder = folder_of_attempt.join(FOLDER);
        portable::private_folder()
            .create(&folder)
            .map_err(|error| ExecuteError::file("make", &folder, error))?;
        let stand_ins = run.world.stand_ins.terraform.as_ref();
        let module = run.world.path(&body.dir);
        let mut unit = Self {
            dir: module.clone(),
            reality: Reality::Real,
            cache: cache_folder(run),
            program: OnceCell::new(),
            environment: Environment::of(run, attempt.node)?,
            variables: of_module(&body),
            folder,
            body,
        };
        unit.set("TF_DATA_DIR", unit.folder.join("data").as_str());
        unit.set("TF_IN_AUTOMATION", "1");
        unit.set("TF_INPUT", "0");
        // It would ask a server of HashiCorp's for newer versions.
        unit.set("CHECKPOINT_DISABLE", "1");
        match (stand_ins, unit.cache.clone()) {
            (Some(stand_ins), _) => {
                unit.cache = None;
                let (dir, reality) =
                    copy::stand_in(&module, stand_ins, attempt, folder_of_attempt)?;
                unit.dir = dir;
                unit.reality = reality;
                for (name, value) in &stand_ins.variables {
                    unit.set(name, value);
                }
            }
            (None, Some(cache)) => {
                portable::private_folder()
                    .create(&cache)
                    .map_err(|error| ExecuteError::file("make", &cache, error))?;
            }
            (None, None) => {}
        }
        let dir = folder_of_attempt.join(DIR_FILE);
        fs::write(&dir, unit.dir.as_str())
            .map_err(|error| ExecuteError::file("write", dir, error))?;
        Ok(unit)
    }

    fn set(&mut self, name: &str, value: &str) {
        let value = Variable::Clear(value.to_owned());
        self.variables.insert(name.to_owned(), value);
    }

    /// The file of the saved plan. It holds secrets in clear, so it is in a private folder and does not stay.
    pub(super) fn plan_file(&self) -> Utf8PathBuf {
        self.folder.join("plan")
    }

    /// The folder into which terraform unpacks providers for this attempt alone.
    pub(super) fn own_plugins(&self) -> Result<Utf8PathBuf, ExecuteError> {
        let folder = self.folder.join("plugins");
        fs::create_dir_all(&folder).map_err(|error| ExecuteError::file("make", &folder, error))?;
        Ok(folder)
    }

    /// The state that terraform leaves where it could not write it to its backend.
    pub(super) fn errored_state(&self) -> Utf8PathBuf {
        self.dir.join(super::rescue::ERRORED)
    }

    /// The files of variables, as terraform finds them.
    pub(super) fn var_files(&self, run: &Run<'_, '_>) -> Vec<Utf8PathBuf> {
        let files = self.body.var_files.iter();
        files.map(|file| run.world.path(file)).collect()
    }

    /// Those that the apply of a saved plan wants again: where the module has an ephemeral variable.
    pub(super) fn var_files_of_apply(&self, run: &Run<'_, '_>) -> Vec<Utf8PathBuf> {
        let module = Module::of(&Module::files(&self.dir));
        match module.variables.values().any(|one| one.ephemeral) {
            true => self.var_files(run),
            false => Vec::new(),
        }
    }

    pub(super) fn is_stood_in(&self) -> bool {
        matches!(self.reality, Reality::StandIn { .. })
    }

    /// Removes the saved plan and what was initialised, which hold secrets and are made anew; and a rehearsal's copy.
    pub(super) fn sweep(&self) -> Result<(), ExecuteError> {
        let copy = self.is_stood_in().then_some(&self.dir);
        for folder in [Some(&self.folder), copy].into_iter().flatten() {
            fs::remove_dir_all(folder)
                .map_err(|error| ExecuteError::file("remove", folder, error))?;
        }
        Ok(())
    }

    /// Takes the program at the version that the plan pins, where it pins one.
    pub(super) async fn settle_program(&self, run: &Run<'_, '_>) -> Result<(), ExecuteError> {
        if let Some(tool) = run.tool(&self.body.binary).await? {
            self.program.get_or_init(|| tool.path);
        }
        Ok(())
    }

    /// Describes one process of terraform. What it prints on standard output is data that no mask knows yet, so nobody sees it
    /// before it was read.
    pub(super) fn call(&self, purpose: &str, args: Vec<String>) -> CommandSpec {
        let program = self.program.get().map(|program| program.as_str());
        let mut spec = CommandSpec::new(program.unwrap_or(&self.body.binary), purpose)
            .args(args)
            .dir(&self.dir)
            .capture_secret_stdout(MOST_OUTPUT);
        spec = self.environment.give(spec);
        for (name, value) in &self.variables {
            spec = match value {
                Variable::Clear(text) => spec.env(name, text),
                Variable::Secret(secret) => spec.secret_env(name, secret.clone()),
            };
        }
        spec
    }
}

/// The variables of the root module, as terraform reads them of its environment.
fn of_module(body: &Terraform) -> BTreeMap<String, Variable> {
    let given = body.variables.iter();
    let given = given.filter_map(|(name, value)| {
        let (variable, text) = variable(name, value)?;
        Some((
            variable,
            match value.holds_secret() {
                true => Variable::Secret(text),
                false => Variable::Clear(text.expose().to_owned()),
            },
        ))
    });
    given.collect()
}

fn cache_folder(run: &Run<'_, '_>) -> Option<Utf8PathBuf> {
    let home = || Some(Utf8PathBuf::from(run.world.variable("HOME")?).join(".cache"));
    let cache = run.world.variable("XDG_CACHE_HOME").map(Utf8PathBuf::from);
    Some(cache.or_else(home)?.join(PLUGIN_CACHE))
}

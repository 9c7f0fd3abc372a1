//! `cargo xtask soak cache`: units at once that want the same provider, which terraform unpacks, again and again from nothing.
//!
//! Every second round the modules have no lock file. `--bare` has terraform do the same by itself, on one cache, which shows what it does there.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use deploy_action_test_wire::{Package, REQUIRED, StandIn};
use tempfile::TempDir;

use crate::{program, repository, setup, soak::world::isolated, words};

#[derive(Args)]
pub(super) struct CacheArgs {
    /// How many rounds.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// How many units at once.
    #[arg(long, default_value_t = 8)]
    units: u32,
    /// How large the provider is, in megabytes.
    #[arg(long, default_value_t = 8)]
    megabytes: usize,
    /// Begins no further round after this many minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Terraform alone, without this program.
    #[arg(long)]
    bare: bool,
}

/// Carries out the rounds; exit 1 where a unit failed or a provider is not as it was packed.
pub(super) fn cache(args: &CacheArgs) -> anyhow::Result<ExitCode> {
    setup::bring(&[setup::tools::GIT])?;
    let built = program::build(&repository::root()?)?;
    let place = Place::new(&built, args)?;
    let over = Instant::now() + Duration::from_secs(args.minutes * 60);
    let (mut done, mut wrong) = (0, 0);
    for round in 0..args.rounds {
        if Instant::now() > over {
            words::say(&format!("the time is over after {round} rounds"));
            break;
        }
        let is_locked = round % 2 == 0;
        place.begin_anew(is_locked)?;
        let ended = match args.bare {
            true => place.bare(),
            false => place.run(is_locked),
        };
        done += 1;
        if let Err(error) = ended {
            wrong += 1;
            words::say(&format!("error: round {}: {error:#}", round + 1));
        }
    }
    words::print(&format!(
        "{done} rounds of {} units on one cache: {wrong} went wrong",
        args.units
    ))?;
    Ok(match wrong == 0 && done == args.rounds {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

struct Place {
    folder: TempDir,
    program: PathBuf,
    stand_in: StandIn,
    lock: String,
    n_units: u32,
}

impl Place {
    fn new(built: &Path, args: &CacheArgs) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("soak-").tempdir()?;
        let program = folder.path().join("deploy-action");
        fs::copy(built, &program)?;
        for name in ["tmp", "cloud"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let package = Package::Zip(args.megabytes * 1_000_000);
        let stand_in = StandIn::install(&folder.path().join("cloud"), &program, package)?;
        let place = Self {
            lock: stand_in.lock_file()?,
            stand_in,
            program,
            n_units: args.units,
            folder,
        };
        let tasks: String = place
            .units()
            .map(|unit| format!("      - {{ id: {unit}, terraform: {{ dir: infra/{unit} }} }}\n"))
            .collect();
        let plan = format!("name: soak\nphases:\n  - id: provision\n    tasks:\n{tasks}");
        for unit in place.units() {
            let module = place.module(&unit);
            fs::create_dir_all(&module)?;
            let resource = format!(
                "\nresource \"spot_cloudspace\" \"a\" {{\n  cloudspace_name = \"{unit}\"\n  region          = \"us-central-dfw-1\"\n}}\n"
            );
            fs::write(module.join("main.tf"), format!("{REQUIRED}{resource}"))?;
        }
        fs::write(place.inside("repository/deploy.yaml"), plan)?;
        fs::write(
            place.inside("repository/.gitignore"),
            "*.tfstate*\n.terraform*\n",
        )?;
        for arguments in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "Begin"],
        ] {
            let status = place.command(Path::new("git")).args(arguments).status()?;
            ensure!(status.success(), "git {arguments:?} ended with {status}");
        }
        Ok(place)
    }

    fn units(&self) -> impl Iterator<Item = String> {
        (0..self.n_units).map(|number| format!("unit-{number}"))
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn module(&self, unit: &str) -> PathBuf {
        self.inside("repository/infra").join(unit)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = isolated(program, self.folder.path());
        command.envs(self.stand_in.variables());
        command
    }

    /// Nothing is cached, nothing applied.
    fn begin_anew(&self, is_locked: bool) -> anyhow::Result<()> {
        for folder in ["home", "state", "bare"] {
            match fs::remove_dir_all(self.inside(folder)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => fs::create_dir(self.inside(folder))?,
            }
        }
        for name in self.stand_in.objects("spot_cloudspace") {
            self.stand_in.remove("spot_cloudspace", &name)?;
        }
        for unit in self.units() {
            let module = self.module(&unit);
            for entry in fs::read_dir(&module)? {
                let path = entry?.path();
                if path.is_file() && !path.ends_with("main.tf") {
                    fs::remove_file(path)?;
                }
            }
            if is_locked {
                fs::write(module.join(".terraform.lock.hcl"), &self.lock)?;
            }
        }
        Ok(())
    }

    fn run(&self, is_locked: bool) -> anyhow::Result<()> {
        let mut command = self.command(&self.program);
        command.args(["run", "--format", "json", "--jobs"]);
        let output = command.arg(self.n_units.to_string()).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let failed = said
            .lines()
            .find(|line| line.contains(r#""outcome":{"type":"failed""#));
        ensure!(
            output.status.success(),
            "{}",
            failed.unwrap_or(&String::from_utf8_lossy(&output.stderr))
        );
        let made = self.stand_in.objects("spot_cloudspace").len();
        ensure!(made == self.n_units as usize, "{made} were applied");
        let plugins = self.inside("home/.cache/deploy-action/terraform/plugins");
        match is_locked {
            true => Ok(self.stand_in.compare(&plugins)?),
            // Nobody vouches for what no lock file knows.
            false => Ok(()),
        }
    }

    /// Terraform's own `init` and `validate` in each module, all at once.
    fn bare(&self) -> anyhow::Result<()> {
        let plugins = self.inside("bare/plugins");
        fs::create_dir(&plugins)?;
        let started = self.units().map(|unit| {
            let mut command = self.command(Path::new("sh"));
            command
                .args([
                    "-c",
                    "terraform init -no-color && terraform validate -no-color",
                ])
                .current_dir(self.module(&unit))
                .env("TF_DATA_DIR", self.inside("bare").join(&unit))
                .env("TF_PLUGIN_CACHE_DIR", &plugins)
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            command.spawn()
        });
        let started: Vec<Child> = started.collect::<io::Result<_>>()?;
        let ended = started.into_iter().map(Child::wait_with_output);
        let ended = ended.collect::<io::Result<Vec<_>>>()?;
        let failed: Vec<_> = ended.iter().filter(|end| !end.status.success()).collect();
        let first = failed
            .first()
            .map(|end| String::from_utf8_lossy(&end.stderr));
        let words = first.unwrap_or_default();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(
            failed.is_empty(),
            "{} failed, the first: {words}",
            failed.len()
        );
        self.stand_in
            .compare(&plugins)
            .context("all ended well, and the cache is broken")
    }
}

//! `cargo xtask soak terraform`: applies of a resource that takes a minute, struck in each phase, over each backend as it is out there.
//!
//! A case is a module that was applied once, with one resource; it is then changed, and the run that applies the change is struck. What is
//! looked at afterwards is the backend itself, the ledger and the stand-in's cloud. The cases of one backend follow each other, those of several
//! go side by side, because nearly all of their time is waiting.

mod place;

use std::{
    collections::BTreeMap,
    fmt,
    process::ExitCode,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use deploy_action_test_wire::BackendKind;

use self::place::{Ended, Place};
use super::{GRACE, random::Random};
use crate::{program, repository, setup, words};

/// Most runs in a row until one of them ends well.
const MOST_RUNS: usize = 8;

#[derive(Args)]
pub(super) struct TerraformArgs {
    /// Over which backends.
    #[arg(long, value_delimiter = ',', default_values = ["local", "pg", "s3", "http"])]
    backends: Vec<String>,
    /// In which phases.
    #[arg(long, value_delimiter = ',', default_values = ["init", "plan", "before", "create", "write", "end"])]
    phases: Vec<String>,
    /// By which blows.
    #[arg(long, value_delimiter = ',', default_values = ["cancel", "tree", "machine", "gone"])]
    blows: Vec<String>,
    /// What decides whether a provider stops when it is asked, and whether the next run waits for what still goes on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Begins no further case after this many minutes.
    #[arg(long, default_value_t = 40)]
    minutes: u64,
}

/// Where an apply is when it is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Providers and backend are being initialised.
    Init,
    /// What there is is being read; the lock is held.
    Plan,
    /// The apply holds the lock and makes something else before.
    Before,
    /// The resource of a minute is being made.
    Create,
    /// The backend takes the state, slowly.
    Write,
    /// All is made.
    End,
}

impl Phase {
    const ALL: [Self; 6] = [
        Self::Init,
        Self::Plan,
        Self::Before,
        Self::Create,
        Self::Write,
        Self::End,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Plan => "plan",
            Self::Before => "before",
            Self::Create => "create",
            Self::Write => "write",
            Self::End => "end",
        }
    }
}

/// How a run is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    /// SIGINT, SIGTERM, SIGKILL of the tree.
    Cancel,
    /// SIGKILL of the tree at once; keepers stay.
    Tree,
    /// SIGKILL of everything.
    Machine,
    /// The backend goes away, and comes back when the run has ended.
    Gone,
}

impl Blow {
    const ALL: [Self; 4] = [Self::Cancel, Self::Tree, Self::Machine, Self::Gone];

    fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Tree => "tree",
            Self::Machine => "machine",
            Self::Gone => "gone",
        }
    }
}

/// One case of the matrix.
#[derive(Debug, Clone, Copy)]
struct Case {
    backend: BackendKind,
    phase: Phase,
    blow: Blow,
    /// Whether the provider goes on when it is asked to stop.
    is_deaf: bool,
    /// Whether the next run begins while what a keeper holds may still go on.
    is_followed_at_once: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (phase, blow) = (self.phase.name(), self.blow.name());
        write!(formatter, "{} {phase} {blow}", self.backend.name())?;
        formatter.write_str(if self.is_deaf { ", deaf" } else { "" })?;
        formatter.write_str(match self.is_followed_at_once {
            true => ", followed at once",
            false => "",
        })
    }
}

/// What is counted of the cases of one backend and blow.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    n_cases: usize,
    n_wrong: usize,
    n_runs: usize,
    n_taken_over: usize,
    n_locks: usize,
    n_asked: usize,
    n_rescued: usize,
}

/// Strikes; exit 1 where something does not hold.
pub(super) fn terraform(args: &TerraformArgs) -> anyhow::Result<ExitCode> {
    setup::bring(&[setup::tools::GIT, setup::tools::S3, setup::tools::POSTGRES])?;
    let path = setup::path()?;
    let built = program::build(&repository::root()?)?;
    // A copy: somebody may build another one meanwhile.
    let folder = tempfile::Builder::new().prefix("soak-").tempdir()?;
    let program = folder.path().join("deploy-action");
    std::fs::copy(built, &program)?;
    let over = Instant::now() + Duration::from_secs(args.minutes * 60);
    let tallies = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        let work = |cases: Vec<Case>| {
            let (program, path, tallies) = (&program, &path, &tallies);
            move || {
                for case in cases {
                    if Instant::now() > over {
                        words::say(&format!("the time is over before {case}"));
                        count(tallies, case, &Tally::wrong());
                        continue;
                    }
                    one(program, path, case, tallies);
                }
            }
        };
        for cases in matrix(args)? {
            scope.spawn(work(cases));
        }
        Ok::<_, anyhow::Error>(())
    })?;
    let tallies = tallies.into_inner().unwrap_or_default();
    print(&tallies)?;
    let is_right = tallies.values().all(|tally| tally.n_wrong == 0);
    Ok(match is_right {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

type Tallies = BTreeMap<(&'static str, Blow), Tally>;

fn count(tallies: &Mutex<Tallies>, case: Case, tally: &Tally) {
    if let Ok(mut tallies) = tallies.lock() {
        let sum = tallies.entry((case.backend.name(), case.blow)).or_default();
        sum.add(tally);
    }
}

/// Carries out one case and says how it went.
fn one(program: &std::path::Path, path: &std::ffi::OsStr, case: Case, tallies: &Mutex<Tallies>) {
    let began = Instant::now();
    let mut tally = Tally {
        n_cases: 1,
        ..Tally::default()
    };
    let ended = Place::new(program, path, case).and_then(|mut place| {
        strike(&mut place, case, &mut tally).map_err(|error| {
            let kept = place.keep();
            error.context(format!("it is kept in {}", kept.display()))
        })
    });
    let took = began.elapsed();
    match ended {
        Ok(()) => words::say(&format!("{case}: finished, {took:.0?}")),
        Err(error) => {
            words::say(&format!("error: {case}: {error:#}"));
            tally.n_wrong = 1;
        }
    }
    count(tallies, case, &tally);
}

/// The cases of each backend.
fn matrix(args: &TerraformArgs) -> anyhow::Result<Vec<Vec<Case>>> {
    let phases = chosen(&args.phases, &Phase::ALL, Phase::name)?;
    let blows = chosen(&args.blows, &Blow::ALL, Blow::name)?;
    let backends = chosen(&args.backends, &BackendKind::ALL, BackendKind::name)?;
    let mut random = Random::new(args.seed);
    let mut cases_of = |backend: BackendKind| {
        let mut cases = Vec::new();
        for &phase in &phases {
            for &blow in &blows {
                let is_possible = match blow {
                    // It goes while something is being made, and a folder does not go.
                    Blow::Gone => phase == Phase::Create && backend != BackendKind::Local,
                    Blow::Cancel | Blow::Tree | Blow::Machine => true,
                };
                let case = Case {
                    backend,
                    phase,
                    blow,
                    is_deaf: random.below(2) == 1,
                    is_followed_at_once: random.below(2) == 1,
                };
                cases.extend(is_possible.then_some(case));
            }
        }
        cases
    };
    Ok(backends.into_iter().map(&mut cases_of).collect())
}

fn chosen<T: Copy>(
    names: &[String],
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
) -> anyhow::Result<Vec<T>> {
    let find = |name: &String| {
        let mut all = all.iter().copied();
        all.find(|one| name_of(*one) == name)
            .with_context(|| format!("`{name}` is none of them"))
    };
    names.iter().map(find).collect()
}

fn strike(place: &mut Place, case: Case, tally: &mut Tally) -> anyhow::Result<()> {
    place.begin_with_one()?;
    place.ask_for_more()?;
    let mut running = place.start()?;
    place.wait_for_phase(&mut running)?;
    match case.blow {
        Blow::Cancel => {
            running.signal("INT")?;
            running.wait_at_most(GRACE[0])?;
            running.signal("TERM")?;
            running.wait_at_most(GRACE[1])?;
            running.kill_tree()?;
        }
        Blow::Tree => running.kill_tree()?,
        Blow::Machine => {
            running.kill_tree()?;
            place.kill_all();
        }
        Blow::Gone => place.backend_goes(),
    }
    running.end()?;
    place.calm_down()?;
    if case.blow == Blow::Gone {
        place.backend_comes_back();
    }
    place.is_interrupted()?;
    if !case.is_followed_at_once {
        place.wait_until_quiet()?;
        place.is_right_after_blow()?;
    }
    go_on(place, case, tally)?;
    place.is_right_at_end()
}

/// Runs until one ends well, and does what each of them says.
fn go_on(place: &mut Place, case: Case, tally: &mut Tally) -> anyhow::Result<()> {
    let mut last = Ended::default();
    let mut is_forced = false;
    for _ in 0..MOST_RUNS {
        last = place.run(is_forced)?;
        is_forced = false;
        tally.n_runs += 1;
        tally.n_taken_over += usize::from(last.has("task-interrupted"));
        if last.code == Some(0) {
            return Ok(());
        }
        if let Some(id) = last.lock() {
            ensure!(
                matches!(case.blow, Blow::Machine | Blow::Gone),
                "a lock is left although nobody was killed who held it:\n{}",
                last.words
            );
            tally.n_locks += 1;
            place.unlock(&id)?;
        } else if last.code == Some(4) {
            ensure!(
                case.blow == Blow::Machine,
                "somebody is asked although nothing was killed that a keeper held:\n{}",
                last.words
            );
            tally.n_asked += 1;
            place.look_and_remove()?;
            is_forced = true;
        } else if last.words.contains("recover --task") {
            ensure!(case.blow == Blow::Gone, "a state was lost:\n{}", last.words);
            tally.n_rescued += 1;
            tally.n_locks += place.recover()?;
        } else {
            bail!("it ends with {:?}:\n{}", last.code, last.words);
        }
    }
    bail!(
        "it does not come to an end: {:?}\n{}",
        last.code,
        last.words
    )
}

impl Tally {
    fn wrong() -> Self {
        Self {
            n_wrong: 1,
            ..Self::default()
        }
    }

    fn add(&mut self, other: &Self) {
        self.n_cases += other.n_cases;
        self.n_wrong += other.n_wrong;
        self.n_runs += other.n_runs;
        self.n_taken_over += other.n_taken_over;
        self.n_locks += other.n_locks;
        self.n_asked += other.n_asked;
        self.n_rescued += other.n_rescued;
    }
}

fn print(tallies: &Tallies) -> anyhow::Result<()> {
    words::print("backend  blow     cases  wrong  runs  interrupted  locks freed  asked  rescued")?;
    for ((backend, blow), tally) in tallies {
        words::print(&format!(
            "{backend:<8} {:<8} {:>5} {:>6} {:>5} {:>12} {:>12} {:>6} {:>8}",
            blow.name(),
            tally.n_cases,
            tally.n_wrong,
            tally.n_runs,
            tally.n_taken_over,
            tally.n_locks,
            tally.n_asked,
            tally.n_rescued
        ))?;
    }
    Ok(())
}

//! `cargo xtask fuzz`: inputs that nobody wrote, for as long as one wants.
//!
//! The engine is libFuzzer, the coverage that guides it comes from the stable compiler: the pass that counts is part of every
//! LLVM. Everything that is built for it lies in a folder of its own, because other flags make other artifacts.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};

use crate::{repository, setup, words};

/// How the compiler counts what an input reaches.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Longest input, in bytes.
const LONGEST_INPUT: u32 = 16 << 10;

/// An input that takes longer is a finding, in seconds.
const LONGEST_RUN: u32 = 10;

/// A process that needs more memory is a finding, in MiB.
const MOST_MEMORY: u32 = 2_048;

#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// What the inputs are taken for.
    target: Target,
    /// How long it goes on.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many processes look at once; they share what they find.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
    /// Holds one input again, as a finding says it, and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "jobs"])]
    repeat: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// A plan file: read, shown, made a graph, rendered.
    Plan,
    /// An expression: read, written, read again, evaluated.
    Expression,
    /// A ledger: replayed, cut off anywhere, folded.
    Records,
    /// A comment on a pull request, and the ledger from which ours is written.
    Comment,
    /// Rules for tags, with the event that they are applied to.
    Tags,
    /// A terraform plan as JSON, and the lines that terraform prints.
    Terraform,
    /// A `.tf` file, or a lock file of terraform.
    Hcl,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Expression => "expression",
            Self::Records => "records",
            Self::Comment => "comment",
            Self::Tags => "tags",
            Self::Terraform => "terraform",
            Self::Hcl => "hcl",
        }
    }
}

/// Where things of a target are kept.
struct Places {
    /// What is begun with, written anew each time.
    seeds: PathBuf,
    dictionary: PathBuf,
    /// What earlier runs found to reach further.
    corpus: PathBuf,
    findings: PathBuf,
}

impl Places {
    fn of(target: Target, built: &Path) -> anyhow::Result<Self> {
        let kept = setup::cache()?.join("fuzz");
        Ok(Self {
            seeds: built.join("seeds").join(target.name()),
            dictionary: built.join("seeds").join(format!("{}.dict", target.name())),
            corpus: kept.join("corpus").join(target.name()),
            findings: kept.join("findings"),
        })
    }
}

/// Builds the engine and lets it look; exit 1 if it finds something.
pub(crate) fn fuzz(args: &FuzzArgs) -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    setup::bring(&[setup::tools::CXX])?;
    let built = folder(&root);
    let engine = build(&root, &built)?;
    let places = Places::of(args.target, &built)?;
    if let Some(file) = &args.repeat {
        let status = command(&engine, args.target).arg(file).status();
        return Ok(words::exit_code(
            status.context("the engine does not start")?,
        ));
    }
    prepare(&engine, &root, &built)?;
    fs::create_dir_all(&places.corpus)?;
    fs::create_dir_all(&places.findings)?;
    look(args, &engine, &places)
}

/// The folder for all that is instrumented.
fn folder(root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("fuzz")
}

fn build(root: &Path, built: &Path) -> anyhow::Result<PathBuf> {
    words::say("building the engine (some minutes the first time)");
    let host = host()?;
    // With a target named, build scripts and macros are compiled without these flags, which they could not be linked with.
    let status = repository::cargo()
        .current_dir(root)
        .args(["build", "--quiet", "--profile", "fuzz"])
        .args([
            "--package",
            "deploy-action-fuzz",
            "--features",
            "engine",
            "--bin",
            "fuzz",
        ])
        .args(["--target", &host, "--target-dir"])
        .arg(built)
        .env("RUSTFLAGS", COVERAGE.join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cargo does not start")?;
    ensure!(status.success(), "the engine was not built");
    Ok(built.join(host).join("fuzz").join("fuzz"))
}

/// The system that the compiler compiles for by itself.
fn host() -> anyhow::Result<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .context("rustc does not start")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not say what it compiles for")
}

/// Lets the engine write seeds and dictionaries.
fn prepare(engine: &Path, root: &Path, built: &Path) -> anyhow::Result<()> {
    let seeds = built.join("seeds");
    if seeds.exists() {
        fs::remove_dir_all(&seeds)?;
    }
    let status = Command::new(engine)
        .env("DEPLOY_ACTION_FUZZ_SEEDS", &seeds)
        .env("DEPLOY_ACTION_FUZZ_REPOSITORY", root)
        .status()
        .context("the engine does not start")?;
    ensure!(status.success(), "seeds were not written");
    Ok(())
}

fn command(engine: &Path, target: Target) -> Command {
    let mut command = Command::new(engine);
    command
        .env("DEPLOY_ACTION_FUZZ", target.name())
        .env("RUST_BACKTRACE", "1")
        .arg(format!("-timeout={LONGEST_RUN}"))
        .arg(format!("-rss_limit_mb={MOST_MEMORY}"));
    command
}

/// Starts the processes, waits for all, and says what they found.
fn look(args: &FuzzArgs, engine: &Path, places: &Places) -> anyhow::Result<ExitCode> {
    let before = names(&places.findings)?;
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let n_before = names(&places.corpus)?.len();
    let mut processes: Vec<(Child, PathBuf)> = Vec::new();
    for job in 0..args.jobs {
        let log = places
            .findings
            .join(format!("{}-{job}.log", args.target.name()));
        let mut engine = command(engine, args.target);
        engine
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .arg(format!("-dict={}", places.dictionary.display()))
            .arg(format!("-seed={}", seed(began, job)))
            .arg(format!(
                "-artifact_prefix={}/{}-",
                places.findings.display(),
                args.target.name()
            ))
            .args(["-print_final_stats=1", "-reload=1", "-use_value_profile=1"])
            .arg(&places.corpus)
            .arg(&places.seeds)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?);
        processes.push((engine.spawn().context("the engine does not start")?, log));
    }
    words::say(&format!(
        "{}: {} seconds in {} process(es), from {n_before} inputs of earlier runs and the seeds",
        args.target.name(),
        args.seconds,
        args.jobs
    ));
    let mut failed = Vec::new();
    let mut n_tried = 0;
    for (mut process, log) in processes {
        let status = process.wait()?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        n_tried += statistic(&text, "stat::number_of_executed_units");
        if !status.success() {
            failed.push(text);
        }
    }
    let n_kept = names(&places.corpus)?.len();
    words::print(&format!(
        "{}: {n_tried} inputs tried, {n_kept} kept that reach further ({n_before} before)",
        args.target.name()
    ))?;
    report(args.target, &failed, &before, places)
}

/// Says what was found, with the command that repeats it.
fn report(
    target: Target,
    failed: &[String],
    before: &[String],
    places: &Places,
) -> anyhow::Result<ExitCode> {
    if failed.is_empty() {
        words::print(&format!("{}: no finding", target.name()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let begins = |name: &String| name.starts_with(target.name()) && !name.ends_with(".log");
    let found = names(&places.findings)?;
    let new: Vec<&String> = found
        .iter()
        .filter(|name| begins(name) && !before.contains(name))
        .collect();
    for text in failed {
        words::say(&reason(text));
    }
    for name in &new {
        words::print(&format!(
            "finding: {file}\n  cargo xtask fuzz {target} --repeat {file}",
            file = places.findings.join(name).display(),
            target = target.name()
        ))?;
    }
    if new.is_empty() {
        bail!(
            "the engine failed and left no input; see {}",
            places.findings.display()
        );
    }
    Ok(ExitCode::FAILURE)
}

/// The lines of the engine's log that say what went wrong.
fn reason(log: &str) -> String {
    let is_telling = |line: &&str| {
        line.contains("panicked at")
            || line.contains("ERROR: libFuzzer")
            || line.contains("SUMMARY:")
    };
    let lines: Vec<&str> = log.lines().collect();
    let panic = lines.iter().position(|line| line.contains("panicked at"));
    match panic {
        Some(at) => lines[at..lines.len().min(at + 6)].join("\n"),
        None => lines
            .into_iter()
            .filter(is_telling)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// A number of the engine's last words: `stat::number_of_executed_units: 12345`.
fn statistic(log: &str, name: &str) -> u64 {
    let line = log
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or_default()
}

/// What a process begins with: other numbers each time, and for each job; never 0, which the engine takes for none.
fn seed(now: Duration, job: u32) -> u32 {
    let second = u32::try_from(now.as_secs() & 0xFF_FFFF).unwrap_or_default();
    second.wrapping_mul(64).wrapping_add(job).max(1)
}

/// The names of the files in a folder.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_finding_is_its_panic_or_what_the_engine_says() {
        let log = "#12 NEW\nthread '<unnamed>' panicked at src/a.rs:1:2:\nleft: 1\nright: 2\nx\ny\nz\nSUMMARY: libFuzzer: deadly signal\n";
        assert_eq!(
            reason(log),
            "thread '<unnamed>' panicked at src/a.rs:1:2:\nleft: 1\nright: 2\nx\ny\nz"
        );
        assert_eq!(
            reason(
                "INFO: x\n==1== ERROR: libFuzzer: timeout after 11 seconds\nSUMMARY: libFuzzer: timeout\n"
            ),
            "==1== ERROR: libFuzzer: timeout after 11 seconds\nSUMMARY: libFuzzer: timeout"
        );
    }

    #[test]
    fn a_number_of_the_last_words_is_read() {
        let log = "Done 7 runs\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 80\n";
        assert_eq!(statistic(log, "stat::number_of_executed_units"), 1_234);
        assert_eq!(statistic("", "stat::number_of_executed_units"), 0);
    }

    #[test]
    fn no_process_begins_as_another_or_with_nothing() {
        let now = Duration::from_secs(1_790_000_000);
        assert_ne!(seed(now, 0), seed(now, 1));
        assert_ne!(seed(now, 63), seed(now + Duration::from_secs(1), 0));
        assert_eq!(seed(Duration::ZERO, 0), 1);
    }
}

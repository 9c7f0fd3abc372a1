//! `cargo xtask soak publish`: publications through a proxy that cuts, delays, limits and lies.
//!
//! Each goes to a repository of its own: empty, or with an older image under its tags, or with the image under one of them. It has to
//! end with the right digest under every tag, as the registry behind the proxy has it, or with an error that says truly what each
//! tag names; the next one then has to end well.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use deploy_action_test_wire::{Access, Registry, Soaked, soak};

use crate::{program, repository, setup, words};

/// How many of what went wrong are told in full, with what went over the wire.
const MOST_TOLD: usize = 5;

#[derive(Args)]
pub(super) struct PublishArgs {
    /// How many.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(3..))]
    runs: u64,
    /// What draws the faults: the first publication has this number, the next one the next.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Begins no further one after this many minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
}

/// Publishes; exit 1 where something was not as it was said to be.
pub(super) fn publish(args: &PublishArgs) -> anyhow::Result<ExitCode> {
    let former = setup::program(&setup::tools::REGISTRY_2)?;
    let reference = setup::program(&setup::tools::REGISTRY)?;
    let program = program::build(&repository::root()?)?;
    let over = Instant::now() + Duration::from_secs(args.minutes * 60);
    let mut is_right = true;
    let third = |number: u64| args.seed + args.runs * number / 3;
    for (name, seeds, registry) in [
        (
            "docker-registry 2.8",
            third(0)..third(1),
            Registry::of(&former, &Access::Open),
        ),
        (
            "registry 3 with passwords",
            third(1)..third(2),
            Registry::of(&reference, &Access::Password),
        ),
        (
            "the embedded registry",
            third(2)..third(3),
            Registry::embedded(&program),
        ),
    ] {
        is_right &= one(&program, name, seeds, &registry, over)?;
    }
    Ok(if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Publishes to one registry; tells whether all was right.
fn one(
    program: &Path,
    name: &str,
    seeds: Range<u64>,
    registry: &Registry,
    over: Instant,
) -> anyhow::Result<bool> {
    words::say(&format!("publishing to {name}"));
    let wanted = seeds.end - seeds.start;
    let soaked = soak(program, registry.address(), seeds, || Instant::now() < over);
    for (number, (seed, wrong)) in soaked.wrong.iter().enumerate() {
        let told = match number < MOST_TOLD {
            true => wrong.as_str(),
            false => wrong.lines().next().unwrap_or_default(),
        };
        words::say(&format!("error: seed {seed}: {told}"));
    }
    for (cause, count) in causes(&soaked) {
        words::say(&format!("  {count} failed: {cause}"));
    }
    let Soaked {
        published,
        failed,
        wrong,
    } = soaked;
    words::print(&format!(
        "{name}: {published} published, {} failed truly, {} wrong",
        failed.len(),
        wrong.len()
    ))?;
    let done = (published + failed.len() + wrong.len()) as u64;
    if done < wanted {
        words::say(&format!("the time was over after {done} of {wanted}"));
    }
    Ok(wrong.is_empty() && done == wanted)
}

/// How often each cause was named, the most frequent first, without what differs between two runs.
fn causes(soaked: &Soaked) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, cause) in &soaked.failed {
        let named = cause.split('`').enumerate().map(|(number, part)| {
            // Every second part stood in backticks: an address, a tag, a digest.
            if number % 2 == 1 { "…" } else { part }
        });
        *counts.entry(named.collect()).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_counted_without_names() {
        let failed = ["no `a`", "no `b`", "other"].map(|cause| (0, cause.to_owned()));
        let soaked = Soaked {
            failed: failed.into(),
            ..Soaked::default()
        };
        assert_eq!(
            causes(&soaked),
            [("no …".to_owned(), 2), ("other".to_owned(), 1)]
        );
    }
}

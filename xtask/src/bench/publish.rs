//! Pushing images to the reference registry: requests, time and memory, beside crane, regctl and skopeo.
//!
//! Every push that is compared has a registry of its own, so that nobody finds what another one left. Where a request costs
//! time, a proxy adds 30 ms to each, as a registry at some distance does, and counts them.

mod image;
mod pusher;

use std::{net::SocketAddr, path::Path, time::Duration};

use deploy_action_test_wire::{Access, Proxy, ProxyOptions, Registry, Schedule};

use self::{
    image::Image,
    pusher::{Pushed, Pusher},
};
use super::measure::{Figures, median, seconds};
use crate::{setup, words};

/// What a request to a registry at some distance costs.
const DISTANCE: Duration = Duration::from_millis(30);

/// Most memory of a push, whatever the size of the layers.
const MOST_MEMORY: u64 = 32 << 20;

/// Measures every case so often.
pub(super) fn measure(program: &Path, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let registry = setup::program(&setup::tools::REGISTRY)?;
    let pushers = Pusher::all(program)?;
    let small = Image::of_layers(10, 1_000_000)?;
    let mut cases = [Case::default(), Case::default(), Case::default()];
    let mut without_cache = Vec::new();
    for round in 0..rounds {
        words::say(&format!(
            "pushes of 10 layers, 30 ms a request, round {} of {rounds}",
            round + 1
        ));
        for (number, pusher) in pushers.iter().enumerate() {
            let far = Far::start(&registry);
            for (case, to) in cases.iter_mut().zip(["a/one:1", "a/one:1", "a/two:1"]) {
                case.add(number, far.push(pusher, &small, to)?);
            }
            if number == 0 {
                pusher.forget()?;
                without_cache.push(far.push(pusher, &small, "a/three:1")?);
            }
            pusher.forget()?;
        }
    }
    let [fresh, again, second] = cases;
    let names: Vec<&str> = pushers.iter().map(Pusher::name).collect();
    fresh.judge("publish, fresh", &names, (25, Some(0.5)), figures)?;
    again.judge("publish, unchanged tag", &names, (1, None), figures)?;
    second.judge(
        "publish, second repository",
        &names,
        (14, Some(0.5)),
        figures,
    )?;
    let most = without_cache.iter().map(|pushed| pushed.requests).max();
    let most = most.unwrap_or_default();
    figures.held(
        "publish, second repository without the cache",
        format!("{most} requests"),
        "at most 25 requests",
        most <= 25,
    );
    large(&registry, &pushers, rounds, figures)
}

/// 1 GiB in 20 layers, straight to a registry on this machine.
fn large(
    registry: &Path,
    pushers: &[Pusher],
    rounds: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let image = Image::of_layers(20, (1 << 30) / 20)?;
    let mut case = Case::default();
    for round in 0..rounds {
        words::say(&format!("pushes of 1 GiB, round {} of {rounds}", round + 1));
        for (number, pusher) in pushers.iter().enumerate() {
            let registry = Registry::of(registry, &Access::Open);
            let took = pusher.push(&image, registry.address(), "a/large:1")?;
            case.add(
                number,
                Pushed {
                    requests: 0,
                    ..took
                },
            );
            pusher.forget()?;
        }
    }
    let (ours, crane) = (case.time(0)?, case.time(1)?);
    for (number, pusher) in pushers.iter().enumerate() {
        figures.seen(
            format!("publish, 1 GiB, {}", pusher.name()),
            format!(
                "{}, {} MiB of memory",
                seconds(case.time(number)?),
                case.memory(number) >> 20
            ),
        );
    }
    let ratio = ours.as_secs_f64() / crane.as_secs_f64();
    figures.held(
        "publish, 1 GiB",
        format!("{} ({ratio:.2}x of crane)", seconds(ours)),
        "within 1.1x of crane",
        ratio <= 1.1,
    );
    let memory = case.memory(0);
    figures.held(
        "publish, 1 GiB, memory",
        format!("{} MiB", memory >> 20),
        format!("under {} MiB", MOST_MEMORY >> 20),
        memory < MOST_MEMORY,
    );
    Ok(())
}

/// A registry behind a line on which each request takes its time.
struct Far {
    proxy: Proxy,
    _registry: Registry,
}

impl Far {
    fn start(program: &Path) -> Self {
        let registry = Registry::of(program, &Access::Open);
        let proxy = Proxy::start(ProxyOptions {
            registry: registry.address(),
            schedule: Schedule::faithful(),
            delay: DISTANCE,
        });
        Self {
            proxy,
            _registry: registry,
        }
    }

    fn push(&self, pusher: &Pusher, image: &Image, to: &str) -> anyhow::Result<Pushed> {
        let before = self.proxy.count();
        let address: SocketAddr = self.proxy.address();
        let pushed = pusher.push(image, address, to)?;
        Ok(Pushed {
            requests: self.proxy.count() - before,
            ..pushed
        })
    }
}

/// What one kind of push cost each program, round by round.
#[derive(Default)]
struct Case(Vec<Vec<Pushed>>);

impl Case {
    fn add(&mut self, pusher: usize, pushed: Pushed) {
        if self.0.len() <= pusher {
            self.0.resize_with(pusher + 1, Vec::new);
        }
        self.0[pusher].push(pushed);
    }

    fn time(&self, pusher: usize) -> anyhow::Result<Duration> {
        median(self.0[pusher].iter().map(|pushed| pushed.took).collect())
    }

    fn requests(&self, pusher: usize) -> usize {
        let requests = self.0[pusher].iter().map(|pushed| pushed.requests);
        requests.max().unwrap_or_default()
    }

    fn memory(&self, pusher: usize) -> u64 {
        let memory = self.0[pusher].iter().map(|pushed| pushed.memory);
        memory.max().unwrap_or_default()
    }

    /// Holds the first program against a number of requests, and a share of the fastest other one's time.
    fn judge(
        &self,
        what: &str,
        names: &[&str],
        (most_requests, share): (usize, Option<f64>),
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let mut fastest: Option<(Duration, &str)> = None;
        for (number, name) in names.iter().enumerate().skip(1) {
            let took = self.time(number)?;
            figures.seen(
                format!("{what}, {name}"),
                format!("{}, {} requests", seconds(took), self.requests(number)),
            );
            fastest = fastest.min(Some((took, name))).or(Some((took, name)));
        }
        let (ours, requests) = (self.time(0)?, self.requests(0));
        figures.held(
            what,
            format!("{requests} requests"),
            format!("at most {most_requests} requests"),
            requests <= most_requests,
        );
        if let (Some((fastest, name)), Some(share)) = (fastest, share) {
            let ratio = ours.as_secs_f64() / fastest.as_secs_f64();
            figures.held(
                what,
                format!("{} ({ratio:.2}x of {name})", seconds(ours)),
                format!("within {share}x of the fastest other"),
                ratio <= share,
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(millis: u64, requests: usize) -> Pushed {
        Pushed {
            took: Duration::from_millis(millis),
            requests,
            memory: 0,
        }
    }

    #[test]
    fn the_fastest_of_the_others_is_what_counts() {
        let holds = |ours: Pushed| {
            let mut case = Case::default();
            case.add(0, ours);
            case.add(1, pushed(580, 47));
            case.add(2, pushed(480, 35));
            let mut figures = Figures::default();
            let names = ["ours", "crane", "regctl"];
            case.judge("fresh", &names, (25, Some(0.5)), &mut figures)
                .expect("measured");
            figures.all_hold()
        };
        assert!(holds(pushed(240, 25)));
        assert!(!holds(pushed(250, 25)));
        assert!(!holds(pushed(200, 26)));
    }
}

//! Which fault meets which request.

use std::{fmt, time::Duration};

use crate::{exchange::Request, fault::Fault};

type Decide = dyn Fn(&Request) -> Option<Fault> + Send + Sync;

/// Decides about each request as it comes.
pub struct Schedule(Box<Decide>);

impl fmt::Debug for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Schedule")
    }
}

impl Schedule {
    /// Lets everything pass.
    pub fn faithful() -> Self {
        Self::on(|_| None)
    }

    /// Decides by a function of the request.
    pub fn on(decide: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Box::new(decide))
    }

    /// The fault for the first request that it fits and that is `wanted`, and for no other.
    pub fn once(fault: Fault, wanted: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self::on(move |request| {
            (request.before == 0 && fault.fits(request) && wanted(request)).then_some(fault)
        })
    }

    /// Faults drawn by a number: the same number draws the same ones for the same requests, in whatever order they come.
    ///
    /// How many there are differs by the number, from one in sixteen to one in two. One number in eight is stubborn: what failed goes on
    /// failing in the same way.
    pub fn seeded(seed: u64) -> Self {
        let odds = [16, 8, 4, 2][draw(seed, "odds", 0, 4)];
        let is_stubborn = draw(seed, "stubborn", 0, 8) == 0;
        Self::on(move |request| {
            let kind = request.kind();
            let before = if is_stubborn { 0 } else { request.before };
            if draw(seed, &kind, before, odds) != 0 {
                return None;
            }
            let fitting: Vec<Fault> = Fault::ALL
                .into_iter()
                .filter(|fault| fault.fits(request) && may_end_well(*fault, request))
                .collect();
            Some(fitting[draw(seed, &kind, before + 1_000, fitting.len())])
        })
    }

    pub(crate) fn decide(&self, request: &Request) -> Option<Fault> {
        (self.0)(request).filter(|fault| fault.fits(request))
    }
}

/// Leaves out what ends every publication.
fn may_end_well(fault: Fault, request: &Request) -> bool {
    match fault {
        Fault::Forbidden => false,
        Fault::Unauthorized => request.authorization.is_some(),
        _ => true,
    }
}

/// A number below `below`, by what it is drawn for.
fn draw(seed: u64, what: &str, number: usize, below: usize) -> usize {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{seed} {what} {number}"));
    let bytes = digest.first_chunk().expect("a digest has 32 bytes");
    // A remainder of so large a number is even enough.
    (u64::from_be_bytes(*bytes) % below as u64) as usize
}

/// The time that a request waits for a registry far away.
pub(crate) fn wait(delay: Duration) {
    if !delay.is_zero() {
        std::thread::sleep(delay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(before: usize) -> Request {
        Request {
            method: "PUT".to_owned(),
            target: format!("/v2/a/blobs/uploads/{before}?digest=sha256:00"),
            length: Some(10),
            authorization: None,
            at_other_host: false,
            before,
        }
    }

    #[test]
    fn a_number_draws_the_same_faults_again_and_all_that_fit() {
        let drawn = |seed| {
            let schedule = Schedule::seeded(seed);
            (0..20)
                .map(|before| schedule.decide(&request(before)))
                .collect::<Vec<_>>()
        };
        let mut all: Vec<Fault> = Vec::new();
        for seed in 0..200 {
            let faults = drawn(seed);
            assert_eq!(faults, drawn(seed), "{seed}");
            all.extend(faults.into_iter().flatten());
        }
        all.sort();
        all.dedup();
        let fitting: Vec<Fault> = Fault::ALL
            .into_iter()
            .filter(|fault| fault.fits(&request(0)) && may_end_well(*fault, &request(0)))
            .collect();
        assert_eq!(all, {
            let mut sorted = fitting;
            sorted.sort();
            sorted
        });
    }
}

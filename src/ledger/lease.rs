//! Who may write: one run at a time, which may be several processes.
//!
//! `lease.json` beside the records says who. It is read and changed under a lock of its own, so that asking never waits
//! for an append. A holder that no longer lives is taken over in one step, and the new lease says from whom and why.

use std::{fs, io, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    directory::Ledger,
    error::{LedgerError, io_error},
    folder::{read_if_there, replace_file},
    liveness::{Host, is_alive},
};
use crate::{event::ProcessIdentity, ident::RunId, portable::private_file};

/// The format of `lease.json`.
const FORMAT: u32 = 1;

/// The name of the file.
const FILE: &str = "lease.json";

/// The right of one run to write, as it stands in `lease.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    format: u32,
    /// The run.
    pub run: RunId,
    /// Page of the run.
    pub url: Option<String>,
    /// What the run does, for whoever is kept waiting.
    pub reason: String,
    /// Its processes; a keeper may be one of them.
    pub members: Vec<Member>,
    /// When the run got it.
    pub acquired: Timestamp,
    /// When a member was last heard of.
    pub heartbeat: Timestamp,
    /// When it lapses unless a member is heard of before.
    pub expires: Timestamp,
    /// Whom it was taken over from.
    pub taken_from: Option<TakenOver>,
}

/// A process of the run that holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Where it runs.
    pub host: Host,
    /// The process.
    pub process: ProcessIdentity,
}

/// A run that held the lease and lost it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenOver {
    /// The run.
    pub run: RunId,
    /// Page of the run.
    pub url: Option<String>,
    /// Why.
    pub because: Lapse,
    /// When its last member was heard of.
    pub heartbeat: Timestamp,
}

/// Why a lease counts no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lapse {
    /// All of its processes ran on this machine, and none lives.
    ProcessesEnded,
    /// None was heard of for too long, and none is seen to live on this machine.
    HeartbeatExpired,
}

/// What a process asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its run.
    pub run: RunId,
    /// Page of the run.
    pub url: Option<String>,
    /// What the run does.
    pub reason: String,
    /// The process.
    pub member: Member,
    /// How long the lease lasts without a heartbeat.
    pub lasting: Duration,
}

/// The answer to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquisition {
    /// The run holds it. [`Lease::taken_from`] says whether another one was overcome.
    Acquired(Lease),
    /// Another run holds it, and lives as far as can be seen.
    HeldBy(Lease),
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heartbeat {
    /// The run still holds it.
    Kept(Lease),
    /// It was unlocked or taken over, by the run of this lease if by any: the caller must start nothing more.
    Lost(Option<Lease>),
}

impl Lease {
    /// Tells why the lease counts no more; `None` while it does. `here` is the machine that asks, and `lives` looks at one
    /// of its processes.
    ///
    /// A process that is seen to live keeps the lease although no heartbeat came: it may have been stopped or starved in
    /// the middle of an effect. Only [`Ledger::unlock`] takes it away then.
    pub fn lapse(
        &self,
        here: &Host,
        now: Timestamp,
        lives: impl Fn(&ProcessIdentity) -> bool,
    ) -> Option<Lapse> {
        let is_here = |member: &&Member| member.host == *here;
        let living: Vec<_> = self
            .members
            .iter()
            .filter(is_here)
            .filter(|member| lives(&member.process))
            .collect();
        // Without a start time another process may have got the number, so that one proves nothing for ever.
        if living.iter().any(|member| member.process.started > 0) {
            return None;
        }
        let all_are_here = !self.members.is_empty() && self.members.iter().all(|m| is_here(&m));
        if all_are_here && living.is_empty() {
            return Some(Lapse::ProcessesEnded);
        }
        (now >= self.expires).then_some(Lapse::HeartbeatExpired)
    }

    fn of(claim: &Claim, now: Timestamp, taken_from: Option<TakenOver>) -> Self {
        Self {
            format: FORMAT,
            run: claim.run.clone(),
            url: claim.url.clone(),
            reason: claim.reason.clone(),
            members: vec![claim.member.clone()],
            acquired: now,
            heartbeat: now,
            expires: later(now, claim.lasting),
            taken_from,
        }
    }

    fn join(&mut self, claim: &Claim, now: Timestamp) {
        let ended =
            |member: &Member| member.host == claim.member.host && !is_alive(&member.process);
        self.members
            .retain(|member| *member != claim.member && !ended(member));
        self.members.push(claim.member.clone());
        self.beat(now, claim.lasting);
    }

    fn beat(&mut self, now: Timestamp, lasting: Duration) {
        // Clocks of several machines differ; the lease never lasts shorter because of that.
        self.heartbeat = self.heartbeat.max(now);
        self.expires = self.expires.max(later(now, lasting));
    }
}

fn later(now: Timestamp, lasting: Duration) -> Timestamp {
    let lasting = SignedDuration::try_from(lasting).unwrap_or(SignedDuration::MAX);
    now.checked_add(lasting).unwrap_or(Timestamp::MAX)
}

/// Returns the lease of the ledger in a folder, whose holder lives as far as can be seen from here. Nothing is opened or
/// written: for those who only look.
///
/// # Errors
/// A `lease.json` that cannot be read, or has a newer format.
pub fn living_holder(folder: &Utf8Path, now: Timestamp) -> Result<Option<Lease>, LedgerError> {
    let lease = read(folder.join(FILE))?;
    Ok(lease.filter(|lease| lease.lapse(&Host::here(), now, is_alive).is_none()))
}

fn read(path: Utf8PathBuf) -> Result<Option<Lease>, LedgerError> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let Some(json) = read_if_there(&path)? else {
        return Ok(None);
    };
    let malformed = |source| LedgerError::Malformed {
        path: path.clone(),
        source,
    };
    let Versioned { format } = serde_json::from_slice(&json).map_err(malformed)?;
    if format > FORMAT {
        return Err(LedgerError::Newer {
            path,
            found: format,
            known: FORMAT,
        });
    }
    serde_json::from_slice(&json).map(Some).map_err(malformed)
}

impl Ledger {
    /// Asks for the lease. A process of the run that holds it joins; a holder that no longer lives is taken over.
    ///
    /// # Errors
    /// A `lease.json` that cannot be read or written.
    pub fn acquire(&self, claim: &Claim, now: Timestamp) -> Result<Acquisition, LedgerError> {
        let _lock = self.lock_lease()?;
        let lease = match self.holder()? {
            None => Lease::of(claim, now, None),
            Some(mut lease) if lease.run == claim.run => {
                lease.join(claim, now);
                lease
            }
            Some(lease) => match lease.lapse(&claim.member.host, now, is_alive) {
                None => return Ok(Acquisition::HeldBy(lease)),
                Some(because) => {
                    let from = TakenOver {
                        run: lease.run,
                        url: lease.url,
                        because,
                        heartbeat: lease.heartbeat,
                    };
                    Lease::of(claim, now, Some(from))
                }
            },
        };
        self.write_lease(&lease)?;
        Ok(Acquisition::Acquired(lease))
    }

    /// Says that a process of `run` lives, and learns whether the run still holds the lease.
    ///
    /// # Errors
    /// A `lease.json` that cannot be read or written.
    pub fn heartbeat(
        &self,
        run: &RunId,
        now: Timestamp,
        lasting: Duration,
    ) -> Result<Heartbeat, LedgerError> {
        let _lock = self.lock_lease()?;
        match self.holder()? {
            Some(mut lease) if lease.run == *run => {
                lease.beat(now, lasting);
                self.write_lease(&lease)?;
                Ok(Heartbeat::Kept(lease))
            }
            other => Ok(Heartbeat::Lost(other)),
        }
    }

    /// Gives back what `member` holds for its run; the lease ends with the last member. Nothing happens where the run lost it.
    ///
    /// # Errors
    /// A `lease.json` that cannot be read or written.
    pub fn release(&self, run: &RunId, member: &Member) -> Result<(), LedgerError> {
        let _lock = self.lock_lease()?;
        match self.holder()? {
            Some(mut lease) if lease.run == *run => {
                lease.members.retain(|other| other != member);
                if lease.members.is_empty() {
                    self.remove_lease()
                } else {
                    self.write_lease(&lease)
                }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes the lease from `run`, whether it lives or not, and returns what it held. `None` if it does not hold it any
    /// more: so that nobody takes from a second run what they were shown of a first.
    ///
    /// # Errors
    /// A `lease.json` that cannot be read or removed.
    pub fn unlock(&self, run: &RunId) -> Result<Option<Lease>, LedgerError> {
        let _lock = self.lock_lease()?;
        let held = self.holder()?.filter(|lease| lease.run == *run);
        if held.is_some() {
            self.remove_lease()?;
        }
        Ok(held)
    }

    /// Returns the lease as it stands, whether its holder lives or not.
    ///
    /// # Errors
    /// A `lease.json` that cannot be read, or has a newer format.
    pub fn holder(&self) -> Result<Option<Lease>, LedgerError> {
        read(self.lease_path())
    }

    fn lease_path(&self) -> Utf8PathBuf {
        self.folder().join(FILE)
    }

    /// Locks a file beside the lease; the lease itself is replaced, so a lock of it would guard a file that is gone.
    fn lock_lease(&self) -> Result<fs::File, LedgerError> {
        let path = self.folder().join("lease.lock");
        let file = private_file()
            .write(true)
            .create(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(file),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("lock", path)(error)),
            }
        }
    }

    fn write_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        let mut json = serde_json::to_vec_pretty(lease)
            .map_err(|source| LedgerError::Unwritable { source })?;
        json.push(b'\n');
        replace_file(&self.lease_path(), &json)
    }

    fn remove_lease(&self) -> Result<(), LedgerError> {
        let path = self.lease_path();
        fs::remove_file(&path).map_err(io_error("remove", path))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Child, Command, Stdio},
        thread,
    };

    use super::*;
    use crate::ledger::{directory::Opened, liveness::this_process};

    const MINUTE: Duration = Duration::from_secs(60);

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
        let Opened { ledger, .. } = Ledger::open(path).expect("a new ledger");
        (folder, ledger)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time of this century")
    }

    fn claim(run: &str, member: Member) -> Claim {
        Claim {
            run: RunId::new(run),
            url: Some(format!("https://github.com/acme/api/actions/runs/{run}")),
            reason: "deploy to production".to_owned(),
            member,
            lasting: MINUTE,
        }
    }

    fn here() -> Member {
        Member {
            host: Host::here(),
            process: this_process(),
        }
    }

    fn elsewhere() -> Member {
        Member {
            host: Host {
                name: "runner-2".to_owned(),
                instance: "another boot".to_owned(),
            },
            ..here()
        }
    }

    /// A process of this machine that lives until it is dropped.
    struct Other(Child);

    impl Other {
        fn start() -> Self {
            let child = Command::new("cat")
                .stdin(Stdio::piped())
                .spawn()
                .expect("cat is everywhere");
            Self(child)
        }

        fn member(&self) -> Member {
            let pid = i32::try_from(self.0.id()).expect("a process id");
            let process = ProcessIdentity { pid, started: 0 };
            Member { process, ..here() }
        }

        fn end(mut self) -> Member {
            let member = self.member();
            drop(self.0.stdin.take());
            self.0.wait().expect("our child");
            member
        }
    }

    fn acquired(answer: Acquisition) -> Lease {
        match answer {
            Acquisition::Acquired(lease) => lease,
            Acquisition::HeldBy(lease) => panic!("it is held by {lease:?}"),
        }
    }

    fn holder_named(answer: Acquisition) -> RunId {
        match answer {
            Acquisition::Acquired(lease) => panic!("nobody held it: {lease:?}"),
            Acquisition::HeldBy(lease) => lease.run,
        }
    }

    #[test]
    fn a_second_run_is_told_who_holds_the_lease() {
        let (_folder, ledger) = ledger();
        let lease = acquired(ledger.acquire(&claim("1", here()), at(0)).expect("room"));
        assert_eq!((lease.expires, lease.taken_from), (at(60), None));
        let answer = ledger.acquire(&claim("2", here()), at(1)).expect("room");
        assert_eq!(holder_named(answer), RunId::new("1"));
    }

    #[test]
    fn processes_of_one_run_share_it_and_the_last_one_ends_it() {
        let (_folder, ledger) = ledger();
        let other = Other::start();
        let run = RunId::new("1");
        acquired(ledger.acquire(&claim("1", here()), at(0)).expect("room"));
        let joined = ledger.acquire(&claim("1", other.member()), at(10));
        let joined = acquired(joined.expect("room"));
        assert_eq!(joined.members, [here(), other.member()]);
        assert_eq!((joined.acquired, joined.expires), (at(0), at(70)));
        let stranger = ledger.release(&RunId::new("7"), &other.member());
        stranger.expect("it holds nothing");
        ledger.release(&run, &here()).expect("room");
        let left = ledger.holder().expect("a lease").expect("a member is left");
        assert_eq!(left.members, [other.member()]);
        ledger.release(&run, &other.end()).expect("room");
        assert_eq!(ledger.holder().expect("no lease"), None);
    }

    #[test]
    fn whoever_joins_clears_away_the_processes_that_have_ended() {
        let (_folder, ledger) = ledger();
        let ended = Other::start().end();
        for member in [ended, elsewhere()] {
            acquired(ledger.acquire(&claim("1", member), at(0)).expect("room"));
        }
        let lease = acquired(ledger.acquire(&claim("1", here()), at(1)).expect("room"));
        assert_eq!(lease.members, [elsewhere(), here()]);
    }

    #[test]
    fn a_holder_whose_processes_have_ended_is_taken_over_at_once() {
        let (_folder, ledger) = ledger();
        let ended = Other::start().end();
        acquired(ledger.acquire(&claim("1", ended), at(0)).expect("room"));
        let lease = acquired(ledger.acquire(&claim("2", here()), at(1)).expect("room"));
        let from = lease.taken_from.expect("it was held");
        assert_eq!(
            (from.run, from.because),
            (RunId::new("1"), Lapse::ProcessesEnded)
        );
        assert_eq!(
            ledger
                .heartbeat(&RunId::new("1"), at(2), MINUTE)
                .expect("a lease"),
            Heartbeat::Lost(ledger.holder().expect("a lease"))
        );
    }

    #[test]
    fn a_holder_elsewhere_is_taken_over_when_its_heartbeat_expired_and_not_before() {
        let (_folder, ledger) = ledger();
        acquired(
            ledger
                .acquire(&claim("1", elsewhere()), at(0))
                .expect("room"),
        );
        let beat = ledger.heartbeat(&RunId::new("1"), at(30), MINUTE);
        assert!(matches!(beat, Ok(Heartbeat::Kept(_))));
        let answer = ledger.acquire(&claim("2", here()), at(89)).expect("room");
        assert_eq!(holder_named(answer), RunId::new("1"));
        let lease = acquired(ledger.acquire(&claim("2", here()), at(90)).expect("room"));
        let from = lease.taken_from.expect("it was held");
        assert_eq!(from.because, Lapse::HeartbeatExpired);
    }

    #[test]
    fn a_process_that_is_seen_to_live_keeps_the_lease_without_heartbeats() {
        let (_folder, ledger) = ledger();
        let lease = acquired(ledger.acquire(&claim("1", here()), at(0)).expect("room"));
        let host = Host::here();
        let started_is_known = this_process().started > 0;
        let lapse = lease.lapse(&host, at(9_999), is_alive);
        assert_eq!(lapse.is_none(), started_is_known);
        assert_eq!(
            lease.lapse(&host, at(1), |_| false),
            Some(Lapse::ProcessesEnded)
        );
    }

    #[test]
    fn unlocking_takes_it_from_the_run_that_was_shown_and_from_no_other() {
        let (_folder, ledger) = ledger();
        acquired(ledger.acquire(&claim("1", here()), at(0)).expect("room"));
        assert_eq!(ledger.unlock(&RunId::new("7")).expect("a lease"), None);
        let held = ledger.unlock(&RunId::new("1")).expect("a lease");
        assert_eq!(held.map(|lease| lease.run), Some(RunId::new("1")));
        assert_eq!(
            ledger
                .heartbeat(&RunId::new("1"), at(1), MINUTE)
                .expect("no lease"),
            Heartbeat::Lost(None)
        );
        acquired(ledger.acquire(&claim("2", here()), at(2)).expect("room"));
    }

    #[test]
    fn of_many_runs_that_ask_at_once_one_gets_it() {
        let (folder, _ledger) = ledger();
        let path = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
        let n_acquired = thread::scope(|scope| {
            let asking: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn(move || {
                        let Opened { ledger, .. } = Ledger::open(path).expect("a ledger");
                        let claim = claim(&number.to_string(), elsewhere());
                        ledger.acquire(&claim, at(0)).expect("room")
                    })
                })
                .collect();
            let answers = asking.into_iter().map(|one| one.join().expect("no panic"));
            answers
                .filter(|answer| matches!(answer, Acquisition::Acquired(_)))
                .count()
        });
        assert_eq!(n_acquired, 1);
    }

    #[test]
    fn a_lease_of_a_newer_program_is_not_guessed_at() {
        let (_folder, ledger) = ledger();
        fs::write(ledger.lease_path(), r#"{"format":2,"holder":"x"}"#).expect("room");
        let refused = ledger.acquire(&claim("1", here()), at(0));
        assert!(matches!(refused, Err(LedgerError::Newer { found: 2, .. })));
    }
}

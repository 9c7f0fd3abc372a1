//! Identities against the stand-in for Google's services, with clocks that the tests move.

mod expiry;
mod files;
mod refusals;
mod registry;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;

use crate::{
    cloud::{Clock, CloudError, Federation, GoogleIdentity, Repeats, Services},
    image::http_client,
    rehearse::google::{Google, GoogleOptions, Trust},
};

const PROVIDER: &str =
    "projects/123/locations/global/workloadIdentityPools/github/providers/actions";
const ACCOUNT: &str = "deploy@acme.iam.gserviceaccount.com";
const SUBJECT: &str = "repo:acme/api:ref:refs/heads/main";

/// Google, GitHub and this machine, each with a clock of its own.
struct World {
    google: Arc<Google>,
    now: Arc<AtomicI64>,
    /// By how many seconds this machine's clock is ahead.
    ahead: Arc<AtomicI64>,
    /// By how many seconds GitHub's is.
    github_ahead: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        Self::trusting(|_| {})
    }

    fn trusting(change: impl FnOnce(&mut Trust)) -> Self {
        let mut trust = Trust {
            subject: SUBJECT.to_owned(),
            ..Trust::default()
        };
        change(&mut trust);
        let now = Arc::new(AtomicI64::new(1_800_000_000));
        let github_ahead = Arc::new(AtomicI64::new(0));
        let google = Google::start(GoogleOptions {
            port: None,
            clock: clock(&now, &Arc::default()),
            issuer_clock: clock(&now, &github_ahead),
            trust,
        });
        Self {
            google: Arc::new(google.expect("a stand-in")),
            now,
            ahead: Arc::default(),
            github_ahead,
        }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    fn services(&self) -> Services {
        Services {
            http: http_client("test").expect("a client"),
            addresses: self.google.addresses(),
            clock: clock(&self.now, &self.ahead),
            repeats: Repeats::immediate(),
        }
    }

    fn identity(&self, account: Option<&str>) -> GoogleIdentity {
        self.identify(PROVIDER, account).expect("an identity")
    }

    fn identify(
        &self,
        provider: &str,
        account: Option<&str>,
    ) -> Result<GoogleIdentity, CloudError> {
        let federation = Federation {
            provider: provider.parse()?,
            service_account: account.map(str::to_owned),
        };
        GoogleIdentity::federated(&federation, &self.google.variables(), self.services())
    }

    /// Whom Google takes us for.
    async fn who(&self, identity: &GoogleIdentity) -> Option<String> {
        let token = identity.token().await.expect("a token");
        self.google.identity_of(token.secret().expose())
    }

    fn n_requests(&self, part: &str) -> usize {
        let requests = self.google.requests();
        requests.iter().filter(|line| line.contains(part)).count()
    }
}

fn clock(now: &Arc<AtomicI64>, ahead: &Arc<AtomicI64>) -> Clock {
    let (now, ahead) = (Arc::clone(now), Arc::clone(ahead));
    Clock::new(move || {
        let second = now.load(Ordering::Relaxed) + ahead.load(Ordering::Relaxed);
        Timestamp::from_second(second).expect("a time")
    })
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

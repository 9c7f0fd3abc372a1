//! The place of a rehearsal: one folder, its stand-ins, and who is there.
//!
//! ```text
//! lock               who rehearses here now
//! registry/          blobs, manifests, requests of the embedded registry
//! github/            comments, statuses, requests of the recording GitHub
//! terraform/         the cloud behind the stand-ins of its providers, the states, what is to go wrong
//! state/             the ledgers, as a run has them
//! work/              work trees of jobs; removed when a job has ended well
//! report/            the checkpoint as Markdown, page with its logs, JSON, and as it was posted
//! stand-ins.json     what is replaced, as the jobs read it
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::PathBuf,
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    google::{self, Google, GoogleOptions, Trust},
    hub::{self, Hub, HubOptions},
    provider::MirrorError,
    registry::{self, Registry, RegistryOptions},
    terraform,
    world::HEAD_BRANCH,
};
use crate::{
    cloud::Clock,
    execute::{
        StandIns,
        stand_in::{GoogleServer, Server, TerraformStandIns},
    },
    plan::{Plan, model::ConnectionKind},
    secret::{Secret, sealed},
};

/// Who gives approvals and confirmations in a rehearsal.
const PERSON: &str = "the rehearsal";

/// The folders of a stage.
const FOLDERS: [&str; 7] = [
    "registry",
    "github",
    "terraform",
    "state",
    "work",
    "report",
    "artifacts",
];

/// Those of them in which each run has a folder of its own, which no later run reads.
const OF_ONE_RUN: [&str; 2] = ["work", "artifacts"];

/// How a stage is set.
#[derive(Debug, Clone)]
pub struct StageOptions {
    /// The folder.
    pub folder: Utf8PathBuf,
    /// Whether everything of earlier rehearsals is removed first.
    pub fresh: bool,
    /// `OWNER/NAME` of the repository.
    pub repository: String,
    /// The commit that is deployed.
    pub sha: String,
    /// Its branch.
    pub branch: String,
    /// Whether the pull request is merged, or still open for a preview.
    pub is_merged: bool,
    /// The hosts of the plan's registries, all of which are replaced.
    pub registries: BTreeSet<String>,
    /// This program, which is the stand-in for terraform's providers too.
    pub program: PathBuf,
}

/// A stage that is set: the stand-ins run until it is struck.
#[derive(Debug)]
pub struct Stage {
    folder: Utf8PathBuf,
    registry: Registry,
    hub: Hub,
    /// There where the plan has a way to Google.
    google: Option<Google>,
    /// There where the plan has a module of terraform.
    terraform: Option<TerraformStandIns>,
    token: Secret,
    /// What earlier rehearsals left, apart from what a later one reads.
    stale: Vec<Utf8PathBuf>,
    _lock: fs::File,
}

/// Why a stage cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Somebody rehearses there.
    #[error("`{folder}` is used by another rehearsal{holder}")]
    InUse {
        /// The folder.
        folder: Utf8PathBuf,
        /// Who, if it can be told.
        holder: String,
    },
    /// A file or folder.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The embedded registry.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// The recording GitHub.
    #[error(transparent)]
    Hub(#[from] hub::HubError),
    /// The one that gives Google's tokens.
    #[error(transparent)]
    Google(#[from] google::GoogleError),
    /// The providers of terraform.
    #[error(transparent)]
    Providers(#[from] MirrorError),
}

fn file(action: &'static str, path: &Utf8Path) -> impl FnOnce(std::io::Error) -> StageError {
    move |source| StageError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

impl Stage {
    /// Sets a stage: takes the folder, starts the stand-ins, and writes for the jobs what is replaced. Inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// Another rehearsal is there, or a stand-in cannot be started.
    pub fn set(options: &StageOptions, plan: &Plan) -> Result<Self, StageError> {
        let folder = options.folder.clone();
        fs::create_dir_all(&folder).map_err(file("make", &folder))?;
        let lock = take(&folder)?;
        for name in FOLDERS {
            let path = folder.join(name);
            if options.fresh && path.exists() {
                fs::remove_dir_all(&path).map_err(file("remove", &path))?;
            }
            // States and the like hold what only their owner may read.
            let made = crate::portable::private_folder().create(&path);
            made.map_err(file("make", &path))?;
        }
        let mut stale = Vec::new();
        for name in OF_ONE_RUN {
            let path = folder.join(name);
            let entries = path.read_dir_utf8().map_err(file("read", &path))?;
            for entry in entries {
                stale.push(entry.map_err(file("read", &path))?.path().to_owned());
            }
        }
        let registry = Registry::start(RegistryOptions {
            folder: folder.join("registry"),
            port: None,
        })?;
        let token = Secret::new(format!(
            "rehearsal-{}",
            crate::digest::Digest::of(folder.as_str()).hex()
        ));
        let hub = start_hub(options, &folder, &token)?;
        let google = start_google(options, plan)?;
        let terraform = terraform::stand_in(&folder.join("terraform"), plan, &options.program)?;
        let stage = Self {
            folder,
            registry,
            hub,
            google,
            terraform,
            token,
            stale,
            _lock: lock,
        };
        stage.write_stand_ins(options, plan)?;
        Ok(stage)
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Returns the folder of the ledgers.
    pub fn state(&self) -> Utf8PathBuf {
        self.folder.join("state")
    }

    /// Returns the folder of the report.
    pub fn report(&self) -> Utf8PathBuf {
        self.folder.join("report")
    }

    /// Returns the file that tells the jobs what is replaced.
    pub fn stand_ins_file(&self) -> Utf8PathBuf {
        self.folder.join("stand-ins.json")
    }

    /// Returns the recording GitHub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Returns the embedded registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the token that the recording GitHub takes.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// Names every stand-in with its address and version.
    pub fn who(&self) -> Vec<(String, String)> {
        let google = self.google.as_ref().map(|google| {
            let who = format!("{} at {}", google::VERSION, google.base_url());
            ("Google's identity services".to_owned(), who)
        });
        let registries = format!("{} at {}", registry::VERSION, self.registry.base_url());
        let github = format!("{} at {}", hub::VERSION, self.hub.api_url());
        let person = format!("given by {PERSON}");
        [
            ("registries".to_owned(), registries),
            ("GitHub".to_owned(), github),
        ]
        .into_iter()
        .chain(google)
        .chain(self.terraform.iter().flat_map(|terraform| {
            let states = format!("local files in {}", terraform.states);
            let providers = terraform.providers.iter();
            providers
                .map(|(address, who)| (format!("provider {address}"), who.clone()))
                .chain([("terraform's backends".to_owned(), states)])
        }))
        .chain([("approvals and confirmations".to_owned(), person)])
        .collect()
    }

    /// Removes what earlier rehearsals left in their work trees. Before the end of this one a child of a killed rehearsal,
    /// which a keeper holds, may still work in them.
    ///
    /// # Errors
    ///
    /// A folder cannot be removed.
    pub fn sweep(&self) -> Result<(), StageError> {
        for path in &self.stale {
            if path.exists() {
                fs::remove_dir_all(path).map_err(file("remove", path))?;
            }
        }
        Ok(())
    }

    /// Ends the stand-ins; their state stays.
    pub async fn strike(self) {
        self.registry.stop().await;
        self.hub.stop().await;
        if let Some(google) = self.google {
            google.stop().await;
        }
    }

    fn write_stand_ins(&self, options: &StageOptions, plan: &Plan) -> Result<(), StageError> {
        let registry = Server {
            url: self.registry.base_url(),
            who: registry::VERSION.to_owned(),
        };
        let hosts = options.registries.iter();
        let path = self.stand_ins_file();
        let (secrets, recipients) = secrets(plan, &path);
        let stand_ins = StandIns {
            registries: hosts.map(|host| (host.clone(), registry.clone())).collect(),
            github: Some(Server {
                url: self.hub.api_url(),
                who: hub::VERSION.to_owned(),
            }),
            sigstore: None,
            google: self.google.as_ref().map(|google| GoogleServer {
                server: Server {
                    url: google.base_url(),
                    who: google::VERSION.to_owned(),
                },
                variables: google.variables(),
            }),
            terraform: self.terraform.clone(),
            secrets,
            recipients,
            person: Some(PERSON.to_owned()),
        };
        let text = serde_json::to_vec_pretty(&stand_ins)
            .map_err(std::io::Error::other)
            .map_err(file("write", &path))?;
        write_private(&path, &text).map_err(file("write", &path))
    }
}

/// Writes a file that only its owner reads: it holds what must be seen nowhere else.
fn write_private(path: &Utf8Path, text: &[u8]) -> std::io::Result<()> {
    let mut options = crate::portable::private_file();
    options.create(true).write(true).truncate(true);
    options.open(path)?.write_all(text)
}

/// Values for the secrets of a plan, and to whom its environments seal: a key that opens what is sealed is one of the
/// rehearsal's own, and stays the same from one rehearsal to the next.
fn secrets(plan: &Plan, before: &Utf8Path) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let before = StandIns::read(before).unwrap_or_default();
    let mut secrets: BTreeMap<String, String> = plan
        .secrets
        .keys()
        .map(|name| (name.to_string(), canary(name.as_str())))
        .collect();
    let mut recipients = BTreeMap::new();
    for (name, environment) in &plan.environments {
        let (Some(_), Some(key)) = (&environment.recipient, &environment.key) else {
            continue;
        };
        let known = |secrets: &BTreeMap<String, String>| {
            let key = Secret::new(secrets.get(key.as_str())?.clone());
            let recipient = sealed::recipient_of(&key).ok()?;
            Some((key, recipient))
        };
        let (opens, recipient) = known(&secrets)
            .or_else(|| known(&before.secrets))
            .unwrap_or_else(sealed::new_key);
        recipients.insert(name.to_string(), recipient);
        secrets.insert(key.to_string(), opens.expose().to_owned());
    }
    (secrets, recipients)
}

/// A value for a secret that nobody gave: it is told from every other, and must be seen nowhere.
pub(super) fn canary(name: &str) -> String {
    format!("canary-{}", &crate::digest::Digest::of(name).hex()[..24])
}

fn take(folder: &Utf8Path) -> Result<fs::File, StageError> {
    let path = folder.join("lock");
    let mut lock = fs::File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(file("open", &path))?;
    match lock.try_lock() {
        Ok(()) => {
            let written = lock
                .set_len(0)
                .and_then(|()| writeln!(lock, "{}", std::process::id()));
            written.map_err(file("write", &path))?;
            return Ok(lock);
        }
        Err(fs::TryLockError::WouldBlock) => {}
        Err(fs::TryLockError::Error(error)) => return Err(file("lock", &path)(error)),
    }
    let holder = fs::read_to_string(&path).unwrap_or_default();
    let holder = holder.trim();
    let holder = if holder.is_empty() {
        String::new()
    } else {
        format!(", process {holder}")
    };
    Err(StageError::InUse {
        folder: folder.to_owned(),
        holder,
    })
}

/// Starts the stand-in for Google where the plan has a way there. It trusts the job that is rehearsed.
fn start_google(options: &StageOptions, plan: &Plan) -> Result<Option<Google>, StageError> {
    let mut connections = plan.connections.values();
    if !connections.any(|connection| connection.kind == ConnectionKind::Google) {
        return Ok(None);
    }
    let clock = Clock::new(jiff::Timestamp::now);
    let options = GoogleOptions {
        port: None,
        clock: clock.clone(),
        issuer_clock: clock,
        trust: Trust {
            subject: format!(
                "repo:{}:ref:refs/heads/{}",
                options.repository, options.branch
            ),
            ..Trust::default()
        },
    };
    Ok(Some(Google::start(options)?))
}

fn start_hub(options: &StageOptions, folder: &Utf8Path, token: &Secret) -> Result<Hub, StageError> {
    let registry_folder = folder.join("registry");
    let state = if options.is_merged {
        hub::PullRequestState::Merged
    } else {
        hub::PullRequestState::Open
    };
    Ok(Hub::start(HubOptions {
        folder: folder.join("github"),
        port: None,
        repository: options.repository.clone(),
        token: token.clone(),
        pull_request: Some(hub::PullRequest {
            number: 1,
            title: "Deploy".to_owned(),
            state,
            author: "rehearsal".to_owned(),
            head_branch: HEAD_BRANCH.to_owned(),
            head_sha: options.sha.clone(),
            base_branch: options.branch.clone(),
            merge_commit_sha: options.is_merged.then(|| options.sha.clone()),
        }),
        packages: Arc::new(move || registry::contents(&registry_folder).unwrap_or_default()),
    })?)
}

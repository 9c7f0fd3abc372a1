//! Looking for a program that builds.

use std::{fmt, time::Duration};

use tokio::sync::mpsc;

use crate::{
    process::{self, CommandSpec, Output, Source, StopListener},
    secret::{Masker, Secret},
};

/// The variable that names the builder to take.
pub const VARIABLE: &str = "DEPLOY_ACTION_BUILDER";

/// How long a program may take to say whether it works; a daemon that starts its store for the first time needs some of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// More of an answer is not read.
const MOST_ANSWER: u64 = 64 << 10;
/// Lines of complaint that may wait.
const LINES: usize = 64;
/// From this version on docker's own client builds with BuildKit by its plugin alone.
const BY_PLUGIN: u64 = 23;

/// A program that builds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuilderKind {
    /// Docker's plugin for BuildKit.
    Buildx,
    /// Docker without the plugin.
    Docker,
    /// Podman.
    Podman,
    /// Buildah.
    Buildah,
}

impl BuilderKind {
    /// All, in the order in which they are asked.
    pub const ALL: [Self; 4] = [Self::Buildx, Self::Docker, Self::Podman, Self::Buildah];

    /// Returns the word by which [`VARIABLE`] names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Buildx => "buildx",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    /// Returns the program that is called.
    pub fn program(self) -> &'static str {
        match self {
            Self::Buildx | Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }
}

impl fmt::Display for BuilderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Buildx => "docker buildx",
            Self::Docker | Self::Podman | Self::Buildah => self.word(),
        })
    }
}

/// What a build asks of its builder besides building.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Secrets are given to it.
    pub secrets: bool,
    /// The Dockerfile has a file of its own that says what of the context is left out.
    pub own_ignore_file: bool,
}

/// How a builder is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Buildx with a driver that writes layouts.
    BuildxLayout,
    /// Buildx with docker's own builder, which only keeps images for docker.
    BuildxLoad,
    /// Docker's client with the BuildKit inside of it.
    DockerBuildKit,
    /// Docker's builder of old.
    DockerLegacy,
    Podman,
    Buildah,
}

/// A builder that has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    kind: BuilderKind,
    version: String,
    pub(super) way: Way,
}

impl Builder {
    /// Returns which it is.
    pub fn kind(&self) -> BuilderKind {
        self.kind
    }

    /// Whether it makes the image as old as `SOURCE_DATE_EPOCH` says.
    pub fn sets_time(&self) -> bool {
        match self.way {
            Way::BuildxLayout | Way::Podman | Way::Buildah => true,
            Way::BuildxLoad | Way::DockerBuildKit | Way::DockerLegacy => false,
        }
    }
}

impl fmt::Display for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.version)
    }
}

/// No builder works here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBuilder {
    /// The variable names none.
    #[error("`{VARIABLE}` is `{found}`, expected one of {}", words(&BuilderKind::ALL.map(BuilderKind::word)))]
    Unknown {
        /// Its value.
        found: String,
    },
    /// None of those that were asked works.
    #[error("nothing here builds images from Dockerfiles: {}", words(tried))]
    NoneWorks {
        /// Each with the reason.
        tried: Vec<String>,
    },
}

impl NoBuilder {
    /// Says what to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                format!("unset `{VARIABLE}`, and the first that works is taken")
            }
            Self::NoneWorks { .. } => {
                "install podman or buildah (`apt-get install podman`, `dnf install podman`, `brew install podman`), or docker with \
                 buildx (https://docs.docker.com/engine/install/); `assemble` makes an image of files without any builder"
                    .to_owned()
            }
        }
    }
}

fn words<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(AsRef::as_ref).collect();
    items.join(", ")
}

/// Looks for a builder. `equip` gives a child its environment; `wanted` is the value of [`VARIABLE`].
///
/// # Errors
/// If none works, with the reason of each.
pub async fn find(
    equip: impl Fn(CommandSpec) -> CommandSpec,
    wanted: Option<&str>,
    needs: Needs,
) -> Result<Builder, NoBuilder> {
    let kinds = match wanted {
        None => BuilderKind::ALL.to_vec(),
        Some(word) => {
            let kind = BuilderKind::ALL
                .into_iter()
                .find(|kind| kind.word() == word);
            vec![kind.ok_or_else(|| NoBuilder::Unknown {
                found: word.to_owned(),
            })?]
        }
    };
    let mut tried = Vec::new();
    for kind in kinds {
        match probe(&equip, kind, needs).await {
            Ok(builder) => return Ok(builder),
            Err(reason) => tried.push(format!("{kind} ({reason})")),
        }
    }
    Err(NoBuilder::NoneWorks { tried })
}

async fn probe(
    equip: &impl Fn(CommandSpec) -> CommandSpec,
    kind: BuilderKind,
    needs: Needs,
) -> Result<Builder, String> {
    let ask = async |args: &[&str]| {
        let spec = CommandSpec::new(kind.program(), format!("ask whether {kind} works"))
            .args(args.iter().copied());
        ask(equip(spec)).await
    };
    let server = [
        "version",
        "--format",
        "{{.Client.Version}} {{.Server.Version}}",
    ];
    let (way, version) = match kind {
        BuilderKind::Buildx => {
            let version = ask(&["buildx", "version"]).await?;
            let way = way_of_buildx(&ask(&["buildx", "inspect"]).await?)?;
            if way == Way::BuildxLoad {
                ask(&server).await?;
            }
            (way, version)
        }
        BuilderKind::Docker => {
            let versions = ask(&server).await?;
            (way_of_docker(&versions, needs)?, versions)
        }
        BuilderKind::Podman => (
            Way::Podman,
            ask(&["info", "--format", "{{.Version.Version}}"]).await?,
        ),
        BuilderKind::Buildah => (Way::Buildah, ask(&["--version"]).await?),
    };
    Ok(Builder {
        kind,
        version: version_in(&version),
        way,
    })
}

/// Reads what `docker buildx inspect` says of the builder in use.
fn way_of_buildx(answer: &str) -> Result<Way, String> {
    let value = |key: &str| {
        let mut lines = answer.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(name, value)| (name.trim() == key).then(|| value.trim().to_owned()))
    };
    match (value("Driver"), value("Error")) {
        (_, Some(problem)) => Err(problem),
        (Some(driver), None) if driver == "docker" => Ok(Way::BuildxLoad),
        (Some(_), None) => Ok(Way::BuildxLayout),
        (None, None) => Err("`docker buildx inspect` names no driver".to_owned()),
    }
}

fn way_of_docker(versions: &str, needs: Needs) -> Result<Way, String> {
    let major = versions
        .split('.')
        .next()
        .and_then(|major| major.trim().parse::<u64>().ok());
    if major.is_some_and(|major| major < BY_PLUGIN) {
        return Ok(Way::DockerBuildKit);
    }
    match needs {
        Needs { secrets: true, .. } => Err("without buildx it takes no build secrets".to_owned()),
        Needs {
            own_ignore_file: true,
            ..
        } => Err("without buildx it does not read the Dockerfile's own ignore file".to_owned()),
        Needs { .. } => Ok(Way::DockerLegacy),
    }
}

/// The first word that begins like a version.
fn version_in(answer: &str) -> String {
    let mut words = answer
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'));
    let found = words
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'));
    found
        .unwrap_or("of unknown version")
        .trim_end_matches(',')
        .to_owned()
}

/// Runs a program that answers on its standard output; a refusal is its first complaint.
async fn ask(spec: CommandSpec) -> Result<String, String> {
    let spec = spec.capture_stdout(MOST_ANSWER).timeout(PATIENCE);
    let masker = Masker::new(Vec::<(String, Secret)>::new()).map_err(|error| error.to_string())?;
    let (live, mut lines) = mpsc::channel(LINES);
    let output = Output {
        masker: &masker,
        log: None,
        live: Some(live),
    };
    let complaint = async {
        let mut first = None;
        while let Some(line) = lines.recv().await {
            let is_complaint = line.from == Source::Stderr && !line.text.trim().is_empty();
            if is_complaint && first.is_none() {
                first = Some(line.text.trim().to_owned());
            }
        }
        first
    };
    let (ended, complaint) = tokio::join!(
        process::run(&spec, output, StopListener::never()),
        complaint
    );
    let ended = ended.map_err(|error| match error {
        process::ProcessError::NotFound { program, .. } => {
            format!("`{program}` is not on the PATH")
        }
        other => other.to_string(),
    })?;
    if !ended.succeeded() {
        return Err(complaint.unwrap_or_else(|| format!("it ended with {}", ended.how)));
    }
    let stdout = ended
        .stdout
        .as_ref()
        .map(|stdout| stdout.expose())
        .unwrap_or_default();
    Ok(String::from_utf8_lossy(stdout).trim().to_owned())
}

#[cfg(all(test, unix))]
mod tests;

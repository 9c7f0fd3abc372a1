//! A program at the version that a plan pins.

use std::{collections::BTreeMap, fs::File};

use camino::Utf8PathBuf;

use super::{
    ToolError,
    find::{find, is_exactly, version},
    install::{Slot, digest_of},
    release::Release,
};
use crate::{digest::Digest, plan::model};

/// A program that is there, at its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version, as the plan pins it.
    pub version: String,
    /// The program.
    pub path: Utf8PathBuf,
    /// SHA-256 of the program.
    pub digest: Digest,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a program comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From the PATH.
    Found,
    /// Out of our folder, in which it was before.
    Kept,
    /// Out of our folder, into which it was fetched now.
    Fetched,
}

/// Where programs are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The process environment.
    pub variables: &'p BTreeMap<String, String>,
    /// A client that leaves redirects to whoever asks.
    pub http: &'p reqwest::Client,
    /// Whether something may be fetched.
    pub download: Download,
}

/// Whether something may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Download {
    /// Yes.
    Allowed,
    /// No: this is a rehearsal.
    Never,
}

/// How it stands with a program that a plan pins.
#[derive(Debug)]
pub enum Standing {
    /// It is there.
    Here(Tool),
    /// It is not; a run would fetch it from this address.
    Fetchable {
        /// What is there in its place, in words.
        here: String,
        /// The address.
        url: String,
    },
}

/// Says how it stands with a program, and fetches nothing.
///
/// # Errors
///
/// It is not there, and cannot be fetched by what the plan says.
pub async fn look(
    name: &str,
    wanted: &model::Tool,
    variables: &BTreeMap<String, String>,
) -> Result<Standing, ToolError> {
    let here = match on_path(name, wanted, variables).await? {
        Ok(tool) => return Ok(Standing::Here(tool)),
        Err(here) => here,
    };
    let release = Release::of(name, wanted, here.clone())?;
    let kept = match folder(name, variables) {
        Ok(tools) => slot(name, wanted, &tools).kept(&release)?,
        Err(_) => None,
    };
    Ok(match kept {
        Some(tool) => Standing::Here(tool),
        None => Standing::Fetchable {
            here,
            url: release.url.to_string(),
        },
    })
}

/// Finds a program, or installs it.
///
/// # Errors
///
/// It is not there, and cannot be fetched, or what was fetched is something else.
pub async fn resolve(
    name: &str,
    wanted: &model::Tool,
    place: &Place<'_>,
) -> Result<Tool, ToolError> {
    let here = match look(name, wanted, place.variables).await? {
        Standing::Here(tool) => return Ok(tool),
        Standing::Fetchable { here, .. } => here,
    };
    if place.download == Download::Never {
        return Err(ToolError::NotNow {
            name: name.to_owned(),
            here,
            version: wanted.version.clone(),
        });
    }
    let release = Release::of(name, wanted, here)?;
    let tools = folder(name, place.variables)?;
    slot(name, wanted, &tools).install(&release, place).await
}

fn slot<'s>(name: &'s str, wanted: &'s model::Tool, tools: &'s Utf8PathBuf) -> Slot<'s> {
    Slot {
        name,
        version: &wanted.version,
        tools,
    }
}

/// The program on the PATH, where it says that it is the version; else what is there in its place, in words.
async fn on_path(
    name: &str,
    wanted: &model::Tool,
    variables: &BTreeMap<String, String>,
) -> Result<Result<Tool, String>, ToolError> {
    let path = find(name, variables).and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let Some(path) = path else {
        return Ok(Err(format!("`{name}` is not on the PATH")));
    };
    match version(name, path.as_str(), variables).await {
        Some(said) if is_exactly(&said, &wanted.version) => {
            let digest = File::open(&path)
                .and_then(digest_of)
                .map_err(ToolError::file("read", &path))?;
            Ok(Ok(Tool {
                name: name.to_owned(),
                version: wanted.version.clone(),
                path,
                digest,
                origin: Origin::Found,
            }))
        }
        Some(said) => Ok(Err(format!("`{name}` at {path} is {said}"))),
        None => Ok(Err(format!("`{name}` at {path} does not say its version"))),
    }
}

/// The folder of installed programs.
fn folder(name: &str, variables: &BTreeMap<String, String>) -> Result<Utf8PathBuf, ToolError> {
    let set = |variable: &str| {
        let path = Utf8PathBuf::from(variables.get(variable)?);
        path.is_absolute().then_some(path)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| ToolError::NoFolder {
        name: name.to_owned(),
    })?;
    Ok(cache.join("deploy-action/tools"))
}

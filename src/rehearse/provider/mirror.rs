//! The stand-in providers as a mirror in the file system, from which terraform installs them.
//!
//! Neither the plan nor the HCL knows of it: terraform's CLI configuration names the mirror and nothing else, so a provider
//! without a stand-in is refused and never fetched.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::catalog::{self, CatalogError};

/// What reports call the stand-ins.
pub const VERSION: &str = concat!(
    "deploy-action's stand-in for terraform providers ",
    env!("CARGO_PKG_VERSION")
);

/// A provider that a module asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderVersion {
    /// The whole address, as `registry.terraform.io/rackerlabs/spot`.
    pub address: String,
    /// The version that the lock file pins.
    pub version: String,
}

/// What a mirror is made of.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// Receives the mirror, terraform's configuration and what the providers need; nobody else may enter it.
    pub folder: PathBuf,
    /// This program.
    pub program: PathBuf,
    /// The providers of the module.
    pub providers: Vec<ProviderVersion>,
    /// The file that keeps the stand-ins' cloud.
    pub state: PathBuf,
    /// The file of faults; there need not be one.
    pub faults: PathBuf,
    /// What computed values may be made of, by name: `kubeconfig` for example.
    pub given: BTreeMap<String, String>,
}

/// A mirror that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Variables for terraform.
    pub variables: BTreeMap<String, String>,
    /// What stands in, one line a provider.
    pub who: Vec<String>,
}

/// A mirror that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// Providers have no stand-in.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A version that is none.
    #[error("`{found}` is no version of the provider `{address}`")]
    Version {
        /// The provider.
        address: String,
        /// What was given.
        found: String,
    },
    /// A file cannot be written.
    #[error("`{path}` cannot be written")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Makes a mirror; one that is there already is made anew.
///
/// # Errors
///
/// A provider has no stand-in, or a file cannot be written.
pub fn install(options: &MirrorOptions) -> Result<Mirror, MirrorError> {
    let entries = catalog::find_all(options.providers.iter().map(|asked| asked.address.as_str()))?;
    let mirror = options.folder.join("mirror");
    if mirror.exists() {
        fs::remove_dir_all(&mirror).map_err(|error| unwritten(&mirror, error))?;
    }
    fs::create_dir_all(&mirror).map_err(|error| unwritten(&mirror, error))?;
    let given = options.folder.join("given.json");
    write(&given, 0o600, &format!("{:#}\n", json!(options.given)))?;
    let mut who = Vec::new();
    for (provider, entry) in options.providers.iter().zip(entries) {
        start_script(options, provider, &mirror, &given)?;
        who.push(format!(
            "{VERSION}: {} {}, by the schema of {}",
            provider.address,
            provider.version,
            entry.source()?
        ));
    }
    let configuration = options.folder.join("terraform.rc");
    let path = json!(mirror.display().to_string());
    write(
        &configuration,
        0o600,
        &format!("provider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"),
    )?;
    Ok(Mirror {
        variables: BTreeMap::from([
            (
                "TF_CLI_CONFIG_FILE".to_owned(),
                configuration.display().to_string(),
            ),
            ("TF_DISABLE_PLUGIN_TLS".to_owned(), "1".to_owned()),
        ]),
        who,
    })
}

/// Writes the program that terraform starts: a line that starts this one.
fn start_script(
    options: &MirrorOptions,
    provider: &ProviderVersion,
    mirror: &Path,
    given: &Path,
) -> Result<(), MirrorError> {
    let ProviderVersion { address, version } = provider;
    if semver::Version::parse(version).is_err() {
        return Err(MirrorError::Version {
            address: address.clone(),
            found: version.clone(),
        });
    }
    let folder = mirror.join(address).join(version).join(platform());
    fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, error))?;
    let name = address.rsplit('/').next().unwrap_or(address);
    let words = [
        quoted(&options.program),
        "stand-in-provider".to_owned(),
        format!("--provider={address}"),
        format!("--cloud={}", quoted(&options.state)),
        format!("--faults={}", quoted(&options.faults)),
        format!("--given={}", quoted(given)),
    ];
    write(
        &folder.join(format!("terraform-provider-{name}_v{version}")),
        0o700,
        &format!("#!/bin/sh\nexec {}\n", words.join(" ")),
    )
}

/// The platform as terraform names it.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}_{processor}")
}

/// A path as a shell reads it back.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), MirrorError> {
    let write = || {
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(mode);
        let mut file = options.open(path)?;
        // An older file keeps its mode when it is opened.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        io::Write::write_all(&mut file, text.as_bytes())
    };
    write().map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, source: io::Error) -> MirrorError {
    MirrorError::File {
        path: path.display().to_string(),
        source,
    }
}

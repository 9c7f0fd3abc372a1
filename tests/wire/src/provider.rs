//! The program's own stand-in for a terraform provider, installed from a mirror: as a folder, or as a package that terraform unpacks.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::Crc;
use serde_json::{Value, json};

const ADDRESS: &str = "registry.terraform.io/rackerlabs/spot";
const VERSION: &str = "0.1.4";

/// The block of a module that asks for the provider.
pub const REQUIRED: &str = "terraform {\n  required_providers {\n    spot = {\n      source  = \"rackerlabs/spot\"\n      version = \"0.1.4\"\n    }\n  }\n}\n\nprovider \"spot\" {\n  token = \"canary\"\n}\n";

/// How the provider lies in its mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// As a folder, to which terraform links.
    Folder,
    /// As a zip file with so many bytes besides, which terraform unpacks.
    Zip(usize),
}

/// A mirror with the stand-in, and its cloud.
#[derive(Debug)]
pub struct StandIn {
    folder: PathBuf,
    /// The files of its package, with their digests.
    packed: BTreeMap<String, String>,
}

impl StandIn {
    /// Makes a mirror, a cloud that holds nothing, and no faults.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn install(folder: &Path, program: &Path, package: Package) -> io::Result<Self> {
        let mut stand_in = Self {
            folder: folder.to_owned(),
            packed: BTreeMap::new(),
        };
        let script = format!(
            "#!/bin/sh\nexec '{}' stand-in-provider --provider={ADDRESS} --cloud='{}' --faults='{}'\n",
            program.display(),
            stand_in.path("cloud.json").display(),
            stand_in.path("faults.json").display()
        );
        let platform = match std::env::consts::ARCH {
            "aarch64" => "linux_arm64",
            _ => "linux_amd64",
        };
        let name = format!("terraform-provider-spot_v{VERSION}");
        let mirror = stand_in.path("mirror").join(ADDRESS);
        match package {
            Package::Folder => {
                let folder = mirror.join(VERSION).join(platform);
                fs::create_dir_all(&folder)?;
                let file = folder.join(name);
                fs::write(&file, script)?;
                fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
            }
            Package::Zip(padding) => {
                fs::create_dir_all(&mirror)?;
                let file = format!("terraform-provider-spot_{VERSION}_{platform}.zip");
                let besides = padding_of(padding);
                let files = [(name.as_str(), script.as_bytes()), ("data", &besides)];
                fs::write(mirror.join(file), zip(&files))?;
                let digests = files.map(|(name, bytes)| (name.to_owned(), crate::digest(bytes)));
                stand_in.packed.extend(digests);
            }
        }
        fs::write(
            stand_in.path("terraform.rc"),
            format!(
                "provider_installation {{\n  filesystem_mirror {{\n    path = {}\n  }}\n}}\n",
                json!(stand_in.path("mirror"))
            ),
        )?;
        Ok(stand_in)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What terraform has to find in its environment.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let configuration = self.path("terraform.rc").display().to_string();
        [
            ("TF_CLI_CONFIG_FILE", configuration),
            ("TF_DISABLE_PLUGIN_TLS", "1".to_owned()),
        ]
    }

    /// What goes wrong from now on.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn faults(&self, faults: &Value) -> io::Result<()> {
        // Whoever reads it finds the one or the other, whole.
        let beside = self.path("faults.new");
        fs::write(&beside, faults.to_string())?;
        fs::rename(beside, self.path("faults.json"))
    }

    /// The names of what the cloud holds of a type.
    pub fn objects(&self, kind: &str) -> Vec<String> {
        let objects = self.cloud()["objects"][kind].as_object().cloned();
        objects
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .collect()
    }

    /// Takes objects out of the cloud, as somebody at its console does.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn remove(&self, kind: &str, name: &str) -> io::Result<()> {
        let mut cloud = self.cloud();
        if let Some(objects) = cloud["objects"][kind].as_object_mut() {
            objects.remove(name);
        }
        fs::write(self.path("cloud.json"), cloud.to_string())
    }

    fn cloud(&self) -> Value {
        let cloud = fs::read(self.path("cloud.json")).unwrap_or_default();
        serde_json::from_slice(&cloud).unwrap_or_default()
    }

    /// The lock file that terraform writes for a module with this provider.
    ///
    /// # Errors
    ///
    /// Terraform does not write one.
    pub fn lock_file(&self) -> io::Result<String> {
        let module = self.path("locked");
        fs::create_dir_all(&module)?;
        fs::write(module.join("main.tf"), REQUIRED)?;
        let output = Command::new("terraform")
            .args(["init", "-no-color", "-input=false"])
            .current_dir(&module)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &module)
            .env("CHECKPOINT_DISABLE", "1")
            .envs(self.variables())
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(words.into_owned()));
        }
        fs::read_to_string(module.join(".terraform.lock.hcl"))
    }

    /// Where the package lies unpacked in a folder of providers.
    ///
    /// # Errors
    ///
    /// It is not there, or more than once.
    pub fn package(&self, plugins: &Path) -> io::Result<PathBuf> {
        let folder = plugins.join(ADDRESS).join(VERSION);
        let platforms = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
        let mut platforms: Vec<PathBuf> = platforms.collect::<io::Result<_>>()?;
        match (platforms.pop(), platforms.pop()) {
            (Some(package), None) => Ok(package),
            found => Err(io::Error::other(format!("unpacked as {found:?}"))),
        }
    }

    /// Holds a folder of providers against the package: the files of it, with nothing missing and nothing besides.
    ///
    /// # Errors
    ///
    /// It cannot be read, or something in it is not as it was packed; the error says what.
    pub fn compare(&self, plugins: &Path) -> io::Result<()> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.package(plugins)?)? {
            let entry = entry?;
            let digest = crate::digest(&fs::read(entry.path())?);
            found.insert(entry.file_name().to_string_lossy().into_owned(), digest);
        }
        if found == self.packed {
            return Ok(());
        }
        let words = format!("{found:?} was unpacked of {:?}", self.packed);
        Err(io::Error::other(words))
    }
}

/// Bytes that no compression makes fewer.
fn padding_of(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let words = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 32).to_le_bytes()
    });
    let bytes = words.flat_map(|word| [word[0], word[1], word[2], word[3]]);
    bytes.take(length).collect()
}

/// A zip file of programs, stored as they are (APPNOTE.TXT 4.3).
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let mut sum = Crc::new();
        sum.update(content);
        let length = u32::try_from(content.len()).expect("it is small");
        let offset = u32::try_from(all.len()).expect("it is small");
        let mut common = Vec::new();
        // Version 2.0, UTF-8 names, stored, no time, 1980-01-01.
        for number in [20_u16, 1 << 11, 0, 0, 0x21] {
            common.extend(number.to_le_bytes());
        }
        for number in [sum.sum(), length, length] {
            common.extend(number.to_le_bytes());
        }
        let name_length = u16::try_from(name.len()).expect("it is short");
        common.extend(name_length.to_le_bytes());
        common.extend([0, 0]);
        all.extend(b"PK\x03\x04");
        all.extend(&common);
        all.extend(name.as_bytes());
        all.extend(*content);
        // Made on Unix, by version 2.0.
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((0o100_755_u32 << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let number = u16::try_from(files.len()).expect("they are few");
    let (start, length) = (all.len(), directory.len());
    all.extend(directory);
    all.extend(b"PK\x05\x06\0\0\0\0");
    all.extend(number.to_le_bytes());
    all.extend(number.to_le_bytes());
    for place in [length, start] {
        all.extend(u32::try_from(place).expect("it is small").to_le_bytes());
    }
    all.extend([0, 0]);
    all
}

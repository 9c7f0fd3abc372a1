//! Providers that many modules share.
//!
//! Terraform's plugin cache is no store that several may use at once: `init` unpacks over what is there, even where another process
//! just runs it (hashicorp/terraform#31964), and does so whenever the module has no lock file or one that does not know the package. So terraform
//! writes to a folder of the attempt alone. What a lock file knows is then shared by a rename, and never written to again.

use std::{
    fs::{self, File},
    io::{self, Read as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use crate::{
    event::FailureKind,
    execute::ExecuteError,
    terraform::{LockFile, LockedProvider},
};

/// The providers of this user's modules.
#[derive(Clone)]
pub(super) struct Cache {
    folder: Utf8PathBuf,
}

impl Cache {
    pub(super) fn new(folder: &Utf8Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Whether all providers of a lock file are here, as it knows them: terraform then only links to them.
    pub(super) async fn holds(&self, lock: &LockFile) -> Result<bool, ExecuteError> {
        let (cache, lock) = (self.clone(), lock.clone());
        aside(move || {
            let mut providers = lock.providers.iter();
            Ok(providers.all(|provider| {
                let packages = packages(&cache.folder, provider).unwrap_or_default();
                packages.iter().any(|package| is_known(package, provider))
            }))
        })
        .await
    }

    /// Waits until nobody else adds to it.
    pub(super) async fn take(&self) -> Result<File, ExecuteError> {
        let path = self.folder.join("lock");
        aside(move || {
            let mut options = File::options();
            let lock = options.create(true).truncate(false).write(true).open(&path);
            let locked = lock.and_then(|lock| lock.lock().map(|()| lock));
            locked.map_err(|error| ExecuteError::file("lock", path, error))
        })
        .await
    }

    /// Shares what terraform unpacked into a folder, as far as the lock file knows it.
    pub(super) async fn share(
        &self,
        unpacked: &Utf8Path,
        lock: &LockFile,
    ) -> Result<(), ExecuteError> {
        let (cache, lock) = (self.clone(), lock.clone());
        let unpacked = unpacked.to_owned();
        aside(move || {
            for provider in &lock.providers {
                let packages = packages(&unpacked, provider).unwrap_or_default();
                for package in packages {
                    if is_known(&package, provider) {
                        cache
                            .add(&package, provider)
                            .map_err(|error| ExecuteError::file("share", package.clone(), error))?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Adds a package, whole; one that is not what the lock file knows makes room for it, and stays where it is used.
    fn add(&self, package: &Utf8Path, provider: &LockedProvider) -> io::Result<()> {
        let platform = package.file_name().unwrap_or("any");
        let place = place(&self.folder, provider).join(platform);
        let beside = |what: &str| self.folder.join(format!(".{what}-{}", std::process::id()));
        let (new, old) = (beside("new"), beside("old"));
        for left in [&new, &old] {
            if left.exists() {
                fs::remove_dir_all(left)?;
            }
        }
        copy(package, &new)?;
        fs::create_dir_all(place.parent().unwrap_or(&place))?;
        if place.exists() {
            fs::rename(&place, &old)?;
        }
        fs::rename(&new, &place)?;
        match old.exists() {
            true => fs::remove_dir_all(&old),
            false => Ok(()),
        }
    }
}

/// Runs what reads much where it keeps nobody from going on.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExecuteError> + Send + 'static,
) -> Result<T, ExecuteError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ExecuteError::task(FailureKind::Internal, error.to_string()))?
}

/// Where terraform has the packages of a provider, by platform.
fn place(folder: &Utf8Path, provider: &LockedProvider) -> Utf8PathBuf {
    folder.join(&provider.source).join(&provider.version)
}

fn packages(folder: &Utf8Path, provider: &LockedProvider) -> io::Result<Vec<Utf8PathBuf>> {
    let entries = place(folder, provider).read_dir_utf8()?;
    entries.map(|entry| Ok(entry?.into_path())).collect()
}

/// Whether a lock file holds the hash of an unpacked package.
fn is_known(package: &Utf8Path, provider: &LockedProvider) -> bool {
    hash(package).is_ok_and(|hash| provider.hashes.contains(&hash))
}

/// The hash of an unpacked package as a lock file writes it: of a line for each file, with its hash and its name.
fn hash(package: &Utf8Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(package, Utf8Path::new(""), &mut files)?;
    files.sort();
    let mut all = Sha256::new();
    for name in files {
        let line = format!("{}  {name}\n", hash_of_file(&package.join(&name))?);
        all.update(line.as_bytes());
    }
    Ok(format!("h1:{}", STANDARD.encode(all.finalize())))
}

fn hash_of_file(path: &Utf8Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// The files below a folder, by their names in it with slashes.
fn collect(root: &Utf8Path, below: &Utf8Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in root.join(below).read_dir_utf8()? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        match entry.path().is_dir() {
            true => collect(root, &name, files)?,
            false => files.push(name.as_str().replace('\\', "/")),
        }
    }
    Ok(())
}

/// Copies a folder; its files are the same ones where the disk is.
fn copy(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Utf8PathBuf::try_from(folder.path().to_owned()).expect("UTF-8");
        (folder, path)
    }

    /// As `terraform init` wrote it for a package of these two files.
    #[test]
    fn a_package_has_the_hash_that_terraform_writes() {
        let (_kept, package) = folder();
        fs::create_dir(package.join("docs")).expect("a folder");
        fs::write(package.join("docs/LICENSE.txt"), "free\n").expect("a file");
        let program = package.join("terraform-provider-thing_v1.0.0");
        fs::write(program, "#!/bin/sh\n").expect("a file");
        assert_eq!(
            hash(&package).expect("it is readable"),
            "h1:mLEVru0Lyde+MJj/Z3oGLs59OtyG0t+Z4ebNEJkg+/I="
        );
    }

    #[test]
    fn a_broken_package_makes_room_for_a_whole_one_and_is_left_to_who_uses_it() {
        let (_kept, root) = folder();
        let whole = root.join("whole/linux_amd64");
        fs::create_dir_all(&whole).expect("a folder");
        fs::write(whole.join("provider"), "whole").expect("a file");
        let lock = format!(
            "provider \"registry.example/acme/thing\" {{\n  version = \"1.0.0\"\n  hashes  = [\"{}\"]\n}}\n",
            hash(&whole).expect("it is readable")
        );
        let lock = LockFile::read(lock).expect("a lock file");
        let provider = &lock.providers[0];
        let cache = Cache::new(&root.join("cache"));
        let shared = place(&cache.folder, provider).join("linux_amd64");
        fs::create_dir_all(&shared).expect("a folder");
        fs::write(shared.join("provider"), "torn").expect("a file");
        let used = File::open(shared.join("provider")).expect("a file");
        assert!(!is_known(&shared, provider));
        cache.add(&whole, provider).expect("it is added");
        assert!(is_known(&shared, provider));
        assert_eq!(io::read_to_string(used).expect("it is open"), "torn");
    }
}

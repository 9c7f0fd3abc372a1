//! Fetches a release, holds it against its digest, and puts the program in its folder: whole, or not at all.

use std::{
    fs::{self, File},
    io::{self, Read, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use reqwest::{Client, StatusCode, header::LOCATION};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    ToolError,
    find::{is_exactly, version},
    release::Release,
    resolve::{Origin, Place, Tool},
    unpack::{MOST_PROGRAM, unpack},
};
use crate::{
    digest::{Digest, Hasher},
    portable,
};

/// What is kept beside an installed program.
const RECORD: &str = "release.json";

/// How often a release may lead elsewhere.
const MOST_REDIRECTS: usize = 5;

/// What was installed, from what.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    url: String,
    /// SHA-256 of the release.
    release: String,
    /// SHA-256 of the program.
    program: String,
}

/// Where a program of a version is installed, and who may do so at one time.
#[derive(Debug)]
pub(super) struct Slot<'s> {
    pub(super) name: &'s str,
    pub(super) version: &'s str,
    /// The folder of all tools.
    pub(super) tools: &'s Utf8Path,
}

impl Slot<'_> {
    fn word(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    fn folder(&self) -> Utf8PathBuf {
        self.tools.join(self.word())
    }

    /// How the folders begin in which it is made.
    fn unfinished(&self) -> String {
        format!(".{}.", self.word())
    }

    /// Returns the program where it was installed from this very release and is as it was then.
    pub(super) fn kept(&self, release: &Release) -> Result<Option<Tool>, ToolError> {
        let folder = self.folder();
        let Ok(text) = fs::read(folder.join(RECORD)) else {
            return Ok(None);
        };
        let Ok(record) = serde_json::from_slice::<Record>(&text) else {
            return Ok(None);
        };
        let path = folder.join(self.name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ToolError::file("open", path)(error)),
        };
        if record.release != release.sha256 {
            return Ok(None);
        }
        let digest = digest_of(file).map_err(ToolError::file("read", &path))?;
        Ok((digest.hex() == record.program).then(|| self.tool(path, digest, Origin::Kept)))
    }

    fn tool(&self, path: Utf8PathBuf, digest: Digest, origin: Origin) -> Tool {
        Tool {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            path,
            digest,
            origin,
        }
    }

    /// Installs the program, unless another process has done so in the meantime.
    pub(super) async fn install(
        &self,
        release: &Release,
        place: &Place<'_>,
    ) -> Result<Tool, ToolError> {
        portable::private_folder()
            .create(self.tools)
            .map_err(ToolError::file("make", self.tools))?;
        let _lock = lock(self.tools.join(format!(".{}.lock", self.word()))).await?;
        if let Some(kept) = self.kept(release)? {
            return Ok(kept);
        }
        self.sweep()?;
        let work = tempfile::Builder::new()
            .prefix(&self.unfinished())
            .tempdir_in(self.tools)
            .map_err(ToolError::file("make a folder in", self.tools))?;
        let work = (
            Utf8Path::from_path(work.path()).map(Utf8Path::to_owned),
            work,
        );
        let (Some(folder), _removed_at_end) = work else {
            return Err(ToolError::NoFolder {
                name: self.name.to_owned(),
            });
        };
        let archive = folder.join("release");
        fetch(place.http, release, &archive).await?;
        let package = folder.join("package");
        let digest = self.put_together(release, &archive, &package)?;
        self.ask(release, &package, place).await?;
        let there = self.folder();
        match fs::remove_dir_all(&there) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ToolError::file("remove", there)(error)),
        }
        fs::rename(&package, &there).map_err(ToolError::file("make", &there))?;
        Ok(self.tool(there.join(self.name), digest, Origin::Fetched))
    }

    /// Removes what a killed process left. Whoever has the lock is alone.
    fn sweep(&self) -> Result<(), ToolError> {
        let entries = self.tools.read_dir_utf8();
        for entry in entries.map_err(ToolError::file("read", self.tools))? {
            let entry = entry.map_err(ToolError::file("read", self.tools))?;
            if entry.file_name().starts_with(&self.unfinished()) && entry.path().is_dir() {
                fs::remove_dir_all(entry.path())
                    .map_err(ToolError::file("remove", entry.path()))?;
            }
        }
        Ok(())
    }

    /// Takes the program out of its release, and writes beside it what it is.
    fn put_together(
        &self,
        release: &Release,
        archive: &Utf8Path,
        package: &Utf8Path,
    ) -> Result<Digest, ToolError> {
        fs::create_dir(package).map_err(ToolError::file("make", package))?;
        let path = package.join(self.name);
        let mut file = File::create_new(&path).map_err(ToolError::file("make", &path))?;
        unpack(archive, release.url.path(), self.name, &mut file).map_err(|error| {
            ToolError::Archive {
                url: release.url.to_string(),
                reason: error.to_string(),
            }
        })?;
        portable::set_mode_of(&file, 0o755).map_err(ToolError::file("make executable", &path))?;
        file.sync_all().map_err(ToolError::file("write", &path))?;
        drop(file);
        let digest = File::open(&path)
            .and_then(digest_of)
            .map_err(ToolError::file("read", &path))?;
        let record = Record {
            url: release.url.to_string(),
            release: release.sha256.clone(),
            program: digest.hex(),
        };
        let path = package.join(RECORD);
        let text = serde_json::to_vec(&record).map_err(io::Error::other);
        text.and_then(|text| fs::write(&path, text))
            .map_err(ToolError::file("write", &path))?;
        Ok(digest)
    }

    /// Refuses a program that says itself that it is another version.
    async fn ask(
        &self,
        release: &Release,
        package: &Utf8Path,
        place: &Place<'_>,
    ) -> Result<(), ToolError> {
        let said = version(self.name, package.join(self.name).as_str(), place.variables).await;
        match said {
            Some(found) if !is_exactly(&found, self.version) => Err(ToolError::OtherVersion {
                url: release.url.to_string(),
                found,
                version: self.version.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Waits until nobody else has a lock.
async fn lock(path: Utf8PathBuf) -> Result<File, ToolError> {
    let failed = ToolError::file("lock", path.clone());
    let waiting = tokio::task::spawn_blocking(move || {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        lock.lock().map(|()| lock)
    });
    let locked = waiting.await.map_err(io::Error::other);
    locked.and_then(|locked| locked).map_err(failed)
}

pub(super) fn digest_of(mut file: File) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Writes a release to a file, if it is the one that is wanted.
async fn fetch(http: &Client, release: &Release, to: &Utf8Path) -> Result<(), ToolError> {
    let url = || release.url.to_string();
    let mut answer = ask_for(http, &release.url).await?;
    let mut file = File::create_new(to).map_err(ToolError::file("make", to))?;
    let (mut hasher, mut size) = (Hasher::new(), 0);
    loop {
        let chunk = answer.chunk().await;
        let chunk = chunk.map_err(|source| ToolError::Fetch {
            url: url(),
            source: source.without_url(),
        })?;
        let Some(chunk) = chunk else { break };
        size += chunk.len() as u64;
        if size > MOST_PROGRAM {
            return Err(ToolError::Archive {
                url: url(),
                reason: "it is larger than a release may be".to_owned(),
            });
        }
        hasher.update(&chunk);
        file.write_all(&chunk)
            .map_err(ToolError::file("write", to))?;
    }
    let found = hasher.finish().hex();
    match found == release.sha256 {
        true => Ok(()),
        false => Err(ToolError::WrongDigest {
            url: url(),
            found,
            expected: release.sha256.clone(),
        }),
    }
}

/// Asks for a release, wherever it leads: those of GitHub lie elsewhere.
async fn ask_for(http: &Client, release: &Url) -> Result<reqwest::Response, ToolError> {
    let mut url = release.clone();
    let answer = |said: String, passing| ToolError::Answer {
        url: release.to_string(),
        said,
        passing,
    };
    for _ in 0..=MOST_REDIRECTS {
        let response = http.get(url.clone()).send().await;
        let response = response.map_err(|source| ToolError::Fetch {
            url: release.to_string(),
            source: source.without_url(),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if !status.is_redirection() {
            let passing = status.is_server_error()
                || matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                );
            return Err(answer(format!("the server answers {status}"), passing));
        }
        let location = response.headers().get(LOCATION);
        let next = location
            .and_then(|location| url.join(location.to_str().ok()?).ok())
            .filter(|next| next.scheme() == "https" || next.scheme() == url.scheme());
        url = next.ok_or_else(|| {
            answer(
                format!("the server answers {status}, and leads to no address that may be taken"),
                false,
            )
        })?;
    }
    Err(answer(
        format!("it redirects more than {MOST_REDIRECTS} times"),
        false,
    ))
}

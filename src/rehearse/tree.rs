//! The work tree of a job: what `actions/checkout` would bring, with the changes that are not committed yet.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{execute::ExecuteError, probe::Git};

/// What is copied into each job's work tree.
#[derive(Debug, Clone)]
pub struct Source {
    /// The repository's top folder, or the plan's folder where there is no repository.
    pub top: Utf8PathBuf,
    /// Files, relative to the top: what git tracks and what it does not ignore.
    pub files: Vec<String>,
    /// Whether it is a repository with a commit.
    pub has_commit: bool,
    /// How many of the files are not as they are committed.
    pub uncommitted: usize,
}

impl Source {
    /// Looks at the repository to which a folder belongs.
    ///
    /// # Errors
    ///
    /// Git fails, or a folder cannot be read.
    pub async fn read(folder: &Utf8Path, git: &Git<'_>) -> Result<Self, ExecuteError> {
        let top = match git.line(folder, &["rev-parse", "--show-toplevel"]).await? {
            Some(top) => Utf8PathBuf::from(top),
            None => {
                let listing = crate::execute::Listing::read(folder, git).await?;
                return Ok(Self {
                    top: folder.to_owned(),
                    files: listing.present().to_vec(),
                    has_commit: false,
                    uncommitted: 0,
                });
            }
        };
        let has_commit = git
            .line(&top, &["rev-parse", "--verify", "--quiet", "HEAD"])
            .await?
            .is_some();
        let changed = git
            .line(&top, &["status", "--porcelain"])
            .await?
            .map_or(0, |status| status.lines().count());
        Ok(Self {
            files: git.list_not_ignored(&top).await?,
            top,
            has_commit,
            uncommitted: changed,
        })
    }

    /// Makes a work tree: a clone that shares the objects, and over it the files as they are now.
    ///
    /// # Errors
    ///
    /// Git fails, or a file cannot be copied.
    pub async fn check_out(&self, tree: &Utf8Path, git: &Git<'_>) -> Result<(), ExecuteError> {
        if self.has_commit {
            let parent = tree.parent().unwrap_or(tree);
            fs::create_dir_all(parent)
                .map_err(|error| ExecuteError::file("make", parent, error))?;
            git.line(
                parent,
                &[
                    "clone",
                    "--quiet",
                    "--shared",
                    "--no-checkout",
                    self.top.as_str(),
                    tree.as_str(),
                ],
            )
            .await?;
        }
        fs::create_dir_all(tree).map_err(|error| ExecuteError::file("make", tree, error))?;
        for name in &self.files {
            let (from, to) = (self.top.join(name), tree.join(name));
            match copy(&from, &to) {
                Ok(()) => {}
                // A file that was removed and not committed is not there for the job either.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(ExecuteError::file("copy", from, error)),
            }
        }
        if self.has_commit {
            // The index says what is tracked; the files stay as they are.
            git.line(tree, &["reset", "--quiet", "--mixed", "HEAD"])
                .await?;
            git.line(tree, &["add", "--all", "--intent-to-add"]).await?;
        }
        Ok(())
    }
}

fn copy(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return link(&fs::read_link(from)?, to);
    }
    if metadata.is_file() {
        fs::copy(from, to)?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(target: &std::path::Path, to: &Utf8Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, to)
}

#[cfg(not(unix))]
fn link(target: &std::path::Path, to: &Utf8Path) -> io::Result<()> {
    fs::copy(
        to.parent().map_or_else(
            || target.to_owned(),
            |parent| parent.as_std_path().join(target),
        ),
        to,
    )
    .map(|_| ())
}

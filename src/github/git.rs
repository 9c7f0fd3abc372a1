//! What git knows about the work tree, for runs outside of a runner.

use super::{Repository, Servers};

/// Facts that somebody asked git for. This module starts no child: the caller does, and hands the answers in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitFacts {
    /// `git rev-parse HEAD`.
    pub commit: Option<String>,
    /// `git symbolic-ref --short HEAD`; `None` when detached.
    pub branch: Option<String>,
    /// `git describe --exact-match --tags HEAD`, if a tag points to the commit.
    pub tag: Option<String>,
    /// `git remote get-url origin`.
    pub remote: Option<String>,
    /// `git rev-parse --show-toplevel`.
    pub top: Option<String>,
}

/// What the address of a remote tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) repository: Repository,
    pub(super) servers: Servers,
}

/// Reads `https://HOST/OWNER/NAME.git`, `ssh://git@HOST/OWNER/NAME` and `git@HOST:OWNER/NAME.git`; anything else, as a folder
/// of this machine, tells nothing.
pub(super) fn remote(address: &str) -> Option<Remote> {
    let (host, path) = match address.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            // The port is that of git's own protocol, or belongs to a stand-in; the web server has none of it.
            let host = without_user(authority).split(':').next()?;
            (host, path)
        }
        Some(_) => return None,
        None => {
            let (authority, path) = address.split_once(':')?;
            (without_user(authority), path)
        }
    };
    let is_host = host.contains('.') && !host.contains('/');
    let path = path.trim_matches('/');
    let repository = path.strip_suffix(".git").unwrap_or(path).parse().ok()?;
    is_host.then(|| Remote {
        repository,
        servers: Servers::of_host(host),
    })
}

fn without_user(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_read_from_every_form_of_a_remote() {
        for address in [
            "https://github.com/acme/web.git",
            "https://github.com/acme/web/",
            "https://token@github.com/acme/web",
            "git@github.com:acme/web.git",
            "ssh://git@github.com/acme/web.git",
            "ssh://git@github.com:22/acme/web",
        ] {
            let found = remote(address).expect(address);
            assert_eq!(found.repository.to_string(), "acme/web", "{address}");
            assert_eq!(found.servers, Servers::default(), "{address}");
        }
        let own = remote("git@git.acme.dev:acme/web.git").expect("it is a remote");
        assert_eq!(own.servers.api_url, "https://git.acme.dev/api/v3");
    }

    #[test]
    fn a_remote_that_is_a_folder_tells_nothing() {
        for address in [
            "/srv/git/web.git",
            "../web",
            "file:///srv/acme/web",
            "C:\\git\\web",
            "host:acme/web",
            "",
        ] {
            assert_eq!(remote(address), None, "{address}");
        }
    }
}

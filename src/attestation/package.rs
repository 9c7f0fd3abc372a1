//! Packages, and the lists that package managers keep of what they installed.

use std::collections::BTreeMap;

/// A package, as its package manager names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Who installs it.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its version; empty where none is said.
    pub version: String,
    /// For which processor, where that is said.
    pub architecture: Option<String>,
    /// The distribution whose package it is, by the name that it gives itself, with its version.
    pub distribution: Option<(String, Option<String>)>,
}

/// Who installs a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PackageKind {
    /// Alpine's package manager.
    Apk,
    /// Rust's.
    Cargo,
    /// Debian's.
    Deb,
    /// Go's.
    Golang,
}

impl PackageKind {
    /// Returns the word of package addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Cargo => "cargo",
            Self::Deb => "deb",
            Self::Golang => "golang",
        }
    }
}

impl Package {
    /// Returns the address by which other programs know the package (package-url specification): `pkg:deb/debian/bash@5.2`.
    pub fn url(&self) -> String {
        let mut url = format!("pkg:{}/", self.kind.as_str());
        if let Some((name, _)) = &self.distribution {
            url.push_str(&format!("{}/", encoded(name)));
        }
        let parts: Vec<String> = self.name.split('/').map(encoded).collect();
        url.push_str(&parts.join("/"));
        if !self.version.is_empty() {
            url.push_str(&format!("@{}", encoded(&self.version)));
        }
        let mut qualifiers = Vec::new();
        if let Some(architecture) = &self.architecture {
            qualifiers.push(format!("arch={}", encoded(architecture)));
        }
        if let Some((name, Some(version))) = &self.distribution {
            qualifiers.push(format!("distro={}-{}", encoded(name), encoded(version)));
        }
        if !qualifiers.is_empty() {
            url.push_str(&format!("?{}", qualifiers.join("&")));
        }
        url
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
const DPKG: &str = "/var/lib/dpkg/status";
/// Images that are put together of packages without a package manager list each package in a file of its own.
const DPKG_FOLDER: &str = "/var/lib/dpkg/status.d/";
const APK: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// Whether the file at a path is one that this module reads.
pub(super) fn is_list(path: &str) -> bool {
    let of_folder = path
        .strip_prefix(DPKG_FOLDER)
        .is_some_and(|name| !name.ends_with(".md5sums"));
    path == DPKG || of_folder || APK.contains(&path) || OS_RELEASE.contains(&path)
}

/// What an image says of the distribution that it is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Distribution {
    id: Option<String>,
    version: Option<String>,
}

impl Distribution {
    /// Reads `os-release`, where an image has it.
    pub(super) fn of(lists: &[(String, String)]) -> Self {
        let text = OS_RELEASE
            .iter()
            .find_map(|path| lists.iter().find(|(other, _)| other == path));
        let Some((_, text)) = text else {
            return Self::default();
        };
        let value = |key: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
            let value = line.trim().trim_matches(['"', '\'']);
            (!value.is_empty()).then(|| value.to_owned())
        };
        Self {
            id: value("ID"),
            version: value("VERSION_ID"),
        }
    }

    fn or(&self, usual: &str) -> Option<(String, Option<String>)> {
        match &self.id {
            Some(id) => Some((id.clone(), self.version.clone())),
            None => Some((usual.to_owned(), None)),
        }
    }
}

/// Reads the packages that a list names.
pub(super) fn listed(path: &str, text: &str, distribution: &Distribution) -> Vec<Package> {
    if path == DPKG || path.starts_with(DPKG_FOLDER) {
        let paragraphs = paragraphs(text, ": ");
        let packages = paragraphs.iter().filter(|fields| is_installed(fields));
        return packages
            .filter_map(|fields| {
                let names = ("Package", "Version", "Architecture");
                package(PackageKind::Deb, fields, names, distribution.or("debian"))
            })
            .collect();
    }
    if APK.contains(&path) {
        let paragraphs = paragraphs(text, ":");
        return paragraphs
            .iter()
            .filter_map(|fields| {
                package(
                    PackageKind::Apk,
                    fields,
                    ("P", "V", "A"),
                    distribution.or("alpine"),
                )
            })
            .collect();
    }
    Vec::new()
}

/// A package that was removed stays in the list as long as its configuration is there.
fn is_installed(fields: &BTreeMap<&str, &str>) -> bool {
    fields
        .get("Status")
        .is_none_or(|status| status.split(' ').any(|word| word == "installed"))
}

fn package(
    kind: PackageKind,
    fields: &BTreeMap<&str, &str>,
    (name, version, architecture): (&str, &str, &str),
    distribution: Option<(String, Option<String>)>,
) -> Option<Package> {
    let text = |key: &str| fields.get(key).map(|value| (*value).to_owned());
    Some(Package {
        kind,
        name: text(name)?,
        version: text(version)?,
        architecture: text(architecture),
        distribution,
    })
}

/// Splits a text into paragraphs of fields. Lines that go on with a field begin with a space, and are of no field here.
fn paragraphs<'t>(text: &'t str, between: &str) -> Vec<BTreeMap<&'t str, &'t str>> {
    let mut paragraphs = vec![BTreeMap::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            paragraphs.push(BTreeMap::new());
        } else if let Some((key, value)) = line.split_once(between)
            && !line.starts_with([' ', '\t'])
        {
            let last = paragraphs.len() - 1;
            paragraphs[last].entry(key).or_insert(value.trim());
        }
    }
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(path: &str, text: &str, release: Option<&str>) -> Vec<String> {
        let mut lists = vec![(path.to_owned(), text.to_owned())];
        if let Some(release) = release {
            lists.push(("/etc/os-release".to_owned(), release.to_owned()));
        }
        let packages = listed(path, text, &Distribution::of(&lists));
        packages.iter().map(Package::url).collect()
    }

    #[test]
    fn packages_of_debian_are_those_that_are_installed() {
        let status = "Package: libstdc++6\nStatus: install ok installed\nArchitecture: amd64\n\
                      Description: text\n Package: not-this\nVersion: 1:12.2.0-14+deb12u1\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n\
                      Package: half\nStatus: install ok half-installed\nVersion: 1\nArchitecture: all\n";
        let release = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(
            urls("/var/lib/dpkg/status", status, Some(release)),
            ["pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12"]
        );
    }

    #[test]
    fn packages_without_a_package_manager_are_listed_one_a_file() {
        let entry = "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n";
        assert_eq!(
            urls("/var/lib/dpkg/status.d/base", entry, None),
            ["pkg:deb/debian/base-files@12.4?arch=amd64"]
        );
        assert!(!is_list("/var/lib/dpkg/status.d/base.md5sums"));
    }

    #[test]
    fn packages_of_alpine_are_read() {
        let installed = "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nT:the C library (libc): it\nF:lib\n\nP:busybox\nV:1.36.1-r29\nA:x86_64\n";
        let release = "ID=alpine\nVERSION_ID=3.20.1\n";
        assert_eq!(
            urls("/lib/apk/db/installed", installed, Some(release)),
            [
                "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1",
                "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1"
            ]
        );
    }
}

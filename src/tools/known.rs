//! Programs that are known: how one says its version, and where its releases are.

/// A program that is known.
struct Known {
    name: &'static str,
    /// How it says its version without doing anything else.
    version: &'static [&'static str],
    /// Where its release is; empty: nowhere that is the same for everybody.
    url: &'static str,
}

const VERSION: &[&str] = &["--version"];

const fn known(name: &'static str, version: &'static [&'static str], url: &'static str) -> Known {
    Known { name, version, url }
}

const KNOWN: &[Known] = &[
    known("git", VERSION, ""),
    known("bash", VERSION, ""),
    known("make", VERSION, ""),
    known("docker", VERSION, ""),
    known("podman", VERSION, ""),
    known("buildah", VERSION, ""),
    known(
        "terraform",
        &["version"],
        "https://releases.hashicorp.com/terraform/{version}/terraform_{version}_{os}_{arch}.zip",
    ),
    known(
        "tofu",
        &["version"],
        "https://github.com/opentofu/opentofu/releases/download/v{version}/tofu_{version}_{os}_{arch}.zip",
    ),
    known(
        "helm",
        &["version", "--short"],
        "https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz",
    ),
    known(
        "kubectl",
        &["version", "--client"],
        "https://dl.k8s.io/release/v{version}/bin/{os}/{arch}/kubectl",
    ),
    known("psql", VERSION, ""),
    known("gh", VERSION, ""),
    known("cargo", VERSION, ""),
    known("rustc", VERSION, ""),
    known("go", &["version"], ""),
    known("node", VERSION, ""),
    known("npm", VERSION, ""),
    known("pnpm", VERSION, ""),
    known("yarn", VERSION, ""),
    known("python3", VERSION, ""),
    known("gcloud", VERSION, ""),
    known("aws", VERSION, ""),
    known("jq", VERSION, ""),
    known("curl", VERSION, ""),
];

/// Returns the arguments by which a program says its version. An unknown one is not started: nobody knows what it would do.
pub(super) fn asking(name: &str) -> Option<&'static [&'static str]> {
    of(name).map(|known| known.version)
}

/// Returns the pattern of the addresses of its releases.
pub(super) fn releases(name: &str) -> Option<&'static str> {
    let url = of(name)?.url;
    (!url.is_empty()).then_some(url)
}

fn of(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// Returns this machine as the keys of `sha256` name it: `linux-amd64`.
pub fn platform() -> String {
    let (os, arch) = words();
    format!("{os}-{arch}")
}

/// Puts version and machine into the pattern of an address.
pub(super) fn filled(pattern: &str, version: &str) -> String {
    let (os, arch) = words();
    pattern
        .replace("{version}", version)
        .replace("{os}", os)
        .replace("{arch}", arch)
}

/// System and processor as most releases name them.
fn words() -> (&'static str, &'static str) {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    (os, arch)
}

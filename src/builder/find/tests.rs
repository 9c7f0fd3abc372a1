//! Programs of a PATH of their own that answer as the real ones do.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::*;

const SERVER: &str = r#"version) echo "28.2.2 20.10.24";;"#;

fn write_program(folder: &Path, name: &str, cases: &str) {
    let file = folder.join(name);
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n{cases}\n*) echo \"$1 is not there\" >&2; exit 1;;\nesac\n"
    );
    fs::write(&file, script).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
}

async fn find_in(folder: &Path, wanted: Option<&str>, needs: Needs) -> Result<Builder, NoBuilder> {
    let path = folder.display().to_string();
    find(|spec| spec.env("PATH", &path), wanted, needs).await
}

fn server() -> String {
    SERVER.replace("version)", "version*)")
}

async fn found(programs: &[(&str, String)], wanted: Option<&str>, needs: Needs) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, cases) in programs {
        write_program(folder.path(), name, cases);
    }
    match find_in(folder.path(), wanted, needs).await {
        Ok(builder) => format!("{builder}, {:?}", builder.way),
        Err(problem) => problem.to_string(),
    }
}

fn buildx(driver: &str) -> String {
    format!(
        "{}\nbuildx\\ version) echo 'github.com/docker/buildx v0.12.1 30feaa1';;\n\
         buildx\\ inspect) printf 'Name:   default\\nDriver: {driver}\\n\\nNodes:\\nName:      default\\n';;",
        server()
    )
}

#[tokio::test]
async fn the_first_that_works_is_taken() {
    let podman = ("podman", "info*) echo 4.3.1;;".to_owned());
    let buildah = (
        "buildah",
        "--version) echo 'buildah version 1.28.2 (image-spec 1.1.0)';;".to_owned(),
    );
    let all = Needs::default();
    for (programs, expected) in [
        (
            vec![("docker", buildx("docker-container")), podman.clone()],
            "docker buildx 0.12.1, BuildxLayout",
        ),
        (
            vec![("docker", buildx("docker")), podman.clone()],
            "docker buildx 0.12.1, BuildxLoad",
        ),
        (
            vec![("docker", server()), podman.clone()],
            "docker 28.2.2, DockerLegacy",
        ),
        (
            vec![("docker", server().replace("28.2.2", "20.10.24"))],
            "docker 20.10.24, DockerBuildKit",
        ),
        (
            vec![("docker", String::new()), podman.clone(), buildah.clone()],
            "podman 4.3.1, Podman",
        ),
        (vec![buildah.clone()], "buildah 1.28.2, Buildah"),
    ] {
        assert_eq!(found(&programs, None, all).await, expected);
    }
    let both = [podman, buildah];
    assert_eq!(
        found(&both, Some("buildah"), all).await,
        "buildah 1.28.2, Buildah"
    );
}

#[tokio::test]
async fn a_builder_that_cannot_do_what_is_needed_is_passed_over() {
    let programs = [
        ("docker", server()),
        ("podman", "info*) echo 4.3.1;;".to_owned()),
    ];
    for needs in [
        Needs {
            secrets: true,
            own_ignore_file: false,
        },
        Needs {
            secrets: false,
            own_ignore_file: true,
        },
    ] {
        assert_eq!(found(&programs, None, needs).await, "podman 4.3.1, Podman");
    }
    let needs = Needs {
        secrets: true,
        ..Needs::default()
    };
    assert_eq!(
        found(&programs, Some("docker"), needs).await,
        "nothing here builds images from Dockerfiles: docker (without buildx it takes no build secrets)"
    );
}

#[tokio::test]
async fn where_none_works_each_says_why() {
    let broken = format!(
        "{}\nbuildx\\ version) echo v0.12.1;;\nbuildx\\ inspect) printf 'Driver: docker-container\\nError: context deadline exceeded\\n';;",
        "version*) echo 'Cannot connect to the Docker daemon' >&2; exit 1;;"
    );
    assert_eq!(
        found(&[("docker", broken)], None, Needs::default()).await,
        "nothing here builds images from Dockerfiles: docker buildx (context deadline exceeded), \
         docker (Cannot connect to the Docker daemon), podman (`podman` is not on the PATH), \
         buildah (`buildah` is not on the PATH)"
    );
    assert_eq!(
        found(&[], Some("kaniko"), Needs::default()).await,
        "`DEPLOY_ACTION_BUILDER` is `kaniko`, expected one of buildx, docker, podman, buildah"
    );
}

//! Containers by an engine: a docker daemon of the tests' own.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::Command,
};

use deploy_action::container::{ContainerExit, ContainerRequest, Engine, Started, find_engine};

use super::{address, answer, ask, helper, server, within_deadline};
use crate::build::Daemon;

/// An image in a daemon.
struct EngineImage {
    engine: Engine,
    reference: String,
    daemon: Daemon,
}

impl EngineImage {
    async fn import() -> Self {
        let daemon = Daemon::start();
        let mut variables: BTreeMap<String, String> = env::vars().collect();
        variables.insert("DOCKER_HOST".to_owned(), daemon.host());
        let engine = find_engine(&variables).await.expect("the daemon answers");
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("image.tar");
        let packed = Command::new("tar")
            .arg("-cf")
            .arg(&archive)
            .arg("-C")
            .arg(server().parent().expect("a folder"))
            .arg("server")
            .status();
        assert!(packed.expect("tar").success());
        let name = folder.path().file_name().expect("a name").to_string_lossy();
        let reference = format!(
            "localhost/deploy-action{}:test",
            name.to_lowercase().replace('.', "-")
        );
        let imported = Command::new(engine.kind().to_string())
            .env("DOCKER_HOST", daemon.host())
            .args(["import", "--change", r#"CMD ["/server","at=0.0.0.0:8088"]"#])
            .arg(&archive)
            .arg(&reference)
            .output()
            .expect("the engine");
        assert!(imported.status.success(), "{imported:?}");
        Self {
            engine,
            reference,
            daemon,
        }
    }

    async fn start(&self) -> Started {
        let request = ContainerRequest {
            env: BTreeMap::from([("MODE".to_owned(), "check".to_owned())]),
            ports: BTreeSet::from([8088]),
        };
        Started::by_engine(&self.engine, &helper(), &self.reference, &request)
            .await
            .expect("a container")
    }

    /// The containers of this image, ended ones too.
    fn containers(&self) -> String {
        let filter = format!("ancestor={}", self.reference);
        self.output(&["ps", "--all", "--quiet", "--filter", &filter])
    }

    fn output(&self, arguments: &[&str]) -> String {
        let output = Command::new(self.engine.kind().to_string())
            .env("DOCKER_HOST", self.daemon.host())
            .args(arguments)
            .output()
            .expect("the engine");
        String::from_utf8(output.stdout).expect("text")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_starts_watches_and_removes_a_container() {
    let image = EngineImage::import().await;
    let mut container = image.start().await;
    assert_eq!(answer(&container, "/env?MODE"), "check");
    assert!(container.is_running());
    ask(address(&container), "/exit?3").expect_err("it ends without an answer");
    assert_eq!(container.wait().await, ContainerExit { code: 3 });
    let (exit, log) = container.stop().await.expect("it is removed");
    assert_eq!(exit, ContainerExit { code: 3 });
    assert!(log.contains("leaving with 3"), "{log}");
    assert_eq!(image.containers(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_s_container_does_not_survive_its_owner() {
    let image = EngineImage::import().await;
    let container = image.start().await;
    answer(&container, "/");
    assert_ne!(image.containers(), "");
    // What the kernel does with our end of the guard's pipe when this process is killed.
    drop(container);
    within_deadline(|| image.containers().is_empty().then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_s_container_is_stopped() {
    let image = EngineImage::import().await;
    let container = image.start().await;
    answer(&container, "/");
    let (exit, _) = container.stop().await.expect("it is removed");
    assert_eq!(exit, ContainerExit { code: 128 + 9 });
    assert_eq!(image.containers(), "");
}

//! Containers by docker or podman, where one answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::Command,
};

use deploy_action::container::{ContainerExit, ContainerRequest, Engine, Started, find_engine};

use super::{address, answer, ask, helper, server, within_deadline};

/// An image in the machine's docker or podman; `None` where neither answers.
struct EngineImage {
    engine: Engine,
    reference: String,
}

impl EngineImage {
    async fn import() -> Option<Self> {
        let engine = find_engine(&env::vars().collect()).await?;
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
            .args(["import", "--change", r#"CMD ["/server","at=0.0.0.0:8088"]"#])
            .arg(&archive)
            .arg(&reference)
            .output()
            .expect("the engine");
        assert!(imported.status.success(), "{imported:?}");
        Some(Self { engine, reference })
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
            .args(arguments)
            .output()
            .expect("the engine");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for EngineImage {
    fn drop(&mut self) {
        self.output(&["rmi", "--force", &self.reference]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_starts_watches_and_removes_a_container() {
    let Some(image) = EngineImage::import().await else {
        return;
    };
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
    let Some(image) = EngineImage::import().await else {
        return;
    };
    let container = image.start().await;
    answer(&container, "/");
    assert_ne!(image.containers(), "");
    // What the kernel does with our end of the guard's pipe when this process is killed.
    drop(container);
    within_deadline(|| image.containers().is_empty().then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_s_container_is_stopped() {
    let Some(image) = EngineImage::import().await else {
        return;
    };
    let container = image.start().await;
    answer(&container, "/");
    let (exit, _) = container.stop().await.expect("it is removed");
    assert_eq!(exit, ContainerExit { code: 128 + 9 });
    assert_eq!(image.containers(), "");
}

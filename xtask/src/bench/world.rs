//! The same 10,000 tasks for each program that runs tasks.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context as _;

/// How many tasks there are.
pub(super) const N_TASKS: usize = 10_000;

/// A folder with a plan, a Makefile, a `build.ninja` and a `justfile`; it goes with this value.
pub(super) struct World {
    root: PathBuf,
    folder: PathBuf,
}

impl World {
    /// Writes all of them.
    pub(super) fn new() -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("deploy-action-bench-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let world = Self {
            folder: root.join("plan"),
            root,
        };
        fs::create_dir_all(&world.folder)
            .with_context(|| format!("`{}` cannot be made", world.folder.display()))?;
        world.write("PLAN.md", "# Nothing, often\n")?;
        world.write("deploy.yaml", &plan())?;
        world.write("Makefile", &makefile())?;
        world.write("build.ninja", &ninja())?;
        world.write("justfile", &justfile())?;
        Ok(world)
    }

    /// The folder of the plan.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder for state, beside that of the plan: files in that one are inputs of the tasks.
    pub(super) fn state(&self, number: usize) -> PathBuf {
        self.root.join(format!("state-{number}"))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("`{}` cannot be written", path.display()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is removed by the system.
        fs::remove_dir_all(&self.root).ok();
    }
}

fn names() -> impl Iterator<Item = String> {
    (0..N_TASKS).map(|number| format!("task-{number}"))
}

fn plan() -> String {
    let mut text =
        "version: 1\nname: bench\ndocument: PLAN.md\nphases:\n  - id: all\n    tasks:\n".to_owned();
    for name in names() {
        text.push_str(&format!(
            "      - id: {name}\n        run: {{ command: /bin/true, changes: false }}\n"
        ));
    }
    text
}

fn makefile() -> String {
    let all: Vec<String> = names().collect();
    let all = all.join(" ");
    let mut text = format!("all: {all}\n.PHONY: all {all}\n");
    for name in names() {
        text.push_str(&format!("{name}:\n\t/bin/true\n"));
    }
    text
}

fn ninja() -> String {
    let mut text = "rule nothing\n  command = /bin/true\n".to_owned();
    for name in names() {
        text.push_str(&format!("build {name}: nothing\n"));
    }
    text
}

fn justfile() -> String {
    let all: Vec<String> = names().collect();
    let mut text = format!("all: {}\n", all.join(" "));
    for name in names() {
        text.push_str(&format!("{name}:\n    /bin/true\n"));
    }
    text
}

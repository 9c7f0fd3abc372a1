//! Blows while terraform makes something, over each backend as it is out there.

use std::path::PathBuf;

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use deploy_action_test_wire::{Backend, BackendKind, processes};
use rustix::process::Signal;

use super::{SLOW, world, world_with};
use crate::world::{Ran, Running, World};

/// A world whose module keeps its state in a real backend.
struct Struck {
    world: World,
    backend: Backend,
}

impl Struck {
    fn new(kind: BackendKind) -> Self {
        let backend = Backend::start(kind);
        let world = world(&format!("{}{SLOW}", backend.block()), "");
        Self { world, backend }
    }

    fn module(&self) -> PathBuf {
        self.world.repository().join("infra")
    }

    /// Begins a run, until it makes what takes so long.
    fn begin(&self) -> Running {
        let running = self.world.start(&[]);
        self.world.wait_for("trace");
        let is_locked = self.backend.is_locked(&self.module());
        assert!(is_locked, "an apply holds the lock");
        running
    }

    fn is_free(&self) -> bool {
        !self.backend.is_locked(&self.module())
    }

    fn state(&self) -> String {
        let state = self.backend.state(&self.module());
        state.expect("the state is written")
    }

    /// The next run ends well.
    fn finishes(&self) {
        self.world.allow("go");
        self.is_finished(&self.world.run(&[]));
    }

    /// What was to be made is in the state, whole.
    fn is_finished(&self, ran: &Ran) {
        ran.tells("0: network succeeded, reader succeeded");
        let state = self.state();
        assert!(state.contains("terraform_data"), "{state}");
        assert!(!state.contains("tainted"), "{state}");
        assert!(self.is_free(), "a run frees its own lock");
    }
}

/// SIGINT alone: what was begun is in the state, the lock is free.
fn cancelled(kind: BackendKind) {
    let struck = Struck::new(kind);
    let running = struck.begin();
    running.signal(Signal::INT);
    let ended = running.end();
    ended.tells("130: network cancelled");
    let state = struck.state();
    assert!(state.contains("tainted"), "{state}");
    assert!(struck.is_free(), "a cancelled apply frees its lock");
    struck.finishes();
    assert_eq!(struck.world.read("trace"), "begin\nbegin\nend\n");
}

/// SIGKILL of the run and all that descends from it: the apply goes on under its keeper, and the next run takes it over.
fn tree_killed(kind: BackendKind) {
    let struck = Struck::new(kind);
    let running = struck.begin();
    processes::kill(&processes::tree(running.id()));
    assert_eq!(running.end().code, None);
    assert!(!struck.is_free(), "the apply goes on");
    let next = struck.world.start(&[]);
    next.wait_for("task-interrupted", "network");
    struck.world.allow("go");
    struck.is_finished(&next.end());
    assert_eq!(struck.world.read("trace"), "begin\nend\n");
}

/// SIGKILL of everything, keepers too, as where a machine goes: what was being made is named, and a lock that stays as well.
fn machine_gone(kind: BackendKind) {
    let struck = Struck::new(kind);
    let world = &struck.world;
    let running = struck.begin();
    processes::kill(&processes::tree(running.id()));
    world.kill_all();
    assert_eq!(running.end().code, None);
    let asked = world.run(&[]);
    asked.tells("4: network paused (settlement), reader blocked on network");
    // C-CAN-16: nobody said a word, and the next run says whose it was.
    let words = "which ended without a word, held the lease; it was taken over";
    assert!(asked.all().contains(words), "{}", asked.all());
    let advice = asked.last("task-interrupted", "network")["advice"].to_string();
    let named = "what it made (`terraform_data.slow`) may be there without being in the state";
    assert!(advice.contains(named), "{advice}");
    world
        .run(&[])
        .tells("4: network paused (settlement), reader blocked on network");
    world.allow("go");
    let mut next = world.run(&["--force", "network"]);
    if kind.keeps_locks() {
        next.tells("1: network failed (state-locked), reader blocked on network");
        assert!(!struck.is_free(), "nobody freed it");
        let outcome = next.last("task-finished", "network")["outcome"].to_string();
        unlock(world, &outcome);
        assert!(struck.is_free());
        next = world.run(&[]);
    }
    struck.is_finished(&next);
    let left = world.files_with("apply_start");
    assert_eq!(left, [] as [PathBuf; 0], "what terraform printed is kept");
}

/// Takes a lock away as the words of a failure say.
fn unlock(world: &World, words: &str) {
    let (_, rest) = words
        .split_once("deploy-action unlock --task ")
        .unwrap_or_else(|| panic!("the lock is not named: {words}"));
    let mut rest = rest.split(|letter: char| letter.is_whitespace() || "`\"".contains(letter));
    let mut next = || rest.next().expect("task, --id, id");
    let (task, _, id) = (next(), next(), next());
    let unlocked = world.call(&["unlock", "--task", task, "--id", id]);
    assert_eq!(unlocked.code, Some(0), "{}", unlocked.all());
}

#[test]
fn a_cancelled_apply_over_a_local_state_writes_it_and_frees_its_lock() {
    cancelled(BackendKind::Local);
}

#[test]
fn a_cancelled_apply_over_postgresql_writes_its_state_and_frees_its_lock() {
    cancelled(BackendKind::Pg);
}

#[test]
fn a_cancelled_apply_over_s3_writes_its_state_and_frees_its_lock() {
    cancelled(BackendKind::S3);
}

#[test]
fn a_cancelled_apply_over_http_writes_its_state_and_frees_its_lock() {
    cancelled(BackendKind::Http);
}

#[test]
fn an_apply_whose_tree_is_killed_is_taken_over_over_a_local_state() {
    tree_killed(BackendKind::Local);
}

#[test]
fn an_apply_whose_tree_is_killed_is_taken_over_over_postgresql() {
    tree_killed(BackendKind::Pg);
}

#[test]
fn an_apply_whose_tree_is_killed_is_taken_over_over_s3() {
    tree_killed(BackendKind::S3);
}

#[test]
fn an_apply_whose_tree_is_killed_is_taken_over_over_http() {
    tree_killed(BackendKind::Http);
}

#[test]
fn an_apply_that_went_with_its_machine_is_made_again_over_a_local_state() {
    machine_gone(BackendKind::Local);
}

#[test]
fn an_apply_that_went_with_its_machine_is_made_again_over_postgresql() {
    machine_gone(BackendKind::Pg);
}

#[test]
fn an_apply_that_went_with_its_machine_leaves_a_lock_in_s3_that_is_named_and_freed() {
    machine_gone(BackendKind::S3);
}

#[test]
fn an_apply_that_went_with_its_machine_leaves_a_lock_over_http_that_is_named_and_freed() {
    machine_gone(BackendKind::Http);
}

/// The backend goes while something is made, and comes back: the state is rescued, sealed, and put where it belongs.
fn backend_gone(kind: BackendKind) {
    let mut backend = Backend::start(kind);
    let identity = Identity::generate();
    let top = format!(
        "secrets: {{ AGE_KEY: {{}} }}\nenvironments: {{ production: {{ recipient: {}, key: AGE_KEY }} }}\n",
        identity.to_public()
    );
    let mut world = world_with(&top, &format!("{}{SLOW}", backend.block()), "");
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    let plan = plan.replace(
        "- id: provision\n",
        "- id: provision\n    environment: production\n",
    );
    world.write("deploy.yaml", &plan);
    let module = world.repository().join("infra");
    let running = world.start(&[]);
    world.wait_for("trace");
    backend.go_away();
    world.allow("go");
    let ran = running.end();
    ran.tells(
        "1: network@production failed (task), reader@production blocked on network@production",
    );
    let evidence = ran.last("evidence-captured", "network@production");
    assert_eq!(evidence["path"], "rescued/network@production.tfstate.age");
    let clear = world.files_with("\"lineage\"");
    assert_eq!(clear, [] as [PathBuf; 0], "no state in clear");
    assert!(!module.join("errored.tfstate").exists());
    backend.come_back();
    assert!(backend.state(&module).is_none(), "it knows nothing of it");
    world.set("AGE_KEY", identity.to_string().expose_secret());
    if kind.keeps_locks() {
        let refused = world.call(&["recover", "--task", "network"]);
        let words = refused.all();
        assert_ne!(refused.code, Some(0), "{words}");
        unlock(&world, &words);
    }
    let recovered = world.call(&["recover", "--task", "network"]);
    assert_eq!(recovered.code, Some(0), "{}", recovered.all());
    let state = backend.state(&module).expect("it is there now");
    assert!(state.contains("terraform_data"), "{state}");
    let last = world.run(&[]);
    last.tells("0: network@production succeeded, reader@production succeeded");
    let what = &last.last("task-finished", "network@production")["effects"][0]["what"];
    assert_eq!(what, "terraform infra: no changes");
    assert_eq!(world.read("trace"), "begin\nend\n", "it was made once");
    assert!(!backend.is_locked(&module));
}

#[test]
fn a_state_that_postgresql_did_not_take_because_it_was_gone_is_sealed_and_recovered() {
    backend_gone(BackendKind::Pg);
}

#[test]
fn a_state_that_s3_did_not_take_because_it_was_gone_is_sealed_and_recovered() {
    backend_gone(BackendKind::S3);
}

#[test]
fn a_state_that_http_did_not_take_because_it_was_gone_is_sealed_and_recovered() {
    backend_gone(BackendKind::Http);
}

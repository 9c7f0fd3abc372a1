//! What is played: the workflows that an event starts, as they are rendered.

use std::fs;

use super::EVENTS;
use crate::rehearse_world::Rehearsals;

#[test]
fn an_event_plays_only_what_it_starts() {
    let events = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    let tag = events.rehearse_to(0, &["--event", "tag"]);
    assert!(
        tag.stderr.contains("events / publish (push of tag v1.0.0)"),
        "{}",
        tag.stderr
    );
    assert!(!tag.stderr.contains("events / ship"), "{}", tag.stderr);
    assert_eq!(events.tags(), ["latest", "v1.0.0"]);
    assert_eq!(events.trace("trace"), "");
    let hand = events.rehearse_to(0, &["--event", "dispatch"]);
    assert!(
        hand.stderr.contains("events / ship (started by hand)"),
        "{}",
        hand.stderr
    );
    assert!(!hand.stderr.contains("events / publish"), "{}", hand.stderr);
    assert_eq!(events.trace("trace"), "hand\n");
}

#[test]
fn an_event_that_starts_nothing_ends_with_5() {
    let plan = EVENTS.replace(", tags: [\"v*\"]", "");
    let events = Rehearsals::new(&plan, &[("a", "a\n")]);
    let ran = events.rehearse_to(5, &["--event", "tag"]);
    assert!(
        ran.stderr
            .contains("no workflow of the plan is started by that event"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_workflow_file_that_drifted_ends_with_3_and_runs_nothing() {
    let events = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    let path = ".github/workflows/ship.yml";
    let text = fs::read_to_string(events.world.repository().join(path)).expect("it is rendered");
    events
        .world
        .write(path, &text.replace("ubuntu-24.04", "ubuntu-22.04"));
    let ran = events.rehearse_to(3, &[]);
    assert!(
        ran.stderr.contains(
            "1 file is not what the plan says; `deploy-action render deploy.yaml` writes what it says"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(events.trace("trace"), "");
    assert!(events.registry().is_empty());
}

#[test]
fn a_registry_whose_host_is_an_expression_is_replaced_too() {
    let plan = EVENTS
        .replace(
            "name: events\n",
            "name: events\ninputs: { host: { default: registry.invalid } }\n",
        )
        .replace("host: ghcr.io", "host: \"${{ inputs.host }}\", path: acme");
    let events = Rehearsals::new(&plan, &[("a", "a\n")]);
    let ran = events.rehearse_to(0, &["--event", "push"]);
    assert!(
        ran.stderr.contains("registry.invalid/acme/"),
        "{}",
        ran.stderr
    );
    assert_eq!(events.tags(), ["main"]);
    assert_eq!(events.task("image")["reality"]["type"], "stand-in");
}

#[test]
fn an_invalid_plan_is_told_before_anything_is_staged() {
    let world = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    world
        .world
        .write("deploy.yaml", &EVENTS.replace("push: ghcr", "push: ghrc"));
    let ran = world.rehearse_to(2, &[]);
    assert!(
        ran.stderr.contains("did you mean `ghcr`?"),
        "{}",
        ran.stderr
    );
    assert!(!world.stage().exists());
}

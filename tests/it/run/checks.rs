//! Checks, retries and time.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use super::{plan, world};
use crate::world::World;

#[test]
fn a_retry_counts_across_runs() {
    let world = world("
      - { id: flaky, run: { script: 'echo x >> $OUT/tries; exit 75' }, retry: { attempts: 3, delay: 1s, exit: 75 } }");
    let run = world.start(&[]);
    run.wait_for("retry-scheduled", "flaky");
    run.kill();
    let tries = world.read("tries").len() / 2;
    let second = world.run(&[]);
    second.tells("1: flaky failed (task)");
    let before: Vec<u64> = second
        .events("task-started")
        .iter()
        .filter(|event| event["task"] == "flaky")
        .filter_map(|event| event["attempt"].as_u64())
        .collect();
    assert_eq!((tries, before), (1, vec![2, 3]));
    assert_eq!(world.read("tries"), "x\nx\nx\n");
}

#[test]
fn a_retry_takes_named_exit_codes_alone() {
    let world = world("
      - { id: broken, run: { script: 'echo x >> $OUT/tries; exit 2' }, retry: { attempts: 3, delay: 1s, exit: 75 } }
      - { id: well, run: { script: 'test -e $OUT/second || { touch $OUT/second; exit 75; }' }, retry: { attempts: 3, delay: 1s, exit: 75 } }");
    world
        .run(&[])
        .tells("1: broken failed (task), well succeeded");
    assert_eq!(world.read("tries"), "x\n");
}

#[test]
fn a_time_out_is_one_sigint() {
    let script = "trap \"echo INT >> $OUT/signals\" INT; echo up > $OUT/up; until test -s $OUT/signals; do sleep 0.02 || true; done; exit 0";
    for changes in ["true", "false"] {
        let world = world(&format!(
            "      - {{ id: slow, timeout: 1s, run: {{ script: '{script}', changes: {changes} }} }}"
        ));
        let ran = world.run(&[]);
        ran.tells("1: slow failed (timeout)");
        assert_eq!(world.read("signals"), "INT\n");
    }
}

/// Answers this many connections: what stands there, and nothing after that.
fn serve(answers: usize, status: &'static str) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || serve_on(&listener, answers, status));
    (port, server)
}

fn serve_on(listener: &TcpListener, answers: usize, status: &str) {
    for _ in 0..answers {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 1024];
        // A TCP check asks for nothing and goes away.
        if stream.read(&mut request).unwrap_or_default() == 0 {
            continue;
        }
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        stream
            .write_all(answer.as_bytes())
            .expect("the client listens");
    }
}

#[test]
fn checks_of_http_tcp_file_and_run_observe_and_are_observed_again() {
    let (port, server) = serve(4, "200 OK");
    let world = World::new(&plan(
        &format!("inputs: {{ port: {{ type: number, default: {port} }} }}"),
        "
      - id: all
        check:
          - { id: http, http: { url: 'http://127.0.0.1:${{ inputs.port }}/' }, expect: { status: 200, body: ok } }
          - { id: tcp, tcp: { address: '127.0.0.1:${{ inputs.port }}' } }
          - { id: file, file: { path: deploy.yaml }, expect: { tracked: true } }
          - { id: run, run: { script: 'echo 42' }, expect: { stdout: '~ ^42$' } }",
    ));
    let first = world.run(&[]);
    first.tells("0: all succeeded");
    let second = world.run(&[]);
    second.tells("0: all up-to-date");
    for ran in [&first, &second] {
        let answers: Vec<String> = ran
            .events("check-answered")
            .iter()
            .map(|event| {
                format!("{} {}", event["check"], event["answer"]["answer"]).replace('"', "")
            })
            .collect();
        assert_eq!(answers, ["http held", "tcp held", "file held", "run held"]);
    }
    server.join().expect("it answered four times");
}

#[test]
fn a_check_is_asked_until_the_server_comes_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let world = world(&format!(
        "      - {{ id: up, check: [{{ id: http, http: {{ url: 'http://127.0.0.1:{port}/' }}, within: 40s, every: 1s }}] }}"
    ));
    let run = world.start(&[]);
    run.wait_for("task-started", "up");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    serve_on(&listener, 1, "204 No Content");
    run.end().tells("0: up succeeded");
}

#[test]
fn a_check_is_asked_once_more_when_its_time_is_over_though_every_is_longer() {
    let world = world("
      - { id: a, check: [{ id: c, run: { script: 'echo x >> $OUT/asked; test $(wc -l < $OUT/asked) -ge 2' }, within: 1s, every: 50s }] }");
    world.run(&[]).tells("0: a succeeded");
    assert_eq!(world.read("asked"), "x\nx\n");
}

#[test]
fn a_failed_verify_fails_the_task_and_what_held_before_counts_no_more() {
    let world = world(
        "
      - id: a
        run: { script: 'echo body >> $OUT/trace' }
        verify: [{ id: healthy, run: { script: 'test ! -e $OUT/sick' } }]
      - { id: b, needs: a, run: { script: 'true' } }",
    );
    world.run(&[]).tells("0: a succeeded, b succeeded");
    world.run(&[]).tells("0: a up-to-date, b up-to-date");
    world.allow("sick");
    let sick = world.run(&[]);
    sick.tells("1: a failed (verify-failed), b blocked on a");
    assert_eq!(sick.events("task-invalidated").len(), 1);
    assert!(
        sick.failure("a").contains("check `healthy`"),
        "{}",
        sick.failure("a")
    );
    std::fs::remove_file(world.out("sick")).expect("it was there");
    world.run(&[]).tells("0: a succeeded, b up-to-date");
    assert_eq!(world.read("trace"), "body\nbody\nbody\n");
}

#[test]
fn unavailable_services_alone_end_with_10() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let world = World::new(&plan(
        &format!("connections: {{ registry: {{ registry: {{ host: '127.0.0.1:{port}' }} }} }}"),
        "
      - { id: push, image: { assemble: { files: { /a: deploy.yaml } }, name: app, push: registry, tags: 'type=raw,value=v1' } }
      - { id: other, run: { script: 'test ! -e $OUT/bad' } }",
    ));
    world
        .run(&[])
        .tells("10: other succeeded, push failed (unavailable)");
    world.allow("bad");
    world
        .run(&["--force", "other"])
        .tells("1: other failed (task), push failed (unavailable)");
}

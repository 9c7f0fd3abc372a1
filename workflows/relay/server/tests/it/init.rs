use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use crate::started::signal;

fn init(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_init"))
        .args(arguments)
        .output()
        .expect("init starts")
}

#[test]
fn it_ends_as_its_program_ended() {
    assert_eq!(init(&["--", "sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(
        init(&["sh", "-c", "kill -KILL $$"]).status.code(),
        Some(128 + 9)
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let ended = init(&["--", "/no/such/program"]);
    assert_eq!(ended.status.code(), Some(127));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.starts_with("init: cannot run /no/such/program: No such file"),
        "{said}"
    );
    assert_eq!(init(&["--", "/"]).status.code(), Some(126));
}

#[test]
fn a_signal_reaches_the_program() {
    let mut started = Command::new(env!("CARGO_BIN_EXE_init"))
        .args([
            "--",
            "sh",
            "-c",
            "trap 'exit 42' TERM; echo ready; while :; do read line; done",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("init starts");
    // Held open, so that the program waits for its signal and for nothing else.
    let _stdin = started.stdin.take();
    let mut ready = String::new();
    BufReader::new(started.stdout.take().expect("it is piped"))
        .read_line(&mut ready)
        .expect("the program speaks");
    signal(&started, "TERM");
    assert_eq!(started.wait().expect("it is our child").code(), Some(42));
}

#[test]
fn an_orphan_that_ends_is_reaped() {
    // The sleeper outlives the shell that started it; once it ends, /proc knows it until somebody reaps it.
    let script = r#"
        pid=$(sh -c 'sleep 0.05 >/dev/null & echo $!')
        [ -d "/proc/$pid" ] || exit 8
        for _ in $(seq 500); do [ -d "/proc/$pid" ] || exit 0; sleep 0.01; done
        exit 9
    "#;
    assert_eq!(init(&["--", "sh", "-c", script]).status.code(), Some(0));
}

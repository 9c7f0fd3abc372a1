use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

use crate::started::Started;

#[test]
fn more_clients_than_places_are_all_served() {
    let server = Started::with(&[("RELAY_CONNECTIONS", "4")]);
    let n_served = thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|_| {
                scope.spawn(|| {
                    server
                        .http("GET /health HTTP/1.1\r\n\r\n")
                        .starts_with("HTTP/1.1 200 OK")
                })
            })
            .collect();
        clients
            .into_iter()
            .filter_map(|client| client.join().ok())
            .filter(|served| *served)
            .count()
    });
    assert_eq!(n_served, 200);
}

#[test]
fn who_says_nothing_is_sent_away_and_makes_room() {
    let server = Started::with(&[("RELAY_CONNECTIONS", "2"), ("RELAY_TIMEOUT", "1")]);
    let silent: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(&server.http).expect("it accepts"))
        .collect();
    assert!(
        server
            .http("GET /health HTTP/1.1\r\n\r\n")
            .starts_with("HTTP/1.1 200 OK")
    );
    for mut stream in silent {
        let mut heard = Vec::new();
        // A reset is as good an end as a close.
        stream.read_to_end(&mut heard).ok();
        assert_eq!(heard, b"");
    }
}

#[test]
fn a_full_git_port_leaves_the_health_page_reachable() {
    let server = Started::with(&[("RELAY_CONNECTIONS", "1")]);
    let _silent = TcpStream::connect(&server.git).expect("it accepts");
    assert!(
        server
            .http("GET /health HTTP/1.1\r\n\r\n")
            .starts_with("HTTP/1.1 200 OK")
    );
}

#[test]
fn a_connection_under_way_is_finished_after_the_signal() {
    let server = Started::new();
    let mut stream = TcpStream::connect(&server.http).expect("it accepts");
    // The answer to another request proves that the first connection, which came before, has been taken in.
    stream
        .write_all(b"GET /health HTTP/1.1\r\n")
        .expect("it reads");
    assert!(
        server
            .http("GET / HTTP/1.1\r\n\r\n")
            .starts_with("HTTP/1.1 200 OK")
    );
    server.signal("TERM");
    stream.write_all(b"\r\n").expect("it still reads");
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .expect("it still answers");
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    drop(stream);
    assert_eq!(
        server.end(),
        (
            Some(0),
            "relay: stopped, 0 connections cut off\n".to_owned()
        )
    );
}

#[test]
fn a_setting_that_cannot_be_read_ends_the_server_with_its_name() {
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_relay"))
        .env("RELAY_TIMEOUT", "soon")
        .output()
        .expect("it starts");
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(
        said,
        "relay: RELAY_TIMEOUT is `soon`, expected whole seconds above 0\n"
    );
}

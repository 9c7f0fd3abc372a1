use crate::started::Started;

#[test]
fn health_tells_version_and_head() {
    let server = Started::new();
    let response = server.http("GET /health?from=probe HTTP/1.1\r\nHost: relay\r\n\r\n");
    let (head, body) = response.split_once("\r\n\r\n").expect("head and body");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
        "{head}"
    );
    assert!(
        head.contains(&format!("Content-Length: {}\r\n", body.len())),
        "{head}"
    );
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        body.starts_with(&format!(
            r#"{{"status":"ok","version":"{version}","head":""#
        )),
        "{body}"
    );
}

#[test]
fn a_head_request_gets_the_same_headers_and_no_body() {
    let server = Started::new();
    let whole = server.http("GET / HTTP/1.1\r\n\r\n");
    let head = server.http("HEAD / HTTP/1.1\r\n\r\n");
    let (headers, body) = whole.split_once("\r\n\r\n").expect("head and body");
    assert_eq!(head, format!("{headers}\r\n\r\n"));
    assert!(body.contains("git clone git://"), "{body}");
}

#[test]
fn what_is_not_asked_well_is_answered_with_its_status() {
    let server = Started::new();
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(12_000));
    for (request, status) in [
        ("GET /missing HTTP/1.1\r\n\r\n", "404 Not Found"),
        (
            "POST /health HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
            "405 Method Not Allowed",
        ),
        ("GET http://other/ HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("\u{16}\u{3}\u{1}nonsense\r\n\r\n", "400 Bad Request"),
        (&long, "431 Request Header Fields Too Large"),
    ] {
        let response = server.http(request);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{response}"
        );
    }
}

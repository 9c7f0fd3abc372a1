//! HTTP/1.1, as far as two pages need it: one request a connection, no bodies read.

use std::io::{self, Read, Write};

use crate::repository::Repository;

/// Most bytes of a request's line and headers.
const MOST: usize = 8 * 1024;

/// Reads one request and answers it.
///
/// # Errors
///
/// When the stream fails or its time is over.
pub(crate) fn answer(stream: &mut (impl Read + Write), repository: &Repository) -> io::Result<()> {
    let response = match read_head(stream)? {
        Head::None => return Ok(()),
        Head::TooLong => Response::plain("431 Request Header Fields Too Large"),
        Head::Of(head) => respond(&head, repository),
    };
    stream.write_all(&response.to_bytes())
}

enum Head {
    /// The client hung up before it had asked.
    None,
    Of(Vec<u8>),
    TooLong,
}

fn read_head(stream: &mut impl Read) -> io::Result<Head> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    loop {
        let n_read = stream.read(&mut part)?;
        if n_read == 0 {
            return Ok(Head::None);
        }
        // The end may lie across two parts, so the last bytes of the former are looked at again.
        let from = head.len().saturating_sub(3);
        head.extend(&part[..n_read]);
        if head[from..].windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(Head::Of(head));
        }
        if head.len() >= MOST {
            return Ok(Head::TooLong);
        }
    }
}

fn respond(head: &[u8], repository: &Repository) -> Response {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Some((method, path)) = std::str::from_utf8(line).ok().and_then(parse_line) else {
        return Response::plain("400 Bad Request");
    };
    let body = match method {
        "GET" => Body::Sent,
        "HEAD" => Body::Withheld,
        _ => {
            return Response {
                allow: true,
                ..Response::plain("405 Method Not Allowed")
            };
        }
    };
    Response {
        body,
        ..page(path, repository)
    }
}

/// Takes `GET /health?x HTTP/1.1` apart into method and path.
fn parse_line(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let known = words.next().is_none()
        && matches!(version, "HTTP/1.1" | "HTTP/1.0")
        && target.starts_with('/');
    known.then(|| (method, target.split('?').next().unwrap_or(target)))
}

fn page(path: &str, repository: &Repository) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let head = repository.head();
    match path {
        "/health" => Response {
            kind: "application/json",
            text: format!("{{\"status\":\"ok\",\"version\":\"{version}\",\"head\":\"{head}\"}}\n"),
            ..Response::plain("200 OK")
        },
        "/" => Response {
            text: format!("relay {version}\n\nGET /health\ngit clone git://HOST:9418/repo.git\n"),
            ..Response::plain("200 OK")
        },
        _ => Response::plain("404 Not Found"),
    }
}

/// Whether the body is sent after the headers that describe it.
enum Body {
    Sent,
    Withheld,
}

struct Response {
    status: &'static str,
    kind: &'static str,
    text: String,
    body: Body,
    allow: bool,
}

impl Response {
    /// A text page that says nothing but its status.
    fn plain(status: &'static str) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            text: format!("{status}\n"),
            body: Body::Sent,
            allow: false,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self {
            status, kind, text, ..
        } = self;
        let length = text.len();
        let allow = if self.allow {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let body = match self.body {
            Body::Sent => text,
            Body::Withheld => "",
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{allow}Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

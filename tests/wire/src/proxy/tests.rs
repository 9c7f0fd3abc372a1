//! What each fault is to the client, and to the registry behind it.

use std::io::Read as _;

use super::*;

/// A registry that takes everything, and keeps what it got of each body.
struct Upstream {
    listener: Listener,
    bodies: Arc<Mutex<Vec<usize>>>,
}

impl Upstream {
    fn start() -> Self {
        let bodies: Arc<Mutex<Vec<usize>>> = Arc::default();
        let kept = Arc::clone(&bodies);
        let listener = Listener::start(move |stream| {
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let mut writer = stream;
            while let Ok(Some(head)) = Head::read(&mut reader) {
                let mut body = Vec::new();
                // Half a body is what some of these tests send.
                relay(&mut reader, &mut body, head.request_framing(), u64::MAX).ok();
                lock(&kept).push(body.len());
                let answer = "HTTP/1.1 201 Created\r\nLocation: http://host/v2/a/blobs/uploads/1\r\n\
                              Docker-Content-Digest: sha256:aa\r\nContent-Length: 4\r\n\r\nbody";
                if writer.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        });
        Self { listener, bodies }
    }

    fn proxy(&self, fault: Fault) -> Proxy {
        Proxy::with(self.listener.address(), Schedule::on(move |_| Some(fault)))
    }

    /// Waits until the registry has seen the end of a request's body, whole or cut.
    fn body(&self) -> usize {
        loop {
            if let Some(length) = lock(&self.bodies).pop() {
                return length;
            }
            std::thread::yield_now();
        }
    }
}

/// Sends a request and returns all that comes back.
fn ask(proxy: &Proxy, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy.address()).expect("it listens");
    // A connection that ends early is an answer, too.
    stream.write_all(request.as_bytes()).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8(answer).expect("text")
}

const PUT: &str =
    "PUT /v2/a/manifests/1 HTTP/1.1\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789";
const POST: &str =
    "POST /v2/a/blobs/uploads/?mount=x HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const GET: &str = "GET /v2/a/manifests/1 HTTP/1.1\r\nConnection: close\r\n\r\n";
const PATCH: &str =
    "PATCH /v2/a/blobs/uploads/1 HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n01";

#[test]
fn what_is_cut_reaches_the_registry_as_far_as_its_name_says() {
    let upstream = Upstream::start();
    assert_eq!(ask(&upstream.proxy(Fault::CutBefore), PUT), "");
    assert_eq!(lock(&upstream.bodies).len(), 0);
    assert_eq!(ask(&upstream.proxy(Fault::CutBody), PUT), "");
    assert_eq!(upstream.body(), 5);
    let proxy = upstream.proxy(Fault::CutAnswer);
    assert_eq!(ask(&proxy, PUT), "");
    assert_eq!(upstream.body(), 10);
    assert_eq!(proxy.exchanges()[0].status, None);
    let half = ask(&upstream.proxy(Fault::CutMidAnswer), GET);
    assert!(half.ends_with("\r\n\r\nbo"), "{half}");
}

#[test]
fn an_answer_in_place_of_the_registrys_keeps_the_request_from_it() {
    let upstream = Upstream::start();
    for (fault, begin, words) in [
        (Fault::TooMany(Some(7)), "HTTP/1.1 429", "Retry-After: 7"),
        (
            Fault::TooManyInWords,
            "HTTP/1.1 429",
            "allowed: 2000/minute",
        ),
        (
            Fault::LimitAsForbidden,
            "HTTP/1.1 403",
            "secondary rate limit",
        ),
        (Fault::Forbidden, "HTTP/1.1 403", "permission_denied"),
        (Fault::Html(502), "HTTP/1.1 502", "<center><h1>502"),
        (Fault::LongError, "HTTP/1.1 500", "Content-Length: 8388608"),
        (
            Fault::Unauthorized,
            "HTTP/1.1 401",
            "WWW-Authenticate: Basic",
        ),
        (Fault::BlobUnknown, "HTTP/1.1 404", "MANIFEST_BLOB_UNKNOWN"),
    ] {
        let proxy = upstream.proxy(fault);
        let answer = ask(&proxy, PUT);
        assert!(answer.starts_with(begin), "{fault:?}: {answer}");
        assert!(answer.contains(words), "{fault:?}");
        assert_eq!(lock(&upstream.bodies).len(), 0, "{fault:?}");
        let seen = &proxy.exchanges()[0];
        assert_eq!((seen.fault, proxy.count()), (Some(fault), 1));
    }
}

#[test]
fn a_lie_changes_the_answer_of_what_was_done() {
    let upstream = Upstream::start();
    let elsewhere = "Location: http://127.0.0.1:";
    for (fault, request, words, missing) in [
        (Fault::WrongDigest, PUT, "sha256:0000", "sha256:aa"),
        (Fault::NoDigest, PUT, "201", "Docker-Content-Digest"),
        (Fault::OkForCreated, PUT, "HTTP/1.1 200", "201"),
        (Fault::NoContentForCreated, PUT, "HTTP/1.1 204", "body"),
        (Fault::RelativeLocation, POST, "Location: /v2/a", "host"),
        (Fault::OtherHostLocation, POST, elsewhere, "//host"),
        (
            Fault::LocationInside,
            POST,
            "//169.254.169.254/v2/a",
            "//host",
        ),
        (Fault::LaggingRange, PATCH, "HTTP/1.1 416", "201"),
        (Fault::StuckRange, PATCH, "Range: 0-0", "416"),
    ] {
        let answer = ask(&upstream.proxy(fault), request);
        assert!(answer.contains(words), "{fault:?}: {answer}");
        assert!(!answer.contains(missing), "{fault:?}: {answer}");
        upstream.body();
    }
}

#[test]
fn without_a_fault_everything_passes_as_it_is() {
    let upstream = Upstream::start();
    let proxy = Proxy::with(upstream.listener.address(), Schedule::faithful());
    let answer = ask(&proxy, PUT);
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nbody"), "{answer}");
    assert_eq!(upstream.body(), 10);
    let chunked = "PUT /v2/a/manifests/1 HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    ask(&proxy, chunked);
    assert_eq!(upstream.body(), "3\r\nabc\r\n0\r\n\r\n".len());
    let seen = proxy.exchanges();
    assert_eq!(seen[0].status, Some(201));
    assert_eq!((seen[1].request.before, seen.len()), (1, 2));
}

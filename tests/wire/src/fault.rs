//! What a proxy can do to a request, each thing with its name.

use std::time::Duration;

use crate::{exchange::Request, http::Head};

/// Something that goes wrong between a client and a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection ends before the registry hears of the request.
    CutBefore,
    /// The connection ends in the middle of the request's body; the registry has the first half.
    CutBody,
    /// The registry has done what was asked, and the connection ends before the client hears of it.
    CutAnswer,
    /// The connection ends in the middle of the answer's body.
    CutMidAnswer,
    /// The request waits.
    Delay(Duration),
    /// 429, with `Retry-After` in seconds or without.
    TooMany(Option<u64>),
    /// 429 with the delay in the message alone, as GHCR says it.
    TooManyInWords,
    /// 403 that is a limit of GHCR's, and no permission.
    LimitAsForbidden,
    /// 403 that is a permission.
    Forbidden,
    /// A status of a server that is not the registry, with a page of HTML.
    Html(u16),
    /// 500 with eight megabytes of body.
    LongError,
    /// 401, though the credentials were right.
    Unauthorized,
    /// `Docker-Content-Digest` names other content.
    WrongDigest,
    /// `Docker-Content-Digest` is missing.
    NoDigest,
    /// A mount begins an upload.
    MountIgnored,
    /// A chunk that was stored is refused by 416, with a `Range` that lags behind.
    LaggingRange,
    /// A chunk that was stored is answered with a `Range` that stands still, as ECR does it.
    StuckRange,
    /// 200 in place of 201.
    OkForCreated,
    /// 204 in place of 201.
    NoContentForCreated,
    /// `Location` is a path.
    RelativeLocation,
    /// `Location` names another server, which needs no credentials.
    OtherHostLocation,
    /// `Location` names an address that only services inside of a network have.
    LocationInside,
    /// What was uploaded a moment ago is unknown.
    BlobUnknown,
}

/// What a fault does, by when it does it.
pub(crate) enum Effect {
    /// Ends the connection at once.
    Cut,
    /// Ends it in the middle of the request.
    CutBody,
    /// Ends it when the registry has answered.
    CutAnswer,
    /// Ends it in the middle of the answer.
    CutMidAnswer,
    /// Waits.
    Wait(Duration),
    /// Asks the registry something else.
    Ask(fn(&mut Head)),
    /// Answers in place of the registry.
    Answer(Head, Vec<u8>),
    /// Changes the head of the registry's answer.
    Change,
}

impl Fault {
    /// One of each, as schedules draw them.
    pub const ALL: [Self; 24] = [
        Self::CutBefore,
        Self::CutBody,
        Self::CutAnswer,
        Self::CutMidAnswer,
        Self::Delay(Duration::from_millis(3)),
        Self::TooMany(None),
        Self::TooMany(Some(0)),
        Self::TooManyInWords,
        Self::LimitAsForbidden,
        Self::Forbidden,
        Self::Html(502),
        Self::Html(503),
        Self::LongError,
        Self::Unauthorized,
        Self::WrongDigest,
        Self::NoDigest,
        Self::MountIgnored,
        Self::LaggingRange,
        Self::StuckRange,
        Self::OkForCreated,
        Self::NoContentForCreated,
        Self::RelativeLocation,
        Self::OtherHostLocation,
        Self::BlobUnknown,
    ];

    /// Tells whether the fault means anything for a request.
    pub fn fits(self, request: &Request) -> bool {
        let is_upload = request.begins_upload() || request.is_of_upload();
        match self {
            Self::CutBody => request.length.is_some_and(|length| length > 1),
            Self::CutMidAnswer => request.method == "GET",
            Self::MountIgnored => request.parameter("mount").is_some(),
            Self::LaggingRange | Self::StuckRange => request.method == "PATCH",
            Self::OkForCreated | Self::NoContentForCreated => request.method == "PUT",
            Self::RelativeLocation | Self::OtherHostLocation | Self::LocationInside => {
                request.begins_upload() || request.method == "PATCH"
            }
            Self::WrongDigest | Self::NoDigest => !is_upload,
            Self::BlobUnknown => {
                (request.is_of_manifest() && request.method == "PUT")
                    || (request.method == "HEAD" && request.path().contains("/blobs/"))
            }
            Self::CutBefore
            | Self::CutAnswer
            | Self::Delay(_)
            | Self::TooMany(_)
            | Self::TooManyInWords
            | Self::LimitAsForbidden
            | Self::Forbidden
            | Self::Html(_)
            | Self::LongError
            | Self::Unauthorized => true,
        }
    }

    pub(crate) fn effect(self, request: &Request, challenge: Option<&str>) -> Effect {
        match self {
            Self::CutBefore => Effect::Cut,
            Self::CutBody => Effect::CutBody,
            Self::CutAnswer => Effect::CutAnswer,
            Self::CutMidAnswer => Effect::CutMidAnswer,
            Self::Delay(delay) => Effect::Wait(delay),
            Self::MountIgnored => Effect::Ask(without_query),
            Self::WrongDigest
            | Self::NoDigest
            | Self::LaggingRange
            | Self::StuckRange
            | Self::OkForCreated
            | Self::NoContentForCreated
            | Self::RelativeLocation
            | Self::OtherHostLocation
            | Self::LocationInside => Effect::Change,
            Self::TooMany(_)
            | Self::TooManyInWords
            | Self::LimitAsForbidden
            | Self::Forbidden
            | Self::Html(_)
            | Self::LongError
            | Self::Unauthorized
            | Self::BlobUnknown => {
                let (head, body) = self.answer(request, challenge);
                Effect::Answer(head, body)
            }
        }
    }

    /// The answer in place of the registry's.
    fn answer(self, request: &Request, challenge: Option<&str>) -> (Head, Vec<u8>) {
        let (mut head, body) = match self {
            Self::TooMany(_) => coded(429, "TOOMANYREQUESTS", "too many requests"),
            Self::TooManyInWords => coded(
                429,
                "TOOMANYREQUESTS",
                "retry-after: 1.305464ms, allowed: 2000/minute",
            ),
            Self::LimitAsForbidden => coded(
                403,
                "DENIED",
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            ),
            Self::Forbidden => coded(403, "DENIED", "permission_denied: write_package"),
            Self::Unauthorized => coded(401, "UNAUTHORIZED", "authentication required"),
            Self::LongError => (
                Head::answer(500, "Internal Server Error"),
                vec![b'x'; 8 << 20],
            ),
            Self::BlobUnknown if request.is_of_manifest() => {
                coded(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
            }
            Self::BlobUnknown => coded(404, "BLOB_UNKNOWN", "blob unknown to registry"),
            Self::Html(status) => html(status),
            other => unreachable!("{other:?} lets the registry answer"),
        };
        if let Self::TooMany(Some(seconds)) = self {
            head.set("Retry-After", seconds.to_string());
        }
        if self == Self::Unauthorized {
            let challenge = challenge.unwrap_or(r#"Basic realm="test""#);
            head.set("WWW-Authenticate", challenge);
        }
        (head, body)
    }

    /// Changes the head of the registry's answer; `elsewhere` is the address of the other server.
    pub(crate) fn change(self, head: &mut Head, elsewhere: &str) {
        match self {
            Self::WrongDigest if head.header("docker-content-digest").is_some() => {
                head.set(
                    "Docker-Content-Digest",
                    format!("sha256:{}", "0".repeat(64)),
                );
            }
            Self::NoDigest => head.remove("docker-content-digest"),
            Self::LaggingRange => {
                head.first = "HTTP/1.1 416 Range Not Satisfiable".to_owned();
                head.set("Range", "0-0");
            }
            Self::StuckRange => head.set("Range", "0-0"),
            Self::OkForCreated if head.status() == Some(201) => {
                head.first = "HTTP/1.1 200 OK".to_owned();
            }
            Self::NoContentForCreated if head.status() == Some(201) => {
                head.first = "HTTP/1.1 204 No Content".to_owned();
                head.remove("content-length");
            }
            Self::RelativeLocation => lead(head, ""),
            Self::OtherHostLocation => lead(head, &format!("http://{elsewhere}")),
            Self::LocationInside => lead(head, "http://169.254.169.254"),
            _ => {}
        }
    }
}

/// Replaces what stands before the path of `Location`.
fn lead(head: &mut Head, to: &str) {
    let Some(location) = head.header("location") else {
        return;
    };
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => location,
    };
    let led = format!("{to}{path}");
    head.set("Location", led);
}

fn without_query(head: &mut Head) {
    if let Some((target, rest)) = head.first.split_once('?') {
        let version = rest.split(' ').nth(1).unwrap_or("HTTP/1.1");
        head.first = format!("{target} {version}");
    }
}

/// An answer with an error of the distribution specification.
fn coded(status: u16, code: &str, message: &str) -> (Head, Vec<u8>) {
    let mut head = Head::answer(status, "Refused");
    head.set("Content-Type", "application/json");
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    (head, body.into_bytes())
}

fn html(status: u16) -> (Head, Vec<u8>) {
    let mut head = Head::answer(status, "Bad");
    head.set("Content-Type", "text/html");
    let body = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (head, body.into_bytes())
}

//! The list of references with which a server begins.

use tokio::io::AsyncRead;

use crate::probe::git::pkt_line::{Packet, Packets};

/// The references of a repository.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct References {
    /// Their names, in the server's order.
    pub names: Vec<String>,
    /// The object that `HEAD` is.
    pub head: Option<String>,
}

/// Why there is no list, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub String);

impl Refusal {
    pub(super) fn too_long(limit: usize) -> Self {
        Self(format!("the answer is longer than {limit} bytes"))
    }
}

/// Reads the list up to its flush.
pub(super) async fn read_references(
    stream: impl AsyncRead + Unpin,
    limit: usize,
) -> Result<References, Refusal> {
    read_list(&mut Packets::new(stream, limit)).await
}

/// Reads the body of `info/refs`: the service's name, a flush, and the list.
pub(super) async fn read_service(body: &[u8]) -> Result<References, Refusal> {
    // The body was bounded when it was read.
    let mut packets = Packets::new(body, usize::MAX);
    match packets.next().await? {
        Packet::Line(line) if line == b"# service=git-upload-pack" => {}
        _ => return Err(Refusal("the answer is one of another service".to_owned())),
    }
    match packets.next().await? {
        Packet::Flush => read_list(&mut packets).await,
        Packet::Line(_) => Err(Refusal("the service's name does not end".to_owned())),
    }
}

async fn read_list<R: AsyncRead + Unpin>(packets: &mut Packets<R>) -> Result<References, Refusal> {
    let mut references = References::default();
    while let Packet::Line(line) = packets.next().await? {
        let line = String::from_utf8_lossy(&line);
        // Capabilities follow the first reference behind a NUL.
        let line = line.split('\0').next().unwrap_or_default();
        if let Some(words) = line.strip_prefix("ERR ") {
            return Err(Refusal(words.trim().to_owned()));
        }
        if line.starts_with("shallow ") || line.starts_with("version ") {
            continue;
        }
        let Some((object, name)) = line.split_once(' ').filter(|(object, _)| is_object(object))
        else {
            return Err(Refusal(format!("the answer has no reference in {line:?}")));
        };
        match name {
            "HEAD" => references.head = Some(object.to_owned()),
            // An empty repository has this in place of a first reference; tags are listed with what they point to.
            name if name.ends_with("^{}") => {}
            name => references.names.push(name.to_owned()),
        }
    }
    Ok(references)
}

/// Whether a text is a SHA-1 or SHA-256 in hexadecimal.
fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

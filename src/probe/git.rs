//! The check `git`: `git ls-remote` without git.
//!
//! Version 0 of the protocol is asked for, which every server speaks: the references come unasked with the first
//! answer (gitprotocol-pack(5), gitprotocol-http(5)).
mod pkt_line;
mod references;

use std::time::Duration;

use reqwest::{Method, header};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use url::Url;

use crate::probe::{
    Evidence, Observations, ProbeError, Resolve,
    client::{Route, cause, read_body},
    git::references::{References, Refusal, read_references},
    observation::{no_answer_within, text_or_null, texts},
    resolve::Address,
};

/// The port of `git://` (gitprotocol-pack(5)).
const GIT_PORT: u16 = 9418;

/// How much a server may say: some hundred thousand references.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// What a smart server calls its answer (gitprotocol-http(5)).
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";

/// What the check `git` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitQuestion {
    /// `git://…`, `http://…` or `https://…`.
    pub url: String,
}

/// Asks a repository for its references. Observes `refs` (their names, without `HEAD` and peeled tags), `head` (the
/// object that `HEAD` is; null without one) and, without an answer, `error`.
///
/// # Errors
/// The URL is none, or has another scheme.
pub async fn ask_git(
    question: &GitQuestion,
    resolve: &Resolve,
    limit: Duration,
) -> Result<Evidence, ProbeError> {
    let asked = match read_url(&question.url)?.scheme() {
        "git" => {
            let (address, request) = git_request(&question.url)?;
            timeout(limit, over_tcp(&address, &request, resolve)).await
        }
        _ => {
            let route = Route::find(&info_refs(&question.url)?, resolve)?;
            timeout(limit, over_http(&route)).await
        }
    };
    let answered = asked.unwrap_or_else(|_| Err(Refusal(no_answer_within(limit))));
    Ok(evidence(&question.url, answered))
}

fn evidence(url: &str, answered: Result<References, Refusal>) -> Evidence {
    let mut observed = Observations::new();
    let holds = match answered {
        Ok(references) => {
            let holds = if references.names.is_empty() {
                Err(format!("`{url}` has no reference"))
            } else {
                Ok(())
            };
            observed.add("refs", texts(references.names));
            observed.add("head", text_or_null(references.head));
            holds
        }
        Err(Refusal(reason)) => {
            observed.add("error", reason.clone());
            Err(format!("`{url}` was not read: {reason}"))
        }
    };
    Evidence { observed, holds }
}

async fn over_tcp(
    address: &Address,
    request: &[u8],
    resolve: &Resolve,
) -> Result<References, Refusal> {
    let refused = |error: std::io::Error| Refusal(error.to_string());
    let mut stream = address.connect(resolve).await.map_err(refused)?;
    stream.write_all(request).await.map_err(refused)?;
    let references = read_references(&mut stream, MAX_ANSWER).await?;
    // A flush says that nothing is wanted; a server that has already closed has said all that was asked.
    stream.write_all(b"0000").await.ok();
    Ok(references)
}

async fn over_http(route: &Route) -> Result<References, Refusal> {
    let refused = |error: reqwest::Error| Refusal(cause(&error));
    let mut response = route
        .request(Method::GET)
        .header(header::ACCEPT, ADVERTISEMENT)
        .send()
        .await
        .map_err(refused)?;
    if !response.status().is_success() {
        return Err(Refusal(format!(
            "the status is {}",
            response.status().as_u16()
        )));
    }
    let smart = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == ADVERTISEMENT.as_bytes());
    if !smart {
        return Err(Refusal(
            "the answer is not one of a git server that speaks the smart protocol".to_owned(),
        ));
    }
    let body = read_body(&mut response, MAX_ANSWER)
        .await
        .map_err(refused)?;
    if !body.whole {
        return Err(Refusal::too_long(MAX_ANSWER));
    }
    references::read_service(&body.bytes).await
}

fn read_url(text: &str) -> Result<Url, ProbeError> {
    let url = Url::parse(text).map_err(|error| invalid(text, &error.to_string()))?;
    match url.scheme() {
        "git" | "http" | "https" => Ok(url),
        other => Err(invalid(
            text,
            &format!("its scheme is `{other}`; expected git, http or https"),
        )),
    }
}

fn invalid(url: &str, reason: &str) -> ProbeError {
    ProbeError::Url {
        url: url.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Makes the first packet: `git-upload-pack PATH`, and the host for servers that serve several.
fn git_request(text: &str) -> Result<(Address, Vec<u8>), ProbeError> {
    let url = read_url(text)?;
    let host = match url.host() {
        Some(url::Host::Ipv6(ip)) => ip.to_string(),
        Some(host) => host.to_string(),
        None => return Err(invalid(text, "it has no host")),
    };
    let path = percent_decoded(url.path()).ok_or_else(|| invalid(text, "its path is not text"))?;
    if path.len() < 2 || path.contains('\0') {
        return Err(invalid(text, "it names no repository"));
    }
    let port = url.port().unwrap_or(GIT_PORT);
    let named = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let line = format!("git-upload-pack {path}\0host={named}\0");
    let packet = pkt_line::packet(line.as_bytes())
        .ok_or_else(|| invalid(text, "it is longer than a packet"))?;
    Ok((Address { host, port }, packet))
}

fn info_refs(text: &str) -> Result<String, ProbeError> {
    let mut url = read_url(text)?;
    let path = format!("{}/info/refs", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(Some("service=git-upload-pack"));
    Ok(url.into())
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let mut byte = [0];
                hex::decode_to_slice([*high, *low], &mut byte).ok()?;
                bytes.extend(byte);
                tail
            }
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;

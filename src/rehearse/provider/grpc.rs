//! gRPC as terraform's plugins need it: calls with one message each way, over HTTP/2 on a Unix socket.

use std::{io, sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderValue, Request, Response, header};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::{RecvStream, server::SendResponse};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Notify,
    task::JoinSet,
};

use super::service::Service;

/// The head of a message: whether it is compressed, which ours never are, and its length.
const HEAD: usize = 5;
/// Most bytes of a request: terraform's own bound of a message.
const LONGEST: usize = 256 << 20;
/// How long terraform may take to connect; it waits a minute for the line that says where.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const SHUTDOWN: &str = "/plugin.GRPCController/Shutdown";
const PROVIDER: &str = "/tfplugin6.Provider/";

/// A call that was not answered, as gRPC numbers the reasons.
#[derive(Debug)]
pub(super) struct Status {
    code: u8,
    message: String,
}

impl Status {
    /// There is no such call.
    pub(super) fn unimplemented(what: &str) -> Self {
        Self {
            code: 12,
            message: format!("{what} is not there"),
        }
    }

    /// The request is not what it should be.
    pub(super) fn invalid(message: impl std::fmt::Display) -> Self {
        Self {
            code: 3,
            message: message.to_string(),
        }
    }
}

/// Answers calls until terraform asks for the end, or has gone.
///
/// # Errors
///
/// Nothing can be received.
pub(super) async fn serve(listener: UnixListener, service: Arc<Service>) -> io::Result<()> {
    let accepted = tokio::time::timeout(LONGEST_WAIT, listener.accept()).await;
    let (stream, _address) = accepted.map_err(|_elapsed| io::ErrorKind::TimedOut)??;
    connection(stream, service).await.map_err(io::Error::other)
}

/// Answers the calls of a connection. What still runs when it has gone is given up, as when the process is ended.
async fn connection(stream: UnixStream, service: Arc<Service>) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    let ending = Arc::new(Notify::new());
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(call) => {
                    let (request, respond) = call?;
                    calls.spawn(answer(request, respond, Arc::clone(&service), Arc::clone(&ending)));
                }
                None => return Ok(()),
            },
            () = ending.notified() => connection.graceful_shutdown(),
            Some(ended) = calls.join_next(), if !calls.is_empty() => {
                if let Ok(Err(error)) = ended {
                    tracing::debug!(%error, "a call was not answered");
                }
            }
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    service: Arc<Service>,
    ending: Arc<Notify>,
) -> Result<(), h2::Error> {
    let path = request.uri().path().to_owned();
    let answered = if path == SHUTDOWN {
        ending.notify_one();
        Ok(Vec::new())
    } else if let Some(method) = path.strip_prefix(PROVIDER) {
        match read(request.into_body()).await? {
            Some(message) => service.answer(method, &message).await,
            None => Err(Status::invalid("the request is no single message")),
        }
    } else {
        Err(Status::unimplemented(&path))
    };
    match answered {
        Ok(message) => send(&mut respond, &message),
        Err(status) => refuse(&mut respond, &status),
    }
}

/// Reads the one message of a request.
async fn read(mut body: RecvStream) -> Result<Option<Bytes>, h2::Error> {
    let mut received = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        if received.len() + part.len() > LONGEST {
            return Ok(None);
        }
        received.extend_from_slice(&part);
    }
    Ok(message_in(received.freeze()))
}

fn message_in(mut received: Bytes) -> Option<Bytes> {
    let head = (received.len() >= HEAD).then(|| received.split_to(HEAD))?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let is_whole = head[0] == 0 && usize::try_from(length).ok() == Some(received.len());
    is_whole.then_some(received)
}

fn send(respond: &mut SendResponse<Bytes>, message: &[u8]) -> Result<(), h2::Error> {
    let mut body = BytesMut::with_capacity(HEAD + message.len());
    body.put_u8(0);
    body.put_u32(message.len() as u32);
    body.extend_from_slice(message);
    let mut stream = respond.send_response(head(), false)?;
    stream.send_data(body.freeze(), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)
}

fn refuse(respond: &mut SendResponse<Bytes>, status: &Status) -> Result<(), h2::Error> {
    let mut response = head();
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(u16::from(status.code)));
    let message = percent_encoded(&status.message);
    if let Ok(message) = HeaderValue::from_str(&message) {
        headers.insert("grpc-message", message);
    }
    respond.send_response(response, true).map(drop)
}

fn head() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    response
}

/// A text as gRPC puts it into a header.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

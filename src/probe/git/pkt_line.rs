//! Packets of git's protocols: four hexadecimal digits of length, then that many bytes less four
//! (gitprotocol-common(5)).

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::probe::git::references::Refusal;

/// Longest packet with its length.
const MAX_PACKET: usize = 65520;

/// A packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// `0000`: the end of a list.
    Flush,
    /// A line, without its end.
    Line(Vec<u8>),
}

/// Reads packets up to a number of bytes.
pub(super) struct Packets<R> {
    stream: R,
    limit: usize,
    left: usize,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    pub(super) fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            limit,
            left: limit,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Packet, Refusal> {
        let mut head = [0; 4];
        self.fill(&mut head).await?;
        let mut length = [0; 2];
        hex::decode_to_slice(head, &mut length).map_err(|_| {
            Refusal(format!(
                "the answer is not git's protocol: it has {:?} for a length",
                String::from_utf8_lossy(&head)
            ))
        })?;
        match usize::from(u16::from_be_bytes(length)) {
            0 => Ok(Packet::Flush),
            length @ 4..=MAX_PACKET => {
                let mut line = vec![0; length - 4];
                self.fill(&mut line).await?;
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                Ok(Packet::Line(line))
            }
            length => Err(Refusal(format!(
                "the answer is not git's protocol: a packet cannot have length {length}"
            ))),
        }
    }

    async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Refusal> {
        self.left = self
            .left
            .checked_sub(buffer.len())
            .ok_or_else(|| Refusal::too_long(self.limit))?;
        match self.stream.read_exact(buffer).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(Refusal("the answer breaks off".to_owned()))
            }
            Err(error) => Err(Refusal(error.to_string())),
        }
    }
}

/// Makes a packet; `None` when it would be too long.
pub(super) fn packet(line: &[u8]) -> Option<Vec<u8>> {
    let length = line.len() + 4;
    if length > MAX_PACKET {
        return None;
    }
    let mut packet = format!("{length:04x}").into_bytes();
    packet.extend(line);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], limit: usize) -> Result<Packet, String> {
        Packets::new(bytes, limit)
            .next()
            .await
            .map_err(|Refusal(reason)| reason)
    }

    #[tokio::test]
    async fn a_packet_comes_back_as_it_was_made() {
        let made = packet(b"hello\n").expect("it is short");
        assert_eq!(made, b"000ahello\n");
        assert_eq!(read(&made, 100).await, Ok(Packet::Line(b"hello".to_vec())));
        assert_eq!(read(b"0000", 100).await, Ok(Packet::Flush));
        assert_eq!(packet(&vec![0; MAX_PACKET]), None);
    }

    #[tokio::test]
    async fn what_is_no_packet_is_said() {
        let reason = read(b"HTTP/1.1 400", 100)
            .await
            .expect_err("another protocol");
        assert!(reason.contains("not git's protocol"), "{reason}");
        let reason = read(b"0002", 100).await.expect_err("a length below itself");
        assert!(reason.contains("length 2"), "{reason}");
        assert_eq!(
            read(b"00", 100).await,
            Err("the answer breaks off".to_owned())
        );
        assert_eq!(
            read(b"0010abc", 100).await,
            Err("the answer breaks off".to_owned())
        );
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let reason = read(b"fff0", 1000).await.expect_err("too long");
        assert_eq!(reason, "the answer is longer than 1000 bytes");
    }
}

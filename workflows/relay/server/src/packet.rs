//! The packet lines in which git speaks: four hexadecimal digits of length, then the content.

use std::io::{self, Read, Write};

/// Most bytes of content in one packet, as git has it.
pub(crate) const MOST: usize = 65_516;

/// What arrived.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Packet {
    /// The end of a section.
    Flush,
    /// A line, without its newline.
    Line(Vec<u8>),
}

/// Reads the next packet; `None` when the peer has hung up before it.
///
/// # Errors
///
/// `InvalidData` when the length is none, else what the stream says.
pub(crate) fn read(stream: &mut impl Read) -> io::Result<Option<Packet>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    match parse_length(length) {
        Some(0) => Ok(Some(Packet::Flush)),
        Some(length) if (4..=MOST + 4).contains(&length) => {
            let mut line = vec![0; length - 4];
            stream.read_exact(&mut line)?;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            Ok(Some(Packet::Line(line)))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "not a packet of git",
        )),
    }
}

// A sign would be taken for a number's, so each byte has to be a digit.
fn parse_length(digits: [u8; 4]) -> Option<usize> {
    let digits = std::str::from_utf8(&digits).ok()?;
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal {
        usize::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// Writes `content` as one packet.
pub(crate) fn write(stream: &mut impl Write, content: &[u8]) -> io::Result<()> {
    debug_assert!(content.len() <= MOST, "the caller cuts what is longer");
    write!(stream, "{:04x}", content.len() + 4)?;
    stream.write_all(content)
}

/// Writes the end of a section.
pub(crate) fn flush(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(b"0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut bytes = Vec::new();
        write(&mut bytes, b"want it\n").expect("a vector takes everything");
        flush(&mut bytes).expect("a vector takes everything");
        let mut stream = bytes.as_slice();
        assert_eq!(
            read(&mut stream).expect("a packet"),
            Some(Packet::Line(b"want it".to_vec()))
        );
        assert_eq!(read(&mut stream).expect("a packet"), Some(Packet::Flush));
        assert_eq!(read(&mut stream).expect("the end"), None);
    }

    #[test]
    fn a_length_that_is_none_is_refused() {
        for bytes in ["GET ", "0003", "fff1", "+004"] {
            let refused = read(&mut bytes.as_bytes()).expect_err(bytes);
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{bytes}");
        }
    }
}

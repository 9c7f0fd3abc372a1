//! HTTP/1.1 as far as a proxy needs it: heads are read and changed, bodies pass through.

use std::io::{self, BufRead, ErrorKind, Read as _, Write};

/// The first line and the headers of a message, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// `PUT /v2/… HTTP/1.1`, or `HTTP/1.1 201 Created`.
    pub first: String,
    /// Names as they came, and values.
    pub headers: Vec<(String, String)>,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Nothing,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What became of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relayed {
    Whole(u64),
    /// The limit was reached before its end.
    Cut(u64),
}

impl Head {
    /// Begins an answer.
    pub(crate) fn answer(status: u16, reason: &str) -> Self {
        Self {
            first: format!("HTTP/1.1 {status} {reason}"),
            headers: Vec::new(),
        }
    }

    /// Reads a head; `None` where the connection ended before one.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let first = line(reader)?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = line(reader)?;
            if line.is_empty() {
                return Ok(Some(Self { first, headers }));
            }
            let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut of_name = self
            .headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name));
        of_name.next().map(|(_, value)| value.as_str())
    }

    /// Takes a header away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
    }

    /// Sets a header in place of all of its name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    /// The part of the first line behind its first blank: a status, or a target.
    pub(crate) fn second_word(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        self.second_word().parse().ok()
    }

    /// How long the body behind a request's head is.
    pub(crate) fn request_framing(&self) -> Framing {
        match (self.is_chunked(), self.length()) {
            (true, _) => Framing::Chunked,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::Nothing,
        }
    }

    /// How long the body behind an answer's head is.
    pub(crate) fn answer_framing(&self, method: &str) -> Framing {
        if method == "HEAD" || matches!(self.status(), Some(204 | 304)) {
            return Framing::Nothing;
        }
        match (self.is_chunked(), self.length()) {
            (true, _) => Framing::Chunked,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClose,
        }
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Writes the head with the blank line behind it.
    pub(crate) fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        writer.write_all(text.as_bytes())
    }
}

/// Reads a line without its end; nothing at the end of the stream.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(64 * 1024).read_until(b'\n', &mut bytes)?;
    while matches!(bytes.last(), Some(b'\r' | b'\n')) {
        bytes.pop();
    }
    String::from_utf8(bytes).or(Err(ErrorKind::InvalidData.into()))
}

/// Passes a body on, at most `limit` bytes of what it carries.
pub(crate) fn relay(
    from: &mut impl BufRead,
    to: &mut impl Write,
    framing: Framing,
    limit: u64,
) -> io::Result<Relayed> {
    let relayed = match framing {
        Framing::Nothing => Relayed::Whole(0),
        Framing::Length(length) => relay_bytes(from, to, length, limit)?,
        Framing::Chunked => relay_chunks(from, to, limit)?,
        Framing::UntilClose => {
            let copied = io::copy(&mut from.take(limit), to)?;
            match copied == limit {
                true => Relayed::Cut(copied),
                false => Relayed::Whole(copied),
            }
        }
    };
    to.flush()?;
    Ok(relayed)
}

fn relay_bytes(
    from: &mut impl BufRead,
    to: &mut impl Write,
    length: u64,
    limit: u64,
) -> io::Result<Relayed> {
    let wanted = length.min(limit);
    let copied = io::copy(&mut from.take(wanted), to)?;
    if copied < wanted {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(match copied == length {
        true => Relayed::Whole(copied),
        false => Relayed::Cut(copied),
    })
}

fn relay_chunks(from: &mut impl BufRead, to: &mut impl Write, limit: u64) -> io::Result<Relayed> {
    let mut copied = 0;
    loop {
        let size = line(from)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).or(Err(ErrorKind::InvalidData))?;
        if copied + length > limit {
            return Ok(Relayed::Cut(copied));
        }
        write!(to, "{size}\r\n")?;
        if length == 0 {
            // Trailers, and the empty line that ends them.
            loop {
                let trailer = line(from)?;
                write!(to, "{trailer}\r\n")?;
                if trailer.is_empty() {
                    return Ok(Relayed::Whole(copied));
                }
            }
        }
        relay_bytes(from, to, length, u64::MAX)?;
        line(from)?;
        to.write_all(b"\r\n")?;
        copied += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(body: &str, framing: Framing, limit: u64) -> (Relayed, String) {
        let mut out = Vec::new();
        let relayed = relay(&mut body.as_bytes(), &mut out, framing, limit).expect("a body");
        (relayed, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_body_passes_as_it_is_and_is_cut_where_told() {
        let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(
            relayed(&format!("{chunks}rest"), Framing::Chunked, u64::MAX),
            (Relayed::Whole(5), chunks.to_owned())
        );
        assert_eq!(
            relayed(chunks, Framing::Chunked, 4),
            (Relayed::Cut(3), "3\r\nabc\r\n".to_owned())
        );
        assert_eq!(
            relayed("abcdef", Framing::Length(4), u64::MAX),
            (Relayed::Whole(4), "abcd".to_owned())
        );
        assert_eq!(
            relayed("abcdef", Framing::Length(4), 2),
            (Relayed::Cut(2), "ab".to_owned())
        );
        assert_eq!(
            relayed("abc", Framing::Nothing, 2),
            (Relayed::Whole(0), String::new())
        );
    }

    #[test]
    fn a_head_is_read_changed_and_written() {
        let text = "HTTP/1.1 201 Created\r\nLocation: /a:b\r\nX:1\r\n\r\nbody";
        let mut head = Head::read(&mut text.as_bytes())
            .expect("readable")
            .expect("a head");
        assert_eq!(head.status(), Some(201));
        assert_eq!(head.header("location"), Some("/a:b"));
        head.set("location", "/c");
        let mut written = Vec::new();
        head.write(&mut written).expect("memory");
        assert_eq!(
            written,
            b"HTTP/1.1 201 Created\r\nX: 1\r\nlocation: /c\r\n\r\n"
        );
        assert_eq!(Head::read(&mut "".as_bytes()).expect("an end"), None);
    }
}

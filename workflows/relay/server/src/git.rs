//! The git protocol, version 0, as far as reading one repository needs it.
//!
//! Deliberately absent: writing, shallow and partial clones, negotiation. Whoever asks for the one commit does
//! not have it, so what a client says it has is answered with `NAK` and the whole pack is sent.

use std::io::{self, Read, Write};

use crate::{
    packet::{self, Packet},
    repository::Repository,
};

/// The only repository's path.
const PATH: &str = "/repo.git";
/// Packets of a pack carry the number of their band first.
const PACK_BAND: u8 = 1;

/// Holds one conversation.
///
/// # Errors
///
/// When the stream fails, its time is over, or the client does not speak git.
pub(crate) fn converse(
    stream: &mut (impl Read + Write),
    repository: &Repository,
) -> io::Result<()> {
    let Some(Packet::Line(request)) = packet::read(stream)? else {
        return Ok(());
    };
    if let Err(refusal) = admit(&request) {
        return refuse(stream, &refusal);
    }
    advertise(stream, repository)?;
    match read_wants(stream, repository)? {
        Wants::Nothing => Ok(()),
        Wants::Refused(refusal) => refuse(stream, &refusal),
        Wants::Head(framing) => {
            if hear_haves(stream)? == Haves::Done {
                send_pack(stream, repository, framing)?;
            }
            Ok(())
        }
    }
}

/// Decides on `git-upload-pack /repo.git\0host=…`.
fn admit(request: &[u8]) -> Result<(), String> {
    let request = request.split(|byte| *byte == 0).next().unwrap_or_default();
    let request = String::from_utf8_lossy(request);
    let (service, path) = request.split_once(' ').unwrap_or((&request, ""));
    match service {
        "git-upload-pack" if path.trim_end_matches('/') == PATH => Ok(()),
        "git-upload-pack" => Err(format!("no repository `{}` here, only {PATH}", shown(path))),
        "git-receive-pack" => {
            Err("this server is read-only: nothing can be pushed to it".to_owned())
        }
        _ => Err(format!(
            "no service `{}` here, only git-upload-pack",
            shown(service)
        )),
    }
}

/// What a client sent, fit to be sent back: short, and without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect()
}

fn refuse(stream: &mut impl Write, reason: &str) -> io::Result<()> {
    packet::write(stream, format!("ERR {reason}").as_bytes())
}

fn advertise(stream: &mut impl Write, repository: &Repository) -> io::Result<()> {
    let head = repository.head();
    let version = env!("CARGO_PKG_VERSION");
    let capabilities = format!(
        "side-band-64k no-progress symref=HEAD:refs/heads/main object-format=sha1 agent=relay/{version}"
    );
    let mut words = Vec::new();
    packet::write(
        &mut words,
        format!("{head} HEAD\0{capabilities}\n").as_bytes(),
    )?;
    packet::write(&mut words, format!("{head} refs/heads/main\n").as_bytes())?;
    packet::flush(&mut words)?;
    stream.write_all(&words)
}

/// How the pack is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    Bare,
    Banded,
}

#[derive(Debug, Eq, PartialEq)]
enum Wants {
    /// The client only looked.
    Nothing,
    Head(Framing),
    Refused(String),
}

fn read_wants(stream: &mut impl Read, repository: &Repository) -> io::Result<Wants> {
    let head = repository.head().to_string();
    let mut wants = Wants::Nothing;
    while let Some(Packet::Line(line)) = packet::read(stream)? {
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("want"), Some(id)) if id == head => {
                if wants == Wants::Nothing {
                    let banded = words.any(|capability| capability == "side-band-64k");
                    wants = Wants::Head(if banded {
                        Framing::Banded
                    } else {
                        Framing::Bare
                    });
                }
            }
            (Some("want"), Some(id)) => {
                return Ok(Wants::Refused(format!("no ref here is `{}`", shown(id))));
            }
            _ => {
                return Ok(Wants::Refused(format!(
                    "`{}` is not understood here",
                    shown(&line)
                )));
            }
        }
    }
    Ok(wants)
}

#[derive(Debug, Eq, PartialEq)]
enum Haves {
    Done,
    HungUp,
}

fn hear_haves(stream: &mut (impl Read + Write)) -> io::Result<Haves> {
    loop {
        match packet::read(stream)? {
            None => return Ok(Haves::HungUp),
            Some(Packet::Flush) => packet::write(stream, b"NAK\n")?,
            Some(Packet::Line(line)) if line == b"done" => {
                packet::write(stream, b"NAK\n")?;
                return Ok(Haves::Done);
            }
            Some(Packet::Line(_)) => {}
        }
    }
}

fn send_pack(stream: &mut impl Write, repository: &Repository, framing: Framing) -> io::Result<()> {
    match framing {
        Framing::Bare => stream.write_all(repository.pack()),
        Framing::Banded => {
            for part in repository.pack().chunks(packet::MOST - 1) {
                let mut content = vec![PACK_BAND];
                content.extend(part);
                packet::write(stream, &content)?;
            }
            packet::flush(stream)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A client that has said everything beforehand, and what it hears.
    struct Client {
        says: Cursor<Vec<u8>>,
        hears: Vec<u8>,
    }

    impl Read for Client {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Client {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.hears.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn hear(says: &[&str]) -> String {
        let mut words = Vec::new();
        for line in says {
            if line.is_empty() {
                packet::flush(&mut words).expect("a vector takes everything");
            } else {
                packet::write(&mut words, line.as_bytes()).expect("a vector takes everything");
            }
        }
        let mut client = Client {
            says: Cursor::new(words),
            hears: Vec::new(),
        };
        converse(&mut client, &Repository::of_readme("hello\n"))
            .expect("the conversation ends well");
        String::from_utf8_lossy(&client.hears).into_owned()
    }

    #[test]
    fn a_push_is_refused_before_anything_is_advertised() {
        assert_eq!(
            hear(&["git-receive-pack /repo.git\0host=localhost\0"]),
            "003dERR this server is read-only: nothing can be pushed to it"
        );
    }

    #[test]
    fn a_path_that_is_not_served_is_named_without_its_control_characters() {
        assert_eq!(
            hear(&["git-upload-pack /etc/\u{1b}[31mpasswd\0host=localhost\0"]),
            "0042ERR no repository `/etc/\\u{1b}[31mpasswd` here, only /repo.git"
        );
    }

    #[test]
    fn an_object_that_no_ref_names_is_not_given_out() {
        let other = "0".repeat(40);
        let heard = hear(&[
            "git-upload-pack /repo.git\0host=localhost\0",
            &format!("want {other}\n"),
            "",
            "done\n",
        ]);
        assert!(
            heard.ends_with(&format!("ERR no ref here is `{other}`")),
            "{heard}"
        );
    }

    #[test]
    fn a_shallow_clone_is_refused_in_words() {
        let head = Repository::of_readme("hello\n").head();
        let heard = hear(&[
            "git-upload-pack /repo.git\0",
            &format!("want {head}\n"),
            "deepen 1\n",
            "",
        ]);
        assert!(
            heard.ends_with("ERR `deepen 1` is not understood here"),
            "{heard}"
        );
    }

    #[test]
    fn without_bands_the_pack_is_sent_bare() {
        let head = Repository::of_readme("hello\n").head();
        let heard = hear(&[
            "git-upload-pack /repo.git\0",
            &format!("want {head}\n"),
            "",
            "done\n",
        ]);
        assert!(heard.contains("0008NAK\nPACK"), "{heard}");
    }
}

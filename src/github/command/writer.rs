//! Commands on a writer, in an order that the runner understands.

use std::io::{self, Write};

use super::escape::command;
use crate::{github::Nonce, secret::Secret};

/// What is shorter, in bytes, is no mask: it would hide ordinary words in every line of the log.
const SHORTEST_LINE: usize = 4;
/// One of several lines of a secret with fewer letters and digits than this is no mask of its own: the `{` of a JSON key would
/// become `***` in every line of the log that holds one.
const FEWEST_LETTERS: usize = 4;

/// Writes commands, and keeps track of what is open: groups do not nest, and no command works while commands are stopped.
#[derive(Debug)]
pub struct Commands<W> {
    writer: W,
    group_is_open: bool,
    stopped_by: Option<Nonce>,
}

impl<W: Write> Commands<W> {
    /// Writes to `writer`, which is the standard output of the step.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            group_is_open: false,
            stopped_by: None,
        }
    }

    /// Begins a group that can be folded; an open one is ended first.
    pub fn group(&mut self, title: &str) -> io::Result<()> {
        self.end_group()?;
        // A title is one line: what follows a line end would stand outside of the group's head.
        let title: Vec<_> = title.split_whitespace().collect();
        self.write("group", &[], &title.join(" "))?;
        self.group_is_open = true;
        Ok(())
    }

    /// Ends the open group, if there is one.
    pub fn end_group(&mut self) -> io::Result<()> {
        if !self.group_is_open {
            return Ok(());
        }
        self.write("endgroup", &[], "")?;
        self.group_is_open = false;
        Ok(())
    }

    /// Writes a line that is seen only where debug logging is on.
    pub fn debug(&mut self, message: &str) -> io::Result<()> {
        self.write("debug", &[], message)
    }

    /// Tells the runner to mask a secret: each of its lines by itself, as a runner reads its log line by line.
    ///
    /// The whole value of several lines is not sent: the runner would split it and mask lines such as `{` too. What is as short as
    /// a word of ordinary text is not sent either.
    pub fn mask(&mut self, secret: &Secret) -> io::Result<()> {
        let lines: Vec<&str> = secret
            .expose()
            .split(['\r', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let is_one_line = lines.len() == 1;
        let is_telling = |line: &&&str| {
            let letters = line.chars().filter(|character| character.is_alphanumeric());
            line.len() >= SHORTEST_LINE && (is_one_line || letters.count() >= FEWEST_LETTERS)
        };
        for line in lines.iter().filter(is_telling) {
            self.write("add-mask", &[], line)?;
        }
        Ok(())
    }

    /// Stops the runner from reading commands, so that what a child prints is only text; `nonce` is known to nobody else.
    pub fn stop(&mut self, nonce: Nonce) -> io::Result<()> {
        self.resume()?;
        self.write("stop-commands", &[], nonce.as_str())?;
        self.stopped_by = Some(nonce);
        Ok(())
    }

    /// Lets the runner read commands again, if they are stopped.
    pub fn resume(&mut self) -> io::Result<()> {
        let Some(nonce) = self.stopped_by.take() else {
            return Ok(());
        };
        self.writer
            .write_all(command(nonce.as_str(), &[], "").as_bytes())
    }

    /// Writes annotations; see [`super::Annotations::commands`].
    pub fn annotate(&mut self, annotations: &super::Annotations) -> io::Result<()> {
        self.awake(|writer| writer.write_all(annotations.commands().as_bytes()))
    }

    fn write(&mut self, name: &str, properties: &[(&str, &str)], data: &str) -> io::Result<()> {
        self.awake(|writer| writer.write_all(command(name, properties, data).as_bytes()))
    }

    /// Writes while commands are read: stopped ones are resumed for the moment.
    fn awake(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) -> io::Result<()> {
        let Some(nonce) = self.stopped_by.clone() else {
            return write(&mut self.writer);
        };
        self.resume()?;
        write(&mut self.writer)?;
        self.stop(nonce)
    }
}

impl<W: Write> Write for Commands<W> {
    /// Writes text of others as it is.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Commands<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut Commands::new(&mut bytes)).expect("memory can be written");
        String::from_utf8(bytes).expect("it is text")
    }

    #[test]
    fn groups_do_not_nest() {
        let text = written(|commands| {
            commands.end_group()?;
            commands.group("a\nb")?;
            commands.group("c")?;
            commands.end_group()?;
            commands.end_group()
        });
        assert_eq!(
            text,
            "::group::a b\n::endgroup::\n::group::c\n::endgroup::\n"
        );
    }

    #[test]
    fn a_secret_is_masked_line_by_line_without_its_brackets() {
        let key = "{\r\n  \"private_key\": \"MIIE%x\",\n  \"id\": 1\n}\n";
        let text = written(|commands| commands.mask(&Secret::new(key)));
        assert_eq!(text, "::add-mask::\"private_key\": \"MIIE%25x\",\n");
        let masks = |secret: &str| written(|commands| commands.mask(&Secret::new(secret)));
        assert_eq!(masks("!$&/"), "::add-mask::!$&/\n");
        assert_eq!(masks("p%in"), "::add-mask::p%25in\n");
        for short in ["pin", "{", "----\n====", " \n"] {
            assert_eq!(masks(short), "", "{short}");
        }
    }

    #[test]
    fn commands_are_stopped_around_a_child_and_resumed_for_our_own() {
        let nonce = Nonce::from_bytes([0xab; 16]);
        let text = written(|commands| {
            commands.stop(nonce.clone())?;
            commands.write_all(b"::error::from a child\n")?;
            commands.debug("ours")?;
            commands.resume()?;
            commands.resume()
        });
        let word = nonce.as_str();
        assert_eq!(
            text,
            format!(
                "::stop-commands::{word}\n::error::from a child\n::{word}::\n::debug::ours\n::stop-commands::{word}\n::{word}::\n"
            )
        );
    }
}

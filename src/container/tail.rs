//! The end of a log, within bounds.

use std::collections::VecDeque;

/// How much of a container's output is kept, in bytes: enough for the last words of a program that fails.
const KEPT: usize = 64 * 1024;

/// The last [`KEPT`] bytes of a stream.
#[derive(Debug, Default)]
pub(in crate::container) struct Tail(VecDeque<u8>);

impl Tail {
    /// Adds bytes and lets go of the oldest.
    pub(in crate::container) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let excess = (self.0.len() + bytes.len()).saturating_sub(KEPT);
        self.0.drain(..excess);
        self.0.extend(bytes);
    }

    /// Returns what is kept as text; where the beginning was dropped it starts at a line.
    pub(in crate::container) fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let start = if bytes.len() < KEPT {
            0
        } else {
            bytes
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1)
        };
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_are_dropped_whole() {
        let mut tail = Tail::default();
        for number in 0..20_000 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        let text = tail.text();
        assert!(
            text.len() <= KEPT && text.len() > KEPT - 20,
            "{}",
            text.len()
        );
        assert!(text.starts_with("line "), "{}", &text[..20]);
        assert!(text.ends_with("line 19999\n"));
    }

    #[test]
    fn a_short_log_is_kept_whole() {
        let mut tail = Tail::default();
        tail.push(b"no end of line");
        assert_eq!(tail.text(), "no end of line");
    }
}

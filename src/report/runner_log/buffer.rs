//! The output of a task that waits for its group.

use std::collections::VecDeque;

/// How much of a task's output waits, in bytes. Of more than that the last is kept; the full log has it all.
const MOST: usize = 1 << 20;

/// The last lines of a task.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    lines: VecDeque<String>,
    bytes: usize,
    n_left_out: usize,
}

impl Buffer {
    /// Adds a line.
    pub fn push(&mut self, line: String) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line);
        while self.bytes > MOST
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.len() + 1;
            self.n_left_out += 1;
        }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.n_left_out == 0
    }

    /// Returns the lines, and how many before them were left out.
    pub fn take(&mut self) -> (usize, VecDeque<String>) {
        let taken = std::mem::take(self);
        (taken.n_left_out, taken.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_others_counted() {
        let mut buffer = Buffer::default();
        let line = "x".repeat(99_999);
        (0..12).for_each(|_| buffer.push(line.clone()));
        buffer.push("last".to_owned());
        let (n_left_out, lines) = buffer.take();
        assert_eq!((n_left_out, lines.len()), (2, 11));
        assert_eq!(lines.back().map(String::as_str), Some("last"));
        assert!(buffer.is_empty());
    }
}

//! How a child ended.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

/// How a child ended, and what became of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How the process itself ended.
    pub how: Exit,
    /// Why it was asked to stop, if it was; then it did not succeed, whatever its exit code.
    pub stopped: Option<StopReason>,
    /// Whether patience ran out and it was killed, with all that belonged to it.
    pub killed: bool,
    /// Time from its start until its output was read to the end.
    pub took: Duration,
    /// Bytes written to the log.
    pub log_bytes: u64,
    /// Its standard output, where the description asks for it.
    pub stdout: Option<Captured>,
    /// What somebody should know who looks at it.
    pub notes: Vec<Note>,
}

impl Ended {
    /// Whether it ended by itself and with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.how == Exit::Code(0) && self.stopped.is_none()
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// Returns the exit code as shells count: 128 and the number of the signal where a signal ended it.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
        }
    }
}

/// Why a child was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// Somebody cancelled.
    Cancelled,
    /// Its time was over.
    TimedOut,
}

/// Something about a child that its exit code does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// A process that it left behind holds its output open; what that one prints is not in the log.
    OutputHeld,
    /// The log could not be written to the end.
    LogIncomplete(String),
    /// The captured output could not be kept.
    CaptureIncomplete(String),
    /// So many lines were not shown live, because nobody took them in time; the log has them.
    LinesNotShown(u64),
    /// A signal could not be sent.
    SignalRefused(String),
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutputHeld => formatter.write_str(
                "a process that it left behind holds its output open; what that one prints is not in the log",
            ),
            Self::LogIncomplete(why) => write!(formatter, "the log is incomplete: {why}"),
            Self::CaptureIncomplete(why) => {
                write!(formatter, "its output could not be kept: {why}")
            }
            Self::LinesNotShown(1) => formatter.write_str("1 line was not shown; the log has it"),
            Self::LinesNotShown(count) => {
                write!(formatter, "{count} lines were not shown; the log has them")
            }
            Self::SignalRefused(why) => write!(formatter, "a signal could not be sent: {why}"),
        }
    }
}

/// Standard output as it was, unmasked: it may hold secrets that nobody knows yet. It does not print itself, and its
/// memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured {
    bytes: Vec<u8>,
    is_complete: bool,
}

impl Captured {
    pub(super) fn new(bytes: Vec<u8>, is_complete: bool) -> Self {
        Self { bytes, is_complete }
    }

    /// Returns the bytes.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether all of it is here; else it was longer than the limit, and this is its beginning.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Captured({} bytes)", self.bytes.len())
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_counts_from_128() {
        assert_eq!(Exit::Signal(2).code(), 130);
        assert_eq!(Exit::Code(3).code(), 3);
    }

    #[test]
    fn captured_output_does_not_print_itself() {
        let captured = Captured::new(b"hunter2".to_vec(), true);
        assert_eq!(format!("{captured:?}"), "Captured(7 bytes)");
    }
}

//! How concerning something is, and its colour, where somebody asked for colours.

use serde::Serialize;

/// How concerning something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// It is as it should be.
    Good,
    /// It went wrong.
    Bad,
    /// A person has to do something, or nobody knows.
    Attention,
    /// It goes on.
    Active,
    /// There is nothing to say.
    Quiet,
}

/// Whether a text is coloured, and adorned with symbols beyond ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Words alone.
    Plain,
    /// Colours of the terminal's own palette, and symbols.
    Ansi,
}

impl Colours {
    /// Colours a word by its tone.
    pub fn paint(self, tone: Tone, word: &str) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) => return word.to_owned(),
            (Self::Ansi, Tone::Good) => "32",
            (Self::Ansi, Tone::Bad) => "1;31",
            (Self::Ansi, Tone::Attention) => "33",
            (Self::Ansi, Tone::Active) => "36",
            (Self::Ansi, Tone::Quiet) => "2",
        };
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    }
}

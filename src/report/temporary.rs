//! temporary
use crate::{event::Record, ident::TaskKey, report::Reporter};
use std::io::Write;
/// x
pub struct JsonLines(Box<dyn Write>);
impl JsonLines {
    /// x
    pub fn new(w: Box<dyn Write>) -> Self {
        Self(w)
    }
}
impl Reporter for JsonLines {
    fn record(&mut self, record: &Record) {
        drop(writeln!(
            self.0,
            "{}",
            serde_json::to_string(record).expect("json")
        ));
    }
    fn output(&mut self, _: &TaskKey, _: &str) {}
    fn notice(&mut self, _: &str) {}
}
/// x
pub struct TerminalOptions {
    /// x
    pub colours: bool,
    /// x
    pub verbose: bool,
}
/// x
pub struct Terminal(Box<dyn Write>);
impl Terminal {
    /// x
    pub fn new(w: Box<dyn Write>, o: TerminalOptions) -> Self {
        {
            drop(o.verbose);
            Self(w)
        }
    }
}
impl Reporter for Terminal {
    fn record(&mut self, record: &Record) {
        drop(writeln!(
            self.0,
            "{}",
            serde_json::to_string(&record.event).expect("json")
        ));
    }
    fn output(&mut self, t: &TaskKey, l: &str) {
        drop(writeln!(self.0, "{t} | {l}"));
    }
    fn notice(&mut self, t: &str) {
        drop(writeln!(self.0, "notice: {t}"));
    }
}

//! What was found, what was expected, and what to do about it.

use serde_json::{Value, json};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Plan,
    Machine,
    Programs,
    Containers,
    Logins,
    GitHub,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is as it should be.
    Ok,
    /// Worth knowing; nothing that the plan needs now fails for it.
    Note,
    /// The plan needs it, and it is not there.
    Missing,
    /// Only the network knows, and it was not asked.
    NotAsked,
}

/// One finding.
#[derive(Debug)]
pub(super) struct Finding {
    area: Area,
    what: String,
    state: State,
    found: String,
    expected: String,
    next: Vec<String>,
}

/// All findings, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Finding {
    fn new(area: Area, state: State, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            area,
            what: what.into(),
            state,
            found: found.into(),
            expected: String::new(),
            next: Vec::new(),
        }
    }

    /// Something that is as it should be.
    pub(super) fn ok(area: Area, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(area, State::Ok, what, found)
    }

    /// Something worth knowing.
    pub(super) fn note(area: Area, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(area, State::Note, what, found)
    }

    /// Something that is needed and not there.
    pub(super) fn missing(area: Area, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(area, State::Missing, what, found)
    }

    /// Something that only the network knows.
    pub(super) fn not_asked(area: Area, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(area, State::NotAsked, what, found)
    }

    /// Missing where it is needed, else a note.
    pub(super) fn missing_if(
        needed: Needed,
        area: Area,
        what: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        match needed {
            Needed::Now => Self::missing(area, what, found),
            Needed::Later => Self::note(area, what, found),
        }
    }

    /// The same finding with what was expected.
    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The same finding with one more command or step.
    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }
}

/// Whether something that this version carries out needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needed {
    /// Only tasks that this version does not carry out yet.
    Later,
    /// Yes.
    Now,
}

impl Report {
    /// Adds a finding.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether something is missing that is needed.
    pub(super) fn is_something_missing(&self) -> bool {
        self.count(State::Missing) > 0
    }

    fn count(&self, state: State) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.state == state).count()
    }

    /// The report for people: a paragraph an area, what to do below what is not as it should be.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut area = None;
        for finding in &self.findings {
            if area != Some(finding.area) {
                let gap = if area.is_some() { "\n" } else { "" };
                text.push_str(&format!("{gap}{}\n", finding.area.word()));
                area = Some(finding.area);
            }
            text.push_str(&format!(
                "  {:<10}{}: {}\n",
                finding.state.word(),
                finding.what,
                finding.found
            ));
            if !finding.expected.is_empty() && finding.state != State::Ok {
                text.push_str(&format!("{:12}expected: {}\n", "", finding.expected));
            }
            for next in &finding.next {
                text.push_str(&format!("{:12}{next}\n", ""));
            }
        }
        let missing = self.count(State::Missing);
        let closing = match missing {
            0 => "nothing is missing".to_owned(),
            1 => "1 thing is missing".to_owned(),
            many => format!("{many} things are missing"),
        };
        let not_asked = if self.count(State::NotAsked) > 0 {
            "; `--online` asks GitHub about the rest"
        } else {
            ""
        };
        text.push_str(&format!("\n{closing}{not_asked}\n"));
        text
    }

    /// The report for programs.
    pub(super) fn to_json(&self) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_json).collect();
        json!({ "missing": self.count(State::Missing), "findings": findings })
    }
}

impl Finding {
    fn to_json(&self) -> Value {
        json!({
            "area": self.area.word(),
            "what": self.what,
            "state": self.state.word(),
            "found": self.found,
            "expected": self.expected,
            "next": self.next,
        })
    }
}

impl Area {
    fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Machine => "machine",
            Self::Programs => "programs",
            Self::Containers => "containers",
            Self::Logins => "logins",
            Self::GitHub => "github",
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Missing => "missing",
            Self::NotAsked => "not-asked",
        }
    }
}

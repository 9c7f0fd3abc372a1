//! What the ledgers and the registry of a rehearsal say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Where a blow falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    BetweenTasks,
    InTask,
    InKeptChild,
}

/// What the records of all walks come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Tasks that began and did not end, and whether a keeper holds a child of theirs.
    pub(super) open: BTreeMap<String, bool>,
    /// Tasks about which a person is asked.
    pub(super) asked: BTreeSet<String>,
    /// Tasks that began although their success was on record and still counted.
    pub(super) repeated: Vec<String>,
    /// Tasks that a person called done.
    pub(super) settled: BTreeSet<String>,
    succeeded: BTreeSet<String>,
}

impl Facts {
    /// Takes the lines of one ledger into account; a torn last line is none.
    pub(super) fn add(&mut self, ledger: &str) {
        for line in ledger
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let event = &line["record"]["event"];
            if let (Some(kind), Some(task)) = (event["type"].as_str(), event["task"].as_str()) {
                self.take(kind, task.to_owned(), event);
            }
        }
    }

    fn take(&mut self, kind: &str, task: String, event: &Value) {
        match kind {
            "task-started" => {
                self.asked.remove(&task);
                if self.succeeded.remove(&task) {
                    self.repeated.push(task.clone());
                }
                self.open.insert(task, false);
            }
            "child-kept" => {
                self.open.insert(task, true);
            }
            "task-finished" => {
                self.open.remove(&task);
                self.asked.remove(&task);
                if event["outcome"]["type"] == "succeeded" {
                    self.succeeded.insert(task);
                }
            }
            "task-invalidated" => {
                self.succeeded.remove(&task);
            }
            "task-paused" if event["waiting"]["type"] == "settlement" => {
                self.asked.insert(task);
            }
            "task-settled" => {
                self.asked.remove(&task);
                if event["done"] == true {
                    self.settled.insert(task.clone());
                    self.open.remove(&task);
                }
            }
            _ => {}
        }
    }

    /// Tells where a blow would fall now.
    pub(super) fn standing(&self) -> Where {
        match self.open.values().max() {
            None => Where::BetweenTasks,
            Some(false) => Where::InTask,
            Some(true) => Where::InKeptChild,
        }
    }
}

/// The blobs that were sent more than once, by the log of the registry.
pub(super) fn sent_twice(requests: &str) -> Vec<String> {
    let mut sent = BTreeSet::new();
    let mut twice = Vec::new();
    for request in requests
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let path = request["path"].as_str().unwrap_or_default();
        let is_upload = request["method"] == "PUT" && path.contains("/blobs/uploads/");
        let digest = request["query"].as_str().unwrap_or_default().to_owned();
        if is_upload && request["status"] == 201 && !sent.insert(digest.clone()) {
            twice.push(digest);
        }
    }
    twice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(events: &[&str]) -> Facts {
        let mut facts = Facts::default();
        let line = |event: &&str| format!("{{\"record\":{{\"event\":{{{event}}}}}}}\n");
        facts.add(&events.iter().map(line).collect::<String>());
        facts
    }

    const STARTED: &str = r#""type":"task-started","task":"a""#;
    const KEPT: &str = r#""type":"child-kept","task":"a""#;
    const DONE: &str = r#""type":"task-finished","task":"a","outcome":{"type":"succeeded"}"#;
    const FAILED: &str = r#""type":"task-finished","task":"a","outcome":{"type":"cancelled"}"#;
    const GONE: &str = r#""type":"task-invalidated","task":"a""#;
    const ASKED: &str = r#""type":"task-paused","task":"a","waiting":{"type":"settlement"}"#;
    const SETTLED: &str = r#""type":"task-settled","task":"a","done":true"#;

    #[test]
    fn the_records_say_where_a_blow_falls() {
        assert_eq!(facts(&[]).standing(), Where::BetweenTasks);
        assert_eq!(facts(&[STARTED]).standing(), Where::InTask);
        assert_eq!(facts(&[STARTED, KEPT]).standing(), Where::InKeptChild);
        assert_eq!(
            facts(&[STARTED, KEPT, DONE]).standing(),
            Where::BetweenTasks
        );
    }

    #[test]
    fn only_a_success_that_still_counts_may_not_be_repeated() {
        assert_eq!(facts(&[STARTED, DONE, STARTED]).repeated, ["a"]);
        assert_eq!(facts(&[STARTED, FAILED, STARTED, DONE]).repeated, [""; 0]);
        assert_eq!(facts(&[STARTED, DONE, GONE, STARTED]).repeated, [""; 0]);
    }

    #[test]
    fn a_question_is_open_until_it_is_answered() {
        assert!(facts(&[STARTED, ASKED]).asked.contains("a"));
        let answered = facts(&[STARTED, ASKED, SETTLED]);
        assert!(answered.asked.is_empty() && answered.settled.contains("a"));
    }

    #[test]
    fn a_blob_is_sent_twice_when_two_uploads_of_it_end_well() {
        let upload = |status: u16| {
            format!(
                "{{\"method\":\"PUT\",\"path\":\"/v2/a/blobs/uploads/1\",\"query\":\"digest=x\",\"status\":{status}}}\n"
            )
        };
        assert_eq!(sent_twice(&(upload(500) + &upload(201))), [""; 0]);
        assert_eq!(sent_twice(&(upload(201) + &upload(201))), ["digest=x"]);
    }
}

//! A ledger of any bytes.

use camino::Utf8Path;
use deploy_action::{
    digest::Digest,
    event::Record,
    ledger::{Replay, RunState, replay_bytes},
};

/// What messages call the bytes.
const NAME: &str = "records.jsonl";

/// The first line of a ledger.
const HEADER: &str = "{\"ledger\":\"deploy-action\",\"format\":1}\n";

/// How many places an input is cut off at, besides its end.
const CUTS: usize = 24;

/// Replays the input as it is; then as a ledger whose lines are sealed, because no engine guesses a checksum.
pub(crate) fn check(input: &[u8]) {
    replays(input);
    let sealed = sealed(input);
    replays(sealed.as_bytes());
    let (records, text) = written(&records_of(input));
    let replay = replay_bytes(Utf8Path::new(NAME), text.as_bytes());
    let replay = replay.expect("what was written is read again");
    assert_eq!(
        replay.records, records,
        "what was written is read otherwise"
    );
    folds(&records);
}

/// The records among the lines of the input, by themselves or in a line of a ledger.
pub(crate) fn records_of(input: &[u8]) -> Vec<Record> {
    let lines = input.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice(json_of(line)).ok())
        .collect()
}

/// The record in a line of a ledger; else the line.
fn json_of(line: &[u8]) -> &[u8] {
    const OPENING: &[u8] = b",\"record\":";
    let opening = line
        .windows(OPENING.len())
        .position(|window| window == OPENING);
    opening
        .and_then(|at| line[at + OPENING.len()..].strip_suffix(b"}"))
        .unwrap_or(line)
}

/// Each line of the input as a record with the length and the checksum that it has, behind a header.
fn sealed(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().filter(|line| !line.starts_with("{\"ledger\""));
    let sealed = lines.map(|line| seal(&String::from_utf8_lossy(json_of(line.as_bytes()))));
    format!("{HEADER}{}", sealed.collect::<String>())
}

fn seal(json: &str) -> String {
    let length = json.len();
    let checksum = Digest::of(json).hex();
    format!(
        "{{\"length\":{length},\"sha256\":\"{}\",\"record\":{json}}}\n",
        &checksum[..16]
    )
}

/// The records with the numbers that a ledger gives them, and the ledger.
fn written(records: &[Record]) -> (Vec<Record>, String) {
    let mut numbered = records.to_vec();
    let mut text = HEADER.to_owned();
    for (record, number) in numbered.iter_mut().zip(1..) {
        record.seq = number;
        text.push_str(&seal(
            &serde_json::to_string(record).expect("a record is written as JSON"),
        ));
    }
    (numbered, text)
}

/// Every beginning of what can be replayed can be replayed, and holds the beginning of its records.
fn replays(bytes: &[u8]) {
    let Ok(whole) = replay_bytes(Utf8Path::new(NAME), bytes) else {
        return;
    };
    for (record, number) in whole.records.iter().zip(1..) {
        assert_eq!(record.seq, number, "a gap in the numbers");
    }
    let step = (bytes.len() / CUTS).max(1);
    let near_lines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let near_lines = near_lines.flat_map(|(at, _)| [at, at + 1]).take(CUTS);
    for cut in (0..bytes.len()).step_by(step).chain(near_lines) {
        let part = replay_bytes(Utf8Path::new(NAME), &bytes[..cut]);
        let part = part.unwrap_or_else(|error| panic!("cut off at byte {cut}: {error}"));
        begins(&whole, &part, cut);
    }
}

fn begins(whole: &Replay, part: &Replay, cut: usize) {
    assert_eq!(
        whole.records.get(..part.records.len()),
        Some(part.records.as_slice()),
        "cut off at byte {cut}, the records are not the first ones"
    );
    let lost = whole.end != part.end && part.warnings.is_empty();
    assert!(
        !lost || part.records.len() < whole.records.len() || cut == 0,
        "cut off at byte {cut}, nothing is said of what is missing"
    );
}

/// The state does not depend on where the records were cut, and every question about it has an answer.
fn folds(records: &[Record]) {
    let whole = RunState::of(records);
    let mut state = RunState::of(&records[..records.len() / 2]);
    for record in &records[records.len() / 2..] {
        state.apply(record);
    }
    assert_eq!(state, whole, "the state depends on where it was read on");
    assert_eq!(RunState::of_walks(&[records]), whole, "one walk is all");
    let unknown = Digest::of("no task was ever made of this");
    for (task, record) in whole.tasks() {
        record.resume(&unknown);
        whole.resume(task, &unknown);
    }
    let mut dead = whole.clone();
    dead.mark_interrupted(|_, _| false);
    let mut again = dead.clone();
    again.mark_interrupted(|_, _| false);
    assert_eq!(again, dead, "what is interrupted is so once");
    assert_eq!(
        dead.unfinished().count(),
        whole.unfinished().count(),
        "to mark something as interrupted ends nothing"
    );
}

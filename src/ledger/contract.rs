//! What every store of a ledger has to hold, tested on the one in a folder.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    process::{Child, Command, Stdio},
    thread,
};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Cursor, Durability, Ledger, LedgerError, Opened, Replay, Warning, replay};
use crate::{
    digest::Digest,
    event::{Event, Outcome, OutputValue, Record, RunSummary, StartedRun},
    expression::Value,
    ident::RunId,
};

struct Room {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Utf8Path::from_path(folder.path())
            .expect("its name is UTF-8")
            .join("acme/api/relay/none");
        Self {
            _folder: folder,
            path,
        }
    }

    fn open(&self) -> Opened {
        Ledger::open(&self.path).expect("a ledger")
    }

    fn file(&self) -> Utf8PathBuf {
        self.path.join("records.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("the file is there")
    }

    fn refusal(&self, text: impl AsRef<[u8]>) -> LedgerError {
        fs::write(self.file(), text).expect("room");
        let read = replay(&self.path).expect_err("reading is refused");
        let opened = Ledger::open(&self.path).expect_err("opening is refused");
        assert_eq!(read.to_string(), opened.to_string());
        read
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time of this century")
}

fn run() -> RunId {
    RunId::new("19203")
}

fn started() -> Event {
    Event::RunStarted(StartedRun {
        plan: "relay".to_owned(),
        plan_digest: Digest::of("plan"),
        job: Some("publish--server".to_owned()),
        commit: None,
        actor: Some("zoë".to_owned()),
        url: None,
        rehearsal: false,
        version: "0.1.0".to_owned(),
        bundle: None,
    })
}

fn finished(text: &str) -> Event {
    let outputs = [
        ("reference", Value::from(text)),
        ("count", Value::from(3.0)),
        ("share", Value::from(0.25)),
    ];
    Event::TaskFinished {
        task: "build[a.b]@production".parse().expect("a task key"),
        attempt: 1,
        outcome: Outcome::Succeeded,
        took_ms: 1_200,
        outputs: outputs
            .into_iter()
            .map(|(name, value)| {
                let name = name.parse().expect("a name");
                (name, OutputValue::Clear { value })
            })
            .collect(),
        artifacts: BTreeMap::new(),
        effects: Vec::new(),
        log: None,
    }
}

fn ended() -> Event {
    Event::RunFinished(RunSummary { job: None, exit: 0 })
}

fn fill(ledger: &Ledger) -> Vec<Record> {
    [
        started(),
        finished("line\nbreak, \"quotes\" and ünïcode"),
        ended(),
    ]
    .into_iter()
    .map(|event| {
        ledger
            .append(&run(), at(1_000), event, Durability::Written)
            .expect("room")
    })
    .collect()
}

#[test]
fn what_was_appended_is_read_again_with_numbers_from_one() {
    let room = Room::new();
    let Opened { ledger, replay } = room.open();
    assert_eq!((replay.records, replay.warnings), (vec![], vec![]));
    let appended = fill(&ledger);
    let numbers: Vec<u64> = appended.iter().map(|record| record.seq).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let Replay { records, end, .. } = room.open().replay;
    assert_eq!(records, appended);
    assert_eq!(end.seq(), 3);
}

#[test]
fn each_line_is_json_with_the_record_in_it() {
    let room = Room::new();
    fill(&room.open().ledger);
    for (number, line) in room.text().lines().enumerate() {
        let json: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let seq = json.pointer("/record/seq").and_then(|seq| seq.as_u64());
        assert_eq!(seq.unwrap_or(0), number as u64);
    }
}

#[test]
fn nobody_else_can_read_the_ledger() {
    use std::os::unix::fs::PermissionsExt as _;
    let room = Room::new();
    let ledger = room.open().ledger;
    let logs = ledger
        .create_folder(Utf8Path::new("logs/19/app"))
        .expect("room");
    for path in [&room.path, &room.file(), &logs, &room.path.join("logs")] {
        let mode = fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{path}");
    }
}

#[test]
fn reading_makes_nothing() {
    let room = Room::new();
    assert_eq!(replay(&room.path).expect("nothing").records, []);
    assert!(!room.path.exists());
}

#[test]
fn every_prefix_of_the_bytes_recovers_and_can_be_appended_to() {
    let whole = Room::new();
    let appended = fill(&whole.open().ledger);
    let bytes = fs::read(whole.file()).expect("the file is there");
    for length in 0..=bytes.len() {
        let room = Room::new();
        fs::create_dir_all(&room.path).expect("room");
        fs::write(room.file(), &bytes[..length]).expect("room");
        let n_lines = bytes[..length]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        let n_whole = n_lines.saturating_sub(1);
        let is_torn = length > 0 && bytes[length - 1] != b'\n';

        let read = replay(&room.path).expect("a prefix is readable");
        assert_eq!(read.records, appended[..n_whole], "of {length} bytes");
        assert_eq!(!read.warnings.is_empty(), is_torn, "of {length} bytes");
        let Opened { ledger, replay } = room.open();
        assert_eq!(replay.records, appended[..n_whole], "of {length} bytes");
        assert_eq!(!replay.warnings.is_empty(), is_torn, "of {length} bytes");

        let next = ledger
            .append(&run(), at(2_000), ended(), Durability::Written)
            .expect("room");
        assert_eq!(next.seq, n_whole as u64 + 1);
        let replay = room.open().replay;
        assert_eq!(replay.records.last(), Some(&next));
        assert_eq!(replay.warnings, []);
    }
}

#[test]
fn a_page_that_never_reached_the_disk_is_a_torn_line() {
    let room = Room::new();
    fill(&room.open().ledger);
    let mut bytes = fs::read(room.file()).expect("the file is there");
    let last_line = bytes.len() - 20;
    bytes[last_line..].fill(0);
    *bytes.last_mut().expect("there are bytes") = b'\n';
    fs::write(room.file(), &bytes).expect("room");
    let replay = room.open().replay;
    assert_eq!(replay.records.len(), 2);
    assert!(matches!(
        replay.warnings[..],
        [Warning::TornLine { line: 4, .. }]
    ));
}

#[test]
fn a_writer_that_was_cut_off_is_reported_by_whoever_writes_next() {
    let room = Room::new();
    let Opened { ledger, .. } = room.open();
    fill(&ledger);
    let mut other = fs::File::options()
        .append(true)
        .open(room.file())
        .expect("it is there");
    other.write_all(b"{\"length\":9").expect("room");
    let next = ledger
        .append(&run(), at(2_000), ended(), Durability::Synced)
        .expect("room");
    assert_eq!(next.seq, 4);
    let [warning] = &ledger.take_warnings()[..] else {
        panic!("one line was torn");
    };
    assert!(warning.to_string().ends_with(
        "records.jsonl`, line 5: dropped 11 bytes of a record whose writer was cut off"
    ));
    assert_eq!(ledger.take_warnings(), []);
    assert_eq!(room.open().replay.records.len(), 4);
}

#[test]
fn a_damaged_line_is_named_and_never_skipped() {
    let room = Room::new();
    fill(&room.open().ledger);
    let text = room.text();
    let error = room.refusal(text.replace("relay", "reley"));
    assert!(
        error
            .to_string()
            .ends_with("records.jsonl`, line 2: the record does not have its checksum")
    );
    let hint = error.hint().expect("a way out");
    assert!(hint.contains("sed -i '2,$d'"), "{hint}");
    // Also when it is the last one: it has its end, so its writer was not cut off.
    let error = room.refusal(text.replace("\"exit\":0", "\"exit\":1"));
    assert!(matches!(error, LedgerError::BadLine { line: 4, .. }));
    let error = room.refusal(text.replace("zoë", "zoe"));
    assert!(error.to_string().contains("in place of"), "{error}");
}

#[test]
fn a_missing_line_is_a_gap() {
    let room = Room::new();
    fill(&room.open().ledger);
    let text = room.text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let error = room.refusal([lines[0], lines[1], lines[3]].concat());
    assert!(
        error
            .to_string()
            .ends_with("line 3: found record 3 where record 2 belongs"),
        "{error}"
    );
}

#[test]
fn a_newer_format_is_refused_and_not_guessed_at() {
    let room = Room::new();
    fill(&room.open().ledger);
    let newer = room.text().replace("\"format\":1", "\"format\":2,\"x\":1");
    let error = room.refusal(newer);
    assert!(
        error
            .to_string()
            .ends_with("has format 2, and this program knows formats up to 1"),
        "{error}"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("newer")));
    for other in [
        "a diary\n",
        "{\"ledger\":\"other\",\"format\":1}\n",
        "diary",
    ] {
        assert!(
            matches!(room.refusal(other), LedgerError::NotALedger { .. }),
            "{other}"
        );
    }
}

#[test]
fn a_record_of_an_unknown_kind_is_not_taken_for_damage() {
    let room = Room::new();
    let Opened { ledger, .. } = room.open();
    fill(&ledger);
    let json = r#"{"seq":4,"at":"2026-01-01T00:00:00Z","run":"1","event":{"type":"moon-rose"}}"#;
    let checksum = &Digest::of(json).hex()[..16];
    let length = json.len();
    let line = format!("{{\"length\":{length},\"sha256\":\"{checksum}\",\"record\":{json}}}\n");
    let error = room.refusal(room.text() + &line);
    assert!(matches!(error, LedgerError::UnknownRecord { line: 5, .. }));
}

#[test]
fn a_file_that_lost_records_is_not_written_to() {
    let room = Room::new();
    let Opened { ledger, .. } = room.open();
    fill(&ledger);
    fs::write(room.file(), "").expect("room");
    let refused = ledger.append(&run(), at(2_000), ended(), Durability::Written);
    assert!(matches!(refused, Err(LedgerError::Shrunk { found: 0, .. })));
}

#[test]
fn a_reader_follows_what_others_write() {
    let room = Room::new();
    let Opened { ledger, replay } = room.open();
    let mut cursor = replay.end;
    let appended = fill(&room.open().ledger);
    assert_eq!(ledger.read_on(&mut cursor).expect("a ledger"), appended);
    assert_eq!(ledger.read_on(&mut cursor).expect("a ledger"), []);
    let own = ledger
        .append_all(&run(), at(3), vec![ended(), ended()], Durability::Written)
        .expect("room");
    assert_eq!(own[1].seq, 5);
    assert_eq!(ledger.read_on(&mut cursor).expect("a ledger"), own);
    let mut from_the_beginning = Cursor::default();
    let all = ledger.read_on(&mut from_the_beginning).expect("a ledger");
    assert_eq!(all.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_byte_goes_unnoticed(place: prop::sample::Index, byte: u8) {
        let room = Room::new();
        let appended = fill(&room.open().ledger);
        let mut bytes = fs::read(room.file()).expect("the file is there");
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        fs::write(room.file(), &bytes).expect("room");
        // What is not refused is a torn end, which is reported, or a header whose words mean the same.
        if let Ok(replay) = replay(&room.path) {
            prop_assert!(!replay.warnings.is_empty() || replay.records == appended);
            prop_assert!(appended.starts_with(&replay.records));
        }
    }
}

#[test]
fn four_handles_in_threads_leave_no_gap() {
    let room = Room::new();
    thread::scope(|scope| {
        for writer in 0..4 {
            let room = &room;
            scope.spawn(move || {
                let Opened { ledger, .. } = room.open();
                write_many(&ledger, &writer.to_string(), 50);
            });
        }
    });
    assert_everything_is_there(&room, 50);
}

fn write_many(ledger: &Ledger, writer: &str, n_records: u64) {
    for number in 0..n_records {
        let durability = match number % 10 {
            0 => Durability::Synced,
            _ => Durability::Written,
        };
        let event = finished(&format!("{writer} {number}"));
        ledger
            .append(&RunId::new(writer), at(1_000), event, durability)
            .expect("room");
    }
}

fn assert_everything_is_there(room: &Room, n_each: u64) {
    let Replay {
        records, warnings, ..
    } = room.open().replay;
    assert_eq!(warnings, []);
    let numbers: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(numbers, (1..=4 * n_each).collect::<Vec<_>>());
    for writer in ["0", "1", "2", "3"] {
        let of_writer = records.iter().filter(|r| r.run.as_str() == writer);
        let events: Vec<_> = of_writer.map(|record| record.event.clone()).collect();
        let expected: Vec<_> = (0..n_each)
            .map(|number| finished(&format!("{writer} {number}")))
            .collect();
        assert!(events == expected, "the records of writer {writer}");
    }
}

const FOLDER: &str = "LEDGER_CONTRACT_FOLDER";
const WRITER: &str = "LEDGER_CONTRACT_WRITER";
const RECORDS: &str = "LEDGER_CONTRACT_RECORDS";

/// Is the child of the tests below, and no test of its own.
#[test]
#[ignore = "it is started by other tests as a process of their own"]
fn writes_as_a_process_of_its_own() {
    let variable = |name| std::env::var(name).expect("the parent sets it");
    let folder = Utf8PathBuf::from(variable(FOLDER));
    let Opened { ledger, .. } = Ledger::open(&folder).expect("a ledger");
    let n_records = variable(RECORDS).parse().expect("a number");
    write_many(&ledger, &variable(WRITER), n_records);
}

fn spawn_writer(room: &Room, writer: &str, n_records: u64) -> Child {
    Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "--ignored"])
        .arg("ledger::contract::writes_as_a_process_of_its_own")
        .env(FOLDER, &room.path)
        .env(WRITER, writer)
        .env(RECORDS, n_records.to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("the test binary runs")
}

#[test]
fn four_processes_leave_no_gap() {
    let room = Room::new();
    let writers = ["0", "1", "2", "3"].map(|writer| spawn_writer(&room, writer, 50));
    for mut writer in writers {
        assert!(writer.wait().expect("our child").success());
    }
    assert_everything_is_there(&room, 50);
}

#[test]
fn a_process_that_is_killed_in_the_middle_leaves_a_ledger_that_goes_on() {
    let room = Room::new();
    let Opened { ledger, replay } = room.open();
    let mut writer = spawn_writer(&room, "killed", u64::MAX);
    let mut cursor = replay.end;
    while cursor.seq() < 20 {
        ledger.read_on(&mut cursor).expect("a ledger");
        assert!(writer.try_wait().expect("our child").is_none());
    }
    writer.kill().expect("our child");
    writer.wait().expect("our child");
    let next = ledger
        .append(&run(), at(2_000), ended(), Durability::Synced)
        .expect("room");
    let records = room.open().replay.records;
    assert_eq!(records.last(), Some(&next));
    let numbers = records.iter().map(|record| record.seq);
    assert!(numbers.eq(1..=next.seq));
}

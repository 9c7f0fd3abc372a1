use std::{
    cell::RefCell,
    collections::HashMap,
    io::{self, Write},
    rc::Rc,
};

use super::*;
use crate::ident::TaskKey;

/// A stream that the test can read.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("reporters write UTF-8")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn story(colours: Colours, output: Output) -> Story {
    Story::new(
        colours,
        output,
        Places::below(camino::Utf8Path::new("/state")),
    )
}

/// Shows the failed run; `app@production` writes 25 lines before it ends.
fn shown(reporter: &mut dyn Reporter) {
    for record in fixture::failed_run().0 {
        if record.seq == 11 {
            let app = "app@production".parse().expect("a key");
            (1..=25).for_each(|line| reporter.output(&app, &format!("line {line}\u{1b}[2J")));
        }
        reporter.record(&record);
    }
}

#[test]
fn a_run_is_lines_that_say_what_to_do() {
    let stream = Shared::default();
    shown(&mut Terminal::new(
        Box::new(stream.clone()),
        story(Colours::Plain, Output::OfFailures),
    ));
    insta::assert_snapshot!(stream.text(), @r"
    begins       run of relay, commit 4f2a9c1d
    starts       build
    failed       build after 4.0 s: `make` ended with exit code 2
      log: /state/none/logs/4711/build/attempt-1/log.txt
    starts       build, attempt 2
    done         build in 1 min 12 s
    starts       server
    held         server/listed: exists true (required true)
    done         server in 12 s
    approved     phase release in production by hubot
    starts       app@production
    not held     app@production/http: status 503 (required 200); `status` is not 200
    app@production | line 6
    app@production | line 7
    app@production | line 8
    app@production | line 9
    app@production | line 10
    app@production | line 11
    app@production | line 12
    app@production | line 13
    app@production | line 14
    app@production | line 15
    app@production | line 16
    app@production | line 17
    app@production | line 18
    app@production | line 19
    app@production | line 20
    app@production | line 21
    app@production | line 22
    app@production | line 23
    app@production | line 24
    app@production | line 25
    failed       app@production after 1 min: check `http` did not hold: `status` is 503, required 200
      hint: look at the log of the server
      log: /state/production/logs/4711/app@production/attempt-1/log.txt
    blocked      page@production: `app@production` has to succeed first
    paused       signed@production: decision `tls` is open
      next: answer `tls` in the plan and run again

    5 tasks: 1 failed, 1 paused, 1 blocked, 2 done
    first failure: app@production: check `http` did not hold: `status` is 503, required 200
    ");
}

#[test]
fn all_output_is_shown_when_asked_for() {
    let stream = Shared::default();
    let mut terminal = Terminal::new(
        Box::new(stream.clone()),
        story(Colours::Plain, Output::Everything),
    );
    shown(&mut terminal);
    assert_eq!(stream.text().matches("app@production | line").count(), 25);
    assert!(!stream.text().contains('\u{1b}'));
}

#[test]
fn colours_come_with_symbols() {
    let stream = Shared::default();
    shown(&mut Terminal::new(
        Box::new(stream.clone()),
        story(Colours::Ansi, Output::OfFailures),
    ));
    assert!(stream.text().contains("\u{1b}[1;31m✗ failed"));
}

fn key(text: &str) -> TaskKey {
    text.parse().expect("a key")
}

/// The log of a runner, with the random words of its commands made equal.
fn logged(show: impl FnOnce(&mut RunnerLog)) -> String {
    let stream = Shared::default();
    let shown = Shown::Lines(Box::new(story(Colours::Plain, Output::Elsewhere)));
    let mut log = RunnerLog::new(Box::new(stream.clone()), shown, HashMap::new());
    show(&mut log);
    drop(log);
    let mut text = stream.text();
    while let Some((_, behind)) = text.split_once("stop-commands::") {
        let (word, _) = behind.split_at(32);
        let word = word.to_owned();
        text = text.replace(&format!("stop-commands::{word}"), "stop");
        text = text.replace(&format!("::{word}::"), "::resume");
    }
    text
}

#[test]
fn output_of_tasks_side_by_side_waits_and_that_of_the_last_one_is_seen_at_once() {
    let records = fixture::Records::begun(false)
        .started(1, "build", 1, false)
        .started(1, "site", 1, false)
        .ended(70, "build", 1, fixture::End::good(69_000))
        .ended(80, "site", 1, fixture::End::good(79_000))
        .0;
    let text = logged(|log| {
        log.record(&records[1]);
        log.output(&key("build"), "first");
        log.record(&records[2]);
        log.output(&key("build"), "second ##[endgroup]");
        log.output(&key("site"), "::error::third\u{1b}[2J");
        (0..8).for_each(|ten| log.tick(fixture::moment(ten * 10)));
        log.record(&records[3]);
        log.output(&key("site"), "fourth");
        log.record(&records[4]);
    });
    insta::assert_snapshot!(text, @r"
    starts       build
    ::group::build
    ::stop
    first
    ::resume
    ::endgroup::
    starts       site
    running      build for 59 s and site for 59 s
    ::group::build, continued
    ::stop
    second ##[endgroup]
    ::resume
    ::endgroup::
    done         build in 1 min 09 s
    ::group::site
    ::stop
    ::error::third
    fourth
    ::resume
    ::endgroup::
    done         site in 1 min 19 s
    ");
}

#[test]
fn an_attempt_that_is_repeated_with_success_is_no_annotation() {
    let text = logged(|log| {
        let records = fixture::failed_run().0;
        records.iter().for_each(|record| log.record(record));
        log.notice("secret `PIN` cannot be masked");
    });
    let annotations: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("::error") || line.starts_with("::notice"))
        .collect();
    assert_eq!(
        annotations,
        [
            "::error title=app@production::check `http` did not hold: `status` is 503, required 200%0Ahint: look at the log of the server",
            "::notice title=signed@production::paused: decision `tls` is open%0Anext: answer `tls` in the plan and run again",
        ]
    );
}

#[test]
fn words_of_others_in_a_fact_are_no_command() {
    let text = logged(|log| {
        let end = fixture::End::bad(1, "##[set-output name=a]b", None);
        let records = fixture::Records::begun(false)
            .started(1, "build", 1, false)
            .ended(2, "build", 1, end);
        records.0.iter().for_each(|record| log.record(record));
        log.notice("::error::of others");
    });
    assert!(!text.contains("##["), "{text}");
    assert!(text.contains("\nnotice: ::error::of others\n"), "{text}");
}

#[test]
fn a_run_that_ends_by_an_error_leaves_the_log_open_for_its_words() {
    let text = logged(|log| {
        let records = fixture::Records::begun(false).started(1, "build", 1, false);
        records.0.iter().for_each(|record| log.record(record));
        log.output(&key("build"), "half");
    });
    assert!(text.ends_with("half\n::resume\n::endgroup::\n"), "{text}");
}

#[test]
fn each_record_is_one_line_that_reads_back() {
    let stream = Shared::default();
    let mut lines = JsonLines::new(Box::new(stream.clone()));
    shown(&mut lines);
    let read: Vec<crate::event::Record> = stream
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is a record"))
        .collect();
    assert_eq!(read, fixture::failed_run().0);
}

#[test]
fn a_stream_that_went_away_stops_the_reporter_and_nothing_else() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut terminal = Terminal::new(Box::new(Closed), story(Colours::Plain, Output::Everything));
    shown(&mut terminal);
    assert_eq!(
        terminal.failed().map(io::Error::kind),
        Some(io::ErrorKind::BrokenPipe)
    );
}

//! Plans with slips of all sorts: whatever stands in the file, the program ends with words.

use std::fs;

use camino::Utf8PathBuf;
use deploy_action::{
    diagnostic::{Diagnostic, SourceFile, Style, render},
    graph,
    plan::{
        self,
        values::{Given, Values, Wanted},
    },
};
use deploy_action_test_support::files_ending_in;
use proptest::prelude::*;

use super::{plans, world};

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).expect("it is below `end`")
    }
}

/// Pieces that mean something in a plan, and some that mean nothing anywhere.
const PIECES: &[&[u8]] = &[
    b"${{ ",
    b" }}",
    b"{",
    b"}",
    b"[",
    b"]",
    b"- ",
    b": ",
    b"\"",
    b"'",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"!",
    b"|",
    b">",
    b"#",
    b"\t",
    b"\xff",
    b"\0",
    b"\r",
    b"null",
    b"~",
    b"needs: app",
    b"tasks.app.outputs.x",
    b"secrets.X",
    b"matrix.x",
    b"---\n",
    b"\xc3\xa9",
    b"99999999999999999999",
    b"-1",
    b"x-",
    b"${{ format('{0}', tasks) }}",
    b"if: always()",
    b"environment: none",
    b"\xe2\x80\xa8",
];

/// One slip: a line taken out, doubled or moved, bytes flipped, put in or cut off.
fn slip(plan: &mut Vec<u8>, numbers: &mut Numbers) {
    let mut lines: Vec<Vec<u8>> = plan
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let line = numbers.below(lines.len());
    match numbers.below(7) {
        0 if !lines.is_empty() => drop(lines.remove(line)),
        1 if !lines.is_empty() => lines.insert(line, lines[line].clone()),
        2 if !lines.is_empty() => {
            let other = numbers.below(lines.len());
            lines.swap(line, other);
        }
        3 => {
            let at = numbers.below(plan.len());
            if let Some(byte) = plan.get_mut(at) {
                *byte ^= 1 << numbers.below(8);
            }
            return;
        }
        4 => return plan.truncate(numbers.below(plan.len())),
        _ => {
            let at = numbers.below(plan.len() + 1);
            let piece = PIECES[numbers.below(PIECES.len())];
            plan.splice(at..at, piece.iter().copied());
            return;
        }
    }
    *plan = lines.concat();
}

fn mutated(number: u64) -> Vec<u8> {
    let files = files_ending_in(&plans("valid"), "yaml");
    let mut numbers = Numbers(number);
    let file = &files[numbers.below(files.len())];
    let mut plan = fs::read(file).expect("the plan is there");
    for _ in 0..=numbers.below(4) {
        slip(&mut plan, &mut numbers);
    }
    plan
}

/// Reads a plan as `lint` does, and returns its problems.
fn problems(bytes: Vec<u8>) -> (SourceFile, Vec<Diagnostic>) {
    let folder = Utf8PathBuf::from_path_buf(plans("valid")).expect("the path is UTF-8");
    let read = plan::read_bytes("deploy.yaml", bytes, &folder);
    let mut problems = read.problems.into_vec();
    match &read.plan {
        None => assert!(!problems.is_empty(), "a plan is refused without words"),
        Some(plan) => {
            let given = Given {
                rehearsal: true,
                ..Given::default()
            };
            let built = Values::resolve(plan, &given, Wanted::Known)
                .and_then(|values| graph::build(plan, &values).map(|graph| graph::to_json(&graph)));
            problems.extend(built.err().unwrap_or_default());
        }
    }
    ((*read.source).clone(), problems)
}

/// Asserts that each problem can be shown, lies in its text, and has a next step.
fn check(bytes: Vec<u8>) {
    let (source, problems) = problems(bytes);
    for problem in &problems {
        assert!(!problem.message.is_empty());
        assert!(
            problem.help.is_some(),
            "{}: {}",
            problem.code,
            problem.message
        );
        if problem.file.is_some() {
            continue;
        }
        for span in problem
            .span
            .into_iter()
            .chain(problem.others.iter().map(|other| other.span))
        {
            // A place behind the last byte is the end of the text.
            assert!(
                span.start <= span.end && span.end <= source.text().len() + 1,
                "{span:?} {problem:?}"
            );
            assert!(
                source
                    .text()
                    .is_char_boundary(span.start.min(source.text().len())),
                "{span:?} {problem:?}"
            );
        }
    }
    assert!(problems.is_empty() || !render(&source, &problems, Style::Plain).is_empty());
}

#[test]
fn four_hundred_plans_with_slips_are_read_to_their_problems() {
    for number in 0..400 {
        check(mutated(number));
    }
}

#[test]
fn plans_with_slips_end_the_program_with_0_or_2_and_words() {
    let folder = plans("valid");
    for number in 0..20 {
        let world = world();
        let plan = world.write("deploy.yaml", mutated(number));
        for verb in ["lint", "graph"] {
            let ended = world.run_in(&folder, [verb.as_ref(), plan.as_os_str()]);
            assert!(
                matches!(ended.code, Some(0 | 2)),
                "{number}: {:?} {}",
                ended.code,
                ended.stderr
            );
            assert!(
                !ended.stdout.is_empty() || !ended.stderr.is_empty(),
                "{number}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_the_reading_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(bytes);
    }

    #[test]
    fn no_text_of_a_plan_s_own_signs_makes_the_reading_fall_over(
        parts in prop::collection::vec(prop::sample::select(vec![
            "name: a\n", "phases:\n", "- ", "  ", "id: b", "\n", "tasks:", ": ", "{", "}", "[", "]", ", ", "run", "command", "needs", "${{ ", " }}", "inputs.", "tasks.b.outputs.c", "matrix", "if", "\"", "'", "é", "日", "|\n", ">-\n", "&x ", "*x", "x-y", "environment", "inputs", "default", "env", "\\n", "# c\n",
        ]), 0..80),
    ) {
        check(parts.concat().into_bytes());
    }

    #[test]
    fn no_scalar_of_a_valid_plan_makes_the_reading_fall_over(text in "\\PC{0,60}", quote in 0_usize..4) {
        let scalar = match quote {
            0 => text.clone(),
            1 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            2 => format!("'{}'", text.replace('\'', "''")),
            _ => format!("|\n          {text}\n          ${{{{ inputs.{text} }}}}"),
        };
        for key in ["command", "script", "working-directory"] {
            check(format!("name: a\nphases:\n  - id: b\n    tasks:\n      - id: c\n        run:\n          changes: false\n          {key}: {scalar}\n").into_bytes());
        }
        check(format!("name: a\nphases:\n  - id: b\n    tasks:\n      - id: c\n        if: {scalar}\n        run: {{ command: ls, changes: false }}\n        env:\n          A: {scalar}\n").into_bytes());
    }
}

//! What differs between two texts, as `diff -u` writes it.
//!
//! The library's own text diff holds each of its six algorithms once for each shape of its input, half a megabyte; this is one
//! of them, on lines.

use std::fmt::Write as _;

use similar::{
    ChangeTag,
    algorithms::{Capture, Replace, myers},
    group_diff_ops,
    udiff::UnifiedHunkHeader,
};

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Returns the difference with the names of both texts; nothing where there is none.
pub(super) fn unified_diff(before: (&str, &str), after: (&str, &str)) -> String {
    let lines =
        |text: &'_ str| -> Vec<String> { text.split_inclusive('\n').map(str::to_owned).collect() };
    let (old, new) = (lines(before.1), lines(after.1));
    let mut changes = Replace::new(Capture::new());
    let (of_old, of_new) = (0..old.len(), 0..new.len());
    match myers::diff_deadline_raw(&mut changes, &old, of_old, &new, of_new, None) {
        Ok(()) => {}
        Err(never) => match never {},
    }
    let mut text = String::new();
    let mut write = |arguments: std::fmt::Arguments<'_>| {
        text.write_fmt(arguments).expect("a text takes all");
    };
    let hunks = group_diff_ops(changes.into_inner().into_ops(), CONTEXT);
    for (index, hunk) in hunks.iter().enumerate() {
        if index == 0 {
            write(format_args!("--- {}\n+++ {}\n", before.0, after.0));
        }
        write(format_args!("{}\n", UnifiedHunkHeader::new(hunk)));
        for change in hunk.iter().flat_map(|part| part.iter_changes(&old, &new)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let line = change.value();
            write(format_args!("{sign}{line}"));
            if !line.ends_with('\n') {
                write(format_args!("\n\\ No newline at end of file\n"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::unified_diff;

    #[test]
    fn changes_stand_between_three_lines_each_and_far_ones_apart() {
        let old: String = (1..=20).map(|number| format!("{number}\n")).collect();
        let new = old
            .replace("\n4\n", "\nfour\n")
            .replace("\n17\n", "\n17\n17.5\n");
        insta::assert_snapshot!(unified_diff(("a", &old), ("b", &new)), @r"
        --- a
        +++ b
        @@ -1,7 +1,7 @@
         1
         2
         3
        -4
        +four
         5
         6
         7
        @@ -15,6 +15,7 @@
         15
         16
         17
        +17.5
         18
         19
         20
        ");
    }

    #[test]
    fn a_text_that_is_new_or_ends_without_its_line_says_so_and_equal_ones_say_nothing() {
        assert_eq!(unified_diff(("a", "x\n"), ("b", "x\n")), "");
        insta::assert_snapshot!(unified_diff(("/dev/null", ""), ("b", "x\ny")), @r"
        --- /dev/null
        +++ b
        @@ -0,0 +1,2 @@
        +x
        +y
        \ No newline at end of file
        ");
    }
}

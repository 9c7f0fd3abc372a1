//! Writing outputs and variables so that a runner reads back what was meant.

use std::{fs::OpenOptions, io::Write as _};

use camino::Utf8Path;

use super::FileError;
use crate::github::Nonce;

/// All outputs of a job together, in bytes of UTF-16, which is how GitHub counts.
const MOST_OUTPUTS: usize = 1 << 20;

/// Appends outputs to the file that `GITHUB_OUTPUT` names.
///
/// Nothing is written unless all can be. The file has to be there: the runner makes it, and what stands elsewhere is read by
/// nobody.
///
/// # Errors
///
/// Refuses a name or value that would be read back as another one, outputs that GitHub would not keep, and a missing file.
pub fn append_outputs(
    path: &Utf8Path,
    outputs: &[(&str, &str)],
    nonce: &Nonce,
) -> Result<(), FileError> {
    let mut found = 0;
    for (name, value) in outputs {
        found += 2 * (name.encode_utf16().count() + value.encode_utf16().count());
        if found > MOST_OUTPUTS {
            return Err(FileError::TooLong {
                name: (*name).to_owned(),
                found,
                limit: MOST_OUTPUTS,
            });
        }
    }
    append(path, &entries(outputs, nonce)?)
}

/// Appends variables to the file that `GITHUB_ENV` names, for the steps that follow.
///
/// # Errors
///
/// As [`append_outputs`]; besides, the names that a runner keeps to itself are refused.
pub fn append_variables(
    path: &Utf8Path,
    variables: &[(&str, &str)],
    nonce: &Nonce,
) -> Result<(), FileError> {
    for (name, value) in variables {
        let upper = name.to_ascii_uppercase();
        if upper == "NODE_OPTIONS" || upper.starts_with("GITHUB_") || upper.starts_with("RUNNER_") {
            return Err(FileError::Name {
                name: (*name).to_owned(),
                because: "a runner lets no step set it",
            });
        }
        if value.contains('\0') {
            return Err(FileError::Value {
                name: (*name).to_owned(),
                because: "a variable cannot hold a zero byte",
            });
        }
    }
    append(path, &entries(variables, nonce)?)
}

fn entries(values: &[(&str, &str)], nonce: &Nonce) -> Result<String, FileError> {
    let delimiter = format!("ghadelimiter_{nonce}");
    let mut text = String::new();
    for (name, value) in values {
        check_name(name, &delimiter)?;
        if value.contains(&delimiter) {
            return Err(FileError::Value {
                name: (*name).to_owned(),
                because: "it contains the delimiter",
            });
        }
        text.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    Ok(text)
}

fn check_name(name: &str, delimiter: &str) -> Result<(), FileError> {
    let because = if name.is_empty() {
        "it is empty"
    } else if name.contains('=') || name.contains("<<") {
        "`=` and `<<` end a name"
    } else if name.ends_with('<') {
        "`<` at its end would become a part of `<<`"
    } else if name.contains(|character: char| character.is_control()) {
        "it contains a control character"
    } else if name.contains(delimiter) {
        "it contains the delimiter"
    } else {
        return Ok(());
    };
    Err(FileError::Name {
        name: name.to_owned(),
        because,
    })
}

fn append(path: &Utf8Path, text: &str) -> Result<(), FileError> {
    let write = || {
        let mut file = OpenOptions::new().append(true).open(path)?;
        // One write, so that lines of another process of the same step do not come between.
        file.write_all(text.as_bytes())
    };
    write().map_err(|source| FileError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use proptest::prelude::*;

    use super::*;
    use crate::github::file::parse_output_file;

    const NONCE: [u8; 16] = [7; 16];

    fn file(folder: &assert_fs::TempDir) -> Utf8PathBuf {
        let path = folder.path().join("output");
        std::fs::write(&path, "").expect("it can be written");
        Utf8PathBuf::from_path_buf(path).expect("it is text")
    }

    #[test]
    fn outputs_are_appended_and_read_back() {
        let folder = assert_fs::TempDir::new().expect("a folder");
        let path = file(&folder);
        let nonce = Nonce::from_bytes(NONCE);
        append_outputs(&path, &[("a", "1"), ("b", "x\n\ny=<<\n")], &nonce).expect("it is there");
        append_outputs(&path, &[("a", "")], &nonce).expect("it is there");
        let bytes = std::fs::read(&path).expect("it is there");
        let values = parse_output_file(&bytes).expect("it is well formed");
        assert_eq!(values.len(), 2);
        assert_eq!(
            (values["a"].as_str(), values["b"].as_str()),
            ("", "x\n\ny=<<\n")
        );
    }

    #[test]
    fn nothing_is_written_where_one_value_would_break() {
        let folder = assert_fs::TempDir::new().expect("a folder");
        let path = file(&folder);
        let nonce = Nonce::from_bytes(NONCE);
        let delimiter = format!("x ghadelimiter_{nonce}");
        let long = "x".repeat(MOST_OUTPUTS / 2);
        for (name, value) in [
            ("", "1"),
            ("a=b", "1"),
            ("a<<b", "1"),
            ("a<", "1"),
            ("a\nb", "1"),
            ("a", delimiter.as_str()),
            (delimiter.as_str(), "1"),
            ("a", long.as_str()),
        ] {
            append_outputs(&path, &[("good", "1"), (name, value)], &nonce).expect_err(name);
        }
        for name in ["NODE_OPTIONS", "GITHUB_SHA", "github_sha", "RUNNER_TEMP"] {
            append_variables(&path, &[("GOOD", "1"), (name, "1")], &nonce).expect_err(name);
        }
        append_variables(&path, &[("A", "1\0")], &nonce).expect_err("a zero byte");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"");
    }

    #[test]
    fn a_file_that_the_runner_did_not_make_is_not_made() {
        let folder = assert_fs::TempDir::new().expect("a folder");
        let path = file(&folder);
        std::fs::remove_file(&path).expect("it is there");
        let error = append_outputs(&path, &[("a", "1")], &Nonce::from_bytes(NONCE))
            .expect_err("it is gone");
        assert!(matches!(error, FileError::Unwritable { .. }));
        assert!(!path.exists());
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_read_back(name in "[a-z<=A_ \\-é]{1,6}", value in "[a-z\\r\\n=<é🦀\\u{0}]{0,20}") {
            let folder = assert_fs::TempDir::new().expect("a folder");
            let path = file(&folder);
            if append_outputs(&path, &[(&name, &value), ("last", "1")], &Nonce::from_bytes(NONCE)).is_ok() {
                let bytes = std::fs::read(&path).expect("it is there");
                let values = parse_output_file(&bytes).expect("it is well formed");
                prop_assert_eq!(values.get(&name), Some(&value));
                prop_assert_eq!(values.get("last").map(String::as_str), Some("1"));
            }
        }
    }
}

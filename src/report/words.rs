//! Durations and moments as people read them.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

/// Writes a duration with its unit: `350 ms`, `4.2 s`, `1 min 12 s`, `2 h 05 min`, `3 d 4 h`.
pub fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..10 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 if seconds % 3_600 < 60 => format!("{} h", seconds / 3_600),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Writes a moment in UTC to the second: `2026-11-21 08:30:05 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

/// Joins words as a sentence does: `a`, `a and b`, `a, b and c`; nothing for no word.
pub fn joined(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_with_its_unit() {
        for (milliseconds, text) in [
            (0, "0 ms"),
            (350, "350 ms"),
            (4_290, "4.2 s"),
            (59_999, "59 s"),
            (72_000, "1 min 12 s"),
            (120_000, "2 min"),
            (7_500_000, "2 h 05 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        let words: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(joined(&words[..0]), "");
        assert_eq!(joined(&words[..1]), "a");
        assert_eq!(joined(&words[..2]), "a and b");
        assert_eq!(joined(&words), "a, b and c");
    }
}

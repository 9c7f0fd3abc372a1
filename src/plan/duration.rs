//! Durations of the plan: a whole number and one unit, as `90s`, `15m`, `2h` or `7d`.

use std::time::Duration;

/// The longest duration that a plan may name: ten years.
pub const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number without a unit.
    #[error("a duration needs a unit")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// A unit that does not exist here.
    #[error("`{unit}` is no unit of a duration")]
    UnknownUnit {
        /// The number.
        number: String,
        /// The unit as written.
        unit: String,
    },
    /// A number with a fraction.
    #[error("a duration is a whole number and a unit, found `{text}`")]
    Fraction {
        /// The text.
        text: String,
        /// The same duration in a smaller unit, if there is one.
        whole: Option<String>,
    },
    /// Something else.
    #[error("`{text}` is no duration")]
    NotADuration {
        /// The text.
        text: String,
        /// The same duration in one unit, if it was written in several.
        single: Option<String>,
    },
    /// More than [`LONGEST`].
    #[error("`{text}` is longer than ten years")]
    TooLong {
        /// The text.
        text: String,
    },
}

impl DurationError {
    /// Returns what to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoUnit { number } => Some(format!("`{number}s` or `{number}m`")),
            Self::UnknownUnit { number, unit } => Some(match nearest_unit(unit) {
                Some(nearest) => format!("`{number}{nearest}`"),
                None => "the units are s, m, h and d".to_owned(),
            }),
            Self::Fraction { whole, .. } => whole.as_ref().map(|whole| format!("`{whole}`")),
            Self::NotADuration { single, .. } => Some(match single {
                Some(single) => format!("`{single}`"),
                None => "`90s`, `15m`, `2h` or `7d`".to_owned(),
            }),
            Self::TooLong { .. } => None,
        }
    }
}

/// Reads a duration in seconds, minutes, hours or days.
///
/// # Errors
///
/// Says what is wrong with `text`; the hint says what to write.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    read(text, &["s", "m", "h", "d"])
}

/// Reads a duration that may also be in milliseconds, as thresholds are (`plan-format.md` 3.8).
///
/// # Errors
///
/// As [`parse`].
pub fn parse_threshold(text: &str) -> Result<Duration, DurationError> {
    read(text, &["ms", "s", "m", "h", "d"])
}

/// Writes a duration in the largest unit that leaves a whole number; what is smaller than a millisecond is dropped.
pub fn text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if !milliseconds.is_multiple_of(1_000) {
        return format!("{milliseconds}ms");
    }
    let seconds = duration.as_secs();
    let (unit, name) = [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds != 0 && seconds.is_multiple_of(*unit))
        .unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// Returns the milliseconds of a unit.
pub(super) fn unit_milliseconds(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    }
}

fn read(text: &str, units: &[&str]) -> Result<Duration, DurationError> {
    let text = text.trim();
    let split = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if number.is_empty() {
        return Err(not_a_duration(text));
    }
    if unit.is_empty() {
        return Err(DurationError::NoUnit {
            number: number.to_owned(),
        });
    }
    if unit.starts_with('.') {
        return Err(fraction(text));
    }
    if unit.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(not_a_duration(text));
    }
    let Some(milliseconds) = unit_milliseconds(unit).filter(|_| units.contains(&unit)) else {
        return Err(DurationError::UnknownUnit {
            number: number.to_owned(),
            unit: unit.trim_start().to_owned(),
        });
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| DurationError::TooLong {
            text: text.to_owned(),
        })
}

fn nearest_unit(unit: &str) -> Option<&'static str> {
    match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => Some("s"),
        "m" | "min" | "mins" | "minute" | "minutes" => Some("m"),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "d" | "day" | "days" => Some("d"),
        _ => None,
    }
}

fn fraction(text: &str) -> DurationError {
    let unit_at = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let Ok(count) = number.parse::<f64>() else {
        return not_a_duration(text);
    };
    let whole = unit_milliseconds(unit)
        .map(|milliseconds| count * milliseconds as f64 / 1_000.0)
        .filter(|seconds| (1.0..=LONGEST.as_secs_f64()).contains(seconds) && seconds.fract() == 0.0)
        .map(|seconds| self::text(Duration::from_secs_f64(seconds)));
    DurationError::Fraction {
        text: text.to_owned(),
        whole,
    }
}

/// Says that `text` is no duration, and reads `1h30m` for the hint.
fn not_a_duration(text: &str) -> DurationError {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.len()
            - rest
                .trim_start_matches(|digit: char| digit.is_ascii_digit())
                .len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len()
            - after
                .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
                .len();
        let part = number
            .parse::<u64>()
            .ok()
            .zip(unit_milliseconds(&after[..letters]));
        let Some((count, milliseconds)) = part else {
            sum = Duration::ZERO;
            break;
        };
        sum = sum.saturating_add(Duration::from_millis(count.saturating_mul(milliseconds)));
        rest = &after[letters..];
    }
    DurationError::NotADuration {
        text: text.to_owned(),
        single: (sum > Duration::ZERO && sum <= LONGEST).then(|| self::text(sum)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("2h", 7_200),
            ("7d", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_threshold("500ms"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn a_wrong_duration_is_told_what_to_write() {
        for (text, message, hint) in [
            ("20", "a duration needs a unit", Some("`20s` or `20m`")),
            (
                "20 minutes",
                "`minutes` is no unit of a duration",
                Some("`20m`"),
            ),
            (
                "500ms",
                "`ms` is no unit of a duration",
                Some("the units are s, m, h and d"),
            ),
            (
                "1.5h",
                "a duration is a whole number and a unit, found `1.5h`",
                Some("`90m`"),
            ),
            (
                "0.1s",
                "a duration is a whole number and a unit, found `0.1s`",
                None,
            ),
            ("1h30m", "`1h30m` is no duration", Some("`90m`")),
            (
                "soon",
                "`soon` is no duration",
                Some("`90s`, `15m`, `2h` or `7d`"),
            ),
            ("", "`` is no duration", Some("`90s`, `15m`, `2h` or `7d`")),
            (
                "-5s",
                "`-5s` is no duration",
                Some("`90s`, `15m`, `2h` or `7d`"),
            ),
            (
                "99999999999999999999d",
                "`99999999999999999999d` is longer than ten years",
                None,
            ),
            ("4000d", "`4000d` is longer than ten years", None),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.to_string(), message, "{text}");
            assert_eq!(error.hint().as_deref(), hint, "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_in_its_largest_whole_unit() {
        for text in ["0s", "90s", "15m", "2h", "7d", "25h", "500ms", "1500ms"] {
            assert_eq!(self::text(parse_threshold(text).expect(text)), text);
        }
        assert_eq!(self::text(Duration::from_secs(3_600)), "1h");
        assert_eq!(self::text(Duration::from_secs(172_800)), "2d");
    }
}

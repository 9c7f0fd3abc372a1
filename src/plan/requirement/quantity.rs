//! What can be compared: numbers, durations, sizes, shares, versions, times.

use std::{cmp::Ordering, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::version::Version;
use crate::{
    expression::number_text,
    plan::duration::{self, unit_milliseconds},
};

/// What kind of quantity an observation is. It decides how a requirement is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// A text, number or boolean without a unit; a text that carries one itself, as `512Mi`, is compared by it.
    #[default]
    Plain,
    /// A number of milliseconds. Requirements say `100ms`, `90s`, `2h`, `30d`.
    Duration,
    /// A number of bytes. Requirements say `500MB`, `1GiB`.
    Bytes,
    /// A number between 0 and 1. Requirements say `0.1%`.
    Share,
    /// A version, as text; missing parts are 0.
    Version,
    /// A time of RFC 3339, as text; a date alone is its beginning in UTC.
    Time,
}

impl Measure {
    /// Names it as messages do.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain value",
            Self::Duration => "duration",
            Self::Bytes => "size",
            Self::Share => "share",
            Self::Version => "version",
            Self::Time => "time",
        }
    }

    /// Returns the unit that is offered to a number without one; `None` where there is no unit.
    pub fn usual_unit(self) -> Option<&'static str> {
        match self {
            Self::Duration => Some("ms"),
            Self::Bytes => Some("MB"),
            Self::Share => Some("%"),
            Self::Plain | Self::Version | Self::Time => None,
        }
    }
}

/// Something that has an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Quantity {
    Number(f64),
    Milliseconds(f64),
    Bytes(f64),
    Share(f64),
    Version(Version),
    Time(Timestamp),
}

/// All that a plain text may be, in the order in which it is tried: a date could also be read as a version.
const READINGS: [fn(&str) -> Option<Quantity>; 6] = [
    |text| number(text).map(Quantity::Number),
    |text| milliseconds(text).map(Quantity::Milliseconds),
    |text| bytes(text).map(Quantity::Bytes),
    |text| share(text).map(Quantity::Share),
    |text| time(text).map(Quantity::Time),
    |text| Version::parse(text).map(Quantity::Version),
];

impl Quantity {
    /// Reads `text` as a quantity of `measure`; as a plain one, as whatever it first can be.
    pub(super) fn read(text: &str, measure: Measure) -> Option<Self> {
        match measure {
            Measure::Plain => READINGS.into_iter().find_map(|reading| reading(text)),
            Measure::Duration => milliseconds(text).map(Self::Milliseconds),
            Measure::Bytes => bytes(text).map(Self::Bytes),
            Measure::Share => share(text).map(Self::Share),
            Measure::Version => Version::parse(text).map(Self::Version),
            Measure::Time => time(text).map(Self::Time),
        }
    }

    /// Takes a number that was observed, in the unit of `measure`.
    pub(super) fn observed(number: f64, measure: Measure) -> Option<Self> {
        match measure {
            Measure::Plain => Some(Self::Number(number)),
            Measure::Duration => Some(Self::Milliseconds(number)),
            Measure::Bytes => Some(Self::Bytes(number)),
            Measure::Share => Some(Self::Share(number)),
            Measure::Version => Version::parse(&number_text(number)).map(Self::Version),
            Measure::Time => None,
        }
    }

    /// Compares two plain texts as the first kind of quantity that both can be.
    pub(super) fn compare_texts(left: &str, right: &str) -> Option<Ordering> {
        READINGS.into_iter().find_map(|reading| {
            let (left, right) = reading(left).zip(reading(right))?;
            left.compare(&right)
        })
    }

    /// Compares two quantities of one kind; others have no order.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(left), Self::Number(right))
            | (Self::Milliseconds(left), Self::Milliseconds(right))
            | (Self::Bytes(left), Self::Bytes(right))
            | (Self::Share(left), Self::Share(right)) => left.partial_cmp(right),
            (Self::Version(left), Self::Version(right)) => Some(left.cmp(right)),
            (Self::Time(left), Self::Time(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }

    /// Whether it is more than a text written differently: a number or version may be a name, `100ms` is not.
    pub(super) fn has_unit(&self) -> bool {
        match self {
            Self::Milliseconds(_) | Self::Bytes(_) | Self::Share(_) | Self::Time(_) => true,
            Self::Number(_) | Self::Version(_) => false,
        }
    }
}

/// Reads a decimal number; no names of numbers, no blanks.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_decimal { text.parse().ok() } else { None }
}

/// Reads a number and what follows it, with or without a blank between.
fn with_unit(text: &str) -> Option<(f64, &str)> {
    let split = text.find(|character: char| {
        !character.is_ascii_digit() && !matches!(character, '.' | '-' | '+')
    })?;
    let (digits, unit) = text.split_at(split);
    Some((number(digits)?, unit.trim_start()))
}

fn milliseconds(text: &str) -> Option<f64> {
    let (count, unit) = with_unit(text)?;
    Some(count * unit_milliseconds(unit)? as f64)
}

fn bytes(text: &str) -> Option<f64> {
    let (count, unit) = with_unit(text)?;
    let bytes = match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" | "Ki" => 1_024.0,
        "MiB" | "Mi" => 1_048_576.0,
        "GiB" | "Gi" => 1_073_741_824.0,
        "TiB" | "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    Some(count * bytes)
}

fn share(text: &str) -> Option<f64> {
    number(text.strip_suffix('%')?.trim_end()).map(|percent| percent / 100.0)
}

fn time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // The length keeps out what the parser would take besides `2026-11-20`.
    if text.len() != 10 {
        return None;
    }
    let midnight = text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp())
}

/// Writes an observed number with its unit, for people.
pub(super) fn words(number: f64, measure: Measure) -> String {
    match measure {
        Measure::Plain | Measure::Version | Measure::Time => number_text(number),
        Measure::Duration => duration_words(number),
        Measure::Bytes => bytes_words(number),
        Measure::Share => format!("{}%", number_text(number * 100.0)),
    }
}

fn duration_words(milliseconds: f64) -> String {
    if !(0.0..1e15).contains(&milliseconds) {
        return format!("{}ms", number_text(milliseconds));
    }
    if milliseconds < 1_000.0 {
        return format!("{}ms", number_text((milliseconds * 100.0).round() / 100.0));
    }
    if milliseconds < 120_000.0 {
        return format!("{}s", number_text((milliseconds / 10.0).round() / 100.0));
    }
    duration::text(Duration::from_secs((milliseconds / 1_000.0).round() as u64))
}

fn bytes_words(bytes: f64) -> String {
    let (unit, name) = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")]
        .into_iter()
        .find(|(unit, _)| bytes.abs() >= *unit)
        .unwrap_or((1.0, "B"));
    format!(
        "{}{name}",
        number_text((bytes / unit * 100.0).round() / 100.0)
    )
}

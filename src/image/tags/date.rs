//! Dates in the tokens of moment.js, which the rules' `date` helpers take: all of them, in English.

use jiff::{Zoned, civil::Date};

/// Longest first where one begins as another.
const TOKENS: [&str; 61] = [
    "YYYYYY", "YYYYY", "YYYY", "YY", "Y", "yyyy", "yyy", "yy", "yo", "y", "NNNNN", "NNNN", "NNN",
    "NN", "N", "MMMM", "MMM", "MM", "Mo", "M", "DDDD", "DDDo", "DDD", "DD", "Do", "D", "dddd",
    "ddd", "dd", "do", "d", "Qo", "Q", "ww", "wo", "w", "WW", "Wo", "W", "ggggg", "gggg", "gg",
    "GGGGG", "GGGG", "GG", "e", "E", "A", "a", "Hmmss", "Hmm", "hmmss", "hmm", "HH", "H", "hh",
    "h", "kk", "k", "mm", "m",
];
/// Those of seconds and zones, and of what is shorter than seconds.
const MORE_TOKENS: [&str; 17] = [
    "SSSSSSSSS",
    "SSSSSSSS",
    "SSSSSSS",
    "SSSSSS",
    "SSSSS",
    "SSSS",
    "SSS",
    "SS",
    "S",
    "ss",
    "s",
    "X",
    "x",
    "ZZ",
    "Z",
    "zz",
    "z",
];
/// Whole forms, and what they are short for.
const LONG_FORMS: [(&str, &str); 10] = [
    ("LTS", "h:mm:ss A"),
    ("LT", "h:mm A"),
    ("LLLL", "dddd, MMMM D, YYYY h:mm A"),
    ("LLL", "MMMM D, YYYY h:mm A"),
    ("LL", "MMMM D, YYYY"),
    ("L", "MM/DD/YYYY"),
    ("llll", "ddd, MMM D, YYYY h:mm A"),
    ("lll", "MMM D, YYYY h:mm A"),
    ("ll", "MMM D, YYYY"),
    ("l", "M/D/YYYY"),
];

/// Shows a time; without a format, as ISO 8601 with seconds.
pub(super) fn format(time: &Zoned, format: Option<&str>) -> String {
    let format = match format.filter(|format| !format.is_empty()) {
        Some(format) => expanded(format),
        // Without a format, UTC is `Z`.
        None if time.offset().is_zero() => "YYYY-MM-DDTHH:mm:ss[Z]".to_owned(),
        None => "YYYY-MM-DDTHH:mm:ssZ".to_owned(),
    };
    let mut text = String::new();
    for piece in pieces(&format, &[&TOKENS, &MORE_TOKENS]) {
        match piece {
            Piece::Token(token) => text.push_str(&show(time, token)),
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Bracketed(literal) => text.push_str(&literal[1..literal.len() - 1]),
        }
    }
    text
}

/// Writes out the whole forms.
fn expanded(format: &str) -> String {
    let names = LONG_FORMS.map(|(name, _)| name);
    let mut text = String::new();
    let mut escaped = false;
    for piece in pieces_with(format, &[&names], Backslash::Kept) {
        match piece {
            Piece::Token(token) if !escaped => {
                let form = LONG_FORMS.iter().find(|(name, _)| *name == token);
                text.push_str(form.map_or(token, |(_, form)| form));
            }
            Piece::Token(other) | Piece::Literal(other) | Piece::Bracketed(other) => {
                text.push_str(other);
            }
        }
        escaped = matches!(piece, Piece::Literal("\\"));
    }
    text
}

enum Piece<'f> {
    Token(&'f str),
    Literal(&'f str),
    /// With its brackets.
    Bracketed(&'f str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// It takes its meaning from what follows, and is not shown.
    Escapes,
    Kept,
}

fn pieces<'f>(format: &'f str, tokens: &[&[&'f str]]) -> Vec<Piece<'f>> {
    pieces_with(format, tokens, Backslash::Escapes)
}

fn pieces_with<'f>(format: &'f str, tokens: &[&[&'f str]], backslash: Backslash) -> Vec<Piece<'f>> {
    let token_at = |text: &'f str| {
        let all = tokens.iter().flat_map(|tokens| tokens.iter());
        all.copied().find(|token| text.starts_with(token))
    };
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let length;
        if let Some(end) = bracket_end(rest) {
            length = end;
            pieces.push(Piece::Bracketed(&rest[..length]));
        } else if first == '\\' && backslash == Backslash::Escapes {
            let after = &rest[1..];
            let next = after.chars().next().map_or(0, char::len_utf8);
            let escaped = token_at(after).map_or(next, str::len);
            length = 1 + escaped;
            // No backslash is shown, one that is escaped neither.
            if !after.starts_with('\\') {
                pieces.push(Piece::Literal(&rest[1..length]));
            }
        } else if let Some(token) = token_at(rest) {
            length = token.len();
            pieces.push(Piece::Token(token));
        } else {
            length = first.len_utf8();
            pieces.push(Piece::Literal(&rest[..length]));
        }
        rest = &rest[length..];
    }
    pieces
}

/// A literal in brackets ends at the last one that closes before another one opens.
fn bracket_end(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    let until = inside.find('[').unwrap_or(inside.len());
    inside[..until].rfind(']').map(|at| at + 2)
}

fn show(time: &Zoned, token: &str) -> String {
    match token.as_bytes().first() {
        Some(b'Y' | b'y' | b'N' | b'Q' | b'M' | b'D') => of_date(time, token),
        Some(b'd' | b'e' | b'E' | b'w' | b'W' | b'g' | b'G') => of_week(time, token),
        Some(b'S') => fraction(time, token.len()),
        _ => of_clock(time, token),
    }
}

fn of_date(time: &Zoned, token: &str) -> String {
    let year = time.year();
    let quarter = (time.month() + 2) / 3;
    match token {
        "YYYYYY" => format!("{year:+07}"),
        "YYYYY" => format!("{year:05}"),
        "YYYY" => format!("{year:04}"),
        "YY" => format!("{:02}", year.rem_euclid(100)),
        "yo" => ordinal(i64::from(year)),
        "yyyy" => format!("{year:04}"),
        "yyy" => format!("{year:03}"),
        "yy" => format!("{year:02}"),
        "Y" | "y" => year.to_string(),
        "NNNN" => "Anno Domini".to_owned(),
        "N" | "NN" | "NNN" | "NNNNN" => "AD".to_owned(),
        "Q" => quarter.to_string(),
        "Qo" => ordinal(i64::from(quarter)),
        "MMMM" => time.strftime("%B").to_string(),
        "MMM" => time.strftime("%b").to_string(),
        "MM" => format!("{:02}", time.month()),
        "Mo" => ordinal(i64::from(time.month())),
        "M" => time.month().to_string(),
        "DDDD" => format!("{:03}", time.day_of_year()),
        "DDDo" => ordinal(i64::from(time.day_of_year())),
        "DDD" => time.day_of_year().to_string(),
        "DD" => format!("{:02}", time.day()),
        "Do" => ordinal(i64::from(time.day())),
        _ => time.day().to_string(),
    }
}

fn of_week(time: &Zoned, token: &str) -> String {
    let weekday = time.weekday();
    let sunday_first = i64::from(weekday.to_sunday_zero_offset());
    let iso = time.date().iso_week_date();
    let (local_year, local_week) = local_week(time.date());
    match token {
        "dddd" => time.strftime("%A").to_string(),
        "ddd" => time.strftime("%a").to_string(),
        "dd" => time.strftime("%a").to_string().chars().take(2).collect(),
        "do" => ordinal(sunday_first),
        "d" | "e" => sunday_first.to_string(),
        "E" => weekday.to_monday_one_offset().to_string(),
        "ww" => format!("{local_week:02}"),
        "wo" => ordinal(local_week),
        "w" => local_week.to_string(),
        "WW" => format!("{:02}", iso.week()),
        "Wo" => ordinal(i64::from(iso.week())),
        "W" => iso.week().to_string(),
        "ggggg" => format!("{local_year:05}"),
        "gggg" => format!("{local_year:04}"),
        "gg" => format!("{:02}", local_year.rem_euclid(100)),
        "GGGGG" => format!("{:05}", iso.year()),
        "GGGG" => format!("{:04}", iso.year()),
        _ => format!("{:02}", iso.year().rem_euclid(100)),
    }
}

/// The year and the week of it that English calendars show: weeks begin on Sunday, the first one holds January 1.
fn local_week(date: Date) -> (i64, i64) {
    let to_saturday = 6 - i64::from(date.weekday().to_sunday_zero_offset());
    let day = i64::from(date.day_of_year());
    let days = i64::from(date.days_in_year());
    let year = i64::from(date.year());
    match day + to_saturday > days {
        true => (year + 1, 1),
        false => (year, (day + to_saturday + 6) / 7),
    }
}

fn of_clock(time: &Zoned, token: &str) -> String {
    let hour = time.hour();
    let twelve = (hour + 11) % 12 + 1;
    let from_one = if hour == 0 { 24 } else { hour };
    match token {
        "A" => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        "a" => if hour < 12 { "am" } else { "pm" }.to_owned(),
        "Hmm" | "hmm" | "Hmmss" | "hmmss" => {
            let hour = if token.starts_with('H') { hour } else { twelve };
            let seconds = if token.ends_with('s') { "%S" } else { "" };
            time.strftime(&format!("{hour}%M{seconds}")).to_string()
        }
        "HH" => format!("{hour:02}"),
        "H" => hour.to_string(),
        "hh" => format!("{twelve:02}"),
        "h" => twelve.to_string(),
        "kk" => format!("{from_one:02}"),
        "k" => from_one.to_string(),
        "mm" => format!("{:02}", time.minute()),
        "m" => time.minute().to_string(),
        "ss" => format!("{:02}", time.second()),
        "s" => time.second().to_string(),
        "X" => time.timestamp().as_second().to_string(),
        "x" => time.timestamp().as_millisecond().to_string(),
        "ZZ" => time.strftime("%z").to_string(),
        "Z" => time.strftime("%:z").to_string(),
        _ => time.strftime("%Z").to_string(),
    }
}

/// JavaScript knows milliseconds and nothing shorter.
fn fraction(time: &Zoned, digits: usize) -> String {
    let milliseconds = format!("{:03}", time.millisecond());
    match digits {
        0..=3 => milliseconds[..digits].to_owned(),
        _ => format!("{milliseconds}{}", "0".repeat(digits - 3)),
    }
}

fn ordinal(number: i64) -> String {
    let ending = match (number % 100 / 10, number % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn at(time: &str) -> jiff::Zoned {
        time.parse().expect("a time")
    }

    #[test]
    fn tokens_and_literals_are_shown_as_moment_does() {
        let time = at("2020-01-09T13:05:07.089+00:00[UTC]");
        for (format, expected) in [
            (Some("YYYYMMDD-HHmmss"), "20200109-130507"),
            (Some("YY.M.D H:m:s"), "20.1.9 13:5:7"),
            (Some("h hh A a k kk"), "1 01 PM pm 13 13"),
            (
                Some("MMM MMMM ddd dddd dd DDDD WW"),
                "Jan January Thu Thursday Th 009 02",
            ),
            (
                Some("YYYY-MM-DDTHH:mm:ss.SSS[Z] Z ZZ z zz"),
                "2020-01-09T13:05:07.089Z +00:00 +0000 UTC UTC",
            ),
            (Some("S SS SSSS SSSSSSSSS"), "0 08 0890 089000000"),
            (Some("X x"), "1578575107 1578575107089"),
            (
                Some("Mo Do DDDo do Qo Wo wo yo"),
                "1st 9th 9th 4th 1st 2nd 2nd 2020th",
            ),
            (Some("Q d e E w ww W DDD"), "1 4 4 4 2 02 2 9"),
            (
                Some("gg gggg GG GGGG ggggg GGGGG"),
                "20 2020 20 2020 02020 02020",
            ),
            (
                Some("Y y YYYYY YYYYYY N NNNN"),
                "2020 2020 02020 +002020 AD Anno Domini",
            ),
            (Some("LT|LTS|L|l"), "1:05 PM|1:05:07 PM|01/09/2020|1/9/2020"),
            (
                Some("LLLL|ll"),
                "Thursday, January 9, 2020 1:05 PM|Jan 9, 2020",
            ),
            (Some(r"[LT] \LT [a[b]c] \Y \[Y]"), "LT LT [pmb]c Y [2020]"),
            (Some(r"a\\M\"), "pm1"),
            (
                Some(r"Hmm hmmss Hmmss \hmm HHmm"),
                "1305 10507 130507 hmm 1305",
            ),
            (Some("[YYYY"), "[2020"),
            (Some("ü€"), "ü€"),
            (Some(""), "2020-01-09T13:05:07Z"),
            (None, "2020-01-09T13:05:07Z"),
        ] {
            assert_eq!(super::format(&time, format), expected, "{format:?}");
        }
        let tokyo = at("2020-01-09T00:05:07+09:00[Asia/Tokyo]");
        for (format, expected) in [
            (None, "2020-01-09T00:05:07+09:00"),
            (Some("h k z"), "12 24 JST"),
        ] {
            assert_eq!(super::format(&tokyo, format), expected);
        }
    }

    #[test]
    fn weeks_turn_with_the_year() {
        for (date, expected) in [
            ("2022-12-31", "2022-53 2022-52"),
            ("2023-01-01", "2023-01 2022-52"),
            ("2024-12-28", "2024-52 2024-52"),
            ("2024-12-29", "2025-01 2024-52"),
            ("2026-12-31", "2027-01 2026-53"),
        ] {
            let time = at(&format!("{date}T12:00:00+00:00[UTC]"));
            assert_eq!(
                super::format(&time, Some("gggg-ww GGGG-WW")),
                expected,
                "{date}"
            );
        }
    }

    #[test]
    fn ordinals_are_english() {
        let days = [
            (1, "1st"),
            (2, "2nd"),
            (3, "3rd"),
            (4, "4th"),
            (11, "11th"),
            (12, "12th"),
            (13, "13th"),
            (21, "21st"),
        ];
        for (day, expected) in days {
            assert_eq!(super::ordinal(day), expected);
        }
    }

    proptest! {
        #[test]
        fn no_format_and_no_time_break_it(format in "\\PC{0,24}", second in -377_000_000_000_i64..253_000_000_000) {
            let time = jiff::Timestamp::from_second(second).expect("in range");
            super::format(&time.to_zoned(jiff::tz::TimeZone::UTC), Some(&format));
        }
    }
}

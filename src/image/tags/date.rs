//! Dates in the tokens of moment.js, which the rules' `date` helpers take.

use jiff::Zoned;

/// Longest first, so that `YYYY` is not read as `YY` twice.
const TOKENS: [&str; 28] = [
    "YYYY", "MMMM", "dddd", "DDDD", "SSS", "MMM", "ddd", "DDD", "YY", "MM", "DD", "HH", "hh", "mm",
    "ss", "WW", "ZZ", "M", "D", "H", "h", "m", "s", "Z", "X", "x", "A", "a",
];

/// Shows a time; without a format, as ISO 8601 with seconds.
pub(super) fn format(time: &Zoned, format: Option<&str>) -> String {
    let mut rest = format.unwrap_or("YYYY-MM-DDTHH:mm:ssZ");
    let mut text = String::new();
    while let Some(c) = rest.chars().next() {
        if let Some((literal, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            text.push_str(literal);
            rest = after;
        } else if let Some(token) = TOKENS.iter().find(|token| rest.starts_with(**token)) {
            // Without a format, UTC is `Z`.
            match (format, *token) {
                (None, "Z") if time.offset().is_zero() => text.push('Z'),
                _ => text.push_str(&show(time, token)),
            }
            rest = &rest[token.len()..];
        } else {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    text
}

fn show(time: &Zoned, token: &str) -> String {
    let twelve = (time.hour() + 11) % 12 + 1;
    match token {
        "X" => time.timestamp().as_second().to_string(),
        "x" => time.timestamp().as_millisecond().to_string(),
        "M" => time.month().to_string(),
        "D" => time.day().to_string(),
        "H" => time.hour().to_string(),
        "h" => twelve.to_string(),
        "m" => time.minute().to_string(),
        "s" => time.second().to_string(),
        "hh" => format!("{twelve:02}"),
        "DDD" => time.day_of_year().to_string(),
        "SSS" => format!("{:03}", time.millisecond()),
        "a" => if time.hour() < 12 { "am" } else { "pm" }.to_owned(),
        token => time.strftime(strftime(token)).to_string(),
    }
}

fn strftime(token: &str) -> &'static str {
    match token {
        "YYYY" => "%Y",
        "YY" => "%y",
        "MMMM" => "%B",
        "MMM" => "%b",
        "MM" => "%m",
        "dddd" => "%A",
        "ddd" => "%a",
        "DDDD" => "%j",
        "DD" => "%d",
        "HH" => "%H",
        "mm" => "%M",
        "ss" => "%S",
        "WW" => "%V",
        "ZZ" => "%z",
        "Z" => "%:z",
        "A" => "%p",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_and_literals_are_shown_as_moment_does() {
        let time = "2020-01-09T13:05:07.089+00:00[UTC]"
            .parse()
            .expect("a time");
        for (format, expected) in [
            (Some("YYYYMMDD-HHmmss"), "20200109-130507"),
            (Some("YY.M.D H:m:s"), "20.1.9 13:5:7"),
            (Some("h hh A a"), "1 01 PM pm"),
            (
                Some("MMM MMMM ddd dddd DDDD WW"),
                "Jan January Thu Thursday 009 02",
            ),
            (
                Some("YYYY-MM-DDTHH:mm:ss.SSS[Z] Z ZZ"),
                "2020-01-09T13:05:07.089Z +00:00 +0000",
            ),
            (Some("X x"), "1578575107 1578575107089"),
            (None, "2020-01-09T13:05:07Z"),
        ] {
            assert_eq!(super::format(&time, format), expected);
        }
    }
}

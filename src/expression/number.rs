//! Numbers as GitHub's language writes them.

/// Reads a number: decimal with sign, fraction and exponent, `0x` and `0o`, `Infinity`, `NaN`; no blanks around it.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    match text {
        "Infinity" | "+Infinity" => return Some(f64::INFINITY),
        "-Infinity" => return Some(f64::NEG_INFINITY),
        "NaN" => return Some(f64::NAN),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return whole(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return whole(digits, 8);
    }
    // The standard library also reads `inf` and `nan`, which are names here.
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_decimal && text.bytes().any(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Reads digits as GitHub does, as a number of 32 bits.
fn whole(digits: &str, radix: u32) -> Option<f64> {
    // `from_str_radix` takes a sign, which GitHub does not.
    if !digits.starts_with(|digit: char| digit.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix)
        .ok()
        .map(|bits| f64::from(bits.cast_signed()))
}

/// Reads a text as a number the way comparisons do: blanks around it are dropped, and an empty text is 0.
/// Whatever is no number is NaN.
pub(super) fn coerce_text(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    parse_number(text).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_github_reads_them() {
        for (text, expected) in [
            ("711", Some(711.0)),
            ("-9.2", Some(-9.2)),
            ("+3", Some(3.0)),
            ("0xff", Some(255.0)),
            ("0xFF", Some(255.0)),
            ("0o10", Some(8.0)),
            ("-2.99e-2", Some(-0.0299)),
            ("1.2E+2", Some(120.0)),
            (".5", Some(0.5)),
            ("1.", Some(1.0)),
            ("Infinity", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("0xffffffff", Some(-1.0)),
            ("inf", None),
            ("nan", None),
            ("0x", None),
            ("0x+1", None),
            ("0x1ffffffff", None),
            ("1.2.3", None),
            ("1_000", None),
            ("-", None),
            ("e5", None),
            (" 1", None),
        ] {
            assert_eq!(parse_number(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_becomes_a_number_for_comparisons() {
        assert_eq!(coerce_text(" 1 "), 1.0);
        assert_eq!(coerce_text(""), 0.0);
        assert!(coerce_text("one").is_nan());
    }
}

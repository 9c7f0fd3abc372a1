//! Names as git quotes them.

/// Returns the name that git printed: in quotes, with the escapes of C, where it holds a quote, a backslash or a control
/// character (git-config(1), `core.quotePath`).
pub(super) fn unquoted(printed: &str) -> String {
    let quoted = printed
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(quoted) = quoted else {
        return printed.to_owned();
    };
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'\\' {
            bytes.extend(escaped(&mut rest));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads what stands behind a backslash: a letter of C, or three octal digits.
fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = rest.next()?;
    Some(match first {
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        b'0'..=b'3' => {
            let low = [rest.next()?, rest.next()?];
            low.iter().fold(first - b'0', |value, digit| {
                value.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0'))
            })
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn names_are_as_they_were_before_git_quoted_them() {
        assert_eq!(unquoted("plain name"), "plain name");
        assert_eq!(unquoted(r#""a\tb\nc\"d\\e""#), "a\tb\nc\"d\\e");
        assert_eq!(unquoted(r#""\303\244\001""#), "ä\u{1}");
        assert_eq!(unquoted(r#""\"#), r#""\"#);
        assert_eq!(unquoted(r#""\7""#), "7");
    }
}

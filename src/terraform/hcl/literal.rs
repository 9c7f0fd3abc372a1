//! Literals: texts in quotes and lists of them.

use super::cursor::Cursor;

/// Reads a whole expression as a text in quotes; `None` where it is something else, or something is interpolated.
pub(super) fn text(expression: &str) -> Option<String> {
    let inner = expression.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut signs = inner.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' | '\n' => return None,
            '$' | '%' => {
                // `$${` is the text `${`.
                if signs.peek() == Some(&'{') {
                    return None;
                }
                let rest: String = signs.clone().take(2).collect();
                if rest == format!("{sign}{{") {
                    signs.next();
                    signs.next();
                    text.extend([sign, '{']);
                } else {
                    text.push(sign);
                }
            }
            '\\' => text.push(escaped(&mut signs)?),
            sign => text.push(sign),
        }
    }
    Some(text)
}

fn escaped(signs: &mut impl Iterator<Item = char>) -> Option<char> {
    let length = match signs.next()? {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        same @ ('"' | '\\') => return Some(same),
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let digits: String = signs.take(length).collect();
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}

/// Reads a whole expression as a list of texts.
pub(super) fn texts(expression: &str) -> Option<Vec<String>> {
    let inner = expression.strip_prefix('[')?.strip_suffix(']')?;
    let mut cursor = Cursor::new(inner);
    let mut texts = Vec::new();
    loop {
        cursor.skip_blank();
        match cursor.peek() {
            None => return Some(texts),
            Some('"') => {
                let span = cursor.quoted();
                texts.push(text(cursor.slice(span))?);
                cursor.skip_blank();
                match cursor.peek() {
                    Some(',') => cursor.step(),
                    None => return Some(texts),
                    Some(_) => return None,
                }
            }
            Some(_) => return None,
        }
    }
}

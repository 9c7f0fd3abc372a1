//! Byte ranges: which part of a blob a client asks for, and which part of an upload it sends.

/// Which part of a content a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: there is no header, or one that may be ignored (RFC 9110, section 14.2).
    Whole,
    /// The bytes from `first` on, `length` of them, at least one.
    Part { first: u64, length: u64 },
    /// Nothing that the content has.
    Unsatisfiable,
}

/// Reads a `Range` header for a content of `size` bytes.
pub(super) fn asked(header: Option<&str>, size: u64) -> Asked {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Asked::Whole;
    };
    match (first, last, number(first), number(last)) {
        ("", _, _, Some(suffix)) => match suffix.min(size) {
            0 => Asked::Unsatisfiable,
            length => Asked::Part {
                first: size - length,
                length,
            },
        },
        (_, "", Some(first), _) if first < size => Asked::Part {
            first,
            length: size - first,
        },
        // RFC 9110 allows to ignore a range that ends before it begins; a registry that refuses it hides no client's bug.
        (_, _, Some(first), Some(last)) if first < size && first <= last => Asked::Part {
            first,
            length: last.min(size - 1) - first + 1,
        },
        (_, "", Some(_), _) | (_, _, Some(_), Some(_)) => Asked::Unsatisfiable,
        _ => Asked::Whole,
    }
}

/// Which bytes of a blob a chunk holds: where it begins, and how many, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) first: u64,
    pub(super) length: u64,
}

impl Chunk {
    /// Reads `Content-Range: 0-99`, which has no unit and no total in the distribution specification.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (first, last) = header.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let length = last.checked_sub(first)?.checked_add(1)?;
        Some(Self { first, length })
    }
}

/// Reads digits alone: `u64::from_str` would take a sign, too.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_content_and_refused_beyond_it() {
        let part = |first, length| Asked::Part { first, length };
        for (header, expected) in [
            (None, Asked::Whole),
            (Some("bytes=0-0"), part(0, 1)),
            (Some("bytes=2-5"), part(2, 4)),
            (Some("bytes=2-"), part(2, 8)),
            (Some("bytes=-3"), part(7, 3)),
            (Some("bytes=-30"), part(0, 10)),
            (Some("bytes=8-99"), part(8, 2)),
            (Some("bytes=10-"), Asked::Unsatisfiable),
            (Some("bytes=10-12"), Asked::Unsatisfiable),
            (Some("bytes=5-2"), Asked::Unsatisfiable),
            (Some("bytes=-0"), Asked::Unsatisfiable),
            (Some("bytes=0-1,3-4"), Asked::Whole),
            (Some("lines=0-1"), Asked::Whole),
            (Some("bytes=-"), Asked::Whole),
            (Some("bytes=+1-2"), Asked::Whole),
        ] {
            assert_eq!(asked(header, 10), expected, "{header:?}");
        }
        assert_eq!(asked(Some("bytes=-1"), 0), Asked::Unsatisfiable);
    }

    #[test]
    fn a_chunk_has_no_unit_and_no_sign() {
        let chunk = Chunk {
            first: 5,
            length: 10,
        };
        assert_eq!(Chunk::parse("5-14"), Some(chunk));
        for bad in [
            "",
            "0",
            "9-0",
            "-1",
            "bytes 0-9",
            "0-9/10",
            "+0-9",
            "0-18446744073709551615",
        ] {
            assert_eq!(Chunk::parse(bad), None, "{bad}");
        }
    }
}

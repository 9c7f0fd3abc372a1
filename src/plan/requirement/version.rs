//! Versions that need not have three parts.

use std::cmp::Ordering;

use semver::Prerelease;

/// A version: numbers with dots, perhaps a `v` before and a prerelease after; missing numbers are 0, build metadata does
/// not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: Vec<u64>,
    prerelease: Prerelease,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (numbers, prerelease) = match text.split_once('-') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let mut numbers = numbers
            .split('.')
            .map(|number| {
                // A sign is no part of a version, though `parse` would take it.
                number
                    .starts_with(|first: char| first.is_ascii_digit())
                    .then(|| number.parse().ok())
                    .flatten()
            })
            .collect::<Option<Vec<u64>>>()?;
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(Self {
            numbers,
            prerelease: Prerelease::new(prerelease).ok()?,
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // Zeros at the end are gone, so a longer list of equal beginning is the later version.
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| self.prerelease.cmp(&other.prerelease))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let sorted = [
            "0",
            "1.0.0-rc.1",
            "1.0.0-rc.2",
            "v1",
            "1.0.1",
            "1.2",
            "1.10",
            "1.10.0.1",
            "16.1-6",
            "16.1",
        ];
        for pair in sorted.windows(2) {
            let versions: Vec<_> = pair.iter().map(|text| Version::parse(text)).collect();
            assert!(
                versions[0].is_some() && versions[0] < versions[1],
                "{pair:?}"
            );
        }
        assert_eq!(Version::parse("1.29"), Version::parse("v1.29.0+build"));
    }

    #[test]
    fn what_is_no_version_is_not_read_as_one() {
        for text in [
            "", "v", "latest", "1.x", "1..2", "+1", "1.2-", "1.2-a b", "-1",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}

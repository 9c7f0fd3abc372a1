//! Addresses of resources, and the patterns by which a plan names them.

use std::fmt;

use glob::MatchOptions;

/// What a pattern may cross: everything, for addresses have no folders.
const EVERYTHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// An address in which `*` stands for any text: `spot_spotnodepool.*`, `module.*.random_password.this.result`.
///
/// As in terraform, an address without a key names all instances: `x.main` matches `x.main[0]` and `x.main["eu"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPattern {
    text: String,
    pattern: glob::Pattern,
}

impl AddressPattern {
    /// Takes a pattern; every text is one, because only `*` means something.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let literal: Vec<String> = text.split('*').map(glob::Pattern::escape).collect();
        let pattern = glob::Pattern::new(&merged(&literal.join("*")))
            .expect("a pattern of escaped texts and single asterisks is well formed");
        Self { text, pattern }
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names the resource at `address`.
    pub fn matches(&self, address: &str) -> bool {
        self.takes(address) || without_key(address).is_some_and(|whole| self.takes(whole))
    }

    /// Whether it names the attribute at `path` of the resource at `address`, or all of the resource.
    pub fn matches_attribute(&self, address: &str, path: &str) -> bool {
        let attribute = |resource: &str| match path.strip_prefix('[') {
            Some(_) => format!("{resource}{path}"),
            None => format!("{resource}.{path}"),
        };
        self.matches(address)
            || self.takes(&attribute(address))
            || without_key(address).is_some_and(|whole| self.takes(&attribute(whole)))
    }

    /// Whether it can name the resource at `address`, or an attribute of it; most resources are ruled out by the beginning.
    pub(super) fn may_concern(&self, address: &str) -> bool {
        let literal = self.text.split('*').next().unwrap_or_default();
        let whole = without_key(address).unwrap_or(address);
        address.starts_with(literal) || literal.starts_with(whole)
    }

    fn takes(&self, text: &str) -> bool {
        self.pattern.matches_with(text, EVERYTHING)
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Makes of several asterisks in a row one, which means the same; two have a meaning of their own to the library.
fn merged(pattern: &str) -> String {
    let mut merged = String::with_capacity(pattern.len());
    for sign in pattern.chars() {
        if sign != '*' || !merged.ends_with('*') {
            merged.push(sign);
        }
    }
    merged
}

/// Returns the address of the resource whose instance this is; `None` where it ends without a key.
fn without_key(address: &str) -> Option<&str> {
    let inner = address.strip_suffix(']')?;
    let start = if inner.ends_with('"') {
        // A key in quotes may hold a bracket: it begins behind the last `["` that no backslash escapes.
        inner.strip_suffix('"')?.rfind("[\"")?
    } else {
        inner.rfind('[')?
    };
    Some(&address[..start])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_asterisk_matches_any_text_and_nothing_else_is_special() {
        for (pattern, address, matches) in [
            ("spot_spotnodepool.*", "spot_spotnodepool.this", true),
            ("spot_spotnodepool.*", "spot_cloudspace.this", false),
            (
                "spot_spotnodepool.*",
                "module.a.spot_spotnodepool.this",
                false,
            ),
            (
                "*.spot_spotnodepool.*",
                "module.a.spot_spotnodepool.this",
                true,
            ),
            ("**", "a.b", true),
            ("a.b[0]", "a.b[0]", true),
            ("a.b[0]", "a.b0", false),
            ("a.?", "a.b", false),
            ("a.b", "a.bb", false),
            ("a.b[\"x*\"]", "a.b[\"x.y\"]", true),
        ] {
            assert_eq!(
                AddressPattern::new(pattern).matches(address),
                matches,
                "{pattern} and {address}"
            );
        }
    }

    #[test]
    fn an_address_without_a_key_names_all_instances() {
        for address in ["a.b[0]", "a.b[\"eu\"]", "a.b[\"e[u]\"]", "a.b[\"e.u\"]"] {
            assert!(AddressPattern::new("a.b").matches(address), "{address}");
        }
        assert!(!AddressPattern::new("a.b").matches("a.b[0].c"));
        assert!(!AddressPattern::new("a.b[0]").matches("a.b[1]"));
    }

    #[test]
    fn an_attribute_is_named_by_the_resource_or_by_its_path() {
        let address = "data.spot_kubeconfig.this[0]";
        for (pattern, path, matches) in [
            ("data.spot_kubeconfig.*.raw", "raw", true),
            ("data.spot_kubeconfig.this.raw", "raw", true),
            ("data.spot_kubeconfig.this[0].raw", "raw", true),
            ("data.spot_kubeconfig.this", "raw", true),
            ("data.spot_kubeconfig.*.raw", "name", false),
            (
                "data.spot_kubeconfig.this.users[*].token",
                "users[1].token",
                true,
            ),
        ] {
            assert_eq!(
                AddressPattern::new(pattern).matches_attribute(address, path),
                matches,
                "{pattern} and {path}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_text_is_a_pattern_that_matches_itself(text in ".{0,40}") {
            let pattern = AddressPattern::new(text.clone());
            prop_assert!(pattern.matches(&text));
            pattern.matches_attribute(&text, &text);
        }
    }
}

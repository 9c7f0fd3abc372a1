//! The functions of the language.

/// A function of `plan-format.md` 3.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    StartsWith,
    EndsWith,
    Format,
    Join,
    ToJson,
    FromJson,
    HashFiles,
    Case,
}

impl Function {
    /// All functions, in the order of the plan format.
    pub(super) const ALL: [Self; 9] = [
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Format,
        Self::Join,
        Self::ToJson,
        Self::FromJson,
        Self::HashFiles,
        Self::Case,
    ];

    /// Returns the function's name as GitHub documents it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Format => "format",
            Self::Join => "join",
            Self::ToJson => "toJSON",
            Self::FromJson => "fromJSON",
            Self::HashFiles => "hashFiles",
            Self::Case => "case",
        }
    }

    /// Finds a function; case does not count, as on GitHub.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name().eq_ignore_ascii_case(name))
    }

    /// Whether it can be given `count` values.
    pub(super) fn takes(self, count: usize) -> bool {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => count == 2,
            Self::Format | Self::HashFiles => count >= 1,
            Self::Join => count == 1 || count == 2,
            Self::ToJson | Self::FromJson => count == 1,
            Self::Case => count >= 3 && count % 2 == 1,
        }
    }

    /// Says in words what it takes.
    pub(super) fn takes_in_words(self) -> &'static str {
        match self {
            Self::Contains => "two values, where to look and what for",
            Self::StartsWith | Self::EndsWith => "two texts",
            Self::Format => "a pattern and its values",
            Self::Join => "a list, and a separator where it is not `,`",
            Self::ToJson => "one value",
            Self::FromJson => "one text",
            Self::HashFiles => "one or more patterns",
            Self::Case => "pairs of a condition and a value, and last the value otherwise",
        }
    }
}

/// Finds the status function that is meant.
pub(super) fn status_function(name: &str) -> Option<&'static str> {
    ["always", "success", "failure", "cancelled"]
        .into_iter()
        .find(|status| status.eq_ignore_ascii_case(name))
}

/// Returns the function whose name is most similar, if it is similar at all.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    Function::ALL
        .into_iter()
        .map(|function| {
            let distance = strsim::damerau_levenshtein(&lower, &function.name().to_lowercase());
            (distance, function.name())
        })
        .min()
        .filter(|(distance, nearest)| *distance <= nearest.len().div_ceil(3))
        .map(|(_, nearest)| nearest)
}

/// Returns all names, as a message lists them.
pub(super) fn names() -> String {
    Function::ALL.map(Function::name).join(", ")
}

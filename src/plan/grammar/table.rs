//! What a table of keys is made of.

/// The type of a value in the plan file. Where a list of texts, names, paths or numbers stands, one may stand alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Type {
    /// A text; a number or boolean counts as it is spelled.
    Text,
    /// A name of something that the plan declares.
    Name,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A regular expression.
    Regex,
    /// A path relative to the plan's folder.
    Path,
    /// `90s`, `15m`, `2h`, `7d`.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A bare condition, or one `${{ }}` around the whole.
    Condition,
    /// What an observation must be (`plan-format.md`, 3.8).
    Requirement,
    /// A text, number, boolean, list or map.
    Value,
    /// The number 1: the only version there is.
    Version,
    /// A list of these; one may stand alone where it is a scalar.
    List(&'static Type),
    /// A map from free names to these.
    Map(&'static Type),
    /// An object with keys of its own.
    Object(&'static Object),
}

/// What may stand in a value besides literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Literals,
    /// `${{ }}`: the mark `$` of the plan format.
    Expressions,
    /// `${{ }}`, also with secrets: the mark `$$`.
    Secrets,
}

/// One key of an object.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Type of its value.
    pub ty: Type,
    /// What may stand in it.
    pub takes: Takes,
    /// Whether it must be there.
    pub required: bool,
    /// Its default, as people would write it.
    pub default: Option<&'static str>,
    /// One sentence for editors and help.
    pub meaning: &'static str,
}

/// An object of the plan file.
#[derive(Debug)]
pub struct Object {
    /// What it is, with its article: "an image".
    pub what: &'static str,
    /// Its own keys; `description`, `covers` and `x-…` may stand in every object.
    pub keys: &'static [Key],
    /// Keys of which exactly one, or at most one, may be there.
    pub exactly: &'static [Exactly],
}

// Types refer to objects and objects to types again (a check of kind `container` holds checks); objects are told apart by
// their words, so that comparing types ends.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

/// A choice between keys.
#[derive(Debug, Clone, Copy)]
pub struct Exactly {
    /// The keys.
    pub of: &'static [&'static str],
    /// Whether one of them must be there.
    pub required: bool,
    /// What the choice decides: "kind".
    pub called: &'static str,
}

impl Type {
    /// Returns the object of which it is, or holds, values.
    pub fn object(self) -> Option<&'static Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::List(inner) | Self::Map(inner) => inner.object(),
            _ => None,
        }
    }
}

impl Key {
    /// An optional key that takes literals only.
    pub const fn new(name: &'static str, ty: Type, meaning: &'static str) -> Self {
        Self {
            name,
            ty,
            takes: Takes::Literals,
            required: false,
            default: None,
            meaning,
        }
    }

    /// The same key, which must be there.
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// The same key with a default.
    pub const fn default(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    /// The same key, which takes expressions.
    pub const fn dollar(self) -> Self {
        Self {
            takes: Takes::Expressions,
            ..self
        }
    }

    /// The same key, which takes expressions with secrets.
    pub const fn secret(self) -> Self {
        Self {
            takes: Takes::Secrets,
            ..self
        }
    }
}

impl Object {
    /// Finds a key by its name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().chain(ANY).find(|key| key.name == name)
    }

    /// Names all keys that may stand in the object.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().chain(ANY).map(|key| key.name)
    }
}

/// Keys that every object with keys of its own may carry.
pub const ANY: &[Key] = &[
    Key::new("description", Type::Text, "for help, page, editors"),
    Key::new(
        "covers",
        NAMES,
        "items of the document that this carries out or proves",
    ),
];

/// A list of texts.
pub const TEXTS: Type = Type::List(&Type::Text);
/// A list of names.
pub const NAMES: Type = Type::List(&Type::Name);
/// A list of numbers.
pub const NUMBERS: Type = Type::List(&Type::Number);
/// A list of paths.
pub const PATHS: Type = Type::List(&Type::Path);
/// A map of texts.
pub const MAP_OF_TEXT: Type = Type::Map(&Type::Text);
/// A map of values.
pub const MAP_OF_VALUE: Type = Type::Map(&Type::Value);
/// A map of numbers.
pub const MAP_OF_NUMBER: Type = Type::Map(&Type::Number);
/// A map of requirements.
pub const MAP_OF_REQUIREMENT: Type = Type::Map(&Type::Requirement);

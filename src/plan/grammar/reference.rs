//! The grammar as a section of its page in the documentation.

use super::{
    PLAN,
    table::{ANY, Exactly, Key, Object, Takes, Type},
};
use crate::diagnostic::words::list_ticked;

const BEGINNING: &str = "\
`text`, `number`, `boolean`, `duration` (`90s`, `15m`, `2h`, `7d`), `regex` and `path` stand for themselves, a `name` is
that of something which the plan declares, and a `value` is a text, a number, a boolean, a list or a map. A text may be
written as a number or a boolean; it counts as it is spelled. Where a list of texts, names, numbers or paths stands, one
may stand alone. A type that ends in `$` takes `${{ }}`, one that ends in `$$` secrets too. A `condition` is a bare
expression, or one `${{ }}` around the whole (3.4). A `requirement` is a value, a list of values, or a text of an operator
(`= != < <= > >= ~ !~`), a space and a value (3.8).
";

/// Returns section 2 of the page of the plan file: a table for each object, in Markdown.
pub fn reference() -> String {
    let mut page = BEGINNING.to_owned();
    page.push_str("\n### Any object\n\nThese keys may stand in every object below.\n\n");
    page.push_str(&table(ANY));
    page.push_str("| `x-…` | value | | ignored; a home for anchors |\n");
    for (object, place) in objects() {
        page.push_str(&format!("\n### {}\n\n", heading(object)));
        if !place.is_empty() {
            page.push_str(&format!("Stands at `{place}`.\n"));
        }
        for choice in object.exactly {
            page.push_str(&format!("{}\n", sentence(choice)));
        }
        if !place.is_empty() || !object.exactly.is_empty() {
            page.push('\n');
        }
        page.push_str(&table(object.keys));
    }
    page
}

/// Every object, each behind those in which it was found, with the place where it was found first.
pub(super) fn objects() -> Vec<(&'static Object, String)> {
    let mut found: Vec<(&'static Object, String)> = vec![(&PLAN, String::new())];
    let mut next = 0;
    while let Some((object, place)) = found.get(next).cloned() {
        let mut at = next + 1;
        for key in object.keys {
            let Some(inner) = key.ty.object() else {
                continue;
            };
            if found.iter().any(|(known, _)| *known == inner) {
                continue;
            }
            let dot = if place.is_empty() { "" } else { "." };
            let inner_place = format!("{place}{dot}{}{}", key.name, suffix(key.ty));
            // Details stand behind what they are details of, so that a page can be read from its top.
            found.insert(at, (inner, inner_place));
            at += 1;
        }
        next += 1;
    }
    found
}

/// `[]` for the items of a list, `.NAME` for the entries of a map.
fn suffix(ty: Type) -> String {
    match ty {
        Type::List(inner) => format!("[]{}", suffix(*inner)),
        Type::Map(inner) => format!(".NAME{}", suffix(*inner)),
        _ => String::new(),
    }
}

/// "An image".
fn heading(object: &Object) -> String {
    let mut letters = object.what.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn sentence(choice: &Exactly) -> String {
    let keys = list_ticked(choice.of);
    if choice.required {
        format!("Its {} is exactly one of {keys}.", choice.called)
    } else {
        format!("Its {} is at most one of {keys}.", choice.called)
    }
}

fn table(keys: &[Key]) -> String {
    let mut table = "| key | type | required / default | meaning |\n|--|--|--|--|\n".to_owned();
    for key in keys {
        let presence = match (key.required, key.default) {
            (true, _) => " required",
            (false, Some(default)) => &format!(" {}", default.replace('|', "\\|")),
            (false, None) => "",
        };
        let meaning = key.meaning.replace('|', "\\|");
        let line = format!(
            "| `{}` | {} |{presence} | {meaning} |\n",
            key.name,
            type_of(key)
        );
        table.push_str(&line);
    }
    table
}

/// "map of `text$`", "list of [checks](#a-check)".
fn type_of(key: &Key) -> String {
    let marks = match key.takes {
        Takes::Literals => "",
        Takes::Expressions => "$",
        Takes::Secrets => "$$",
    };
    words(key.ty, marks)
}

fn words(ty: Type, marks: &str) -> String {
    let simple = |word: &str| format!("`{word}{marks}`");
    let marks_behind = match marks {
        "" => String::new(),
        marks => format!(" `{marks}`"),
    };
    match ty {
        Type::Text => simple("text"),
        Type::Name => simple("name"),
        Type::Number => simple("number"),
        Type::Boolean => simple("boolean"),
        Type::Regex => simple("regex"),
        Type::Path => simple("path"),
        Type::Duration => simple("duration"),
        Type::Condition => simple("condition"),
        Type::Requirement => simple("requirement"),
        Type::Value => simple("value"),
        Type::Version => simple("1"),
        Type::Choice(choices) => format!("{}{marks_behind}", list_ticked(choices)),
        Type::List(inner) => format!("list of {}", words(*inner, marks)),
        Type::Map(inner) => format!("map of {}", words(*inner, marks)),
        Type::Object(object) => link(object),
    }
}

fn link(object: &Object) -> String {
    format!("[{}](#{})", object.what, object.what.replace(' ', "-"))
}

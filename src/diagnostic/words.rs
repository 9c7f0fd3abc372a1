//! Words in messages: numbers that agree with their nouns, lists, and the name that was probably meant.

/// Joins a number and its noun: `1 task`, `2 tasks`, `3 entries`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    let stem = noun.strip_suffix('y').filter(|stem| {
        let before = stem.chars().next_back();
        before.is_some_and(|letter| !"aeiou".contains(letter))
    });
    match stem {
        Some(stem) => format!("{number} {stem}ies"),
        None if ["s", "x", "z", "ch", "sh"]
            .iter()
            .any(|end| noun.ends_with(end)) =>
        {
            format!("{number} {noun}es")
        }
        None => format!("{number} {noun}s"),
    }
}

/// Lists names as alternatives: `` `a`, `b` or `c` ``; nothing for no name.
pub fn list_ticked<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let ticked: Vec<_> = names
        .into_iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match ticked.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// Longest word, in characters, that is compared with candidates: no name of ours comes near it, and the comparison is quadratic.
const LONGEST_COMPARED: usize = 100;

/// Returns the candidate that was probably meant by `word`: the first of the nearest, if at most a third of it is mistyped.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = word.chars().take(LONGEST_COMPARED + 1).count();
    if length > LONGEST_COMPARED {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            let most = length.max(candidate.chars().count()) / 3;
            (distance <= most).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_agrees_with_its_noun() {
        let counted = [
            count(0, "task"),
            count(1, "task"),
            count(2, "task"),
            count(2, "entry"),
            count(2, "key"),
            count(2, "check box"),
            count(3, "digest"),
            count(2, "patch"),
        ];
        assert_eq!(
            counted,
            [
                "0 tasks",
                "1 task",
                "2 tasks",
                "2 entries",
                "2 keys",
                "2 check boxes",
                "3 digests",
                "2 patches"
            ]
        );
    }

    #[test]
    fn names_are_listed_as_alternatives() {
        assert_eq!(list_ticked::<&str>([]), "");
        assert_eq!(list_ticked(["a"]), "`a`");
        assert_eq!(list_ticked(["a", "b"]), "`a` or `b`");
        assert_eq!(list_ticked(["a", "b", "c"]), "`a`, `b` or `c`");
    }

    #[test]
    fn a_mistyped_name_finds_its_candidate_and_a_strange_one_finds_none() {
        let keys = ["image", "platforms", "needs", "id", "timeout"];
        assert_eq!(nearest("platfroms", keys), Some("platforms"));
        assert_eq!(nearest("bulid", ["build", "bulk"]), Some("build"));
        assert_eq!(nearest("IMAGE", keys), Some("image"));
        assert_eq!(nearest("need", keys), Some("needs"));
        assert_eq!(nearest("when", keys), None);
        assert_eq!(nearest("x", ["y", "z"]), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), keys), None);
    }
}

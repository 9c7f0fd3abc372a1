//! Programs of exact versions.

use url::Url;

use super::Draft;
use crate::{
    diagnostic::{Diagnostic, Span},
    ident::Name,
    plan::{
        model::Tool,
        node::{Map, Node},
    },
};

/// Reads a tool. Its version can be the name of a folder, its address leads to a server once it is filled in, and its digests are digests.
pub(super) fn tool(draft: &mut Draft<'_>, name: &Name, map: &Map, _: Span) -> Option<Tool> {
    let version = draft.text(map, "version")?;
    let version = version.strip_prefix('v').unwrap_or(&version).to_owned();
    let mut problem = |key: &str, node: &Node, found: &str, expected: &str, help: &str| {
        draft.problem(
            Diagnostic::error(
                "tool",
                format!("{key} `{found}` of `{name}` is no {expected}"),
            )
            .at(node.span)
            .help(help.to_owned()),
        );
    };
    if let Some(node) = map.get("version").filter(|_| !is_version(&version)) {
        problem(
            "version",
            node,
            &version,
            "exact version",
            "write one release, as `1.11.4`",
        );
    }
    let sha256 = map.get("sha256").and_then(Node::as_map);
    let mut digests = indexmap::IndexMap::new();
    for entry in sha256.map_or(&[][..], |map| &map.entries) {
        let Some(scalar) = entry.value.as_scalar() else {
            continue;
        };
        let digest = scalar.text.to_ascii_lowercase();
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let help = "64 hexadecimal characters, which the makers publish beside the release";
            problem("digest", &entry.value, &scalar.text, "SHA-256", help);
        }
        digests.insert(entry.key.clone(), digest);
    }
    let url = map.get("url").and_then(Node::as_scalar);
    let url = url.map(|scalar| scalar.text.clone());
    if let (Some(node), Some(url)) = (map.get("url"), &url)
        && !leads_to_a_server(url)
    {
        let help = "`https://HOST/…`, with `{version}`, `{os}` and `{arch}` where they belong";
        problem("url", node, url, "address of a release", help);
    }
    Some(Tool {
        version,
        url,
        sha256: digests,
    })
}

fn is_version(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(is_plain)
}

fn leads_to_a_server(pattern: &str) -> bool {
    let filled = ["{version}", "{os}", "{arch}"]
        .iter()
        .fold(pattern.to_owned(), |text, word| text.replace(word, "1"));
    Url::parse(&filled).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

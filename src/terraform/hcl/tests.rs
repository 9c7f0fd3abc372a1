//! HCL as people write it, and as nobody does.

use proptest::prelude::*;

use super::*;

fn attribute<'b>(body: &'b Body, name: &str) -> &'b Attribute {
    body.attribute(name)
        .unwrap_or_else(|| panic!("no `{name}` in {body:?}"))
}

#[test]
fn blocks_labels_and_attributes_have_their_places() {
    let text =
        "/* a\n */ variable \"size\" {\n  type = number\n}\nresource aws_x \"main\" { a = 1 }\n";
    let body = scan(text);
    let kinds: Vec<_> = body
        .blocks
        .iter()
        .map(|block| {
            let labels: Vec<_> = block
                .labels
                .iter()
                .map(|label| label.text.as_str())
                .collect();
            format!(
                "{} {} {:?}",
                block.kind,
                labels.join(","),
                &text[block.header.start..block.header.end]
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "variable size \"variable \\\"size\\\"\"",
            "resource aws_x,main \"resource aws_x \\\"main\\\"\"",
        ]
    );
    assert_eq!(attribute(&body.blocks[0].body, "type").value, "number");
    assert_eq!(attribute(&body.blocks[1].body, "a").value, "1");
    assert!(text[body.blocks[1].span.start..body.blocks[1].span.end].ends_with('}'));
}

#[test]
fn what_stands_in_texts_comments_and_heredocs_is_no_block() {
    let text = r#"
locals {
  a = "}" # }
  b = "${ x == "}" ? "{" : "${y}" }" // }
  c = <<-EOT
    variable "no" {
    }}} ${ "EOT" }
    EOT
  d = [
    "x", # ]
    { e = 1 },
  ]
  f = "$${not} %%{ a }"
  g = 1 / 2 /* }
  */
}
variable "yes" {}
"#;
    let body = scan(text);
    let kinds: Vec<_> = body
        .blocks
        .iter()
        .map(|block| block.kind.as_str())
        .collect();
    assert_eq!(kinds, ["locals", "variable"]);
    let locals = &body.blocks[0].body;
    let names: Vec<_> = locals
        .attributes
        .iter()
        .map(|attribute| attribute.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c", "d", "f", "g"]);
    assert_eq!(attribute(locals, "a").text().as_deref(), Some("}"));
    assert_eq!(attribute(locals, "b").text(), None);
    assert!(attribute(locals, "c").value.ends_with("\n    EOT"));
    assert_eq!(
        attribute(locals, "f").text().as_deref(),
        Some("${not} %{ a }")
    );
    assert_eq!(attribute(locals, "g").value, "1 / 2");
}

#[test]
fn literals_are_read_and_nothing_else() {
    let body = scan(
        "a = \"x\\n\\\"\\u00e9\"\nb = true\nc = [\"x\", \"y\",\n]\nd = [\"x\", y]\ne = \"${x}\"\nf = []\ng = \"\\q\"\n",
    );
    assert_eq!(attribute(&body, "a").text().as_deref(), Some("x\n\"é"));
    assert_eq!(attribute(&body, "b").boolean(), Some(true));
    assert_eq!(
        attribute(&body, "c").texts(),
        Some(vec!["x".to_owned(), "y".to_owned()])
    );
    assert_eq!(attribute(&body, "d").texts(), None);
    assert_eq!(attribute(&body, "e").text(), None);
    assert_eq!(attribute(&body, "f").texts(), Some(vec![]));
    assert_eq!(attribute(&body, "g").text(), None);
}

#[test]
fn a_brace_that_closes_nothing_does_not_end_the_file() {
    let body = scan("}\nvariable \"a\" {}\n) ] }\nvariable \"b\" {\n");
    assert_eq!(body.blocks.len(), 2);
}

#[test]
fn blocks_that_are_too_deep_are_passed_over_and_the_next_is_found() {
    let deep = format!(
        "{}{}\nvariable \"a\" {{}}\n",
        "b {\n".repeat(500),
        "}\n".repeat(500)
    );
    let body = scan(&deep);
    let kinds: Vec<_> = body
        .blocks
        .iter()
        .map(|block| block.kind.as_str())
        .collect();
    assert_eq!(kinds, ["b", "variable"]);
}

/// Every span lies in the text, on borders of characters, and holds what it is said to hold.
fn check(text: &str, body: &Body) {
    for attribute in &body.attributes {
        assert_eq!(
            text.get(attribute.name_span.start..attribute.name_span.end),
            Some(attribute.name.as_str())
        );
        assert_eq!(
            text.get(attribute.value_span.start..attribute.value_span.end),
            Some(attribute.value.as_str())
        );
    }
    for block in &body.blocks {
        assert!(
            text.get(block.span.start..block.span.end)
                .is_some_and(|whole| whole.starts_with(&block.kind))
        );
        assert!(block.header.end <= block.span.end);
        check(text, &block.body);
    }
}

proptest! {
    #[test]
    fn any_text_has_a_skeleton(text in "(variable|\"a\"|\\{|\\}|=|\\[|\\]|\\(|\"|\\\\|\\$\\{|%\\{|\\$|#|//|/\\*|\\*/|\n|\r| |<<E|<<-E|E|é|x){0,60}") {
        check(&text, &scan(&text));
    }

    #[test]
    fn any_characters_have_a_skeleton(text in "\\PC{0,80}") {
        check(&text, &scan(&text));
    }

    #[test]
    fn a_variable_behind_any_text_in_quotes_is_found(inner in "[^\"\\\\$%\n\r]{0,30}") {
        let text = format!("locals {{\n a = \"{inner}\"\n}}\nvariable \"found\" {{\n sensitive = true\n}}\n");
        let body = scan(&text);
        prop_assert_eq!(body.blocks.len(), 2);
        prop_assert_eq!(body.blocks[1].body.attribute("sensitive").and_then(Attribute::boolean), Some(true));
    }
}

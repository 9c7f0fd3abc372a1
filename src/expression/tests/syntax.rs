use crate::expression::{Expression, ExpressionProblem, Segment};

fn parsed(text: &str) -> Expression {
    Expression::parse(text, 0).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn a_wrong_expression_is_told_what_and_where() {
    for (text, message, span, hint) in [
        (
            "",
            "an expression is missing",
            0..0,
            Some("write one between `${{` and `}}`, or leave both out"),
        ),
        (
            "inputs.a == 'b",
            "a text is not closed",
            12..14,
            Some("a text ends with `'`; inside it, `''` stands for one quote"),
        ),
        (
            "a == \"it's\"",
            "texts are written in single quotes",
            5..11,
            Some("`'it''s'`"),
        ),
        (
            "a = 'b'",
            "there is no operator `=`",
            2..3,
            Some("write `==`"),
        ),
        (
            "a & b",
            "there is no operator `&`",
            2..3,
            Some("write `&&`"),
        ),
        (
            "a | b",
            "there is no operator `|`",
            2..3,
            Some("write `||`"),
        ),
        (
            "a ? b : c",
            "unexpected `?`",
            2..3,
            Some("a choice is written `case(condition, value, otherwise)`"),
        ),
        (
            "a + 1",
            "unexpected `+`",
            2..3,
            Some("there is no arithmetic; texts are joined by `format`"),
        ),
        ("a.b@r", "unexpected `@`", 3..4, None),
        (
            "1.2.3",
            "`1.2.3` is not a number",
            0..5,
            Some("`711`, `-9.2`, `0xff`, `-2.99e-2`; there is no arithmetic"),
        ),
        (
            "contain(a, 'b')",
            "there is no function `contain`",
            0..7,
            Some("did you mean `contains`?"),
        ),
        (
            "tojosn(a)",
            "there is no function `tojosn`",
            0..6,
            Some("did you mean `toJSON`?"),
        ),
        (
            "lower(a)",
            "there is no function `lower`",
            0..5,
            Some(
                "the functions are contains, startsWith, endsWith, format, join, toJSON, fromJSON, hashFiles, case",
            ),
        ),
        (
            "a && always()",
            "there is no `always()`",
            5..11,
            Some("`on-failure` and `rollback` say what follows a failure"),
        ),
        (
            "contains(a)",
            "`contains` takes two values, where to look and what for, found 1",
            0..11,
            None,
        ),
        (
            "case(a, 1, b, 2)",
            "`case` takes pairs of a condition and a value, and last the value otherwise, found 4",
            0..16,
            None,
        ),
        (
            "format()",
            "`format` takes a pattern and its values, found 0",
            0..8,
            None,
        ),
        ("a ==", "expected a value, found the end", 4..4, None),
        ("(a", "expected `)`, found the end", 2..2, None),
        (
            "a b",
            "expected an operator or the end, found `b`",
            2..3,
            None,
        ),
        (
            "a.'b'",
            "expected a name or `*` after the dot, found the text 'b'",
            2..5,
            None,
        ),
        (
            "a.1",
            "expected a name or `*` after the dot, found `1`",
            2..3,
            None,
        ),
        ("a[1", "expected `]`, found the end", 3..3, None),
        ("join(a b)", "expected `,` or `)`, found `b`", 7..8, None),
        (
            "'a'.b",
            "expected an operator or the end after a literal, found a way into it",
            0..5,
            None,
        ),
    ] {
        let error = Expression::parse(text, 0).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
        assert_eq!(error.span, span, "{text}");
        assert_eq!(error.hint().as_deref(), hint, "{text}");
    }
}

#[test]
fn places_are_those_of_the_source() {
    let error = Expression::parse("a ==", 100).expect_err("a value is missing");
    assert_eq!(error.span, 104..104);
    let expression = Expression::parse(" inputs.a == 'ä' ", 10).expect("it is an expression");
    assert_eq!(expression.span(), 11..27);
    assert_eq!(expression.text(), "inputs.a == 'ä'");
    let spans: Vec<_> = expression
        .references()
        .map(|found| found.span.clone())
        .collect();
    assert_eq!(spans.first(), Some(&(11..19)));
    // Every character of the text takes two bytes in this source.
    let mapped = Expression::parse_mapped("a == b", &|at| 7 + 2 * at).expect("it is an expression");
    let spans: Vec<_> = mapped
        .references()
        .map(|found| found.span.clone())
        .collect();
    assert_eq!(spans, [7..9, 17..19]);
}

#[test]
fn references_are_found_wherever_they_stand() {
    let expression = parsed(
        "case(decisions['tls'] == 'x', format('{0}', tasks.a.outputs.list[0].b), !inputs.c[matrix.d].* || github)",
    );
    let found: Vec<_> = expression.references().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "decisions.tls",
            "tasks.a.outputs.list[0].b",
            "inputs.c[…].*",
            "matrix.d",
            "github",
        ]
    );
    let list = expression.references().nth(1).expect("there are five");
    assert_eq!(list.names(), ["a", "outputs", "list"]);
    assert_eq!(list.path[3], Segment::Index(0));
    assert!(expression.reads_only(|found| found.root != "secrets"));
    assert!(!expression.reads_only(|found| found.root != "tasks"));
}

#[test]
fn comparisons_with_texts_are_found_on_both_sides() {
    let expression =
        parsed("decisions.a == 'x' || !('y' != decisions.b) && inputs.c < 'z' && 'p' == 'q'");
    let found: Vec<_> = expression
        .comparisons_with_text()
        .into_iter()
        .map(|comparison| {
            (
                comparison.reference.to_string(),
                comparison.text,
                comparison.span,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("decisions.a".to_owned(), "x".to_owned(), 15..18),
            ("decisions.b".to_owned(), "y".to_owned(), 24..27),
        ]
    );
}

#[test]
fn a_condition_stands_bare_or_wholly_in_braces() {
    for (text, meaning) in [
        ("inputs.a", "inputs.a"),
        ("${{ inputs.a }}", "inputs.a"),
        ("  ${{inputs.a}}\n", "inputs.a"),
        ("a == '${{'", "a == '${{'"),
    ] {
        let condition = Expression::parse_condition(text, 0).expect(text);
        assert_eq!(condition.to_string(), meaning);
    }
    for text in [
        "${{ decisions.tls }} == 'dns-01'",
        "${{ a }} && ${{ b }}",
        "!${{ a }}",
        "'text'",
        "${{ 'text' }}",
    ] {
        let error = Expression::parse_condition(text, 0).expect_err(text);
        assert_eq!(error.problem, ExpressionProblem::AlwaysTrue, "{text}");
    }
    let error = Expression::parse_condition("${{ a", 5).expect_err("it is not closed");
    assert_eq!(
        (error.problem, error.span),
        (ExpressionProblem::Unclosed, 5..8)
    );
    let error = Expression::parse_condition("  ${{ a == }}", 5).expect_err("a value is missing");
    assert_eq!(error.span, 15..15);
}

#[test]
fn an_expression_is_written_in_one_way() {
    for (text, canonical) in [
        ("a&&b||c", "a && b || c"),
        ("(a||b)&&c", "(a || b) && c"),
        ("(a || b) || c", "a || b || c"),
        ("a || (b || c)", "a || (b || c)"),
        ("!(a==b)", "!(a == b)"),
        ("((a)).b['c']['d e'][*]", "a.b.c['d e'].*"),
        ("tojson( a )", "toJSON(a)"),
        ("1 < (2 < 3)", "1 < (2 < 3)"),
        ("(1 < 2) < 3", "1 < 2 < 3"),
        ("0xff", "255"),
        ("-1e300", "-1e300"),
        ("'it''s'", "'it''s'"),
        ("fromJSON(a)[0].b", "fromJSON(a)[0].b"),
        ("(a && b).c", "(a && b).c"),
        ("-Infinity", "-Infinity"),
    ] {
        assert_eq!(parsed(text).to_string(), canonical);
        assert_eq!(parsed(canonical), parsed(text));
    }
}

#[test]
fn depth_and_length_are_bounded_and_a_long_chain_is_not_deep() {
    for text in [
        format!("{}a{}", "(".repeat(60), ")".repeat(60)),
        format!("{}a", "!".repeat(60)),
        format!("1{}", " < 1".repeat(60)),
        format!("{}1{}", "a[".repeat(60), "]".repeat(60)),
        format!("{}1{}", "toJSON(".repeat(60), ")".repeat(60)),
    ] {
        let error = Expression::parse(&text, 0).expect_err(&text);
        assert_eq!(
            error.problem,
            ExpressionProblem::TooDeep { limit: 50 },
            "{text}"
        );
    }
    parsed(&format!("a{}", " || a".repeat(2_000)));
    parsed(&format!("a{}", ".b".repeat(2_000)));
    let error = Expression::parse(&"a".repeat(30_000), 0).expect_err("it is too long");
    assert_eq!(
        error.problem,
        ExpressionProblem::TooLong {
            limit: 21_000,
            found: 30_000
        }
    );
}

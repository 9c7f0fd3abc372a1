use super::{hash, read};
use crate::expression::{ExpressionProblem, Template, Value};

fn template(text: &str) -> Template {
    Template::parse(text, 0).unwrap_or_else(|problems| panic!("`{text}`: {}", problems[0]))
}

#[test]
fn one_expression_alone_keeps_its_type() {
    for (text, expected) in [
        ("${{ inputs.count }}", Value::from(3.0)),
        ("${{ inputs.ready }}", true.into()),
        ("${{ tasks.server.outputs.nothing }}", Value::Null),
        (" ${{ inputs.count }}", " 3".into()),
        (
            "${{ inputs.region }}-${{ inputs.ready }}",
            "dfw-true".into(),
        ),
        ("plain $ {{ text }}", "plain $ {{ text }}".into()),
        ("", "".into()),
    ] {
        let value = template(text).evaluate(&read, &hash).expect(text);
        assert_eq!(value, expected, "{text}");
    }
}

#[test]
fn braces_inside_a_text_of_an_expression_do_not_end_it() {
    let single = template("${{ join('}}') }}");
    assert!(single.is_single());
    assert_eq!(single.evaluate(&read, &hash), Ok("}}".into()));
    assert_eq!(
        template("${{ '${{' }}").evaluate(&read, &hash),
        Ok("${{".into())
    );
}

#[test]
fn a_template_knows_whether_it_is_literal() {
    assert!(template("a: b").is_literal());
    assert!(!template("a: ${{ b }}").is_literal());
    assert!(!template("a: ${{ b }}").is_single());
    assert!(Template::literal("${{ as it stands }}").is_literal());
}

#[test]
fn null_inside_a_text_is_an_error_that_names_the_reference() {
    let error = template("http://${{ tasks.server.outputs.nothing }}/")
        .evaluate(&read, &hash)
        .expect_err("it is null");
    assert_eq!(
        error.to_string(),
        "`tasks.server.outputs.nothing` is null, and inside a text that is an error"
    );
    assert_eq!(error.span, 11..39);
}

#[test]
fn each_wrong_expression_of_a_text_is_reported_at_its_place() {
    let problems = Template::parse("${{ a = b }} and ${{ }} and ${{ always() }}", 100)
        .expect_err("three are wrong");
    let spans: Vec<_> = problems
        .iter()
        .map(|problem| problem.span.clone())
        .collect();
    assert_eq!(spans, [106..107, 120..121, 132..138]);
}

#[test]
fn an_expression_without_an_end_is_reported_where_it_begins() {
    for (text, problem, span) in [
        ("a ${{ b", ExpressionProblem::Unclosed, 2..5),
        ("a ${{ b }", ExpressionProblem::Unclosed, 2..5),
        ("${{ 'b }}", ExpressionProblem::UnterminatedText, 4..5),
    ] {
        let problems = Template::parse(text, 0).expect_err(text);
        assert_eq!(problems[0].problem, problem, "{text}");
        assert_eq!(problems[0].span, span, "{text}");
    }
}

#[test]
fn places_of_a_quoted_source_are_found_through_its_map() {
    // The source is "x\t${{ a = b }}" with an escape of two bytes for the tab.
    let problems = Template::parse_mapped("x\t${{ a = b }}", &|at| {
        if at <= 1 { at + 1 } else { at + 2 }
    })
    .expect_err("`=` is no operator");
    assert_eq!(problems[0].span, 10..11);
}

//! The form of one command: `::name key=value,key=value::data`.

use std::fmt;

/// Writes one command with its line end. Properties without a value are left out, as the toolkit does it.
pub(super) fn command(name: &str, properties: &[(&str, &str)], data: &str) -> String {
    let properties: Vec<_> = properties
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", Property(value)))
        .collect();
    let space = if properties.is_empty() { "" } else { " " };
    format!("::{name}{space}{}::{}\n", properties.join(","), Data(data))
}

/// What stands behind the second `::`.
struct Data<'t>(&'t str);

/// The value of a property, which ends at `,` and `:`.
struct Property<'t>(&'t str);

impl fmt::Display for Data<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(formatter, self.0, "%\r\n")
    }
}

impl fmt::Display for Property<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(formatter, self.0, "%\r\n:,")
    }
}

/// Each of the special characters becomes a percent sign and its code. One pass, so an escape is never escaped again.
fn escape(formatter: &mut fmt::Formatter<'_>, text: &str, special: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|character| special.contains(character)) {
        let (plain, behind) = rest.split_at(at);
        formatter.write_str(plain)?;
        // All special characters are ASCII, one byte each.
        write!(formatter, "%{:02X}", behind.as_bytes()[0])?;
        rest = &behind[1..];
    }
    formatter.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_properties_are_escaped_as_the_runner_reads_them() {
        assert_eq!(
            command(
                "error",
                &[("file", "a:b,c%d"), ("title", ""), ("line", "3")],
                "50%: a, b\r\nc"
            ),
            "::error file=a%3Ab%2Cc%25d,line=3::50%25: a, b%0D%0Ac\n"
        );
        assert_eq!(command("endgroup", &[], ""), "::endgroup::\n");
        assert_eq!(command("debug", &[], "%0A"), "::debug::%250A\n");
    }
}

//! For which processor a program is (ELF, the header's `e_machine`).

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// Length of what is read: up to `e_machine`.
const HEAD: u64 = 20;

/// Returns the processor as `GOARCH` says it, where the file is a program of a kind that is known here.
pub(super) fn of(path: &Path) -> io::Result<Option<&'static str>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(of_head(&head))
}

fn of_head(head: &[u8]) -> Option<&'static str> {
    let head: &[u8; HEAD as usize] = head.try_into().ok()?;
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let is_64 = head[4] == 2;
    let little = head[5] == 1;
    let number = [head[18], head[19]];
    let number = if little {
        u16::from_le_bytes(number)
    } else {
        u16::from_be_bytes(number)
    };
    match (number, is_64, little) {
        (3, _, _) => Some("386"),
        (21, true, true) => Some("ppc64le"),
        (22, true, _) => Some("s390x"),
        (40, _, _) => Some("arm"),
        (62, true, _) => Some("amd64"),
        (183, true, _) => Some("arm64"),
        (243, true, _) => Some("riscv64"),
        (258, true, _) => Some("loong64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_processor_and_nothing_else_does() {
        let head = |class: u8, order: u8, machine: [u8; 2]| {
            let mut head = b"\x7fELF".to_vec();
            head.extend([class, order]);
            head.resize(18, 0);
            head.extend(machine);
            head
        };
        assert_eq!(of_head(&head(2, 1, [62, 0])), Some("amd64"));
        assert_eq!(of_head(&head(2, 1, [183, 0])), Some("arm64"));
        assert_eq!(of_head(&head(2, 2, [0, 22])), Some("s390x"));
        assert_eq!(of_head(&head(2, 1, [1, 1])), None);
        assert_eq!(of_head(&head(2, 1, [62, 0])[..19]), None);
        assert_eq!(of_head(b"#!/bin/sh\nexec x86-64 \n"), None);
    }
}

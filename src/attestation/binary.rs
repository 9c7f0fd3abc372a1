//! What programs say of their making: Rust's by `cargo auditable` in the section `.dep-v0`, Go's by the linker in `.go.buildinfo`.
//!
//! A program that says nothing, or something else than it should, has no packages; that is no error.

use std::{fs::File, io::Read as _};

use auditable_serde::{DependencyKind, VersionInfo};
use object::{Object as _, ObjectSection as _, ReadCache};

use super::package::{Package, PackageKind};

/// A section with what a program was made of is not this long.
const LONGEST: usize = 16 << 20;
const GO_MAGIC: &[u8] = b"\xff Go buildinf:";

/// Whether bytes are the beginning of a program of Linux.
pub(super) fn is_program(beginning: &[u8]) -> bool {
    beginning.starts_with(b"\x7fELF")
}

/// Lists the packages that were compiled into a program, the one that it is the program of first.
pub(super) fn built_from(program: File) -> Vec<Package> {
    let cache = ReadCache::new(program);
    let Ok(program) = object::File::parse(&cache) else {
        return Vec::new();
    };
    let section = |name: &str| {
        let section = program.section_by_name(name)?;
        let is_short = usize::try_from(section.size()).is_ok_and(|size| size <= LONGEST);
        section.data().ok().filter(|_| is_short)
    };
    let rust = section(".dep-v0").and_then(rust_packages);
    let go = || section(".go.buildinfo").and_then(go_packages);
    rust.or_else(go).unwrap_or_default()
}

/// Reads compressed JSON. What only took part in the build, such as macros, is not in the program.
fn rust_packages(section: &[u8]) -> Option<Vec<Package>> {
    let mut json = Vec::new();
    flate2::read::ZlibDecoder::new(section)
        .take(LONGEST as u64)
        .read_to_end(&mut json)
        .ok()?;
    let info: VersionInfo = serde_json::from_slice(&json).ok()?;
    let packages = info.packages.into_iter();
    let mut in_program: Vec<_> = packages
        .filter(|package| package.kind == DependencyKind::Runtime)
        .collect();
    in_program.sort_by_key(|package| !package.root);
    let packages = in_program.into_iter().map(|package| Package {
        kind: PackageKind::Cargo,
        name: package.name,
        version: package.version.to_string(),
        architecture: None,
        distribution: None,
    });
    Some(packages.collect())
}

/// Reads what the linker wrote since Go 1.18: two texts with their lengths behind 32 bytes, the second with the modules.
fn go_packages(section: &[u8]) -> Option<Vec<Package>> {
    const INLINE: u8 = 2;
    if !section.starts_with(GO_MAGIC) || section.get(15)? & INLINE == 0 {
        return None;
    }
    let (version, rest) = go_text(section.get(32..)?)?;
    let (modules, _) = go_text(rest)?;
    // Sixteen bytes at either end tell where the text lies in memory.
    let modules = modules.get(16..modules.len().checked_sub(16)?)?;
    let mut packages = Vec::new();
    let mut latest: Option<Package> = None;
    for line in std::str::from_utf8(modules).ok()?.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            ["mod" | "dep", name, version, ..] => {
                packages.extend(latest.replace(go_package(name, version)));
            }
            // Another module took the place of the one before.
            ["=>", name, version, ..] => latest = Some(go_package(name, version)),
            _ => {}
        }
    }
    packages.extend(latest);
    let version = std::str::from_utf8(version).ok()?;
    packages.push(go_package("stdlib", version.trim_start_matches("go")));
    Some(packages)
}

fn go_package(name: &str, version: &str) -> Package {
    Package {
        kind: PackageKind::Golang,
        name: name.to_owned(),
        // A module that was built where it lies has no version.
        version: match version {
            "(devel)" => String::new(),
            version => version.to_owned(),
        },
        architecture: None,
        distribution: None,
    }
}

/// A text behind its length, which is written in groups of seven bits.
fn go_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes[index + 1..].split_at_checked(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use object::{Architecture, BinaryFormat, Endianness, SectionKind, write::Object as NewObject};

    use super::*;

    fn program(section: &str, content: &[u8]) -> File {
        let mut object =
            NewObject::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let id = object.add_section(Vec::new(), section.into(), SectionKind::ReadOnlyData);
        object.set_section_data(id, content, 1);
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&object.write().expect("a program"))
            .expect("written");
        file.rewind().expect("a file");
        file
    }

    fn compressed(json: &str) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(json.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn urls(program: File) -> Vec<String> {
        built_from(program).iter().map(Package::url).collect()
    }

    #[test]
    fn a_program_of_rust_says_what_was_compiled_into_it() {
        let json = r#"{"packages":[
            {"name":"adler","version":"0.2.3","source":"registry"},
            {"name":"cc","version":"1.0.0","source":"registry","kind":"build"},
            {"name":"server","version":"2.0.0-rc.1+x","source":"local","dependencies":[0],"root":true}]}"#;
        assert_eq!(
            urls(program(".dep-v0", &compressed(json))),
            ["pkg:cargo/server@2.0.0-rc.1%2Bx", "pkg:cargo/adler@0.2.3"]
        );
    }

    #[test]
    fn a_program_of_go_says_its_modules_and_what_took_their_place() {
        let modules = "path\texample.com/server\nmod\texample.com/server\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:x=\n=>\texample.com/fork/net\tv0.2.0\th1:y=\nbuild\t-compiler=gc\n";
        let mut section = [GO_MAGIC, &[8, INLINE_FLAG], &[0; 16]].concat();
        for text in [
            "go1.22.3".to_owned(),
            format!("{0}{modules}{0}", "-".repeat(16)),
        ] {
            // 300 bytes and more have a length of two bytes.
            let length = text.len();
            match u8::try_from(length) {
                Ok(short) if short < 0x80 => section.push(short),
                _ => section.extend([0x80 | (length & 0x7f) as u8, (length >> 7) as u8]),
            }
            section.extend(text.as_bytes());
        }
        assert_eq!(
            urls(program(".go.buildinfo", &section)),
            [
                "pkg:golang/example.com/server",
                "pkg:golang/example.com/fork/net@v0.2.0",
                "pkg:golang/stdlib@1.22.3"
            ]
        );
        for length in 0..section.len() {
            assert!(go_packages(&section[..length]).is_none(), "{length}");
        }
    }

    const INLINE_FLAG: u8 = 2;

    #[test]
    fn a_program_that_says_nothing_or_nonsense_has_no_packages() {
        for program in [
            program(".text", b"x"),
            program(".dep-v0", b"not compressed"),
            program(".dep-v0", &compressed("{}")),
            program(".go.buildinfo", &[0xff; 64]),
        ] {
            assert_eq!(urls(program), [""; 0]);
        }
    }
}

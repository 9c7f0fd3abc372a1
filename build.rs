//! Packs the schemas of the stand-in providers (ten times smaller, they are parts of the program), and leaves out of the released
//! program what nobody can read.

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

const SCHEMAS: &str = "src/rehearse/provider/schemas";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={SCHEMAS}");
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for entry in fs::read_dir(SCHEMAS)? {
        let entry = entry?;
        let packed = Path::new(&out)
            .join(entry.file_name())
            .with_extension("json.gz");
        let mut encoder = GzEncoder::new(fs::File::create(packed)?, Compression::best());
        encoder.write_all(&fs::read(entry.path())?)?;
        encoder.finish()?;
    }
    leave_out_unwinding(Path::new(&out))
}

/// Leaves the tables by which a stack is unwound out of the released program, a twentieth of it: it aborts, and has no names of functions
/// that a trace could show. Whoever names a linker of their own links as that one does, since not all of them read scripts.
fn leave_out_unwinding(out: &Path) -> io::Result<()> {
    let variable = |name| env::var(name).unwrap_or_default();
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let linker = variable("RUSTC_LINKER");
    let names_linker = ["linker=", "fuse-ld="].map(|flag| flags.contains(flag));
    let is_release = variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux";
    if !is_release || !linker.is_empty() || names_linker.contains(&true) {
        return Ok(());
    }
    let script = out.join("without-unwinding.ld");
    fs::write(
        &script,
        "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.gcc_except_table*) } } INSERT AFTER .text;\n",
    )?;
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    Ok(())
}

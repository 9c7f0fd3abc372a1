//! Packs the schemas of the stand-in providers: ten times smaller, they are parts of the program.

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
    Ok(())
}

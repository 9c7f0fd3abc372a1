//! What the engine begins with.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Target, dictionary::dictionary};

/// Longest file that becomes a seed, in bytes: the engine tries short inputs more often, and larger ones slowly.
const LONGEST: u64 = 16 << 10;

/// Writes the seeds of each target to the folder of its name, and its dictionary beside it.
///
/// # Errors
///
/// A file that cannot be read or written.
pub fn write_seeds(repository: &Utf8Path, folder: &Utf8Path) -> io::Result<()> {
    for target in Target::ALL {
        let of_target = folder.join(target.name());
        fs::create_dir_all(&of_target)?;
        for (number, seed) in seeds(target, repository)?.iter().enumerate() {
            fs::write(of_target.join(format!("seed-{number:04}")), seed)?;
        }
        fs::write(
            folder.join(format!("{}.dict", target.name())),
            dictionary(target),
        )?;
    }
    Ok(())
}

/// The seeds of a target: what its folder holds, and what the tests of the program are made of.
pub(crate) fn seeds(target: Target, repository: &Utf8Path) -> io::Result<Vec<Vec<u8>>> {
    let kept = repository.join("xtask/fuzz/seeds").join(target.name());
    let mut seeds = read_all(&kept, "")?;
    match target {
        Target::Plan => {
            seeds.extend(read_all(&repository.join("tests/plans"), ".yaml")?);
            seeds.extend(read_all(&repository.join("workflows"), "deploy.yaml")?);
        }
        Target::Expression => {
            for test in read_all(&repository.join("src/expression/tests"), ".rs")? {
                let texts = quoted(&String::from_utf8_lossy(&test));
                seeds.extend(texts.into_iter().map(String::into_bytes));
            }
        }
        Target::Comment => {
            seeds.extend(read_all(&repository.join("xtask/fuzz/seeds/records"), "")?)
        }
        Target::Terraform => {
            let written = repository.join("tests/data/terraform");
            seeds.extend(read_all(&written, ".json")?);
            seeds.extend(read_all(&written, ".jsonl")?);
        }
        Target::Records | Target::Tags | Target::Hcl => {}
    }
    Ok(seeds)
}

/// The contents of all files below a folder whose names end so.
fn read_all(folder: &Utf8Path, ending: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut contents = Vec::new();
    if !folder.exists() {
        return Ok(contents);
    }
    let mut entries: Vec<Utf8PathBuf> = folder
        .read_dir_utf8()?
        .map(|entry| Ok(entry?.into_path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let metadata = path.symlink_metadata()?;
        if metadata.is_dir() {
            contents.extend(read_all(&path, ending)?);
        } else if metadata.is_file() && metadata.len() <= LONGEST && path.as_str().ends_with(ending)
        {
            contents.push(fs::read(&path)?);
        }
    }
    Ok(contents)
}

/// The texts between quotes in a source file. One that holds a quote itself is read as two, which does for a seed.
fn quoted(source: &str) -> Vec<String> {
    let texts = source
        .lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2));
    texts
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_holds_on_its_seeds() {
        let repository = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for target in Target::ALL {
            let seeds = seeds(target, &repository).expect("the repository is readable");
            assert!(
                seeds.len() >= 2,
                "`{}` has {} seeds",
                target.name(),
                seeds.len()
            );
            for seed in seeds {
                target.check(&seed);
            }
        }
    }
}

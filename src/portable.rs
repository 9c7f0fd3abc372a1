//! What systems do differently: modes and links of files, groups of processes, reading at an offset.
//!
//! On Unix each function does what its name says. Elsewhere, where a plan is linted and rendered and an image tagged, it
//! does what comes nearest, and its words say what that is.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write as _},
    path::Path,
    process::Command,
};

/// Returns the permission bits of a file. Elsewhere: 0755 of a folder, 0644 of a file, without those for writing where it is
/// read-only.
pub fn mode(metadata: &Metadata) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
    #[cfg(not(unix))]
    {
        let mode = if metadata.is_dir() { 0o755 } else { 0o644 };
        if metadata.permissions().readonly() {
            mode & !0o222
        } else {
            mode
        }
    }
}

/// Whether the owner of a file may execute it. Elsewhere nobody's word says so.
pub fn is_executable(metadata: &Metadata) -> bool {
    mode(metadata) & 0o100 != 0 && metadata.is_file()
}

/// Sets the permission bits of a path. Elsewhere nothing is changed.
///
/// # Errors
///
/// The system refuses.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let (_, _) = (path, mode);
        Ok(())
    }
}

/// Sets the permission bits of an open file. Elsewhere nothing is changed.
///
/// # Errors
///
/// The system refuses.
pub fn set_mode_of(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let (_, _) = (file, mode);
        Ok(())
    }
}

/// Begins to make a temporary file with these permission bits, of which the umask takes its share. Elsewhere the folder's own
/// rules hold.
///
/// # Errors
///
/// The file cannot be made.
#[cfg_attr(not(unix), expect(unused_mut, reason = "there is nothing to set"))]
pub fn temporary_file_with_mode(folder: &Path, mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let (_, ()) = (mode, ());
    builder.tempfile_in(folder)
}

/// Returns options that make a file for its owner alone. Elsewhere the folder's own rules hold.
#[cfg_attr(not(unix), expect(unused_mut, reason = "there is nothing to set"))]
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file for its owner alone that is there whole, or not at all.
///
/// # Errors
///
/// It cannot be written, or put in its place.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = private_file()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The name lasts once its folder does; elsewhere a folder cannot be opened.
    match path.parent().filter(|_| cfg!(unix)) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Returns a builder of folders for their owner alone. Elsewhere the rules of the folder above hold.
pub fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true);
    builder
}

/// Makes a symbolic link. Elsewhere that is an error.
///
/// # Errors
///
/// The system refuses, or has none.
pub fn symlink(target: &[u8], link: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let target = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target);
        std::os::unix::fs::symlink(target, link)
    }
    #[cfg(not(unix))]
    {
        let target = String::from_utf8_lossy(target);
        let words = format!("`{}` would be a link to `{target}`", link.display());
        Err(io::Error::new(io::ErrorKind::Unsupported, words))
    }
}

/// Fills a buffer from an offset of a file, wherever the file was read last.
///
/// # Errors
///
/// The file is shorter, or cannot be read.
pub fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
    }
    #[cfg(not(unix))]
    {
        use std::io::{Read as _, Seek as _};
        // A second handle of the same file: the system's call would move the place where the first one goes on.
        let mut file = file.try_clone()?;
        file.seek(io::SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }
}

/// Whether two descriptions are of one file. Elsewhere: of the same time and length.
pub fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    }
    #[cfg(not(unix))]
    {
        one.len() == other.len() && one.created().ok() == other.created().ok()
    }
}

/// Has a command begin a group of processes of its own, which the terminal's Ctrl-C does not reach. Elsewhere it stays in
/// ours.
pub fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let (_, ()) = (command, ());
}

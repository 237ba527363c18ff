//! Files and folders that are written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What could not be done to a file or folder.
#[derive(Debug, thiserror::Error)]
#[error("could not {what} {}: {source}", path.display())]
pub struct FileError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    pub(crate) fn new(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
        let path = path.to_owned();
        move |source| FileError { what, path, source }
    }
}

/// The folder that holds `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the folder at `path`, and those above it, where they are missing, and shows that files
/// can be made in it.
pub fn prepare_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::new("make the folder", path))?;
    tempfile::Builder::new()
        .prefix(".probe-")
        .tempfile_in(path)
        .and_then(|mut probe| probe.write_all(b"\n").and_then(|()| probe.as_file().sync_data()))
        .map_err(FileError::new("write to the folder", path))
}

/// Fills the folder at `path` by `fill`, which is given an empty folder beside it. The files move
/// to `path` when all of them are there; where `fill` fails, none does. Other files that are in
/// `path` stay. `last` is the file that the others make complete: an old one goes before they
/// come, and the new one comes after them.
pub(crate) fn fill_folder<E: From<FileError>>(
    path: &Path,
    last: &str,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let beside = parent(path);
    fs::create_dir_all(beside).map_err(FileError::new("make the folder", beside))?;
    let exists = path.exists();
    if exists && !path.is_dir() {
        let error = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(FileError::new("write to", path)(error).into());
    }
    let within = if exists { path } else { beside };
    let partial = tempfile::Builder::new()
        .prefix(".partial-")
        .tempdir_in(within)
        .map_err(FileError::new("write to the folder", within))?;
    fill(partial.path())?;
    if exists {
        Ok(replace(partial.path(), path, last)?)
    } else {
        set_ordinary(partial.path()).map_err(FileError::new("open up", partial.path()))?;
        fs::rename(partial.path(), path).map_err(FileError::new("make the folder", path))?;
        // What it was is no more; there is nothing to remove.
        let _ = partial.keep();
        Ok(())
    }
}

/// Moves the files of `from` into `to`, `last` at the end.
fn replace(from: &Path, to: &Path, last: &str) -> Result<(), FileError> {
    let complete = to.join(last);
    match fs::remove_file(&complete) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::new("replace", &complete)(error));
        }
        _ => {}
    }
    let files = fs::read_dir(from).map_err(FileError::new("read", from))?;
    let mut names = Vec::new();
    for file in files {
        names.push(file.map_err(FileError::new("read", from))?.file_name());
    }
    names.sort_by_key(|name| name == last);
    for name in names {
        let target = to.join(&name);
        fs::rename(from.join(&name), &target).map_err(FileError::new("write", &target))?;
    }
    Ok(())
}

/// Gives a folder that was made private the rights of an ordinary one.
#[cfg(unix)]
fn set_ordinary(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn set_ordinary(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(folder: &Path, text: &str) -> Result<(), FileError> {
        for name in ["a", "last"] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(FileError::new("write", &path))?;
        }
        Ok(())
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_folder_appears_whole() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("deep/folder");
        fill_folder(&folder, "last", |f| fill(f, "new")).unwrap();
        assert_eq!(names(&folder), ["a", "last"]);
        assert_eq!(names(folder.parent().unwrap()), ["folder"]);
    }

    #[test]
    fn other_files_stay_and_old_ones_are_replaced() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("other"), "kept").unwrap();
        fill_folder(root.path(), "last", |f| fill(f, "old")).unwrap();
        fill_folder(root.path(), "last", |f| fill(f, "new")).unwrap();
        assert_eq!(names(root.path()), ["a", "last", "other"]);
        assert_eq!(fs::read_to_string(root.path().join("last")).unwrap(), "new");
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("folder");
        let failed = fill_folder(&folder, "last", |f| {
            fill(f, "new")?;
            Err(FileError::new("write", f)(io::Error::other("full")))
        });
        assert!(failed.is_err());
        assert!(names(root.path()).is_empty());
    }
}

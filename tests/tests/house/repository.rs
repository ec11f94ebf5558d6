//! Where the files of the repository are, and how to read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the top folder that hold nothing committed.
const NOT_OURS: &[&str] = &[".git", ".cache", "data", "node_modules"];

/// The top folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests has a parent folder")
        .to_owned()
}

/// The text of a file, named from the top folder.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of the folders directly in `path`, sorted.
pub(crate) fn folders(path: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All text files, as (path from the top folder, text).
pub(crate) fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(&root(), &root(), &mut found);
    found.sort();
    found
}

/// README and every page in docs, decisions included, as (path, text).
pub(crate) fn pages() -> Vec<(String, String)> {
    texts()
        .into_iter()
        .filter(|(path, _)| {
            path == "README.md" || path.starts_with("docs/") && path.ends_with(".md")
        })
        .collect()
}

/// The members in `crates`, as (name, manifest).
pub(crate) fn manifests() -> Vec<(String, toml::Table)> {
    folders("crates")
        .into_iter()
        .map(|name| {
            let manifest = read(&format!("crates/{name}/Cargo.toml"));
            let manifest = manifest
                .parse()
                .unwrap_or_else(|error| panic!("crates/{name}: {error}"));
            (name, manifest)
        })
        .collect()
}

fn gather(top: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let is_ours =
                folder != top || !(NOT_OURS.contains(&name.as_str()) || name.starts_with("target"));
            if is_ours {
                gather(top, &entry.path(), found);
            }
        } else if kind.is_file() {
            // Pictures and other binaries are no text and end here.
            let Ok(text) = fs::read_to_string(entry.path()) else {
                continue;
            };
            let path = entry
                .path()
                .strip_prefix(top)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            found.push((path, text));
        }
    }
}

//! The reference data: the files of a folder, or the ones compiled in.

use std::path::Path;

use anyhow::{Context, bail};
use domain::catalogue::{Reference, ReferenceFile};
use service::playbooks::PlaybookFile;

const COMPILED_IN: [(&str, &str); 5] = [
    (
        "services.toml",
        include_str!("../../../config/reference/services.toml"),
    ),
    (
        "authorities.toml",
        include_str!("../../../config/reference/authorities.toml"),
    ),
    (
        "codes.toml",
        include_str!("../../../config/reference/codes.toml"),
    ),
    (
        "calendars.toml",
        include_str!("../../../config/reference/calendars.toml"),
    ),
    (
        "sla-policies.toml",
        include_str!("../../../config/reference/sla-policies.toml"),
    ),
];

macro_rules! playbooks {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../../config/reference/playbooks/", $name)))),+]
    };
}

const PLAYBOOKS: [(&str, &str); 7] = playbooks!(
    "pb-0.toml",
    "pb-1.toml",
    "pb-2.toml",
    "pb-3.toml",
    "pb-4.toml",
    "pb-5.toml",
    "pb-6.toml"
);

/// What a folder may do without, so that one made for an earlier release still loads.
const OPTIONAL: [&str; 2] = ["calendars.toml", "sla-policies.toml"];

/// Reads and checks the reference data; everything that is wrong is told with file and line.
pub(crate) fn load(folder: Option<&Path>) -> anyhow::Result<Reference> {
    let mut texts = Vec::new();
    for (name, text) in COMPILED_IN {
        texts.push(match folder {
            Some(folder) if !is_left_out(folder, name) => {
                let path = folder.join(name);
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("reference.folder: cannot read {shown}"))?;
                (shown, text)
            }
            _ => (format!("config/reference/{name}"), text.to_owned()),
        });
    }
    let files: Vec<ReferenceFile<'_>> = texts
        .iter()
        .map(|(name, text)| ReferenceFile { name, text })
        .collect();
    Reference::parse(&files).or_else(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        bail!("the reference data is wrong:\n  {}", lines.join("\n  "))
    })
}

/// Reads the playbooks: those in the folder `playbooks` of the reference folder, if there is one. They are
/// checked where they are brought into the database.
pub(crate) fn load_playbooks(folder: Option<&Path>) -> anyhow::Result<Vec<PlaybookFile>> {
    let folder = folder.map(|folder| folder.join("playbooks"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        let shipped = PLAYBOOKS.iter().map(|(name, text)| PlaybookFile {
            name: format!("config/reference/playbooks/{name}"),
            text: (*text).to_owned(),
        });
        return Ok(shipped.collect());
    };
    let shown = folder.display().to_string();
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("reference.folder: cannot read {shown}"))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("reference.folder: cannot read {shown}"))?
            .path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("reference.folder: cannot read {name}"))?;
            Ok(PlaybookFile { name, text })
        })
        .collect()
}

fn is_left_out(folder: &Path, name: &str) -> bool {
    OPTIONAL.contains(&name) && !folder.join(name).exists()
}

/// How much there is of what.
pub(crate) fn summary(reference: &Reference) -> String {
    let services = reference.services();
    let types: usize = services
        .iter()
        .map(|service| service.problem_types.len())
        .sum();
    let authorities = reference.authorities().len();
    format!(
        "{} services, {types} problem types, {authorities} authorities and desks, {} calendars",
        services.len(),
        reference.calendars().len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_compiled_in_are_right() {
        let reference = load(None).unwrap();
        assert!(summary(&reference).contains("services, "));
    }

    #[test]
    fn playbooks_come_from_the_folder_if_it_has_some() {
        let folder = tempfile::tempdir().unwrap();
        let names = |folder: &Path| {
            let files = load_playbooks(Some(folder)).unwrap();
            files.into_iter().map(|file| file.name).collect::<Vec<_>>()
        };
        assert_eq!(names(folder.path()).len(), PLAYBOOKS.len());
        let own = folder.path().join("playbooks");
        std::fs::create_dir(&own).unwrap();
        for (name, text) in [("b.toml", "b"), ("a.toml", "a"), ("notes.txt", "")] {
            std::fs::write(own.join(name), text).unwrap();
        }
        let found = names(folder.path());
        assert!(
            found.len() == 2 && found[0].ends_with("a.toml"),
            "{found:?}"
        );
    }

    #[test]
    fn a_mistake_is_told_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in COMPILED_IN {
            let text = text.replacen("kind = \"asl\"", "kind = \"pub\"", 1);
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let message = load(Some(folder.path())).unwrap_err().to_string();
        assert!(message.contains("authorities.toml:14: kind: "), "{message}");
        std::fs::write(folder.path().join("authorities.toml"), COMPILED_IN[1].1).unwrap();
        for name in OPTIONAL {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert!(
            load(Some(folder.path())).is_ok(),
            "a folder of an earlier release"
        );
        std::fs::remove_file(folder.path().join("codes.toml")).unwrap();
        let message = load(Some(folder.path())).unwrap_err().to_string();
        assert!(message.contains("codes.toml"), "{message}");
    }
}

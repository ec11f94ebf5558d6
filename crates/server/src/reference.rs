//! The reference data: the files of a folder, or the ones compiled in.

use std::path::Path;

use anyhow::{Context, bail};
use domain::catalogue::{Reference, ReferenceFile};

const COMPILED_IN: [(&str, &str); 6] = [
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
    (
        "technical-catalogue.toml",
        include_str!("../../../config/reference/technical-catalogue.toml"),
    ),
];

/// What a folder may do without, so that one made for an earlier release still loads.
const OPTIONAL: [&str; 3] = [
    "calendars.toml",
    "sla-policies.toml",
    "technical-catalogue.toml",
];

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

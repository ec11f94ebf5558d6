//! The reference data and the playbooks: the files of a folder, or the ones compiled in.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use domain::catalogue::{Reference, ReferenceError, ReferenceFile};
use escalation::playbook::Set;
use escalation::routing::Rules;

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

const PLAYBOOKS: &str = "playbooks";

const COMPILED_IN_PLAYBOOKS: [(&str, &str); 7] = [
    (
        "pb-0.toml",
        include_str!("../../../config/reference/playbooks/pb-0.toml"),
    ),
    (
        "pb-1.toml",
        include_str!("../../../config/reference/playbooks/pb-1.toml"),
    ),
    (
        "pb-2.toml",
        include_str!("../../../config/reference/playbooks/pb-2.toml"),
    ),
    (
        "pb-3.toml",
        include_str!("../../../config/reference/playbooks/pb-3.toml"),
    ),
    (
        "pb-4.toml",
        include_str!("../../../config/reference/playbooks/pb-4.toml"),
    ),
    (
        "pb-5.toml",
        include_str!("../../../config/reference/playbooks/pb-5.toml"),
    ),
    (
        "pb-6.toml",
        include_str!("../../../config/reference/playbooks/pb-6.toml"),
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
                read(&folder.join(name)).map_err(|error| anyhow!("reference.folder: {error:#}"))?
            }
            _ => (format!("config/reference/{name}"), text.to_owned()),
        });
    }
    Reference::parse(&files(&texts)).or_else(|errors| {
        bail!(
            "the reference data is wrong:\n  {}",
            listed(&errors, "\n  ")
        )
    })
}

/// The files of the playbooks, by name and text, and what they say. The folder's own `playbooks`,
/// if it has one, takes the place of all that are compiled in.
pub(crate) fn playbooks(
    folder: Option<&Path>,
    reference: &Reference,
) -> anyhow::Result<(Vec<(String, String)>, Set)> {
    let own = folder.map(|folder| folder.join(PLAYBOOKS));
    let texts = match own.filter(|own| own.exists()) {
        Some(own) => playbook_files(&own)?,
        None => COMPILED_IN_PLAYBOOKS
            .iter()
            .map(|(name, text)| {
                let name = format!("config/reference/{PLAYBOOKS}/{name}");
                (name, (*text).to_owned())
            })
            .collect(),
    };
    let set = Set::parse(&files(&texts), reference)
        .or_else(|errors| bail!("the playbooks are wrong:\n  {}", listed(&errors, "\n  ")))?;
    Ok((texts, set))
}

/// Every `*.toml` of a folder, by name and text, in the order of their names.
pub(crate) fn playbook_files(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {shown}"))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    ensure!(!paths.is_empty(), "{shown} has no playbook");
    paths.iter().map(|path| read(path)).collect()
}

/// A file's name and text.
pub(crate) fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    Ok((shown, text))
}

/// Files as they are parsed.
pub(crate) fn files(texts: &[(String, String)]) -> Vec<ReferenceFile<'_>> {
    texts
        .iter()
        .map(|(name, text)| ReferenceFile { name, text })
        .collect()
}

/// Mistakes, one after the other.
pub(crate) fn listed(errors: &[ReferenceError], between: &str) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join(between)
}

/// How many playbooks and checks there are.
pub(crate) fn playbooks_summary(set: &Set) -> String {
    let playbooks = set.playbooks();
    let checks: usize = playbooks.iter().map(|one| one.checks.len()).sum();
    format!("{} playbooks, {checks} checks", playbooks.len())
}

/// The routing rules an installation begins with.
const ROUTING: (&str, &str) = (
    "routing.toml",
    include_str!("../../../config/reference/routing.toml"),
);

/// Reads and checks the routing rules an installation begins with: those of the folder, if it has any.
pub(crate) fn load_rules(folder: Option<&Path>, reference: &Reference) -> anyhow::Result<String> {
    let (name, compiled_in) = ROUTING;
    let own = folder.map(|folder| folder.join(name));
    let text = match own.filter(|path| path.exists()) {
        Some(path) => read_rules(&path, reference)?,
        None => compiled_in.to_owned(),
    };
    Ok(text)
}

/// Reads and checks a file of routing rules; everything that is wrong is told with file and line.
fn read_rules(path: &Path, reference: &Reference) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let file = ReferenceFile {
        name: &name,
        text: &text,
    };
    match Rules::parse(0, &file, reference) {
        Ok(_) => Ok(text),
        Err(flaws) => {
            let lines: Vec<String> = flaws.iter().map(|flaw| format!("{name}:{flaw}")).collect();
            bail!("the routing rules are wrong:\n  {}", lines.join("\n  "))
        }
    }
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
    fn a_mistake_in_the_routing_rules_is_told_with_file_and_line() {
        let reference = load(None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let shipped = load_rules(Some(folder.path()), &reference).unwrap();
        assert_eq!(shipped, ROUTING.1, "a folder of an earlier release");
        let path = folder.path().join("routing.toml");
        std::fs::write(
            &path,
            ROUTING.1.replace("\"named-authority\"\n", "\"TEC010\"\n"),
        )
        .unwrap();
        let message = load_rules(Some(folder.path()), &reference)
            .unwrap_err()
            .to_string();
        assert!(message.contains("routing.toml:"), "{message}");
        assert!(
            message.contains("rule.target: the technical desk never has custody"),
            "{message}"
        );
    }

    #[test]
    fn the_playbooks_compiled_in_are_right_and_all_there() {
        let (texts, set) = playbooks(None, &load(None).unwrap()).unwrap();
        assert_eq!(playbooks_summary(&set), "7 playbooks, 25 checks");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/reference/playbooks");
        let there: Vec<String> = playbook_files(&folder)
            .unwrap()
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        let compiled_in: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        assert!(
            there == compiled_in,
            "a file of the folder is not compiled in"
        );
    }

    #[test]
    fn a_folder_of_playbooks_takes_the_place_of_all() {
        let reference = load(None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        assert!(
            playbooks(Some(folder.path()), &reference).is_ok(),
            "none of its own"
        );
        let own = folder.path().join(PLAYBOOKS);
        std::fs::create_dir(&own).unwrap();
        let message = playbooks(Some(folder.path()), &reference).unwrap_err();
        assert!(
            message.to_string().ends_with("has no playbook"),
            "{message}"
        );
        std::fs::write(own.join("a.toml"), COMPILED_IN_PLAYBOOKS[0].1).unwrap();
        std::fs::write(own.join("notes.txt"), "not a playbook").unwrap();
        let (texts, set) = playbooks(Some(folder.path()), &reference).unwrap();
        assert_eq!((texts.len(), set.playbooks().len()), (1, 1));
        // PB-2 goes on to PB-1, which is not there.
        std::fs::write(own.join("b.toml"), COMPILED_IN_PLAYBOOKS[2].1).unwrap();
        let message = playbooks(Some(folder.path()), &reference)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("b.toml:") && message.contains("there is no playbook `PB-1`"),
            "{message}"
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

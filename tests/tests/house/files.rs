//! What is committed stands on its own: no trace of a machine, and both databases get the same steps.

use crate::repository::{folders, read, root, texts};

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let traces: Vec<String> = texts()
        .iter()
        .flat_map(|(path, text)| {
            text.lines().enumerate().filter_map(move |(number, line)| {
                Some(format!("{path}:{}: {}", number + 1, trace(line)?))
            })
        })
        .collect();

    assert!(traces.is_empty(), "\n{}\n", traces.join("\n"));
}

#[test]
fn a_trace_of_a_machine_is_noticed() {
    let home = ["/ro", "ot/", ".cargo"].concat();
    let tree = ["/wo", "rk/", "main"].concat();
    let host = ["static.cra", "tes.io"].concat();
    assert!(trace(&format!("see {home}")).is_some());
    assert!(trace(&format!("{tree}/Cargo.toml")).is_some());
    assert!(trace(&format!("https://{host}/x")).is_some());

    let inside_a_path = ["src/wo", "rk/list.rs"].concat();
    assert!(trace(&inside_a_path).is_none());
    let whole_word_only = ["frame", "wo", "rk/list.rs"].concat();
    assert!(trace(&whole_word_only).is_none());
}

#[test]
fn both_databases_have_the_same_migrations() {
    let sqlite = folders("migrations/sqlite");
    let postgres = folders("migrations/postgres");
    assert_eq!(
        sqlite, postgres,
        "migrations/sqlite and migrations/postgres differ"
    );
    assert!(
        !sqlite.is_empty(),
        "there are no migrations, so nothing was checked"
    );

    for name in sqlite {
        for dialect in ["sqlite", "postgres"] {
            for step in ["up.sql", "down.sql"] {
                let path = format!("migrations/{dialect}/{name}/{step}");
                assert!(root().join(&path).is_file(), "{path} is missing");
                assert!(!read(&path).trim().is_empty(), "{path} is empty");
            }
        }
    }
}

/// What in a line belongs to one machine or one network, if anything.
fn trace(line: &str) -> Option<String> {
    // In pieces, so that this file does not hold what it looks for.
    let places = [["/ro", "ot/"], ["/wo", "rk/"], ["/Use", "rs/"]].map(|parts| parts.concat());
    let hosts = [
        ["index.cra", "tes.io"],
        ["static.cra", "tes.io"],
        ["registry.npm", "js.org"],
        ["registry.yarn", "pkg.com"],
        ["py", "pi.org"],
        ["files.python", "hosted.org"],
        ["deb.deb", "ian.org"],
        ["proxy.gol", "ang.org"],
        ["repo.maven.apa", "che.org"],
    ]
    .map(|parts| parts.concat());

    let place = places.into_iter().find(|place| {
        line.match_indices(place.as_str()).any(|(at, _)| {
            // Inside a longer path it is just a folder of that name.
            !line[..at]
                .ends_with(|before: char| before.is_alphanumeric() || "._-}*".contains(before))
        })
    });
    place.or_else(|| hosts.into_iter().find(|host| line.contains(host.as_str())))
}

//! Every command a page tells people to type exists.

use crate::documents::code;
use crate::repository::{pages, read};

/// The subcommands of the binary, from the page that a test of the binary keeps true.
fn subcommands() -> Vec<String> {
    let page = read("docs/commands.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `sportello "));
    rows.filter_map(|row| row.split('`').next())
        .map(str::to_owned)
        .collect()
}

/// Whether the binary has this command, of one word or two.
fn is_subcommand(words: &str) -> bool {
    subcommands()
        .iter()
        .any(|known| known == words || known.starts_with(&format!("{words} ")))
}

#[test]
fn every_command_in_the_pages_exists() {
    let targets = targets(&read("Makefile"));
    let mut missing = Vec::new();
    let mut seen = 0;
    for (path, text) in pages() {
        for command in commands(&text) {
            seen += 1;
            if !exists(&command, &targets) {
                missing.push(format!("{path} names {command:?}, which does not exist"));
            }
        }
    }

    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
    assert!(seen > 0, "no page names a command, so nothing was checked");
}

#[test]
fn every_make_target_is_in_the_help() {
    let makefile = read("Makefile");
    for line in makefile.lines() {
        let Some(target) = target(line) else { continue };
        assert!(
            line.contains(" ## "),
            "make {target} has no line in make help"
        );
    }
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    let page = "Type `make coffee` or:\n\n```\ncargo run --bin sportello -- brew --strong\n\
                sportello demo accounts --json | sportello demo teapot\n```\nWe make tea for sportello users.\n";
    let found = commands(page);
    assert_eq!(
        found,
        [
            "make coffee",
            "sportello brew",
            "sportello demo accounts",
            "sportello demo teapot"
        ]
    );

    let targets = targets("run: build ## start\nbuild:\n\tcargo build\nX := 1\n");
    assert_eq!(targets, ["run", "build"]);
    let exists: Vec<bool> = found
        .iter()
        .map(|command| exists(command, &targets))
        .collect();
    assert_eq!(exists, [false, false, true, false]);
}

/// The commands of ours in a page's code, without their options.
fn commands(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in code(markdown) {
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let program = word.rsplit('/').next().unwrap_or(word);
            match program {
                "make" => {
                    while let Some(target) = words.next_if(|word| is_name(word)) {
                        found.push(format!("make {target}"));
                    }
                }
                "sportello" => {
                    words.next_if_eq(&"--");
                    let Some(first) = words.next_if(|word| is_name(word)) else {
                        continue;
                    };
                    let mut command = format!("sportello {first}");
                    let has_more = subcommands()
                        .iter()
                        .any(|known| known.starts_with(&format!("{first} ")));
                    if let Some(second) = words.next_if(|word| has_more && is_name(word)) {
                        command = format!("{command} {second}");
                    }
                    found.push(command);
                }
                _ => {}
            }
        }
    }
    found
}

fn exists(command: &str, targets: &[String]) -> bool {
    match command.split_once(' ') {
        Some(("make", target)) => targets.iter().any(|known| known == target),
        Some((_, words)) => is_subcommand(words),
        None => false,
    }
}

fn targets(makefile: &str) -> Vec<String> {
    makefile
        .lines()
        .filter_map(target)
        .map(str::to_owned)
        .collect()
}

/// The name of the target that a line of a Makefile begins, if it begins one.
fn target(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(':')?;
    (is_name(name) && !rest.starts_with('=')).then_some(name)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

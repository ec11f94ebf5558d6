//! The pages say what is there: every crate has its paragraph, every link leads somewhere.

use crate::repository::{folders, pages, read, root};

#[test]
fn every_crate_has_a_paragraph_that_ends_in_an_invariant() {
    let page = read("docs/architecture.md");
    let mut members = folders("crates");
    members.push("tests".to_owned());
    for member in members {
        let Some(section) = section(&page, 3, &member) else {
            panic!("docs/architecture.md has no heading {member}");
        };
        assert!(
            ends_in_an_invariant(&section),
            "the paragraph of {member} in docs/architecture.md does not end in a line that begins **Invariant**"
        );
    }
}

#[test]
fn every_crate_in_the_architecture_page_exists() {
    let page = read("docs/architecture.md");
    let crates =
        section(&page, 2, "The crates").expect("docs/architecture.md has a part The crates");
    let mut members = folders("crates");
    members.push("tests".to_owned());
    for heading in headings(&crates, 3) {
        assert!(
            members.contains(&heading),
            "docs/architecture.md describes {heading}, which is no member"
        );
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for (path, text) in pages() {
        for link in links(&text) {
            seen += 1;
            let folder = root().join(&path).parent().unwrap().to_owned();
            if !folder.join(&link).exists() {
                broken.push(format!("{path} links to {link}, which does not exist"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    assert!(seen > 0, "no page has a link, so nothing was checked");
}

#[test]
fn decisions_are_short_and_have_their_parts() {
    let decisions: Vec<_> = pages()
        .into_iter()
        .filter(|(path, _)| path.starts_with("docs/adr/"))
        .collect();
    assert!(!decisions.is_empty());
    for (path, text) in decisions {
        assert!(text.lines().count() < 60, "{path} has 60 lines or more");
        let found = headings(&text, 2);
        assert_eq!(
            found,
            ["Status", "Context", "Decision", "Consequences"],
            "in {path}"
        );
    }
}

#[test]
fn headings_are_found_outside_of_code_only() {
    let page = "# Top\n\n## `one`\n\ntext\n\n```\n## not me\n```\n\n### Deep\n\n## two\n";
    assert_eq!(headings(page, 1), ["Top"]);
    assert_eq!(headings(page, 2), ["one", "two"]);
    assert_eq!(headings(page, 3), ["Deep"]);
    assert_eq!(section(page, 2, "two").unwrap(), "");
    assert!(section(page, 2, "one").unwrap().contains("### Deep"));
    assert_eq!(section(page, 2, "three"), None);
}

#[test]
fn a_paragraph_without_an_invariant_is_noticed() {
    assert!(ends_in_an_invariant(
        "Holds rules.\n\n**Invariant** No clock.\n\n"
    ));
    assert!(!ends_in_an_invariant(
        "**Invariant** No clock.\nAnd more.\n"
    ));
    assert!(!ends_in_an_invariant(""));
}

#[test]
fn links_to_files_are_told_from_other_links() {
    let page = "See [a](docs/a.md#part), [b](https://example.org), [c](#here),\n\
                ![d](d.svg \"title\"), [e](mailto:e@example.org) and `[f](f.md)`.\n";
    assert_eq!(links(page), ["docs/a.md", "d.svg"]);
}

/// The headings of one level, without marks of code.
pub(crate) fn headings(markdown: &str, level: usize) -> Vec<String> {
    lines(markdown)
        .filter(|(_, in_code)| !in_code)
        .filter_map(|(line, _)| heading(line))
        .filter(|(found, _)| *found == level)
        .map(|(_, text)| text)
        .collect()
}

/// The text below one heading, up to the next of its level or above.
pub(crate) fn section(markdown: &str, level: usize, title: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for (line, in_code) in lines(markdown) {
        let heading = if in_code { None } else { heading(line) };
        match (&mut found, heading) {
            (None, Some((here, text))) if here == level && text == title => {
                found = Some(String::new())
            }
            (Some(_), Some((here, _))) if here <= level => break,
            (Some(text), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// What stands in code: lines of fenced blocks, and spans between backticks.
pub(crate) fn code(markdown: &str) -> Vec<&str> {
    lines(markdown)
        .flat_map(|(line, in_code)| match in_code {
            true => vec![line],
            false => line.split('`').skip(1).step_by(2).collect(),
        })
        .collect()
}

fn ends_in_an_invariant(section: &str) -> bool {
    section
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with("**Invariant**"))
}

/// The files a page links to, from where it lies.
fn links(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (line, _) in lines(markdown).filter(|(_, in_code)| !in_code) {
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                found.push(target.to_owned());
            }
        }
    }
    found
}

/// The lines of a page, and whether each stands in a fenced block; the fences are left out.
fn lines(markdown: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut in_code = false;
    markdown.lines().filter_map(move |line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        Some((line, in_code))
    })
}

fn heading(line: &str) -> Option<(usize, String)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let text = text.strip_prefix(' ')?;
    (level > 0).then(|| (level, text.trim().replace('`', "")))
}

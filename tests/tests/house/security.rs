//! The pages that name tests name tests that there are.

use crate::documents::section;
use crate::repository::{read, texts};

#[test]
fn every_test_the_page_on_security_names_is_there() {
    let page = read("docs/security.md");
    let table = section(&page, 2, "Standards").expect("docs/security.md has a part Standards");
    are_there("docs/security.md", &table, 10);
}

#[test]
fn every_test_the_page_on_delivery_names_is_there() {
    are_there("docs/delivery.md", &read("docs/delivery.md"), 40);
}

#[test]
fn every_test_the_page_on_scaling_names_is_there() {
    let page = read("docs/scaling.md");
    let part = section(&page, 2, "Several nodes").expect("docs/scaling.md has a part on nodes");
    are_there("docs/scaling.md", &part, 10);
}

/// The last columns of the tables in `text` name tests that there are, more than `least` of them.
fn are_there(page: &str, text: &str, least: usize) {
    let named: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.rsplit('`').next())
        .collect();
    assert!(named.len() > least, "{page} names {} tests", named.len());
    let sources: Vec<String> = texts()
        .into_iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(_, text)| text)
        .collect();
    let is_there = |name: &str| {
        let spellings = [
            format!("fn {name}("),
            format!("both!({name},"),
            format!("    {name},\n"),
        ];
        let has = |text: &String| spellings.iter().any(|spelling| text.contains(spelling));
        sources.iter().any(has)
    };
    let missing: Vec<&&str> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{page}: no such test: {missing:?}");
}

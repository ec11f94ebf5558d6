//! The page of problems and the program say the same.

use api::problem::SLUGS;

use crate::documents::headings;
use crate::repository::read;

#[test]
fn the_page_explains_every_problem_and_no_other() {
    let page = read("docs/problems.md");
    let mut explained = headings(&page, 2);
    explained.sort();
    let mut answered: Vec<String> = SLUGS.iter().map(|slug| (*slug).to_owned()).collect();
    answered.sort();
    assert_eq!(explained, answered);
}

//! The shipped playbooks, read as the server reads them, and a way to try every combination that owes
//! nothing to the program's own.

use domain::catalogue::{Reference, ReferenceFile};
use escalation::playbook::{AnswerCode, Answers, CheckCode, Playbook, PlaybookCode, Set};

macro_rules! shipped {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../../../config/reference/", $name)))),+]
    };
}

const REFERENCE: [(&str, &str); 5] = shipped!(
    "services.toml",
    "authorities.toml",
    "codes.toml",
    "calendars.toml",
    "sla-policies.toml"
);

pub(crate) const PLAYBOOKS: [(&str, &str); 7] = shipped!(
    "playbooks/pb-0.toml",
    "playbooks/pb-1.toml",
    "playbooks/pb-2.toml",
    "playbooks/pb-3.toml",
    "playbooks/pb-4.toml",
    "playbooks/pb-5.toml",
    "playbooks/pb-6.toml"
);

pub(crate) fn files<'a>(texts: &'a [(&'a str, &'a str)]) -> Vec<ReferenceFile<'a>> {
    let file = |(name, text): &(&'a str, &'a str)| ReferenceFile { name, text };
    texts.iter().map(file).collect()
}

pub(crate) fn reference() -> Reference {
    Reference::parse(&files(&REFERENCE)).unwrap()
}

pub(crate) fn shipped() -> Set {
    Set::parse(&files(&PLAYBOOKS), &reference()).unwrap_or_else(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

pub(crate) fn playbook<'a>(set: &'a Set, code: &str) -> &'a Playbook {
    set.get(&PlaybookCode::from(code)).unwrap()
}

/// `c1=yes c2=no`.
pub(crate) fn answers(words: &str) -> Answers {
    let pairs = words
        .split_whitespace()
        .map(|word| word.split_once('=').unwrap());
    pairs
        .map(|(check, answer)| (CheckCode::from(check), AnswerCode::from(answer)))
        .collect()
}

/// Every combination of answers to a playbook's own checks, the last check changing fastest.
pub(crate) fn combinations(playbook: &Playbook) -> Vec<Answers> {
    let mut all = vec![Answers::new()];
    for check in playbook.checks.iter().filter(|check| !check.is_details()) {
        all = all
            .iter()
            .flat_map(|before| {
                check.answers.iter().map(|answer| {
                    let mut with = before.clone();
                    with.insert(check.code.clone(), answer.code.clone());
                    with
                })
            })
            .collect();
    }
    all
}

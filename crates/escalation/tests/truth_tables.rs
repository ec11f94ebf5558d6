//! What the shipped playbooks decide: for every combination of answers, as a table to be read beside
//! `domain.md` §6, and against a second reading of that text that knows nothing of rules and files.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests, outside `#[test]`"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;

use escalation::playbook::{Answers, CheckCode, Decision, Run};
use support::{combinations, playbook, shipped};

/// A line stands for every combination that agrees with it: a check that makes no difference is left
/// out, and answers that make none are joined with `|`.
#[test]
fn every_combination_of_every_playbook_is_as_reviewed() {
    let set = shipped();
    let mut table = String::new();
    for playbook in set.playbooks() {
        let asked = playbook.checks.iter().filter(|check| !check.is_details());
        let checks: Vec<&CheckCode> = asked.map(|check| &check.code).collect();
        let rows: Vec<Row> = combinations(playbook)
            .iter()
            .map(|answers| {
                let words = checks.iter().map(|check| answers[*check].to_string());
                (words.collect(), told(&set.run(playbook, answers)))
            })
            .collect();
        let (code, label) = (&playbook.code, &playbook.label.en);
        writeln!(table, "{code} {label} ({} combinations)", rows.len()).unwrap();
        for (conditions, told) in joined(&checks, &rows) {
            writeln!(table, "  {}→ {told}", conditions.concat()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// The answers in the order of the checks, or what is left of them; and what they lead to.
type Row = (Vec<String>, String);

/// The rows without what makes no difference.
fn joined(checks: &[&CheckCode], rows: &[Row]) -> Vec<Row> {
    let Some((check, rest)) = checks.split_first() else {
        return rows.to_vec();
    };
    let mut answers: Vec<&String> = rows.iter().map(|(row, _)| &row[0]).collect();
    let mut seen = BTreeSet::new();
    answers.retain(|answer| seen.insert(*answer));
    let mut groups: Vec<(Vec<&str>, Vec<Row>)> = Vec::new();
    for answer in answers {
        let with = rows.iter().filter(|(row, _)| row[0] == *answer);
        let with: Vec<Row> = with
            .map(|(row, told)| (row[1..].to_vec(), told.clone()))
            .collect();
        let below = joined(rest, &with);
        match groups.iter_mut().find(|(_, known)| *known == below) {
            Some((answers, _)) => answers.push(answer),
            None => groups.push((vec![answer], below)),
        }
    }
    if let [(_, below)] = groups.as_slice() {
        return below.clone();
    }
    let mut lines = Vec::new();
    for (answers, below) in groups {
        for (mut conditions, told) in below {
            conditions.insert(0, format!("{check}={} ", answers.join("|")));
            lines.push((conditions, told));
        }
    }
    lines
}

fn written(answers: &Answers) -> String {
    let pairs = answers
        .iter()
        .map(|(check, answer)| format!("{check}={answer}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// The ways on, then the decision with all that follows from it.
fn told(run: &Run) -> String {
    let mut told = String::new();
    for step in run.path.iter().skip(1) {
        let known = match step.answers.is_empty() {
            true => String::new(),
            false => format!(" ({})", written(&step.answers)),
        };
        write!(told, "{}{known} → ", step.playbook).unwrap();
    }
    let outcome = &run.outcome;
    told.push_str(outcome.decision.as_str());
    let parts = [
        outcome.reason.map(|one| one.as_str().to_owned()),
        outcome.resolution.map(|one| one.as_str().to_owned()),
        outcome.text.as_ref().map(|code| format!("“{code}”")),
        outcome
            .review_after_days
            .map(|days| format!("review in {days} days")),
        (!run.next_checks.is_empty()).then(|| {
            let next: Vec<&str> = run.next_checks.iter().map(CheckCode::as_str).collect();
            format!("ask {}", next.join(" "))
        }),
    ];
    for part in parts.into_iter().flatten() {
        write!(told, " {part}").unwrap();
    }
    told
}

/// What `domain.md` §6 says, read a second time by hand.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Escalate(&'static str),
    Resolve(&'static str),
    AnswerCitizen,
    AskCitizen,
    Hold,
    AuthorityActs,
    OpenActivity,
    GoOnWith(&'static str),
    KeepChecking,
}
use Said::{
    AnswerCitizen, AskCitizen, AuthorityActs, Escalate, GoOnWith, Hold, KeepChecking, OpenActivity,
    Resolve,
};

/// The answer to a check. `unknown` is its own word and equals neither yes nor no.
type Asked<'a> = &'a dyn Fn(&str) -> &'a str;

fn by_the_book(code: &str, answer: Asked<'_>) -> Said {
    let yes = |check| answer(check) == "yes";
    let no = |check| answer(check) == "no";
    match code {
        "PB-0" => match () {
            () if no("a1") => AskCitizen,
            () if no("a2") => AnswerCitizen,
            () if no("a3") => OpenActivity,
            () if no("a4") => AuthorityActs,
            () if yes("a1") && yes("a2") && yes("a3") && yes("a4") => OpenActivity,
            () => AskCitizen,
        },
        "PB-1" => match (answer("e1"), answer("e2")) {
            ("yes", "no") => Hold,
            ("yes", "yes") => Resolve("sending-error-fixed"),
            ("no", _) => GoOnWith("PB-2"),
            _ => KeepChecking,
        },
        "PB-2" => match () {
            () if no("c1") => Escalate("issued-by-other-authority"),
            () if yes("c1") && yes("c2") && yes("c3") => Escalate("checks-passed"),
            () if no("c2") => AnswerCitizen,
            () if no("c3") => GoOnWith("PB-1"),
            () => AskCitizen,
        },
        "PB-3" => {
            let is_settled = matches!(answer("v2"), "paid" | "exempt");
            match () {
                () if yes("v1") && is_settled && yes("v3") => Escalate("checks-passed"),
                () if no("v1") => AnswerCitizen,
                // Not in the text: nothing is said of a document while nobody knows whose it is.
                () if !yes("v1") => KeepChecking,
                () if no("v2") => GoOnWith("PB-4"),
                () if no("v3") => GoOnWith("PB-1"),
                () => KeepChecking,
            }
        }
        "PB-4" => {
            let is_the_authoritys = matches!(answer("p3"), "totem" | "bank" | "other");
            let is_found_elsewhere = matches!(answer("p3"), "pagopa" | "none");
            match () {
                () if no("p0") => AnswerCitizen,
                () if yes("p2") => AnswerCitizen,
                () if is_the_authoritys => AuthorityActs,
                () if yes("p1") => GoOnWith("PB-5"),
                () if yes("p0") && no("p1") && no("p2") && is_found_elsewhere => {
                    Escalate("payment-not-found")
                }
                () => AskCitizen,
            }
        }
        "PB-5" => match () {
            () if !yes("r1") => AskCitizen,
            () if no("r2") => AuthorityActs,
            () if yes("r3") && no("r4") => AuthorityActs,
            () if yes("r2") && yes("r4") => Resolve("payment-recorded"),
            () if yes("r2") && answer("r4") == "still-failing" => GoOnWith("PB-3"),
            // Not in the text: shown as paid, not recorded, not sent. The office comes first.
            () if no("r3") && no("r4") => AuthorityActs,
            () => KeepChecking,
        },
        "PB-6" => {
            let all_but_the_last = yes("f1") && yes("f2") && yes("f3");
            match () {
                () if all_but_the_last && no("f4") => Escalate("easy-access-failed"),
                () if yes("f4") => AnswerCitizen,
                () if no("f1") => AnswerCitizen,
                () if no("f2") => GoOnWith("PB-1"),
                () if no("f3") => AuthorityActs,
                () => KeepChecking,
            }
        }
        other => panic!("nobody read {other}"),
    }
}

/// What the first playbook of a run came to.
fn by_the_engine(run: &Run) -> Said {
    if let Some(next) = run.path.get(1) {
        let all = ["PB-1", "PB-2", "PB-3", "PB-4", "PB-5"];
        let code = all.into_iter().find(|code| *code == next.playbook.as_str());
        return GoOnWith(code.unwrap());
    }
    match run.outcome.decision {
        Decision::Escalate => Escalate(run.outcome.reason.unwrap().as_str()),
        Decision::Resolve => Resolve(run.outcome.resolution.unwrap().as_str()),
        Decision::AnswerCitizen => AnswerCitizen,
        Decision::AskCitizen => AskCitizen,
        Decision::Hold => Hold,
        Decision::AuthorityActs => AuthorityActs,
        Decision::OpenActivity => OpenActivity,
        Decision::Continue => KeepChecking,
    }
}

#[test]
fn every_combination_is_decided_as_the_source_says() {
    let set = shipped();
    let mut tried = 0;
    for playbook in set.playbooks() {
        for answers in combinations(playbook) {
            let asked = |check: &str| answers[&CheckCode::from(check)].as_str();
            let run = set.run(playbook, &answers);
            assert_eq!(
                by_the_engine(&run),
                by_the_book(playbook.code.as_str(), &asked),
                "{} {}",
                playbook.code,
                written(&answers)
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 81 + 9 + 27 + 36 + 162 + 108 + 81);
}

#[test]
fn only_four_playbooks_ever_hand_over_and_never_on_what_nobody_knows() {
    let set = shipped();
    let mut hand_over = BTreeSet::new();
    for playbook in set.playbooks() {
        for answers in combinations(playbook) {
            let run = set.run(playbook, &answers);
            if run.path.len() > 1 || run.outcome.decision != Decision::Escalate {
                continue;
            }
            hand_over.insert(playbook.code.as_str());
            let rule = &playbook.rules[run.path[0].rule.unwrap()];
            let counted = rule.when.iter().map(|one| &answers[&one.check]);
            assert!(counted.clone().count() > 0);
            assert!(counted.clone().all(|answer| !answer.is_unknown()));
        }
    }
    assert_eq!(hand_over, BTreeSet::from(["PB-2", "PB-3", "PB-4", "PB-6"]));
}

#[test]
fn the_way_from_one_playbook_to_the_next_keeps_what_is_known() {
    let set = shipped();
    let way = |start: &str, words: &str| {
        let run = set.run(playbook(&set, start), &support::answers(words));
        told(&run)
    };
    assert_eq!(
        way("PB-2", "c1=yes c2=yes c3=no"),
        "PB-1 (e1=yes) → continue ask e2"
    );
    assert_eq!(
        way("PB-2", "c1=yes c2=yes c3=no e2=no"),
        "PB-1 (e1=yes e2=no) → hold “we-are-on-it” review in 3 days"
    );
    assert_eq!(
        way("PB-1", "e1=no c1=yes c2=yes"),
        "PB-2 (c1=yes c2=yes c3=yes) → escalate checks-passed “sent”"
    );
    assert_eq!(
        way(
            "PB-3",
            "v1=yes v2=no v3=yes p0=yes p1=yes p2=no p3=pagopa r1=yes r2=yes r3=yes r4=still-failing"
        ),
        "PB-4 (p0=yes p1=yes p2=no p3=pagopa) → PB-5 (r1=yes r2=yes r3=yes r4=still-failing) → \
         PB-3 (v1=yes v2=paid v3=yes) → escalate checks-passed “in-order”"
    );
    assert_eq!(
        way("PB-6", "f1=yes f2=no f3=yes f4=no e2=yes"),
        "PB-1 (e1=yes e2=yes) → resolve sending-error-fixed “sent-again”"
    );
}

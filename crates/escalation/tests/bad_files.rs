//! Each mistake a playbook's file can have is told with file and line, and with the answers where it
//! shows with certain answers alone.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside `#[test]`")]

#[expect(dead_code, reason = "other tests of playbooks use the rest")]
mod support;

use std::fmt::Write;

use domain::catalogue::ReferenceFile;
use escalation::playbook::{LONGEST_RUN, MOST_COMBINATIONS, Set};
use support::{PLAYBOOKS, files, reference};

/// A playbook in which nothing is wrong, with one of everything.
const GOOD: &str = r#"code = "T-1"
label = { it = "Prova", en = "Trial" }
purpose = { it = "Provare", en = "To try" }
run_by = "authority"
may_escalate = true

[[applies_to]]
service = "FSE"
problem_types = ["referto-non-trovato"]
place = 1

[[check]]
code = "c1"
question = { it = "Prima?", en = "First?" }
verified_by = { it = "Noi", en = "Us" }
answers = [
  { code = "yes", needs = ["report_date"] },
  "no",
]

[[check]]
code = "c2"
question = { it = "Seconda?", en = "Second?" }
verified_by = { it = "Noi", en = "Us" }
answers = ["yes", "no"]
unknown = false

[[rule]]
when = { c1 = "yes", c2 = "yes" }
decision = "escalate"
why = { it = "Tutto a posto", en = "All in order" }
reason = "checks-passed"
text = "region"

[[rule]]
when = { c1 = "no" }
decision = "continue"
why = { it = "Altrove", en = "Elsewhere" }
next = { playbook = "T-2", carry = { d1 = "yes" } }

[[rule]]
when = { c2 = "no" }
decision = "hold"
why = { it = "Si aspetta", en = "Wait" }
review_after_days = 3

[undecided]
decision = "ask-citizen"
why = { it = "Non si sa", en = "Not known" }
text = "citizen"

[[value]]
name = "report_date"
label = { it = "Data", en = "Date" }
kind = "date"

[[value]]
name = "iuv"
label = { it = "IUV", en = "IUV" }
kind = "text"

[[text]]
code = "region"
audience = "region"
one_of = ["iuv"]
[[text.sentence]]
it = "Prodotto il {report_date}."
en = "Produced on {report_date}."
when = { c1 = "yes" }
[[text.sentence]]
it = "IUV {iuv}."
en = "IUV {iuv}."
optional = true

[[text]]
code = "citizen"
audience = "citizen"
[[text.sentence]]
it = "Ci dica di più."
en = "Tell us more."
"#;

/// Another, which goes back to the first with something new known.
const OTHER: &str = r#"code = "T-2"
label = { it = "Altra", en = "Other" }
purpose = { it = "Provare", en = "To try" }
run_by = "authority"
may_escalate = false

[[check]]
code = "d1"
question = { it = "Terza?", en = "Third?" }
verified_by = { it = "Noi", en = "Us" }
answers = ["yes", "no"]

[[rule]]
when = { d1 = "yes" }
decision = "continue"
why = { it = "Indietro", en = "Back" }
next = { playbook = "T-1", carry = { c1 = "yes" } }

[[rule]]
when = { d1 = "no" }
decision = "hold"
why = { it = "Si aspetta", en = "Wait" }
review_after_days = 3

[undecided]
decision = "continue"
why = { it = "Non si sa", en = "Not known" }
"#;

/// What is said of the two files.
fn complaints(good: &str, other: &str) -> Vec<String> {
    let texts = [("a/t-1.toml", good), ("a/t-2.toml", other)];
    match Set::parse(&files(&texts), &reference()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn two_good_files_have_nothing_wrong() {
    assert_eq!(complaints(GOOD, OTHER), [""; 0]);
}

/// What is changed in the first file, and into what.
type Change = (&'static str, &'static str);

#[rustfmt::skip]
const MISTAKES: &[Change] = &[
    // What only trying every combination shows.
    ("when = { c2 = \"no\" }", "when = { c1 = \"no\", c2 = \"no\" }"),
    ("when = { c1 = \"no\" }", "when = { c1 = \"yes\", c2 = \"no\" }"),
    ("when = { c1 = \"yes\" }", "when = { c1 = \"no\" }"),
    // Conditions.
    ("when = { c1 = \"no\" }\n", ""),
    ("when = { c1 = \"no\" }", "when = {}"),
    ("when = { c1 = \"no\" }", "when = { c9 = \"no\" }"),
    ("when = { c1 = \"no\" }", "when = { c1 = \"never\" }"),
    ("when = { c1 = \"no\" }", "when = { c1 = [] }"),
    ("when = { c1 = \"no\" }", "when = { c1 = [\"no\", \"no\"] }"),
    ("when = { c1 = \"no\" }", "when = { c1 = \"unknown\" }"),
    // Checks and answers.
    ("answers = [\"yes\", \"no\"]", "answers = [\"yes\", \"no\", { code = \"later\", label = { it = \"Poi\", en = \"Later\" } }]"),
    ("answers = [\"yes\", \"no\"]", "answers = [\"yes\", \"no\", \"later\"]"),
    ("answers = [\"yes\", \"no\"]", "answers = [\"yes\", \"no\", \"no\"]"),
    ("answers = [\"yes\", \"no\"]", "answers = [\"yes\", \"no\", \"unknown\"]"),
    ("answers = [\"yes\", \"no\"]", "answers = [\"no\"]"),
    ("answers = [\"yes\", \"no\"]", "details = [\"iuv\"]"),
    ("answers = [\"yes\", \"no\"]", ""),
    ("unknown = false", "details = [\"iuv\"]"),
    ("code = \"c2\"", "code = \"c1\""),
    ("code = \"c2\"", "code = \"d1\""),
    ("code = \"c2\"", "code = \"c 2\""),
    ("needs = [\"report_date\"]", "needs = [\"payment_date\"]"),
    // Words.
    ("label = { it = \"Prova\", en = \"Trial\" }", "label = { it = \"Prova\" }"),
    ("question = { it = \"Prima?\", en = \"First?\" }", "question = { it = \" \", en = \"First?\" }"),
    ("en = \"Tell us more.\"\n", ""),
    ("why = { it = \"Altrove\", en = \"Elsewhere\" }", "why = { en = \"Elsewhere\" }"),
    // Decisions and what belongs to them.
    ("may_escalate = true", "may_escalate = false"),
    ("run_by = \"authority\"", "run_by = \"region\""),
    ("reason = \"checks-passed\"\n", ""),
    ("reason = \"checks-passed\"", "reason = \"because\""),
    ("text = \"region\"\n", ""),
    ("text = \"region\"", "text = \"citizen\""),
    ("text = \"region\"", "text = \"nobody\""),
    ("decision = \"hold\"", "decision = \"wait\""),
    ("decision = \"hold\"", "decision = \"resolve\""),
    ("decision = \"hold\"", "decision = \"authority-acts\""),
    ("review_after_days = 3\n", ""),
    ("review_after_days = 3", "review_after_days = 0"),
    ("review_after_days = 3", "review_after_days = 3\nresolution = \"no-answer\""),
    ("decision = \"ask-citizen\"", "decision = \"answer-citizen\""),
    ("decision = \"ask-citizen\"", "when = { c1 = \"no\" }\ndecision = \"ask-citizen\""),
    // Texts and values.
    ("en = \"Produced on {report_date}.\"", "en = \"Produced.\""),
    ("{report_date}.\"", "{report_day}.\""),
    ("it = \"IUV {iuv}.\"", "it = \"IUV {iuv.\""),
    ("it = \"IUV {iuv}.\"", "it = \"IUV {iuv} {}.\""),
    ("optional = true\n", ""),
    ("en = \"Tell us more.\"", "en = \"Tell us more.\"\noptional = true"),
    ("audience = \"citizen\"", "audience = \"team\""),
    ("text = \"citizen\"", "text = \"region\""),
    ("one_of = [\"iuv\"]", "one_of = [\"iuv\", \"report_id\"]"),
    ("name = \"iuv\"", "name = \"new_pin\""),
    ("name = \"iuv\"", "name = \"IUV\""),
    ("kind = \"text\"", "kind = \"digits\""),
    ("kind = \"text\"", "kind = \"text\"\nmax = 1000"),
    ("kind = \"date\"", "kind = \"date\"\nmax = 10"),
    ("kind = \"text\"", "kind = \"text\"\n[[value]]\nname = \"spare\"\nlabel = { it = \"A\", en = \"A\" }\nkind = \"date\""),
    // Where it may be begun with.
    ("service = \"FSE\"", "service = \"FES\""),
    ("problem_types = [\"referto-non-trovato\"]", "problem_types = [\"referto-perso\"]"),
    ("place = 1", "place = 0"),
    // Ways to others.
    ("playbook = \"T-2\"", "playbook = \"T-3\""),
    ("carry = { d1 = \"yes\" }", "carry = { d9 = \"yes\" }"),
    ("carry = { d1 = \"yes\" }", "carry = { d1 = \"paid\" }"),
    ("carry = { d1 = \"yes\" }", "carry = { d1 = \"unknown\" }"),
    ("playbook = \"T-2\", carry = { d1 = \"yes\" }", "playbook = \"T-1\""),
    ("next = { playbook = \"T-2\"", "review_after_days = 3\nnext = { playbook = \"T-2\""),
    // Shape.
    ("run_by = \"authority\"", "run_by = \"anybody\""),
    ("may_escalate = true", "may_escalate = true\nmay_resolve = true"),
    ("code = \"T-1\"", "code = \"T-2\""),
];

#[test]
fn every_mistake_is_told_with_its_place() {
    let mut told = String::new();
    for (from, to) in MISTAKES {
        let changed = GOOD.replacen(from, to, 1);
        assert_ne!(changed, GOOD, "{from}");
        let found = complaints(&changed, OTHER);
        assert!(!found.is_empty(), "{from} -> {to}");
        assert!(found.iter().all(|one| one.starts_with("a/t-")), "{found:?}");
        writeln!(told, "{from:?} -> {to:?}\n  {}", found.join("\n  ")).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_only_narrower_is_no_mistake() {
    for (from, to) in [
        ("{ c2 = \"no\" }", "{ c1 = \"yes\", c2 = \"no\" }"),
        ("{ c1 = \"no\" }", "{ c1 = [\"no\"] }"),
    ] {
        let changed = GOOD.replacen(from, to, 1);
        assert_ne!(changed, GOOD);
        assert_eq!(complaints(&changed, OTHER), [""; 0]);
    }
}

#[test]
fn a_gap_is_told_with_the_answers_that_fall_into_it() {
    let changed = GOOD.replacen(
        "when = { c2 = \"no\" }",
        "when = { c1 = \"no\", c2 = \"no\" }",
        1,
    );
    let found = complaints(&changed, OTHER);
    assert_eq!(
        found[0],
        "a/t-1.toml:1: rule: no rule decides c1=yes, c2=no"
    );
}

#[test]
fn what_two_playbooks_may_not_both_have_is_told() {
    let same_check = OTHER.replace("d1", "c1").replace("Terza", "Prima");
    let value =
        "[[value]]\nname = \"iuv\"\nlabel = { it = \"IUV\", en = \"IUV\" }\nkind = \"date\"\n";
    let same_value = OTHER.replacen(
        "answers = [\"yes\", \"no\"]",
        "answers = [\"yes\", { code = \"no\", needs = [\"iuv\"] }]",
        1,
    ) + value;
    let same_place = OTHER.replacen(
        "[[check]]",
        "[[applies_to]]\nservice = \"fse\"\nproblem_types = [\"Referto-non-trovato\"]\nplace = 1\n\n[[check]]",
        1,
    );
    for (other, expected) in [
        (
            same_check,
            "a/t-2.toml:8: check.code: `c1` is a check of T-1 already",
        ),
        (
            same_value,
            "a/t-2.toml:29: value.kind: `iuv` is another kind of value in T-1",
        ),
        (
            same_place,
            "a/t-2.toml:8: applies_to.place: for `referto-non-trovato` the place 1 is T-1's",
        ),
    ] {
        let found = complaints(GOOD, &other);
        assert!(found.contains(&expected.to_owned()), "{found:#?}");
    }
}

#[test]
fn playbooks_that_lead_to_each_other_without_news_are_a_loop() {
    let texts = PLAYBOOKS.map(|(name, text)| {
        let text = text.replace(", carry = { c3 = \"yes\" }", "");
        (name, text.replace(", carry = { e1 = \"yes\" }", ""))
    });
    let texts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let errors = Set::parse(&files(&texts), &reference()).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "one loop, told once: {told:#?}");
    assert!(
        told[0].ends_with(
            "rule.next: leads back to PB-1 with nothing new known: \
             PB-1 (e1=no, e2=yes) → PB-2 (c1=yes, c2=yes, c3=no) → PB-1"
        ),
        "{told:#?}"
    );
}

#[test]
fn more_playbooks_in_a_row_than_a_run_goes_through_are_refused() {
    let row = |length: usize| -> Vec<(String, String)> {
        (1..=length)
            .map(|number| {
                let text = OTHER
                    .replace("code = \"T-2\"", &format!("code = \"T-{number:02}\""))
                    .replace("d1", &format!("d{number:02}"))
                    .replace(", carry = { c1 = \"yes\" }", "")
                    .replace("\"T-1\"", &format!("\"T-{:02}\"", (number + 1).min(length)));
                // The last one leads nowhere.
                let end = text.find("next =").unwrap_or_default();
                let text = match number == length {
                    true => text.replace(text[end..].lines().next().unwrap(), ""),
                    false => text,
                };
                (format!("t-{number:02}.toml"), text)
            })
            .collect()
    };
    let said = |length| {
        let owned = row(length);
        let texts: Vec<(&str, &str)> = owned
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        match Set::parse(&files(&texts), &reference()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    };
    assert_eq!(said(LONGEST_RUN), [""; 0]);
    assert_eq!(
        said(LONGEST_RUN + 1),
        [
            "t-01.toml:1: rule.next: 17 playbooks can follow each other from here, and at most 16 may"
        ]
    );
}

#[test]
fn more_combinations_than_can_be_tried_are_refused() {
    let with = |more: u32| {
        let checks: String = (0..more)
            .map(|number| {
                OTHER
                    .split("[[check]]")
                    .nth(1)
                    .and_then(|rest| rest.split("[[rule]]").next())
                    .map(|check| format!("[[check]]{check}").replace("d1", &format!("x{number}")))
                    .unwrap()
            })
            .collect();
        let conditions: String = (0..more)
            .map(|number| format!(", x{number} = \"yes\""))
            .collect();
        let rules = OTHER
            .replacen("[[rule]]", &format!("{checks}[[rule]]"), 1)
            .replacen(
                "{ d1 = \"no\" }",
                &format!("{{ d1 = \"no\"{conditions} }}"),
                1,
            );
        complaints(GOOD, &rules)
    };
    let too_many = format!(
        "a/t-2.toml:1: check: has more than {MOST_COMBINATIONS} combinations of answers, too many to try \
         them all"
    );
    assert!(!with(6).contains(&too_many), "3^7 combinations");
    assert!(with(7).contains(&too_many), "3^8 combinations");
}

#[test]
fn another_version_of_one_playbook_is_checked_with_the_others() {
    let texts = [("a/t-1.toml", GOOD), ("a/t-2.toml", OTHER)];
    let set = Set::parse(&files(&texts), &reference()).unwrap();
    let version = |text: &str| {
        let file = ReferenceFile { name: "new", text };
        set.with(&file, &reference())
    };
    let newer = version(&OTHER.replace("Terza?", "La terza?")).unwrap();
    assert_eq!(newer.playbooks().len(), 2);
    assert_eq!(newer.check(&"d1".into()).unwrap().question.it, "La terza?");
    assert_eq!(set.check(&"d1".into()).unwrap().question.it, "Terza?");
    // T-1 carries an answer to d1, which this version does not ask.
    let errors = version(&OTHER.replace("d1", "d2")).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "a/t-1.toml:37: rule.next.carry: T-2 has no check `d1`"
    );
    assert_eq!(version("code = 7").unwrap_err()[0].file, "new");
}

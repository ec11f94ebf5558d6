//! What the shipped playbooks must be, whatever else is changed in them: where they begin, what they
//! never ask and never tell, and the notes they draft.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside `#[test]`")]

#[expect(dead_code, reason = "other tests of playbooks use the rest")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use domain::codes::{ProblemTypeCode, ServiceCode};
use domain::invalid::Lang;
use domain::note::Audience;
use escalation::playbook::{DraftedNote, Part, Sent, Set, Values};
use support::{answers, playbook, shipped};

/// The first is the usual one.
const STARTING: [(&str, &str, &[&str]); 12] = [
    ("FSE", "referto-non-trovato", &["PB-2", "PB-6", "PB-1"]),
    ("FSE", "impossibilita-a-visualizzare-il-referto", &["PB-3"]),
    (
        "FSE",
        "impossibilita-a-ritirare-il-referto",
        &["PB-4", "PB-5"],
    ),
    ("FSE", "difficolta-a-scaricare-immagini", &[]),
    ("FSE", "errore-tecnico", &[]),
    (
        "ritiroreferti",
        "referto-non-trovato",
        &["PB-2", "PB-6", "PB-1"],
    ),
    (
        "ritiroreferti",
        "codice-fiscale-tessera-sanitaria",
        &["PB-6"],
    ),
    ("ritiroreferti", "impossibilita-a-ritirare-il-referto", &[]),
    (
        "PTW",
        "impossibilita-ad-avere-la-ricevuta",
        &["PB-4", "PB-5"],
    ),
    ("PTW", "impossibilita-a-pagare", &[]),
    ("ASSISTENZA", "accesso-non-riuscito", &["PB-0"]),
    ("SIRVA", "visualizzazione-stampa", &[]),
];

#[test]
fn each_problem_begins_with_its_playbooks_in_their_order() {
    let set = shipped();
    for (service, problem, expected) in STARTING {
        let found = set.starting(&ServiceCode::from(service), &ProblemTypeCode::from(problem));
        let codes: Vec<&str> = found.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, expected, "{service} {problem}");
    }
    // Codes compare without their letter case (`domain.md` §7.3).
    let found = set.starting(&"fse".into(), &"REFERTO-NON-TROVATO".into());
    assert_eq!(found.len(), 3);
}

/// `domain.md` §7.1: the services and the playbooks of each.
#[test]
fn no_service_has_a_playbook_that_the_catalogue_does_not_give_it() {
    let set = shipped();
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for playbook in set.playbooks() {
        for governed in &playbook.applies_to {
            let codes = found.entry(governed.service.as_str()).or_default();
            codes.insert(playbook.code.as_str());
        }
    }
    let listed = [
        ("ASSISTENZA", vec!["PB-0"]),
        ("FSE", vec!["PB-1", "PB-2", "PB-3", "PB-4", "PB-5", "PB-6"]),
        ("PTW", vec!["PB-4", "PB-5"]),
        ("ritiroreferti", vec!["PB-1", "PB-2", "PB-6"]),
    ];
    let listed = listed.map(|(service, codes)| (service, codes.into_iter().collect()));
    assert_eq!(found, BTreeMap::from(listed));
}

#[test]
fn sending_errors_and_unrecorded_payments_are_never_handed_over() {
    let set = shipped();
    for (code, expected) in [
        ("PB-0", false),
        ("PB-1", false),
        ("PB-2", true),
        ("PB-3", true),
        ("PB-4", true),
        ("PB-5", false),
        ("PB-6", true),
    ] {
        assert_eq!(playbook(&set, code).may_escalate, expected, "{code}");
    }
}

#[test]
fn nobody_learns_whose_report_it_is() {
    let set = shipped();
    let run = set.run(playbook(&set, "PB-3"), &answers("v1=no"));
    let draft = playbook(&set, "PB-3")
        .text(run.outcome.text.as_ref().unwrap())
        .unwrap();
    for sentence in &draft.sentences {
        for lang in Lang::ALL {
            let is_words = |part: &Part| matches!(part, Part::Words(_));
            assert!(
                sentence.parts(lang).iter().all(is_words),
                "a gap could tell"
            );
        }
    }
    // Nor is anything done about a report while nobody knows whose it is.
    for more in ["v2=no v3=no", "v2=unknown v3=no", "v2=paid v3=yes"] {
        let run = set.run(
            playbook(&set, "PB-3"),
            &answers(&format!("v1=unknown {more}")),
        );
        assert_eq!((run.path.len(), run.outcome.text), (1, None), "{more}");
    }
}

#[test]
fn a_pin_is_nobodys_value_and_is_asked_of_nobody() {
    let set = shipped();
    let values = set.playbooks().iter().flat_map(|one| &one.values);
    let names: Vec<&str> = values.map(|rule| rule.name.as_str()).collect();
    assert!(names.contains(&"report_id"));
    for name in names {
        assert!(!name.split('_').any(|part| part == "pin"), "{name}");
    }
    let run = set.run(
        playbook(&set, "PB-6"),
        &answers("f1=yes f2=yes f3=no f4=no"),
    );
    let note = set.draft(&run, &Values::new(), Lang::It).unwrap();
    assert_eq!(note.audience, Audience::Citizen);
    assert!(note.body.unwrap().contains("non lo scriviamo qui"));
}

fn values(set: &Set, given: &[(&str, &str)]) -> Values {
    let sent = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()));
    set.read_values(&sent.collect::<Sent>()).unwrap()
}

fn note(set: &Set, start: &str, given: &str, with: &[(&str, &str)], lang: Lang) -> DraftedNote {
    let run = set.run(playbook(set, start), &answers(given));
    set.draft(&run, &values(set, with), lang).unwrap()
}

#[test]
fn of_a_payment_one_of_three_numbers_is_enough() {
    let set = shipped();
    let given = "p0=yes p1=no p2=no p3=pagopa";
    let names = |list: &[escalation::playbook::ValueName]| {
        list.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let all = ["regional_copayment_number", "iuv", "payment_notice_code"];
    let empty = note(&set, "PB-4", given, &[], Lang::It);
    assert_eq!(empty.body, None);
    assert_eq!(names(&empty.missing), all);
    assert_eq!(names(&empty.one_of), all);
    let whole = note(&set, "PB-4", given, &[("iuv", "RF18 539")], Lang::It);
    assert_eq!(whole.missing, []);
    assert_eq!(
        whole.body.unwrap(),
        "Il cittadino riferisce un pagamento che sul sistema aziendale non compare. \
         IUV: RF18 539. Vi chiediamo di controllare se è andato a buon fine e di inviarcelo di nuovo."
    );
    let both = [
        ("payment_notice_code", "301 000 000 000 000 001"),
        ("regional_copayment_number", "T-7"),
    ];
    let whole = note(&set, "PB-4", given, &both, Lang::En).body.unwrap();
    assert!(
        whole.contains("Regional co-payment number: T-7. Payment notice code: 301000000000000001.")
    );
}

#[test]
fn the_note_says_of_the_payment_what_was_answered() {
    let set = shipped();
    let of = |v2: &str, with: &[(&str, &str)]| {
        let given = format!("v1=yes v2={v2} v3=yes");
        note(&set, "PB-3", &given, with, Lang::It)
    };
    let report = [("report_date", "2026-11-03"), ("report_id", "R-1")];
    let paid = of("paid", &report);
    assert_eq!(paid.missing.len(), 1, "the day of the payment");
    assert_eq!(paid.body, None);
    let mut with_day = report.to_vec();
    with_day.push(("payment_date", "2026-11-04"));
    let paid = of("paid", &with_day).body.unwrap();
    assert!(
        paid.ends_with("Il ticket è stato pagato il 04/11/2026."),
        "{paid}"
    );
    let exempt = of("exempt", &report).body.unwrap();
    assert!(
        exempt.ends_with("Il paziente è esente dal ticket."),
        "{exempt}"
    );
}

#[test]
fn a_probable_authority_is_named_if_one_is_given() {
    let set = shipped();
    let bare = note(&set, "PB-2", "c1=no", &[], Lang::It).body.unwrap();
    assert!(!bare.contains("Probabilmente"), "{bare}");
    let given = [("suggested_authority", "010204")];
    let named = note(&set, "PB-2", "c1=no", &given, Lang::It).body.unwrap();
    assert!(named.contains("Probabilmente si tratta di "), "{named}");
    assert!(named.ends_with("(010204)."), "{named}");
}

#[test]
fn an_amount_is_written_as_people_do() {
    let set = shipped();
    let given = [("amount_due", "36,15")];
    let of = |lang| {
        note(&set, "PB-4", "p0=yes p2=yes", &given, lang)
            .body
            .unwrap()
    };
    assert!(of(Lang::It).contains("36,15 euro"));
    assert!(of(Lang::En).contains("EUR 36.15"));
}

#[test]
fn what_is_put_in_stays_as_it_is() {
    let set = shipped();
    let given = [
        ("report_date", "2026-11-03"),
        ("report_id", "{iuv} <b>&amp; %s"),
    ];
    let whole = note(&set, "PB-2", "c1=yes c2=yes c3=yes", &given, Lang::It)
        .body
        .unwrap();
    assert!(
        whole.contains("l'identificativo {iuv} <b>&amp; %s e l'invio"),
        "{whole}"
    );
}

#[test]
fn an_addition_follows_and_is_short() {
    let set = shipped();
    let whole = note(&set, "PB-2", "c1=no", &[], Lang::It);
    let body = whole.body.clone().unwrap();
    assert_eq!(whole.with_addition("  ").unwrap().unwrap(), body);
    let longest = "à".repeat(500);
    assert_eq!(
        whole.with_addition(&longest).unwrap().unwrap(),
        format!("{body}\n\n{longest}")
    );
    assert_eq!(
        whole.with_addition(&"à".repeat(501)).unwrap_err().code,
        "too-long"
    );
    let empty = note(&set, "PB-2", "c1=yes c2=yes c3=yes", &[], Lang::It);
    assert_eq!(empty.with_addition("more").unwrap(), None);
}

#[test]
fn what_is_wrong_with_what_was_sent_is_told_at_once() {
    let set = shipped();
    let told = |sent: serde_json::Value, values: bool| {
        let sent: Sent = serde_json::from_value(sent).unwrap();
        let errors = match values {
            true => set.read_values(&sent).err(),
            false => set.read_answers(&sent).err(),
        };
        let errors = errors.unwrap_or_default().into_iter();
        errors
            .map(|error| format!("{} {}", error.pointer, error.code))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(
            serde_json::json!({
                "c1": "yes", "c2": null, "c3": "maybe", "c0": "yes", "r1": "unknown",
                "z/9": "yes", "p0": true,
            }),
            false
        ),
        [
            "/answers/c0 takes-values",
            "/answers/c3 not-in-list",
            "/answers/p0 invalid-format",
            "/answers/r1 not-in-list",
            "/answers/z~19 unknown-field",
        ]
    );
    assert_eq!(
        told(
            serde_json::json!({
                "report_id": "x".repeat(65),
                "iuv": "a\nb",
                "unit": ["a"],
                "report_date": "2026-02-30",
                "exam_date": "2026-11-03T10:00:00Z",
                "payment_date": "0001-01-01",
                "payment_notice_code": "12345678901234567",
                "amount_due": "12.5",
                "suggested_authority": "REG010",
                "pin": "12345",
                "report_kind": " ",
            }),
            true
        ),
        [
            "/values/amount_due invalid-format",
            "/values/exam_date invalid-format",
            "/values/iuv forbidden-chars",
            "/values/payment_date invalid-format",
            "/values/payment_notice_code length",
            "/values/pin unknown-field",
            "/values/report_date invalid-format",
            "/values/report_id too-long",
            "/values/suggested_authority not-in-list",
            "/values/unit invalid-format",
        ]
    );
    let longest = "à".repeat(64);
    assert_eq!(values(&set, &[("report_id", &longest)]).len(), 1);
    assert_eq!(values(&set, &[("report_kind", " ")]).len(), 0);
}

#[test]
fn a_value_kept_since_another_version_is_looked_at_again() {
    let set = shipped();
    let run = set.run(playbook(&set, "PB-4"), &answers("p0=yes p2=yes"));
    let kept = Values::from([("amount_due".into(), "a lot".to_owned())]);
    let note = set.draft(&run, &kept, Lang::It).unwrap();
    assert_eq!(note.body, None);
    assert_eq!(note.missing, []);
    assert_eq!(note.invalid[0].pointer, "/values/amount_due");
}

#[test]
fn what_was_carried_along_wins_over_another_answer_and_says_so() {
    let set = shipped();
    let run = set.run(
        playbook(&set, "PB-1"),
        &answers("e1=no c1=yes c2=yes c3=no"),
    );
    assert_eq!(run.overruled, ["c3".into()]);
    assert_eq!(run.path[1].answers, answers("c1=yes c2=yes c3=yes"));
    let run = set.run(playbook(&set, "PB-1"), &answers("e1=no c1=yes c2=yes"));
    assert_eq!(run.overruled, []);
}

#[test]
fn what_lacks_for_handing_over_is_the_nearest_rules() {
    let set = shipped();
    let lacks = |start: &str, given: &str| {
        let run = set.run(playbook(&set, start), &answers(given));
        let told = run.unmet.iter().map(|one| {
            let answer = one.answer.as_ref().map_or("-", |answer| answer.as_str());
            format!("{}:{}={answer}", one.playbook, one.check)
        });
        told.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(lacks("PB-2", ""), "PB-2:c1=- PB-2:c2=- PB-2:c3=-");
    assert_eq!(lacks("PB-2", "c1=yes c2=unknown c3=yes"), "PB-2:c2=unknown");
    assert_eq!(lacks("PB-2", "c1=yes c2=yes c3=no"), "PB-2:c3=no");
    assert_eq!(lacks("PB-2", "c1=no"), "", "handed over");
    assert_eq!(lacks("PB-1", "e1=yes"), "", "never handed over");
    assert_eq!(lacks("PB-1", "e1=no c1=yes c2=no"), "PB-2:c2=no");
}

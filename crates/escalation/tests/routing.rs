//! What the rules lead to, and what is wrong with rules.

mod shipped;

use domain::actor::Pool;
use domain::catalogue::Reference;
use domain::codes::{AuthorityCode, ProblemTypeCode, ServiceCode};
use domain::invalid::Lang;
use domain::state::{Channel, RequesterKind};
use escalation::routing::CustodyChange::{self, Filing, FollowUp, HandOver, Reroute, Return};
use escalation::routing::{Case, Flaw, Miss, Rules};
use escalation::{Decision, Router};
use jiff::{SignedDuration, Timestamp};
use shipped::{MONDAY, SHIPPED, parse, reference, rules};

/// What a case is made of; a citizen's by the portal unless it is changed.
#[derive(Clone)]
struct Words {
    change: CustodyChange,
    service: ServiceCode,
    problem_type: ProblemTypeCode,
    declared: Option<AuthorityCode>,
    other: Option<AuthorityCode>,
    requester: RequesterKind,
}

impl Words {
    /// A case of a service, with the authority declared.
    fn new(change: CustodyChange, service: &str, declared: Option<&str>) -> Self {
        Words {
            change,
            service: service.into(),
            problem_type: "errore-tecnico".into(),
            declared: declared.map(AuthorityCode::from),
            other: None,
            requester: RequesterKind::Citizen,
        }
    }

    /// The same with the authority before, or the one named.
    fn to(self, other: &str) -> Self {
        Words {
            other: Some(other.into()),
            ..self
        }
    }

    fn case(&self) -> Case<'_> {
        Case {
            change: self.change,
            service: &self.service,
            problem_type: &self.problem_type,
            declared: self.declared.as_ref(),
            requester: self.requester,
            channel: Channel::Portal,
            reason: None,
            previous: self.other.as_ref(),
            named: self.other.as_ref(),
        }
    }
}

/// What the rules decide at an instant.
fn decide(reference: &Reference, rules: &Rules, words: &Words, at: Timestamp) -> Decision {
    let today = domain::calendar::day_of(at);
    Router::new(reference, rules, at, today).decide(&words.case())
}

/// The desk that was found, and by which rule.
fn found(decision: &Decision) -> (String, String) {
    let Some(target) = &decision.target else {
        panic!("no desk: {decision:?}")
    };
    let rule = target.route.as_ref().map(|by| by.rule.to_string());
    (target.desk.code.to_string(), rule.unwrap_or_default())
}

fn lands(words: &Words) -> String {
    let reference = reference(&[]);
    found(&decide(&reference, &rules("", &reference), words, MONDAY)).0
}

/// R1 to R3 of `domain.md` §4.5, by the shipped rules.
#[test]
fn a_request_starts_at_the_named_authority_or_at_the_region() {
    for (service, named, custodian) in [
        ("FSE", Some("010204"), "010204"),        // R1
        ("fse", None, "REG010"),                  // R1, nobody named
        ("SCEREV", Some("010996"), "REG010"),     // R1, not enabled there
        ("PTW", Some("010996"), "010996"),        // R1, enabled there alone
        ("FSE", Some("TEC010"), "REG010"),        // a desk is never named
        ("FSE", Some("999999"), "REG010"),        // nobody knows it
        ("deleghe", Some("010204"), "REG010"),    // R2
        ("ASSISTENZA", Some("010204"), "REG010"), // R3
    ] {
        for change in [Filing, FollowUp] {
            let words = Words::new(change, service, named);
            assert_eq!(lands(&words), custodian, "{change:?} {service} {named:?}");
        }
    }
}

#[test]
fn a_hand_over_goes_to_the_region_and_a_re_route_to_an_authority_alone() {
    let reference = reference(&[]);
    let rules = rules("", &reference);
    let over = decide(
        &reference,
        &rules,
        &Words::new(HandOver, "FSE", None),
        MONDAY,
    );
    assert!(over.target.unwrap().desk.is_region);
    let named = |code: &str| {
        let words = Words::new(Reroute, "FSE", Some("010204")).to(code);
        decide(&reference, &rules, &words, MONDAY).target
    };
    assert!(named("010210").unwrap().accepts);
    assert!(!named("REG010").unwrap().accepts, "not back to the region");
    assert!(!named("TEC010").unwrap().accepts);
    assert!(
        !named("010996").unwrap().accepts,
        "not enabled for the service"
    );
    assert_eq!(named("999999"), None);
}

#[test]
fn an_authority_that_is_gone_is_followed_to_whoever_took_over() {
    // TO4 became TO5, which became BI; VC ended without a successor.
    let reference = reference(&[
        ("010204", "2026-02-28", Some("010205")),
        ("010205", "2026-03-15", Some("010207")),
        ("010206", "2026-02-28", None),
    ]);
    let rules = rules("", &reference);
    let later = MONDAY + SignedDuration::from_hours(20 * 24);
    for (change, at, desk) in [
        (Filing, MONDAY, "010205"),
        (Return, MONDAY, "010205"),
        (Reroute, MONDAY, "010205"),
        (Filing, later, "010207"),
        (Return, later, "010207"),
        (FollowUp, later, "010207"),
    ] {
        let words = Words::new(change, "FSE", Some("010204")).to("010204");
        let decision = decide(&reference, &rules, &words, at);
        let target = decision.target.unwrap();
        assert_eq!(target.desk.code.as_str(), desk, "{change:?}");
        assert!(target.accepts);
        assert!(
            target.stands_for(&"010204".into()),
            "what was its comes to it"
        );
        assert!(!target.stands_for(&"010210".into()));
    }
    // Nobody took over: a new request begins at the region, and one that is there stays there.
    let gone = |change| {
        let words = Words::new(change, "FSE", Some("010206")).to("010206");
        decide(&reference, &rules, &words, MONDAY).target.unwrap()
    };
    assert!(gone(Filing).desk.is_region && gone(FollowUp).desk.is_region);
    assert!(!gone(Return).accepts && !gone(Reroute).accepts);
}

#[test]
fn the_first_rule_that_matches_wins_and_every_rule_says_why_it_does_not() {
    let reference = reference(&[]);
    let first = r#"
        [[rule]]
        code = "anonymous-vaccinations"
        label = "Vaccinazioni senza identità"
        changes = ["filing"]
        services = ["SIRVA"]
        declared_authorities = ["010210"]
        requesters = ["anonymous"]
        target = "region"
        pool = "supervisors"

        [[rule]]
        code = "cn1-for-to4"
        changes = ["filing", "follow-up"]
        services = ["FSE"]
        problem_types = ["errore-tecnico"]
        declared_authorities = ["010204"]
        target = "010210"
    "#;
    let rules = rules(first, &reference);
    let decision = decide(
        &reference,
        &rules,
        &Words::new(Filing, "FSE", Some("010204")),
        MONDAY,
    );
    assert_eq!(found(&decision), ("010210".into(), "cn1-for-to4".into()));
    let route = decision.target.as_ref().unwrap().route.as_ref();
    assert_eq!(route.unwrap().version, 7);
    assert_eq!(decision.tried.len(), 2, "the ones after it are not tried");
    assert_eq!(
        decision.tried[0].misses,
        [Miss::Service, Miss::DeclaredAuthority, Miss::Requester],
        "all that is against it"
    );
    assert_eq!(
        decision.tried[0].label.as_deref(),
        Some("Vaccinazioni senza identità")
    );
    assert_eq!(decision.tried[1].misses, []);

    let anonymous = Words {
        requester: RequesterKind::Anonymous,
        ..Words::new(Filing, "SIRVA", Some("010210"))
    };
    let decision = decide(&reference, &rules, &anonymous, MONDAY);
    assert_eq!(found(&decision).1, "anonymous-vaccinations");
    assert_eq!(decision.pool, Some(Pool::Supervisors));

    // To the shipped default: other change, none declared, and the region in the end.
    let decision = decide(
        &reference,
        &rules,
        &Words::new(FollowUp, "FSE", None),
        MONDAY,
    );
    assert_eq!(found(&decision).1, "otherwise-region");
    let why: Vec<_> = decision
        .tried
        .iter()
        .map(|tried| tried.misses.clone())
        .collect();
    assert_eq!(
        why,
        [
            vec![Miss::Change],
            vec![Miss::NoneDeclared],
            vec![Miss::ServiceRoute],
            vec![Miss::NoneDeclared],
            vec![],
        ]
    );
}

#[test]
fn a_rule_may_ask_whether_a_desk_is_open_now() {
    let reference = reference(&[]);
    let first = r#"
        [[rule]]
        code = "closed-to-region"
        changes = ["filing"]
        declared_authority_open = false
        region_open = true
        target = "region"
    "#;
    let rules = rules(first, &reference);
    // Each by its own calendar: the patron saints of Cuneo and Turin are not the same.
    let calendars = ["010210", "REG010"].map(|code| {
        let entry = reference.calendar_of(&AuthorityCode::from(code)).unwrap();
        &entry.calendar
    });
    let mut seen = std::collections::BTreeSet::new();
    for hour in 0..24 * 365 {
        let at = MONDAY + SignedDuration::from_hours(hour);
        let open = calendars.map(|calendar| calendar.is_open(at));
        let decision = decide(
            &reference,
            &rules,
            &Words::new(Filing, "FSE", Some("010210")),
            at,
        );
        let by_hours = found(&decision).1 == "closed-to-region";
        assert_eq!(by_hours, open == [false, true], "{at}");
        seen.insert(open);
    }
    assert_eq!(seen.len(), 4, "both open, both closed, and each alone");
    let night = MONDAY + SignedDuration::from_hours(14);
    let decision = decide(&reference, &rules, &Words::new(Filing, "FSE", None), night);
    let region = AuthorityCode::from("REG010");
    let closed = Miss::Hours {
        desk: region,
        is_open: false,
    };
    assert_eq!(
        closed.text().to(Lang::En),
        "REG010 is closed at this moment"
    );
    assert_eq!(decision.tried[0].misses, [Miss::NoneDeclared, closed]);
}

/// Both entry points of a region: by its authorities, as shipped, or by the region and then down.
#[test]
fn requests_may_begin_at_the_region_and_go_down_from_there() {
    let reference = reference(&[]);
    let region_first: String = SHIPPED
        .split("\n\n")
        .filter(|block| {
            !block.contains("code = \"regional-services\"")
                && !block.contains("code = \"declared-authority\"")
        })
        .collect::<Vec<_>>()
        .join("\n\n");
    let rules = parse(&region_first, &reference).unwrap();
    let at = |words: &Words| found(&decide(&reference, &rules, words, MONDAY)).0;
    assert_eq!(at(&Words::new(Filing, "FSE", Some("010204"))), "REG010");
    assert_eq!(at(&Words::new(FollowUp, "FSE", Some("010204"))), "REG010");
    let down = Words::new(Reroute, "FSE", Some("010204")).to("010204");
    assert_eq!(at(&down), "010204");
}

#[test]
fn a_desk_that_receives_nothing_yet_is_passed_over() {
    let reference = reference(&[]);
    let rules = rules("", &reference);
    let pending = ["010204".into()];
    let today = domain::calendar::day_of(MONDAY);
    let router = Router::new(&reference, &rules, MONDAY, today).without(&pending);
    let words = Words::new(Filing, "FSE", Some("010204"));
    let decision = router.decide(&words.case());
    assert_eq!(found(&decision).0, "REG010");
    assert!(decision.passed_over(&"010204".into()));
    assert!(!decision.passed_over(&"010210".into()));
    let back = Words::new(Return, "FSE", None).to("010204");
    assert!(!router.decide(&back.case()).target.unwrap().accepts);
}

/// The flaws of rules put before the shipped ones: line, field, code and English words.
fn flaws(first: &str) -> Vec<Flaw> {
    let reference = reference(&[]);
    match parse(&format!("{first}\n{SHIPPED}"), &reference) {
        Ok(_) => panic!("nothing is wrong with {first}"),
        Err(flaws) => flaws,
    }
}

/// Each row is one mistake on a line, and what is said of it.
#[test]
fn every_mistake_is_told_with_line_field_and_reason() {
    const RULE: &str = "[[rule]]\ncode = \"mine\"\nchanges = [\"filing\"]\n";
    for (rest, line, field, code, words) in [
        (
            "services = [\"FSF\"]\ntarget = \"region\"",
            4,
            "rule.services",
            "not-in-list",
            "`FSF`",
        ),
        (
            "services = [\"FSE\"]\nproblem_types = [\"vaccini\"]\ntarget = \"region\"",
            5,
            "rule.problem_types",
            "not-in-list",
            "`vaccini`",
        ),
        (
            "declared_authorities = [\"010204\", \"REG010\"]\ntarget = \"region\"",
            4,
            "rule.declared_authorities",
            "not-in-list",
            "`REG010`",
        ),
        (
            "requesters = [\"doctor\"]\ntarget = \"region\"",
            4,
            "rule.requesters",
            "not-in-list",
            "`doctor`",
        ),
        (
            "channels = [\"fax\"]\ntarget = \"region\"",
            4,
            "rule.channels",
            "not-in-list",
            "`fax`",
        ),
        (
            "reasons = [\"other\"]\ntarget = \"region\"",
            4,
            "rule.reasons",
            "not-possible",
            "only a hand-over",
        ),
        (
            "requesters = []\ntarget = \"region\"",
            4,
            "rule.requesters",
            "required",
            "empty list",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"technical-desk\"",
            5,
            "rule.target",
            "not-possible",
            "never has custody",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"TEC010\"",
            5,
            "rule.target",
            "not-possible",
            "never has custody",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"REG010\"",
            5,
            "rule.target",
            "not-possible",
            "write `region`",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"999999\"",
            5,
            "rule.target",
            "not-in-list",
            "`999999`",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"previous-authority\"",
            5,
            "rule.target",
            "not-possible",
            "after `filing`",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"region\"\npool = \"cooks\"",
            6,
            "rule.pool",
            "not-in-list",
            "`cooks`",
        ),
        (
            "requesters = [\"staff\"]\ntarget = \"region\"\ncolour = \"red\"",
            6,
            "colour",
            "malformed",
            "unknown field",
        ),
        (
            "services = [\"FSE\"]\nservice_route = \"region\"\ntarget = \"region\"",
            2,
            "rule.code",
            "unreachable-rule",
            "it never matches",
        ),
        (
            "target = \"region\"\nlabel = \" \"\nrequesters = [\"staff\"]",
            5,
            "rule.label",
            "invalid-format",
            "1 to 200",
        ),
    ] {
        let found = flaws(&format!("{RULE}{rest}"));
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{rest}: {told:#?}");
        let flaw = &found[0];
        let place = (flaw.line, flaw.field.as_str(), flaw.code);
        assert_eq!(place, (line, field, code), "{rest}: {told:#?}");
        assert!(flaw.message.en.contains(words), "{rest}: {told:#?}");
        let refusal = flaw.clone().at("/definition");
        assert!(
            refusal
                .message
                .it
                .starts_with(&format!("riga {line}, {field}: "))
        );
        assert!(
            refusal
                .message
                .en
                .starts_with(&format!("line {line}, {field}: "))
        );
    }
    for (from, to, code) in [
        ("code = \"mine\"", "code = \"Mine!\"", "invalid-format"),
        (
            "code = \"mine\"",
            "code = \"otherwise-region\"",
            "used-twice",
        ),
        (
            "changes = [\"filing\"]",
            "changes = [\"birth\"]",
            "not-in-list",
        ),
    ] {
        let text = RULE.replace(from, to) + "requesters = [\"staff\"]\ntarget = \"region\"";
        assert!(flaws(&text).iter().any(|flaw| flaw.code == code), "{to}");
    }
}

#[test]
fn a_rule_that_an_earlier_one_always_precedes_is_refused() {
    let narrow = |code: &str, rest: &str| {
        format!("[[rule]]\ncode = \"{code}\"\nchanges = [\"filing\", \"follow-up\"]\n{rest}\n")
    };
    let all_of_fse = narrow("wide", "services = [\"FSE\"]\ntarget = \"region\"");
    for (what, second, is_refused) in [
        (
            "narrower",
            "services = [\"FSE\"]\nrequesters = [\"staff\"]\ntarget = \"010204\"",
            true,
        ),
        (
            "the same",
            "services = [\"fse\"]\ntarget = \"declared-authority\"",
            true,
        ),
        (
            "one of the two services",
            "services = [\"FSE\", \"PTW\"]\ntarget = \"010204\"",
            false,
        ),
        (
            "elsewhere",
            "services = [\"PTW\"]\ntarget = \"010204\"",
            false,
        ),
    ] {
        let text = format!("{all_of_fse}{}{SHIPPED}", narrow("second", second));
        let outcome = parse(&text, &reference(&[]));
        assert_eq!(outcome.is_err(), is_refused, "{what}");
        for flaw in outcome.err().into_iter().flatten() {
            assert_eq!((flaw.line, flaw.code), (7, "unreachable-rule"), "{what}");
            assert!(flaw.message.en.contains("`wide` (line 2)"), "{flaw}");
        }
    }
    // What one desk does not take is left for another desk, but not for the same one again.
    let first = narrow("first", "services = [\"FSE\"]\ntarget = \"010204\"");
    for (target, is_refused) in [("010210", false), ("010204", true), ("region", false)] {
        let second =
            format!("services = [\"FSE\"]\nrequesters = [\"staff\"]\ntarget = \"{target}\"");
        let text = format!("{first}{}{SHIPPED}", narrow("second", &second));
        assert_eq!(
            parse(&text, &reference(&[])).is_err(),
            is_refused,
            "{target}"
        );
    }
    // Hours: the open and the closed half are two cases.
    let open = narrow("open", "region_open = true\ntarget = \"region\"");
    let closed = narrow("closed", "region_open = false\ntarget = \"010204\"");
    assert!(parse(&format!("{open}{closed}{SHIPPED}"), &reference(&[])).is_ok());
    assert!(
        parse(
            &format!("{open}{}{SHIPPED}", open.replace("\"open\"", "\"again\"")),
            &reference(&[])
        )
        .is_err()
    );
}

#[test]
fn a_change_without_a_rule_for_whatever_is_left_is_refused() {
    let reference = reference(&[]);
    for (change, rule) in [
        (Filing, "otherwise-region"),
        (HandOver, "hand-over-to-region"),
        (Return, "return-to-previous"),
        (Reroute, "reroute-to-named"),
    ] {
        let blocks = SHIPPED.split("\n\n");
        let kept: Vec<_> = blocks
            .filter(|block| !block.contains(&format!("code = \"{rule}\"")))
            .collect();
        let found = parse(&kept.join("\n\n"), &reference).unwrap_err();
        let change = change.as_str();
        assert!(
            found.iter().any(|flaw| flaw.code == "missing-default"
                && flaw.message.en.contains(&format!("`{change}`"))),
            "{rule}: {found:#?}"
        );
        // A condition is no rule for all that is left.
        let narrowed = SHIPPED.replace(
            &format!("code = \"{rule}\""),
            &format!("code = \"{rule}\"\nchannels = [\"portal\"]"),
        );
        let found = parse(&narrowed, &reference).unwrap_err();
        assert!(
            found.iter().all(|flaw| flaw.code == "missing-default"),
            "{found:#?}"
        );
    }
    assert_eq!(
        parse("", &reference).unwrap_err().len(),
        CustodyChange::ALL.len()
    );
}

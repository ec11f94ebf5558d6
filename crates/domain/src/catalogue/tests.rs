use jiff::civil::date;

use super::*;

const SERVICES: &str = include_str!("../../../../config/reference/services.toml");
const AUTHORITIES: &str = include_str!("../../../../config/reference/authorities.toml");
const CODES: &str = include_str!("../../../../config/reference/codes.toml");

const POLICIES: &str = include_str!("../../../../config/reference/sla-policies.toml");
const CALENDARS: &str = include_str!("../../../../config/reference/calendars.toml");

pub(crate) const TODAY: Date = date(2026, 6, 15);

/// The reference data that is shipped.
pub(crate) fn shipped() -> Reference {
    parse(SERVICES, AUTHORITIES, CODES).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The same with words of the authorities' file replaced.
pub(crate) fn reference_with(replaced: &[(&str, &str)]) -> Reference {
    let mut authorities = AUTHORITIES.to_owned();
    for (words, others) in replaced {
        authorities = authorities.replace(words, others);
    }
    parse(SERVICES, &authorities, CODES).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn parse(services: &str, authorities: &str, codes: &str) -> Result<Reference, Vec<ReferenceError>> {
    parse_with(services, authorities, codes, CALENDARS)
}

fn parse_with(
    services: &str,
    authorities: &str,
    codes: &str,
    calendars: &str,
) -> Result<Reference, Vec<ReferenceError>> {
    Reference::parse(&[
        ReferenceFile {
            name: "reference/services.toml",
            text: services,
        },
        ReferenceFile {
            name: "authorities.toml",
            text: authorities,
        },
        ReferenceFile {
            name: "codes.toml",
            text: codes,
        },
        ReferenceFile {
            name: "calendars.toml",
            text: calendars,
        },
        ReferenceFile {
            name: "sla-policies.toml",
            text: POLICIES,
        },
    ])
}

fn authority(code: &str) -> AuthorityCode {
    AuthorityCode::new(code)
}

#[test]
fn the_shipped_data_is_the_whole_catalogue() {
    let reference = shipped();
    let codes: Vec<_> = reference
        .services()
        .iter()
        .map(|s| s.code.as_str())
        .collect();
    assert_eq!(
        codes,
        [
            "FSE",
            "ritiroreferti",
            "ASSISTENZA",
            "PTW",
            "ESTRATTO_CONTO",
            "FFE",
            "SCEREV",
            "ESENRED",
            "ESENPAT",
            "SIRVA",
            "promem",
            "RESERVATIONS",
            "RISCRE",
            "deleghe",
            "CONSENSI",
            "BUONO_CELIACHIA",
            "TACCUINO",
            "TROVAUN",
            "FARAB",
            "HOME",
            "PROFILO",
            "SOLCOVID"
        ]
    );
    assert_eq!(reference.authorities().len(), 22);
    assert_eq!(reference.region().as_str(), "REG010");
    assert_eq!(
        reference.authority("TEC010", TODAY).unwrap().kind,
        AuthorityKind::Technical
    );
    let counts = [
        ("FSE", 13),
        ("ritiroreferti", 6),
        ("SCEREV", 10),
        ("SIRVA", 8),
        ("ASSISTENZA", 6),
        ("HOME", 3),
    ];
    for (code, count) in counts {
        assert_eq!(
            reference.service_any(code).unwrap().problem_types.len(),
            count,
            "{code}"
        );
    }
    let lists = &reference.codes;
    let lengths = [
        &lists.hand_over_reasons,
        &lists.resolution_codes,
        &lists.removal_reasons,
        &lists.requester_roles,
    ];
    assert_eq!(lengths.map(Vec::len), [7, 10, 4, 9]);
    assert_eq!(
        lists
            .hand_over_reason("OTHER", TODAY)
            .unwrap()
            .min_note_chars,
        Some(20)
    );
    assert!(
        lists
            .removal_reason("duplicate", TODAY)
            .unwrap()
            .names_survivor
    );
    assert!(
        lists.resolution_code("withdrawn", TODAY).is_none(),
        "only a rule withdraws"
    );
}

#[test]
fn codes_are_found_in_any_case_and_retired_ones_only_as_history() {
    let reference = shipped();
    for spelling in ["riscre", "RISCRE", "RisCre"] {
        assert_eq!(
            reference.service(spelling, TODAY).unwrap().code.as_str(),
            "RISCRE"
        );
    }
    assert!(reference.service("SOLCOVID", TODAY).is_none());
    assert!(reference.service_any("solcovid").is_some());
    let fse = reference.service("fse", TODAY).unwrap();
    assert!(
        fse.problem_type("green-pass", TODAY, Profile::Citizen)
            .is_none()
    );
    assert!(fse.problem_type_any("green-pass").is_some());
}

#[test]
fn some_types_are_kept_from_anonymous_filers() {
    let reference = shipped();
    let rol = reference.service("ritiroreferti", TODAY).unwrap();
    let kept = "impossibilita-a-ritirare-il-referto";
    for (profile, offered) in [
        (Profile::Anonymous, false),
        (Profile::Citizen, true),
        (Profile::Operator, true),
    ] {
        assert_eq!(
            rol.problem_type(kept, TODAY, profile).is_some(),
            offered,
            "{profile:?}"
        );
    }
}

#[test]
fn only_health_authorities_that_handle_a_service_are_offered() {
    let reference = shipped();
    let offered = |code: &str| {
        let service = ServiceCode::new(code);
        reference
            .authorities_for(&service, TODAY)
            .map(|a| a.code.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(offered("PTW").len(), 20);
    assert_eq!(offered("FSE").len(), 19);
    assert!(!offered("FSE").contains(&"010996".to_owned()));
}

#[test]
fn an_authority_that_was_merged_stays_as_history() {
    let merged = AUTHORITIES.replace(
        "code = \"010206\"\n",
        "code = \"010206\"\nvalid_to = \"2026-06-14\"\nsuccessor = \"010207\"\n",
    );
    let reference = parse(SERVICES, &merged, CODES).unwrap();
    assert!(reference.authority("010206", TODAY).is_none());
    assert!(reference.authority("010206", date(2026, 6, 14)).is_some());
    assert_eq!(
        reference.authority_any("010206").unwrap().successor,
        Some(authority("010207"))
    );
}

#[test]
fn the_work_of_a_merged_authority_is_done_by_whoever_took_over_in_the_end() {
    let ended = |code: &str, last: &str, successor: &str| {
        let end = format!("code = \"{code}\"\nvalid_to = \"{last}\"\n");
        match successor {
            "" => end,
            next => format!("{end}successor = \"{next}\"\n"),
        }
    };
    let merged = AUTHORITIES
        .replace(
            "code = \"010206\"\n",
            &ended("010206", "2026-06-14", "010207"),
        )
        .replace(
            "code = \"010207\"\n",
            &ended("010207", "2026-06-20", "010208"),
        )
        .replace("code = \"010209\"\n", &ended("010209", "2026-06-14", ""));
    let reference = parse(SERVICES, &merged, CODES).unwrap();
    let on = |code: &str, month, day| {
        let found = reference.in_force(code, date(2026, month, day));
        found.map(|authority| authority.code.to_string())
    };
    assert_eq!(on("010206", 6, 14).as_deref(), Some("010206"));
    assert_eq!(on("010206", 6, 15).as_deref(), Some("010207"));
    assert_eq!(on("010206", 6, 21).as_deref(), Some("010208"), "a chain");
    assert_eq!(on("010209", 6, 15), None, "nobody took over");
    assert_eq!(on("999999", 6, 15), None);
}

#[test]
fn a_circle_of_successors_is_refused() {
    let next = |code: &str, successor: &str| {
        format!("code = \"{code}\"\nvalid_to = \"2026-06-14\"\nsuccessor = \"{successor}\"\n")
    };
    let circle = AUTHORITIES
        .replace("code = \"010206\"\n", &next("010206", "010207"))
        .replace("code = \"010207\"\n", &next("010207", "010208"))
        .replace("code = \"010208\"\n", &next("010208", "010206"));
    let errors = parse(SERVICES, &circle, CODES).unwrap_err();
    assert_eq!(errors.len(), 3, "each of the three is in it: {errors:?}");
    for error in &errors {
        assert_eq!(error.field, "authority.successor");
        assert!(error.message.contains("circle"), "{error}");
    }
    let to_a_desk = AUTHORITIES.replace("code = \"010206\"\n", &next("010206", "TEC010"));
    let errors = parse(SERVICES, &to_a_desk, CODES).unwrap_err();
    assert!(
        errors[0].message.contains("health authority"),
        "{}",
        errors[0]
    );
}

/// Each row spoils one file in one way: (file, what, by what, field named, words of the message).
#[test]
fn every_mistake_is_reported_with_its_line_and_field() {
    let files = [
        ("reference/services.toml", SERVICES),
        ("authorities.toml", AUTHORITIES),
        ("codes.toml", CODES),
    ];
    let rows = [
        (
            0,
            "code = \"PTW\"",
            "code = \"fse\"",
            "service.code",
            "used twice",
        ),
        (
            0,
            "code = \"PTW\"",
            "code = \"P W\"",
            "service.code",
            "ASCII letters",
        ),
        (
            0,
            "required_for = [\"adulti\"]",
            "required_for = [\"nonni\"]",
            "service.extra_fields.required_for",
            "nonni",
        ),
        (
            0,
            "allow_stp_eni = true",
            "allow_stp_eni = true\ncolour = 1",
            "colour",
            "unknown field",
        ),
        (
            0,
            "route = \"region\"",
            "route = \"moon\"",
            "route",
            "unknown variant",
        ),
        (
            0,
            "length = 20",
            "length = 0",
            "service.extra_fields.length",
            "at least 1",
        ),
        (
            0,
            "length = 20",
            "max_items = 20",
            "service.extra_fields.length",
            "missing",
        ),
        (
            0,
            "valid_to = \"2022-12-31\"",
            "valid_from = \"2023-01-01\", valid_to = \"2022-12-31\"",
            "service.problem_types.valid_to",
            "before",
        ),
        (
            0,
            "number = 2, label = { it = \"Minori\"",
            "number = 1, label = { it = \"Minori\"",
            "service.problem_types.number",
            "twice",
        ),
        (
            0,
            "it = \"Minori\"",
            "it = \" \"",
            "service.problem_types.label",
            "blank",
        ),
        (0, "[[service]]", "[[service", "[[service", ""),
        (
            1,
            "code = \"010203\"",
            "code = \"010204\"",
            "authority.code",
            "used twice",
        ),
        (
            1,
            "code = \"010203\"",
            "code = \"010203\"\nvalid_to = \"2030-01-01\"\nsuccessor = \"1\"",
            "authority.successor",
            "no authority",
        ),
        (
            1,
            "code = \"010203\"",
            "code = \"010203\"\nsuccessor = \"010204\"",
            "authority.valid_to",
            "last day",
        ),
        (
            1,
            "kind = \"region\"",
            "kind = \"asl\"",
            "authority.kind",
            "exactly one",
        ),
        (
            1,
            "only = [\"PTW\"",
            "only = [\"PWT\"",
            "authority.services",
            "no service",
        ),
        (
            1,
            "services = \"*\"",
            "services = \"all\"",
            "services",
            "invalid value",
        ),
        (
            2,
            "code = \"spam\"",
            "code = \"prova\"",
            "removal_reasons.code",
            "used twice",
        ),
        (
            2,
            "version = \"1\"",
            "version = \"\"",
            "privacy_notice.version",
            "blank",
        ),
    ];
    for (spoiled, what, by, field, message) in rows {
        let text = files[spoiled].1;
        assert!(text.contains(what), "{what}");
        let texts: Vec<_> = files.iter().map(|(_, text)| text.to_string()).collect();
        let mut texts: [String; 3] = texts.try_into().unwrap();
        texts[spoiled] = text.replacen(what, by, 1);
        let errors = parse(&texts[0], &texts[1], &texts[2]).expect_err(by);
        let error = errors
            .iter()
            .find(|e| e.field == field && e.message.contains(message));
        let error = error.unwrap_or_else(|| panic!("{by}: {errors:#?}"));
        assert_eq!(error.file, files[spoiled].0);
        assert!(error.line > 0, "{error}");
    }
}

#[test]
fn lines_are_exact_and_several_files_speak_at_once() {
    let services = SERVICES
        .replace("[\"adulti\"]", "[\"nonni\"]")
        .replace("code = \"TROVAUN\"", "code = \"fse\"");
    let authorities = AUTHORITIES.replace("code = \"010203\"", "code = \"010204\"");
    let errors = parse(&services, &authorities, "").unwrap_err();
    let line_of =
        |text: &str, what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
    let found: Vec<_> = errors.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert!(
        found.contains(&("reference/services.toml", line_of(&services, "nonni"))),
        "{found:?}"
    );
    assert!(
        found.contains(&(
            "reference/services.toml",
            line_of(&services, "code = \"fse\"")
        )),
        "{found:?}"
    );
    assert!(found.contains(&("codes.toml", 1)), "{found:?}");
    assert!(
        found.iter().any(|(file, _)| *file == "authorities.toml"),
        "{found:?}"
    );
}

#[test]
fn a_missing_or_foreign_file_is_said() {
    let errors = Reference::parse(&[ReferenceFile {
        name: "colours.toml",
        text: "",
    }])
    .unwrap_err();
    let said: Vec<_> = errors.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert_eq!(
        said,
        [
            ("colours.toml", 0),
            ("services.toml", 0),
            ("authorities.toml", 0),
            ("codes.toml", 0),
            ("calendars.toml", 0),
            ("sla-policies.toml", 0)
        ]
    );
}

#[test]
fn the_contract_says_what_a_front_end_needs() {
    let reference = shipped();
    let fse = reference.service("FSE", TODAY).unwrap();
    let form = fse.form(&reference, TODAY, &TextLimits::with_description(800));
    let field = |name: &str| form.fields.iter().find(|f| f.name == name).unwrap();

    assert_eq!(field("description").max_length, Some(800));
    assert_eq!(field("team_number").pattern.as_deref(), Some("^[0-9]{20}$"));
    assert_eq!(field("team_number").pointer, "/extra/team_number");
    assert_eq!(field("team_number").required_for.len(), 3);
    assert_eq!(field("authority_code").choices.len(), 19);
    assert!(
        !field("authority_code").required && field("tax_code").required && !field("phone").required
    );
    assert_eq!(field("tax_code").presence.citizen, Presence::FromIdentity);
    assert_eq!(field("phone").presence.operator, Presence::Required);
    assert_eq!(form.attachment.max_bytes, 1_048_576);
    assert_eq!(
        form.problem_types.len(),
        12,
        "the retired type is not offered"
    );
    let json = serde_json::to_value(&form).unwrap();
    assert_eq!(json["fields"][0]["datatype"], "choice");
    assert_eq!(json["label"]["it"], "Ritiro e Consultazione documenti");
}

#[test]
fn an_operator_form_asks_role_and_phone_of_whoever_sends_it() {
    let reference = shipped();
    let desk = reference.service("ASSISTENZA", TODAY).unwrap();
    let form = desk.form(&reference, TODAY, &TextLimits::default());
    for name in ["requester_role", "phone", "authority_code", "email_proof"] {
        let field = form.fields.iter().find(|f| f.name == name).unwrap();
        assert_eq!(field.presence.anonymous, Presence::Required, "{name}");
    }
}

#[test]
fn the_shipped_calendars_are_those_of_the_domain() {
    let reference = shipped();
    let in_file = reference
        .calendars()
        .iter()
        .filter(|one| one.town.is_none());
    let codes: Vec<_> = in_file.map(|one| one.code.to_string()).collect();
    assert_eq!(codes, ["pharmacies", "rules", "cancellations", "desks"]);
    // Monday, Friday, Saturday, Sunday.
    let hours = |code: &str| {
        let calendar = &reference.calendar(code).unwrap().calendar;
        [0, 4, 5, 6].map(|day| {
            let hours = calendar.week().on(crate::calendar::WEEKDAYS[day]).iter();
            hours
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" and ")
        })
    };
    let weekdays = "08:30-12:00 and 15:30-18:00";
    assert_eq!(hours("pharmacies"), [weekdays, weekdays, "07:30-12:30", ""]);
    let weekdays = "07:30-18:30";
    assert_eq!(hours("rules"), [weekdays, weekdays, "07:30-12:30", ""]);
    assert_eq!(hours("cancellations"), ["00:00-24:00"; 4]);
    assert_eq!(hours("desks"), ["08:30-17:30", "08:30-17:30", "", ""]);
    let rests = |code: &str, day| {
        let calendar = &reference.calendar(code).unwrap().calendar;
        calendar.hours_on(day).is_empty()
    };
    assert!(rests("rules", date(2026, 12, 8)) && !rests("cancellations", date(2026, 12, 8)));
    let christmas = &reference.calendar("pharmacies").unwrap().calendar;
    assert_eq!(christmas.hours_on(date(2026, 12, 28)).len(), 1, "reduced");
}

#[test]
fn an_authority_rests_on_the_day_of_its_towns_patron_saint() {
    let reference = shipped();
    let saint_john = date(2026, 6, 24);
    for (code, calendar, is_closed) in [
        ("010301", "desks-torino", true),
        ("REG010", "desks-torino", true),
        ("010210", "desks-cuneo", false),
        ("010203", "desks", false),
        ("999999", "desks", false),
    ] {
        let entry = reference.calendar_of(&authority(code)).unwrap();
        assert_eq!(entry.code.as_str(), calendar, "{code}");
        let hours = entry.calendar.hours_on(saint_john);
        assert_eq!(hours.is_empty(), is_closed, "{code}");
    }
    let asti = &reference.calendar("desks-ASTI").unwrap().calendar;
    assert!(asti.hours_on(date(2026, 5, 5)).is_empty());
    assert!(!asti.hours_on(date(2026, 5, 12)).is_empty());
}

/// What is spoilt in the calendars, by what, the field named and words of the message.
#[test]
fn a_calendar_that_cannot_be_is_refused_with_its_day_and_interval() {
    for (what, by, field, words) in [
        (
            r#"tuesday = ["08:30-12:00", "15:30-18:00"]"#,
            r#"tuesday = ["08:30-12:00", "11:30-18:00"]"#,
            "calendar.tuesday",
            "tuesday: interval 2 (11:30-18:00) overlaps the one before it",
        ),
        (
            r#"friday = ["07:30-18:30"]"#,
            r#"friday = ["18:30-07:30"]"#,
            "calendar.friday",
            "friday: interval 1 (18:30-07:30) does not end after it begins",
        ),
        (
            r#"saturday = ["07:30-12:30"]"#,
            r#"saturday = ["07:30-25:00"]"#,
            "calendar.saturday",
            "is outside the day",
        ),
        (
            r#"monday = ["08:30-12:00"]"#,
            r#"monday = ["12:00-12:30", "08:30-12:00"]"#,
            "calendar.reduction.monday",
            "monday: interval 2 (08:30-12:00) stands after a later one",
        ),
        (
            r#"last = "2027-01-06""#,
            r#"last = "2026-01-06""#,
            "calendar.reduction",
            "reduction 1 ends before it begins",
        ),
        (
            r#"first = "2027-08-09""#,
            r#"first = "2027-01-05""#,
            "calendar.reduction",
            "reduction 2 does not begin after",
        ),
        (
            r#"usual = "desks""#,
            r#"usual = "desk""#,
            "usual",
            "no calendar `desk`",
        ),
        (
            r#"code = "rules""#,
            r#"code = "desks""#,
            "calendar.code",
            "used twice",
        ),
        (
            r#"day = "06-24""#,
            r#"day = "02-29""#,
            "town.day",
            "neither MM-DD",
        ),
        (
            r#"label = "Torino""#,
            r#"label = "Alba""#,
            "town.label",
            "named twice",
        ),
    ] {
        assert!(CALENDARS.contains(what), "{what}");
        let spoilt = CALENDARS.replacen(what, by, 1);
        let errors = parse_with(SERVICES, AUTHORITIES, CODES, &spoilt).unwrap_err();
        let line = spoilt.lines().position(|line| line.contains(by)).unwrap() + 1;
        assert!(
            errors.iter().any(|error| error.file == "calendars.toml"
                && error.field == field
                && error.message.contains(words)
                && (error.line >= line || field == "calendar.reduction")),
            "{by}: {errors:#?}"
        );
    }
    let never = "usual = \"x\"\n[[calendar]]\ncode = \"x\"\nlabel = { it = \"X\" }\nclosed_on_holidays = true\n";
    let errors = parse_with(SERVICES, AUTHORITIES, CODES, never).unwrap_err();
    assert!(
        errors
            .iter()
            .any(|error| error.message.contains("must be open at some time")),
        "{errors:#?}"
    );
    let nowhere = AUTHORITIES.replacen("municipality = \"Torino\"", "municipality = \"Torin\"", 1);
    let errors = parse(SERVICES, &nowhere, CODES).unwrap_err();
    assert!(
        errors[0].field == "authority.municipality" && errors[0].line > 1,
        "{errors:#?}"
    );
}

#[test]
fn the_first_policies_are_the_default_set_of_the_domain() {
    let reference = shipped();
    let targets: Vec<_> = reference
        .first_policies()
        .iter()
        .map(|policy| {
            let promised = &policy.targets;
            let [a, b, c] = [
                promised.take_charge,
                promised.first_response,
                promised.resolution,
            ]
            .map(|time| time.to_string());
            (policy.desk_kind.as_str(), a, b, c)
        })
        .collect();
    let row = |kind, resolution: &str| {
        (
            kind,
            "P1D".to_owned(),
            "P2D".to_owned(),
            resolution.to_owned(),
        )
    };
    assert_eq!(targets, [row("authority", "P5D"), row("region", "P3D")]);
}

#[test]
fn a_policy_that_cannot_be_is_refused_with_its_place() {
    for (what, by, field) in [
        (
            r#"resolution = "P5D""#,
            r#"resolution = "5 days""#,
            "policy.resolution",
        ),
        (
            r#"take_charge = "P1D""#,
            r#"take_charge = "P0D""#,
            "policy.take_charge",
        ),
        (
            r#"desk_kind = "region""#,
            r#"desk_kind = "authority""#,
            "policy.desk_kind",
        ),
        (
            r#"desk_kind = "region""#,
            r#"desk_kind = "everybody""#,
            "policy.desk_kind",
        ),
    ] {
        let spoilt = POLICIES.replacen(what, by, 1);
        let file = |name, text| ReferenceFile { name, text };
        let errors = Reference::parse(&[
            file("services.toml", SERVICES),
            file("authorities.toml", AUTHORITIES),
            file("codes.toml", CODES),
            file("calendars.toml", CALENDARS),
            file("sla-policies.toml", &spoilt),
        ])
        .unwrap_err();
        let [error] = errors.as_slice() else {
            panic!("{errors:#?}");
        };
        assert_eq!(
            (error.field.as_str(), error.file.as_str()),
            (field, "sla-policies.toml")
        );
        assert!(error.line > 1);
    }
}

const TECHNICAL: &str = include_str!("../../../../config/reference/technical-catalogue.toml");

fn with_technical(text: &str) -> Result<Reference, Vec<ReferenceError>> {
    let file = |name, text| ReferenceFile { name, text };
    Reference::parse(&[
        file("services.toml", SERVICES),
        file("authorities.toml", AUTHORITIES),
        file("codes.toml", CODES),
        file("calendars.toml", CALENDARS),
        file("sla-policies.toml", POLICIES),
        file("technical-catalogue.toml", text),
    ])
}

#[test]
fn the_technical_catalogue_knows_its_items_and_the_words_of_tools() {
    use crate::activity::ActivityState;
    let reference = with_technical(TECHNICAL).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let technical = &reference.technical;
    let counts: Vec<usize> = technical
        .items()
        .iter()
        .map(|item| item.sub_items.len())
        .collect();
    assert_eq!(counts, [8, 5, 7, 5, 3, 1, 1, 1]);
    let item = technical.item("Application-Fault").unwrap();
    assert_eq!(
        item.sub_item("known-error").unwrap().label.it,
        "Errore noto"
    );
    assert!(item.sub_item("enabling").is_none());
    for state in ActivityState::ALL {
        let label = state.label().it;
        assert_eq!(technical.state(&label.to_uppercase()), Some(*state));
        assert_eq!(technical.state(state.as_str()), Some(*state));
    }
    assert_eq!(technical.state("Sospeso"), None);
    let desk = reference.technical_desk(TODAY).unwrap();
    assert_eq!(desk.code.as_str(), "TEC010");
    // Without the file there are no items, and tools use our codes.
    let technical = shipped().technical;
    assert!(technical.items().is_empty());
    assert_eq!(technical.state("resolved"), Some(ActivityState::Resolved));
    assert_eq!(technical.state("Risolto"), None);
}

#[test]
fn what_is_wrong_with_the_technical_catalogue_is_told_with_its_place() {
    for (what, by, field) in [
        (r#"state = "new""#, r#"state = "open""#, "states.state"),
        (r#"["Assegnato"]"#, r#"["nuovo"]"#, "states.words"),
        (r#"["Assegnato"]"#, r#"[" "]"#, "states.words"),
        (
            r#"code = "user-management""#,
            r#"code = "application-support""#,
            "items.code",
        ),
        (
            r#"code = "disabling""#,
            r#"code = "enabling""#,
            "items.sub_items.code",
        ),
        (r#"it = "Server""#, r#"it = """#, "items.sub_items.label"),
    ] {
        assert!(TECHNICAL.contains(what), "{what}");
        let errors = with_technical(&TECHNICAL.replacen(what, by, 1)).unwrap_err();
        let [error] = errors.as_slice() else {
            panic!("{errors:#?}");
        };
        assert_eq!(
            (error.field.as_str(), error.file.as_str()),
            (field, "technical-catalogue.toml")
        );
        assert!(error.line > 1, "{what}");
    }
}

use jiff::civil::date;
use serde_json::json;

use super::*;
use crate::catalogue::tests::{TODAY, reference_with, shipped};
use crate::catalogue::{Datatype, FormField};

const TAX_CODE: &str = "RSSMRA80A01H501U";

fn citizen() -> CitizenIdentity {
    CitizenIdentity {
        tax_code: TaxCode::parse(TAX_CODE, false).unwrap(),
        given_name: PersonName::parse("MARIO").unwrap(),
        family_name: PersonName::parse("D'ALÌ ROSSI").unwrap(),
        email: Some(EmailAddress::parse("mario@example.org").unwrap()),
    }
}

/// A form any anonymous citizen could send about a report that is not there.
fn report_not_found() -> FilingForm {
    let text = |text: &str| Some(text.to_owned());
    FilingForm {
        service_code: text("fse"),
        problem_type: text("referto-non-trovato"),
        authority_code: text("010204"),
        given_name: text("Mario"),
        family_name: text("Rossi"),
        tax_code: text(" rssmra80a01h501u "),
        email: text("mario@EXAMPLE.org"),
        description: text("Non trovo il referto"),
        extra: object(json!({"exam_date": "2026-06-01", "team_number": "80380001234567890123"})),
        privacy_ack: Some(true),
        ..FilingForm::default()
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn file(form: &FilingForm, filer: Filer<'_>) -> Result<Filing, Vec<(String, &'static str)>> {
    check(form, &filer, &shipped(), TODAY, &TextLimits::default())
        .map_err(|errors| errors.into_iter().map(|e| (e.pointer, e.code)).collect())
}

/// The refusals of the good form after a change, as an anonymous citizen.
fn refusals(change: impl FnOnce(&mut FilingForm)) -> Vec<(String, &'static str)> {
    let mut form = report_not_found();
    change(&mut form);
    file(&form, Filer::Anonymous).err().unwrap_or_default()
}

fn only(pointer: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(pointer.to_owned(), code)]
}

#[test]
fn an_anonymous_report_not_found_is_filed_at_the_named_authority() {
    let filing = file(&report_not_found(), Filer::Anonymous).unwrap();
    assert_eq!(filing.service_code.as_str(), "FSE");
    assert_eq!(
        filing.declared_authority,
        Some(AuthorityCode::new("010204"))
    );
    assert_eq!(filing.tax_code.as_str(), TAX_CODE);
    assert_eq!(filing.email.as_str(), "mario@example.org");
    assert_eq!(filing.extra["exam_date"], "2026-06-01");
    assert_eq!(filing.privacy_notice_version, "1");
    assert!(!format!("{filing:?}").contains(TAX_CODE));
}

#[test]
fn who_names_an_authority_that_is_gone_names_whoever_took_over() {
    let today = TODAY;
    let merged = |last: &str| {
        reference_with(&[(
            "code = \"010204\"\n",
            &format!("code = \"010204\"\nvalid_to = \"{last}\"\nsuccessor = \"010205\"\n"),
        )])
    };
    let declared = |reference: &Reference| {
        let limits = TextLimits::default();
        let form = report_not_found();
        check(&form, &Filer::Anonymous, reference, today, &limits)
            .map(|filing| filing.declared_authority.unwrap().to_string())
    };
    assert_eq!(declared(&merged("2026-06-14")).unwrap(), "010205");
    assert_eq!(
        declared(&merged("2026-06-15")).unwrap(),
        "010204",
        "its last day"
    );
    let nobody = reference_with(&[(
        "code = \"010204\"\n",
        "code = \"010204\"\nvalid_to = \"2026-06-14\"\n",
    )]);
    assert_eq!(declared(&nobody).unwrap_err()[0].code, "not-in-list");
}

#[test]
fn an_empty_form_names_every_missing_field() {
    let mut codes = file(&FilingForm::default(), Filer::Anonymous).unwrap_err();
    codes.sort();
    let expected = [
        ("/email", "required"),
        ("/family_name", "required"),
        ("/given_name", "required"),
        ("/privacy_ack", "not-accepted"),
        ("/problem_type", "required"),
        ("/service_code", "required"),
        ("/tax_code", "required"),
    ];
    assert_eq!(
        codes,
        expected.map(|(pointer, code)| (pointer.to_owned(), code))
    );
}

type Change = fn(&mut FilingForm);

#[test]
fn each_bad_field_is_refused_with_its_code() {
    let rows: &[(Change, &str, &str)] = &[
        (
            |f| f.service_code = Some("NOPE".into()),
            "/service_code",
            "not-in-list",
        ),
        (
            |f| f.service_code = Some("SOLCOVID".into()),
            "/service_code",
            "not-in-list",
        ),
        (
            |f| f.service_code = Some("  ".into()),
            "/service_code",
            "required",
        ),
        (|f| f.problem_type = None, "/problem_type", "required"),
        (
            |f| f.problem_type = Some("rinnovo".into()),
            "/problem_type",
            "not-in-list",
        ),
        (
            |f| f.problem_type = Some("green-pass".into()),
            "/problem_type",
            "not-in-list",
        ),
        (|f| f.authority_code = None, "/authority_code", "required"),
        (
            |f| f.authority_code = Some("010999".into()),
            "/authority_code",
            "not-in-list",
        ),
        (
            |f| f.authority_code = Some("010996".into()),
            "/authority_code",
            "not-in-list",
        ),
        (
            |f| f.authority_code = Some("REG010".into()),
            "/authority_code",
            "not-in-list",
        ),
        (
            |f| f.authority_code = Some("TEC010".into()),
            "/authority_code",
            "not-in-list",
        ),
        (
            |f| f.given_name = Some("x".repeat(31)),
            "/given_name",
            "too-long",
        ),
        (
            |f| f.family_name = Some("1234".into()),
            "/family_name",
            "invalid-format",
        ),
        (
            |f| f.tax_code = Some("RSSMRA80A01H501V".into()),
            "/tax_code",
            "checksum",
        ),
        (|f| f.tax_code = Some("RSS".into()), "/tax_code", "length"),
        (
            |f| f.email = Some("mario@".into()),
            "/email",
            "invalid-format",
        ),
        (
            |f| f.phone = Some("zero".into()),
            "/phone",
            "invalid-format",
        ),
        (
            |f| f.notification_email = Some("x".into()),
            "/notification_email",
            "invalid-format",
        ),
        (
            |f| f.recall_phone = Some("x".into()),
            "/recall_phone",
            "invalid-format",
        ),
        (|f| f.description = None, "/description", "required"),
        (
            |f| f.description = Some("x".repeat(501)),
            "/description",
            "too-long",
        ),
        (
            |f| f.description = Some("a\u{0}b".into()),
            "/description",
            "forbidden-chars",
        ),
        (|f| f.privacy_ack = None, "/privacy_ack", "not-accepted"),
        (
            |f| f.privacy_ack = Some(false),
            "/privacy_ack",
            "not-accepted",
        ),
        (
            |f| f.requester_role = Some("altro".into()),
            "/requester_role",
            "unknown-field",
        ),
        (
            |f| f.on_behalf_of = Some("BNCLRA92C41L219D".into()),
            "/on_behalf_of",
            "delegation-missing",
        ),
        (
            |f| f.on_behalf_of = Some("nonsense".into()),
            "/on_behalf_of",
            "delegation-missing",
        ),
        (
            |f| f.self_help_path = Some(vec!["a1".into(), "b 2".into()]),
            "/self_help_path/1",
            "invalid-format",
        ),
        (
            |f| f.self_help_path = Some(vec!["a".into(); 51]),
            "/self_help_path",
            "invalid-format",
        ),
    ];
    for (change, pointer, code) in rows {
        assert_eq!(refusals(*change), only(pointer, code));
    }
}

#[test]
fn harmless_extras_are_accepted() {
    let rows: &[Change] = &[
        |f| f.on_behalf_of = Some(TAX_CODE.to_lowercase()),
        |f| f.self_help_path = Some(vec!["a1".into(), "b.2".into()]),
        |f| f.tax_code = Some("12345678903".into()),
        |f| f.tax_code = Some("STP0100100000001".into()),
        |f| f.phone = Some(" ".into()),
        |f| f.problem_type = Some("REFERTO-NON-TROVATO".into()),
    ];
    for change in rows {
        assert_eq!(refusals(*change), []);
    }
}

/// Rows of (service, problem type, extra, refusals): the table of `domain.md` §3.5.
#[test]
fn each_service_checks_its_own_fields() {
    let team = "80380001234567890123";
    let position = "A".repeat(27);
    let many = vec![TAX_CODE; 11];
    let rows = [
        ("FSE", "fse-per-minori", json!({}), vec![]),
        (
            "FSE",
            "referto-non-trovato",
            json!({}),
            vec![("/exam_date", "required"), ("/team_number", "required")],
        ),
        (
            "FSE",
            "difficolta-a-scaricare-immagini",
            json!({"exam_date": " ", "team_number": null}),
            vec![("/exam_date", "required"), ("/team_number", "required")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "2026-06-16"}),
            vec![("/exam_date", "out-of-range")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "1899-12-31"}),
            vec![("/exam_date", "out-of-range")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "1900-01-01"}),
            vec![],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "2026-06-15"}),
            vec![],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "2026-02-30"}),
            vec![("/exam_date", "invalid-format")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "15/06/2026"}),
            vec![("/exam_date", "invalid-format")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "20260615"}),
            vec![("/exam_date", "invalid-format")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": "2026-06-15T10:00"}),
            vec![("/exam_date", "invalid-format")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"exam_date": 20260615}),
            vec![("/exam_date", "invalid-format")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"team_number": "1234"}),
            vec![("/team_number", "length")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"team_number": "8038000123456789012X"}),
            vec![("/team_number", "invalid-format")],
        ),
        (
            "FSE",
            "fse-per-minori",
            json!({"nre": "1", "a/b~": 2}),
            vec![("/a~1b~0", "unknown-field"), ("/nre", "unknown-field")],
        ),
        (
            "ritiroreferti",
            "referto-non-trovato",
            json!({}),
            vec![("/exam_date", "required"), ("/team_number", "required")],
        ),
        (
            "ritiroreferti",
            "referto-non-trovato",
            json!({"exam_date": "2026-06-01", "team_number": team}),
            vec![],
        ),
        (
            "PTW",
            "errore-tecnico",
            json!({}),
            vec![
                ("/copayment_holder_tax_code", "required"),
                ("/copayment_position_id", "required"),
            ],
        ),
        (
            "PTW",
            "errore-tecnico",
            json!({"copayment_holder_tax_code": "RSSMRA80A01H501V",
            "copayment_position_id": "A"}),
            vec![
                ("/copayment_holder_tax_code", "checksum"),
                ("/copayment_position_id", "length"),
            ],
        ),
        (
            "PTW",
            "errore-tecnico",
            json!({"copayment_holder_tax_code": TAX_CODE, "copayment_position_id": position}),
            vec![],
        ),
        ("ESENRED", "rinnovo", json!({}), vec![]),
        (
            "ESENRED",
            "rinnovo",
            json!({"beneficiary_tax_codes": [TAX_CODE, "RSS", 4], "exemption_code": "E01"}),
            vec![
                ("/beneficiary_tax_codes/1", "length"),
                ("/beneficiary_tax_codes/2", "invalid-format"),
            ],
        ),
        (
            "ESENRED",
            "rinnovo",
            json!({"beneficiary_tax_codes": many}),
            vec![("/beneficiary_tax_codes", "too-many-items")],
        ),
        (
            "ESENRED",
            "rinnovo",
            json!({"exemption_code": "E".repeat(21)}),
            vec![("/exemption_code", "too-long")],
        ),
        (
            "promem",
            "ricetta-mancante",
            json!({}),
            vec![("/prescription_kind", "required")],
        ),
        (
            "promem",
            "ricetta-mancante",
            json!({"prescription_kind": "altra"}),
            vec![("/prescription_kind", "not-in-list")],
        ),
        (
            "promem",
            "ricetta-mancante",
            json!({"prescription_kind": "farmaceutica", "nre": "010A01234567890",
            "prescription_date": "2026-06-01"}),
            vec![],
        ),
        ("deleghe", "informazioni", json!({}), vec![]),
        (
            "deleghe",
            "minori",
            json!({"minor_tax_codes": []}),
            vec![("/minor_tax_codes", "required")],
        ),
        (
            "deleghe",
            "minori",
            json!({"minor_tax_codes": TAX_CODE}),
            vec![],
        ),
        (
            "deleghe",
            "conferma-secondo-genitore",
            json!({}),
            vec![
                ("/minor_tax_codes", "required"),
                ("/second_parent_tax_code", "required"),
            ],
        ),
        (
            "deleghe",
            "adulti",
            json!({}),
            vec![("/adult_tax_code", "required")],
        ),
        (
            "HOME",
            "accesso-al-fse",
            json!({}),
            vec![("/access_means", "required")],
        ),
        (
            "HOME",
            "accesso-al-fse",
            json!({"access_means": "spid"}),
            vec![],
        ),
        (
            "FFE",
            "errore-tecnico",
            json!({}),
            vec![("/reference_year", "required")],
        ),
        (
            "FFE",
            "errore-tecnico",
            json!({"reference_year": 1969}),
            vec![("/reference_year", "out-of-range")],
        ),
        (
            "FFE",
            "errore-tecnico",
            json!({"reference_year": "2027"}),
            vec![("/reference_year", "out-of-range")],
        ),
        (
            "FFE",
            "errore-tecnico",
            json!({"reference_year": "20x6"}),
            vec![("/reference_year", "invalid-format")],
        ),
        (
            "FFE",
            "errore-tecnico",
            json!({"reference_year": 1970}),
            vec![],
        ),
        (
            "ESTRATTO_CONTO",
            "errore-tecnico",
            json!({"reference_year": "2026", "copayment_number": "1"}),
            vec![],
        ),
        (
            "FARAB",
            "errore-tecnico",
            json!({"pharmacy_name": "Comunale\u{7}"}),
            vec![("/pharmacy_name", "forbidden-chars")],
        ),
        (
            "FARAB",
            "errore-tecnico",
            json!({"pharmacy_name": "Farmacia Comunale 1"}),
            vec![],
        ),
    ];
    for (service, problem, extra, expected) in rows {
        let mut form = report_not_found();
        form.service_code = Some(service.to_owned());
        form.problem_type = Some(problem.to_owned());
        form.extra = object(extra.clone());
        let mut found = file(&form, Filer::Anonymous).err().unwrap_or_default();
        found.sort();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(p, code)| (format!("/extra{p}"), code))
            .collect();
        assert_eq!(found, expected, "{service} {problem} {extra}");
    }
}

#[test]
fn extra_values_are_kept_normalised() {
    let mut form = report_not_found();
    form.service_code = Some("ffe".to_owned());
    form.problem_type = Some("errore-tecnico".to_owned());
    form.extra = object(json!({"reference_year": " 2024 ", "copayment_number": " 7 "}));
    let filing = file(&form, Filer::Anonymous).unwrap();
    assert_eq!(
        serde_json::to_value(&filing.extra).unwrap(),
        json!({"reference_year": 2024, "copayment_number": "7"})
    );

    form.service_code = Some("deleghe".to_owned());
    form.problem_type = Some("minori".to_owned());
    form.extra = object(json!({"minor_tax_codes": [TAX_CODE.to_lowercase(), " ", TAX_CODE]}));
    let filing = file(&form, Filer::Anonymous).unwrap();
    assert_eq!(filing.extra["minor_tax_codes"], json!([TAX_CODE]));
}

#[test]
fn services_without_or_with_more_fields_follow_their_rules() {
    let mut sirva = report_not_found();
    (sirva.service_code, sirva.problem_type) =
        (Some("SIRVA".into()), Some("mancanti-covid".into()));
    (sirva.description, sirva.extra) = (None, Map::new());
    assert!(
        file(&sirva, Filer::Anonymous).is_ok(),
        "its description is optional"
    );

    let mut coeliac = report_not_found();
    (coeliac.service_code, coeliac.problem_type) =
        (Some("BUONO_CELIACHIA".into()), Some("rinvio-pin".into()));
    coeliac.extra = Map::new();
    assert_eq!(
        file(&coeliac, Filer::Anonymous).unwrap_err(),
        only("/phone", "required")
    );

    // The retired service, as an import of its time would meet it.
    let mut covid = report_not_found();
    (covid.service_code, covid.problem_type) = (Some("solcovid".into()), Some("covid-3".into()));
    covid.extra = Map::new();
    let then = date(2022, 3, 1);
    let errors = check(
        &covid,
        &Filer::Anonymous,
        &shipped(),
        then,
        &TextLimits::default(),
    )
    .unwrap_err();
    let codes: Vec<_> = errors
        .iter()
        .map(|e| (e.pointer.as_str(), e.code))
        .collect();
    assert_eq!(
        codes,
        [
            ("/description", "unknown-field"),
            ("/extra/swab_date", "required")
        ]
    );
}

#[test]
fn a_type_for_signed_in_citizens_is_not_in_an_anonymous_list() {
    let mut form = report_not_found();
    form.service_code = Some("ritiroreferti".to_owned());
    form.problem_type = Some("impossibilita-a-ritirare-il-referto".to_owned());
    assert_eq!(
        file(&form, Filer::Anonymous).unwrap_err(),
        only("/problem_type", "not-in-list")
    );
    form.given_name = None;
    form.family_name = None;
    assert!(file(&form, Filer::Citizen(&citizen())).is_ok());
}

#[test]
fn a_citizens_identity_comes_from_the_token_and_may_not_differ() {
    let mut form = report_not_found();
    (form.given_name, form.family_name, form.tax_code, form.email) = (None, None, None, None);
    let filing = file(&form, Filer::Citizen(&citizen())).unwrap();
    assert_eq!(
        (filing.tax_code.as_str(), filing.email.as_str()),
        (TAX_CODE, "mario@example.org")
    );

    // Written as people write, it is the same person.
    (form.given_name, form.family_name) = (Some("Mario".into()), Some("D'Alì  Rossi".into()));
    (form.tax_code, form.email) = (
        Some(TAX_CODE.to_lowercase()),
        Some("other@example.org".into()),
    );
    let filing = file(&form, Filer::Citizen(&citizen())).unwrap();
    assert_eq!(filing.given_name.as_str(), "MARIO");
    assert_eq!(filing.email.as_str(), "other@example.org");

    (form.given_name, form.family_name) = (Some("Maria".into()), Some("Rossi".into()));
    form.tax_code = Some("RSSMRA80A01HRLMS".into()); // an omocodia variant is another person
    let expected =
        ["/given_name", "/family_name", "/tax_code"].map(|p| (p.to_owned(), "identity-mismatch"));
    assert_eq!(
        file(&form, Filer::Citizen(&citizen())).unwrap_err(),
        expected
    );
}

const DELEGATOR: &str = "BNCLRA92C41L219D";

/// Mario's form about Laura, who delegated him.
fn for_the_delegator() -> FilingForm {
    let text = |text: &str| Some(text.to_owned());
    FilingForm {
        given_name: text("Laura"),
        family_name: text("Bianchi"),
        tax_code: None,
        email: None,
        on_behalf_of: text(" bnclra92c41l219d "),
        ..report_not_found()
    }
}

#[test]
fn a_delegates_form_is_about_the_delegator() {
    let delegators = [TaxCode::parse(DELEGATOR, false).unwrap()];
    let identity = citizen();
    let delegate = Filer::Delegate {
        identity: &identity,
        delegators: &delegators,
    };
    for tax_code in [None, Some(DELEGATOR.to_owned())] {
        let form = FilingForm {
            tax_code,
            ..for_the_delegator()
        };
        let filing = file(&form, delegate).unwrap();
        assert_eq!(filing.tax_code.as_str(), DELEGATOR);
        assert_eq!(filing.given_name.as_str(), "Laura");
        assert_eq!(filing.email.as_str(), "mario@example.org", "the filer's");
        assert_eq!(filing.requester_role.as_deref(), Some(DELEGATE_ROLE));
    }
    // A delegation may be used or not.
    let mut own = report_not_found();
    (own.given_name, own.family_name) = (None, None);
    let filing = file(&own, delegate).unwrap();
    assert_eq!(
        (filing.tax_code.as_str(), filing.requester_role),
        (TAX_CODE, None)
    );
}

#[test]
fn a_delegates_form_is_refused_where_it_is_not_the_delegators() {
    let rows: &[(Change, &str, &str)] = &[
        (|f| f.given_name = None, "/given_name", "required"),
        (
            |f| f.family_name = Some(" ".into()),
            "/family_name",
            "required",
        ),
        (
            |f| f.tax_code = Some(TAX_CODE.into()),
            "/tax_code",
            "identity-mismatch",
        ),
        (|f| f.tax_code = Some("RSS".into()), "/tax_code", "length"),
        (
            |f| f.requester_role = Some(DELEGATE_ROLE.into()),
            "/requester_role",
            "unknown-field",
        ),
        (
            |f| f.on_behalf_of = Some("VRDGPP70A01F205X".into()),
            "/on_behalf_of",
            "delegation-missing",
        ),
        (
            |f| f.on_behalf_of = Some("nonsense".into()),
            "/on_behalf_of",
            "delegation-missing",
        ),
    ];
    let delegators = [TaxCode::parse(DELEGATOR, false).unwrap()];
    let identity = citizen();
    let delegate = Filer::Delegate {
        identity: &identity,
        delegators: &delegators,
    };
    for (change, pointer, code) in rows {
        let mut form = for_the_delegator();
        change(&mut form);
        assert_eq!(file(&form, delegate).unwrap_err(), only(pointer, code));
    }
}

#[test]
fn without_a_delegation_only_that_is_told() {
    let identity = citizen();
    let refused = only("/on_behalf_of", "delegation-missing");
    let filer = Filer::Citizen(&identity);
    assert_eq!(file(&for_the_delegator(), filer).unwrap_err(), refused);
    let delegate = Filer::Delegate {
        identity: &identity,
        delegators: &[],
    };
    assert_eq!(file(&for_the_delegator(), delegate).unwrap_err(), refused);

    // Nobody needs a delegation for themselves.
    for (on_behalf_of, is_for_another) in [
        (None, false),
        (Some(" "), false),
        (Some("rssmra80a01h501u"), false),
        (Some(DELEGATOR), true),
        (Some("nonsense"), true),
    ] {
        let form = FilingForm {
            on_behalf_of: on_behalf_of.map(str::to_owned),
            ..FilingForm::default()
        };
        assert_eq!(form.is_for_another(&identity.tax_code), is_for_another);
    }
}

#[test]
fn a_citizen_without_an_address_gives_one() {
    let identity = CitizenIdentity {
        email: None,
        ..citizen()
    };
    let mut form = report_not_found();
    (form.given_name, form.family_name, form.email) = (None, None, None);
    assert_eq!(
        file(&form, Filer::Citizen(&identity)).unwrap_err(),
        only("/email", "required")
    );
    form.email = Some("mario@example.net".to_owned());
    assert!(file(&form, Filer::Citizen(&identity)).is_ok());
}

#[test]
fn the_operators_form_asks_role_phone_and_authority() {
    let mut form = report_not_found();
    (form.service_code, form.problem_type) = (
        Some("assistenza".into()),
        Some("accesso-non-riuscito".into()),
    );
    (form.extra, form.authority_code) = (Map::new(), None);
    for filer in [Filer::Staff, Filer::Anonymous] {
        let mut found = file(&form, filer).unwrap_err();
        found.sort();
        let expected =
            ["/authority_code", "/phone", "/requester_role"].map(|p| (p.to_owned(), "required"));
        assert_eq!(found, expected);
    }
    assert_eq!(
        file(&form, Filer::Citizen(&citizen())).unwrap_err()[0].1,
        "not-in-list"
    );
    form.requester_role = Some("astronauta".to_owned());
    (form.phone, form.authority_code) = (Some("011 1234567".to_owned()), Some("010204".to_owned()));
    assert_eq!(
        file(&form, Filer::Staff).unwrap_err(),
        only("/requester_role", "not-in-list")
    );
    form.requester_role = Some("operatore_urp".to_owned());
    let filing = file(&form, Filer::Staff).unwrap();
    assert_eq!(
        filing.declared_authority,
        Some(AuthorityCode::new("010204")),
        "I-7"
    );
    assert_eq!(filing.requester_role.as_deref(), Some("operatore_urp"));
}

/// What a front end that knows the contract alone would send for a field.
fn value_of(field: &FormField) -> Value {
    let n = field.length.unwrap_or(1);
    match field.datatype {
        Datatype::Choice => json!(field.choices[0].code),
        Datatype::PersonName => json!("Maria"),
        Datatype::TaxCode => json!(TAX_CODE),
        Datatype::TaxCodeList => json!([TAX_CODE]),
        Datatype::Email => json!("maria@example.org"),
        Datatype::Phone => json!("+390111234567"),
        Datatype::MultilineText | Datatype::Text => json!("a".repeat(n)),
        Datatype::Digits => json!("1".repeat(n)),
        Datatype::Date => json!("2022-01-01"),
        Datatype::Year => json!("2020"),
        Datatype::Acceptance => json!(true),
        Datatype::EmailProof => Value::Null, // kept and checked elsewhere
        Datatype::IdList => json!(["a1"]),
    }
}

/// Puts the values into a form by pointer, as the body of a call would.
fn form_from(values: &BTreeMap<String, Value>) -> FilingForm {
    let text = |name: &str| {
        values
            .get(&format!("/{name}"))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    FilingForm {
        service_code: text("service_code"),
        problem_type: text("problem_type"),
        authority_code: text("authority_code"),
        given_name: text("given_name"),
        family_name: text("family_name"),
        tax_code: text("tax_code"),
        email: text("email"),
        phone: text("phone"),
        description: text("description"),
        extra: values
            .iter()
            .filter_map(|(pointer, value)| {
                Some((pointer.strip_prefix("/extra/")?.to_owned(), value.clone()))
            })
            .collect(),
        privacy_ack: values.get("/privacy_ack").and_then(Value::as_bool),
        requester_role: text("requester_role"),
        on_behalf_of: text("on_behalf_of"),
        notification_email: text("notification_email"),
        recall_phone: text("recall_phone"),
        self_help_path: values
            .get("/self_help_path")
            .map(|path| serde_json::from_value(path.clone()).unwrap()),
    }
}

#[test]
fn the_contract_alone_is_enough_to_file_and_every_required_field_is() {
    let reference = shipped();
    let limits = TextLimits::default();
    let identity = citizen();
    let mut filed = 0;
    for service in reference.services() {
        let today = service.validity.valid_to.unwrap_or(TODAY);
        let form = service.form(&reference, today, &limits);
        for filer in [Filer::Anonymous, Filer::Citizen(&identity), Filer::Staff] {
            let profile = filer.profile();
            for problem in &form.problem_types {
                if !service.profiles.admit(profile)
                    || problem.citizen_only && profile == Profile::Anonymous
                {
                    continue;
                }
                let wanted = |presences: &[Presence]| {
                    let asked = form
                        .fields
                        .iter()
                        .filter(|f| f.datatype != Datatype::EmailProof);
                    let asked = asked
                        .filter(|f| presences.contains(&f.presence(profile, Some(&problem.code))));
                    let mut values: BTreeMap<_, _> =
                        asked.map(|f| (f.pointer.clone(), value_of(f))).collect();
                    values.insert("/problem_type".to_owned(), json!(problem.code));
                    values
                };
                let file =
                    |values: &_| check(&form_from(values), &filer, &reference, today, &limits);
                let at = format!("{} {} {profile:?}", service.code, problem.code);

                let required = wanted(&[Presence::Required]);
                file(&required).unwrap_or_else(|errors| panic!("{at}: {errors:?}"));
                let all = wanted(&[Presence::Required, Presence::Optional]);
                file(&all).unwrap_or_else(|errors| panic!("{at}: {errors:?}"));
                filed += 1;
                for pointer in required.keys() {
                    let mut fewer = required.clone();
                    fewer.remove(pointer);
                    let errors = file(&fewer).unwrap_err();
                    let code = if pointer == "/privacy_ack" {
                        "not-accepted"
                    } else {
                        "required"
                    };
                    assert!(
                        errors
                            .iter()
                            .any(|e| e.pointer == *pointer && e.code == code),
                        "{at} {pointer}"
                    );
                }
            }
        }
    }
    assert!(filed > 300, "{filed}");
}

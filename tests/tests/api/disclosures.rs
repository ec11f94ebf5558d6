//! Who is shown a requester's identity: lists show masks to everybody, the screen all to the desk that has
//! the request in custody, and the rest state a purpose. Auditors state one before they read at all.

use std::collections::{BTreeMap, BTreeSet};

use domain::actor::{Role, Staff};
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use domain::ids::{TicketId, TicketNumber, TicketRef};
use domain::purpose::{Purpose, Reason};
use reqwest::Method;
use serde_json::{Value, json};
use service::disclosures::Stated;
use service::once::Once;
use storage::trail::{Beginning, Trail};
use tests::app::{Options, TestApp};
use tests::citizens::{ANNA, LAURA};
use tests::people::{CN1, REGION, TO4};
use tests::requester::Filed;
use tests::{both, files, forms};
use uuid::Uuid;

/// ANNA's, as lists show it.
const ANNA_MASKED: &str = "BNCNNA•••••••••A";
const HEALTH_CARD: &str = "80380000100123456789";

fn stated() -> Value {
    json!({"purpose": "complaint", "reason": "Reclamo 2026-12, serve richiamare la persona."})
}

/// A request at TO4, with a number to call back.
async fn at_to4(app: &TestApp) -> Filed {
    let filed = app
        .file_as(
            &ANNA,
            &forms::report_not_found_logged_in(TO4),
            &[files::pdf(900)],
        )
        .await;
    let to4 = app.as_("to4.operator").await;
    let seen = to4.screen(&filed.id).await;
    let patch = json!({"recall_phone": "0171 123456", "notification_email": "altra@example.net"});
    let path = filed.staff_path("");
    to4.patch(&path, seen.etag(), &patch).await.is(200);
    filed
}

/// A request that TO4 handed over, and the region has.
async fn at_region(app: &TestApp) -> Filed {
    let filed = at_to4(app).await;
    let to4 = app.as_("to4.operator").await;
    to4.pass_playbook(&filed.id).await;
    let note = json!({"body": "Emesso da un'altra azienda.", "published": true});
    let over =
        json!({"action": "hand-over", "reason_code": "issued-by-other-authority", "note": note});
    let left = to4.act(&filed.id, &over).await;
    left.is(201);
    assert_eq!(left.json["ticket"]["requester"]["masked"], true, "{left}");
    filed
}

/// What a screen shows of the identity, or how it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Full,
    Masked,
    Refused(u16),
}

fn shown(reply: &tests::client::Reply) -> Shown {
    if reply.status != 200 {
        return Shown::Refused(reply.status);
    }
    let text = reply.text();
    let secrets = [ANNA.tax_code, ANNA.email, HEALTH_CARD];
    match secrets.map(|secret| text.contains(secret)) {
        [true, true, true] => {
            assert_eq!(reply.json["requester"]["masked"], false, "{reply}");
            Shown::Full
        }
        [false, false, false] => {
            let requester = &reply.json["requester"];
            assert_eq!(requester["masked"], true, "{reply}");
            assert_eq!(requester["tax_code"], ANNA_MASKED);
            assert_eq!(requester["email"], "a•••@•••.org");
            assert_eq!(requester["family_name"], ANNA.family_name);
            for secret in ["+390171123456", "altra@example.net"] {
                assert!(!text.contains(secret), "{secret} in {reply}");
            }
            Shown::Masked
        }
        _ => panic!("half a mask: {reply}"),
    }
}

both!(
    the_screen_shows_the_identity_to_the_custodian_alone,
    async |app| {
        use Shown::{Full, Masked, Refused};
        let here = at_to4(app).await;
        let there = at_region(app).await;
        // Who → the request at TO4, and the one that TO4 handed over to the region.
        let rows = [
            ("to4.operator", Full, Masked),
            ("to4.supervisor", Full, Masked),
            ("to4.admin", Full, Masked),
            ("cn1.operator", Refused(404), Refused(404)),
            ("cn1.supervisor", Refused(404), Refused(404)),
            ("cn1.admin", Refused(404), Refused(404)),
            ("region.operator", Masked, Full),
            ("region.supervisor", Masked, Full),
            ("technician", Refused(403), Refused(403)),
            ("system-admin", Refused(403), Refused(403)),
            ("auditor", Refused(403), Refused(403)),
        ];
        for (who, of_to4, of_region) in rows {
            let client = app.as_(who).await;
            for (filed, expected) in [(&here, of_to4), (&there, of_region)] {
                let screen = client.get(&filed.staff_path("")).await;
                assert_eq!(shown(&screen), expected, "{who}");
            }
        }
        let own = app.citizen(&ANNA).get(&here.own_path("")).await;
        assert!(own.is(200).json.get("masked").is_none(), "{own}");
    }
);

both!(
    lists_searches_and_all_else_show_masks_to_everybody,
    async |app| {
        let here = at_to4(app).await;
        let there = at_region(app).await;
        // Of the same person: a likely duplicate, and a link.
        let third = at_to4(app).await;
        let to4 = app.as_("to4.operator").await;
        let seen = to4.screen(&third.id).await;
        let link = to4.request(Method::POST, &third.staff_path("/links"));
        let link = link.if_match(seen.etag());
        link.json(&json!({"ticket": here.number}))
            .send()
            .await
            .is(201);
        // Who → how many items their list has.
        for (who, items) in [
            ("to4.operator", 2),
            ("to4.supervisor", 2),
            ("to4.admin", 2),
            ("cn1.operator", 0),
            ("region.operator", 3),
            ("region.supervisor", 3),
        ] {
            let client = app.as_(who).await;
            let search = json!({"tax_code": ANNA.tax_code});
            let answers = [
                client.get("/v1/tickets").await,
                client.post("/v1/ticket-searches", &search).await,
            ];
            for answer in answers {
                let found = answer.is(200).list_at("/items");
                assert_eq!(found.len(), items, "{who}: {answer}");
                for item in found {
                    assert_eq!(item["tax_code"], ANNA_MASKED);
                    assert_eq!(item["masked"], true);
                    assert_eq!(item["requester_label"], "Anna Bianchi");
                }
                tells_nothing(who, &answer);
            }
            for path in [
                "/v1/queues".to_owned(),
                "/v1/changes".to_owned(),
                "/v1/reports/removals".to_owned(),
                "/v1/reviews".to_owned(),
                "/v1/deliveries".to_owned(),
                here.staff_path("/timeline"),
                there.staff_path("/timeline"),
            ] {
                tells_nothing(who, &client.get(&path).await);
            }
        }
        // Beside the request itself a screen shows nobody's identity.
        let mut screen = to4.screen(&third.id).await.json.clone();
        assert_ne!(screen["links"], json!([]));
        assert_ne!(screen["possible_duplicates"], json!([]));
        screen["requester"].take();
        assert!(!screen.to_string().contains(ANNA.tax_code), "{screen}");
    }
);

fn tells_nothing(who: &str, answer: &tests::client::Reply) {
    let everything = answer.everything();
    for secret in [ANNA.tax_code, ANNA.email, HEALTH_CARD, "+390171123456"] {
        assert!(!everything.contains(secret), "{secret} to {who}: {answer}");
    }
}

both!(
    the_region_sees_numbers_of_others_queues_masked,
    async |app| {
        let callback = json!({
            "phone": "333 1234567", "reason": "Prova", "sms_allowed": false,
            "wished": {"from": "2026-03-02T09:00:00Z", "to": "2030-03-02T11:00:00Z"},
        });
        let to4 = app.as_("to4.operator").await;
        let own = to4.post("/v1/callbacks", &callback).await;
        assert_eq!(own.is(201).text_at("/phone"), "+393331234567");
        let region = app.as_("region.operator").await.get("/v1/callbacks").await;
        assert_eq!(region.text_at("/items/0/phone"), "•••••67");
        assert_eq!(region.json["items"][0]["masked"], true);
    }
);

both!(
    an_auditor_reads_a_complaint_without_a_way_to_its_author,
    async |app| {
        let complaint = json!({
            "authority_code": TO4, "subject": "Attesa", "text": "Troppa.", "email": ANNA.email,
        });
        let anna = app.citizen(&ANNA);
        let filed = anna.post("/v1/me/complaints", &complaint).await;
        let path = format!("/v1/complaints/{}", filed.is(201).text_at("/id"));
        let desk = app.as_("to4.supervisor").await.get(&path).await;
        assert_eq!(desk.text_at("/complainant/email"), ANNA.email);
        for who in ["auditor", "region.operator"] {
            let seen = app.as_(who).await.get(&path).await;
            if seen.status == 404 {
                continue;
            }
            assert_eq!(
                seen.is(200).text_at("/complainant/email"),
                "a•••@•••.org",
                "{who}"
            );
            assert_eq!(seen.json["complainant"]["masked"], true);
            assert!(!seen.text().contains(ANNA.email), "{seen}");
        }
    }
);

/// The schemas that a schema is made from.
fn parts(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.rsplit('/').next().expect("a name").to_owned());
            }
            members.values().for_each(|one| parts(one, found));
        }
        Value::Array(items) => items.iter().for_each(|one| parts(one, found)),
        _ => {}
    }
}

both!(
    the_description_has_tax_codes_where_they_are_known_to_be_alone,
    async |app| {
        let description = app.anonymous().get("/openapi.json").await;
        let schemas = description.json["components"]["schemas"].as_object();
        let schemas = schemas.expect("schemas");
        // Schema → what holds the value there. A new one is to be looked at, and put down here.
        let known = BTreeMap::from([
            (
                "PersonBody",
                "whole for the custodian and in a disclosure, else masked",
            ),
            ("TicketItem", "masked for everybody"),
            ("FilingBody", "asked for, not answered"),
            ("FilingForms", "asked for, not answered"),
            ("SearchBody", "asked for, not answered"),
            ("NewAccountBody", "asked for, not answered"),
            ("AuditSearchBody", "asked for, not answered"),
            ("LegalHoldForm", "asked for, not answered"),
            ("SubjectRequestForm", "asked for, not answered"),
        ]);
        let has_one = |schema: &Value| schema.to_string().contains("\"tax_code\"");
        let with_one = schemas.iter().filter(|(_, schema)| has_one(schema));
        let with_one: BTreeSet<&str> = with_one.map(|(name, _)| name.as_str()).collect();
        let unknown: Vec<_> = with_one
            .iter()
            .filter(|one| !known.contains_key(**one))
            .collect();
        assert!(unknown.is_empty(), "a tax code in {unknown:?}");

        // All that answers are made from.
        let mut reached = BTreeSet::new();
        let paths = description.json["paths"].as_object().expect("paths");
        for operation in paths
            .values()
            .flat_map(|path| path.as_object().expect("methods").values())
        {
            parts(&operation["responses"], &mut reached);
        }
        let mut waiting: Vec<String> = reached.iter().cloned().collect();
        while let Some(name) = waiting.pop() {
            let mut found = BTreeSet::new();
            if let Some(schema) = schemas.get(&name) {
                parts(schema, &mut found);
            }
            waiting.extend(found.into_iter().filter(|one| reached.insert(one.clone())));
        }
        let answered: Vec<&str> = with_one
            .into_iter()
            .filter(|one| reached.contains(*one))
            .collect();
        assert_eq!(answered, ["PersonBody", "TicketItem"]);
    }
);

both!(a_disclosure_needs_a_purpose_and_a_reason, async |app| {
    let filed = at_to4(app).await;
    let region = app.as_("region.operator").await;
    let path = filed.staff_path("/disclosures");
    let required = [("/purpose", "required"), ("/reason", "required")];
    let refused = region.post(&path, &json!({})).await;
    refused
        .is_problem(422, "validation-error")
        .has_errors(&required);
    for (purpose, reason, pointer, code) in [
        (
            "curiosity",
            "Un motivo come un altro.",
            "/purpose",
            "not-in-list",
        ),
        ("complaint", "Serve.", "/reason", "too-short"),
        ("complaint", &"a".repeat(501), "/reason", "too-long"),
    ] {
        let refused = region
            .post(&path, &json!({"purpose": purpose, "reason": reason}))
            .await;
        refused
            .is_problem(422, "validation-error")
            .has_errors(&[(pointer, code)]);
    }
    // Out of reach is as if it had never been.
    let cn1 = app.as_("cn1.operator").await;
    let hidden = cn1.post(&path, &stated()).await;
    hidden.is_problem(404, "not-found");
    for who in ["technician", "system-admin"] {
        let refused = app.as_(who).await.post(&path, &stated()).await;
        refused.is_problem(403, "forbidden");
    }
    assert_eq!(app.count("disclosures"), 0, "something was written");
});

both!(a_disclosure_shows_all_and_auditors_read_why, async |app| {
    let filed = at_to4(app).await;
    let region = app.as_("region.operator").await;
    let request = region.request(Method::POST, &filed.staff_path("/disclosures"));
    let told = request.key("una-volta").json(&stated()).send().await;
    let requester = &told.is(201).json["requester"];
    assert_eq!(requester["tax_code"], ANNA.tax_code);
    assert_eq!(requester["email"], ANNA.email);
    assert_eq!(requester["recall_phone"], "+390171123456");
    assert_eq!(requester["notification_email"], "altra@example.net");
    assert_eq!(requester["masked"], false, "{told}");
    // The screen stays as it was.
    assert_eq!(shown(&region.screen(&filed.id).await), Shown::Masked);

    let request = region.request(Method::POST, &filed.staff_path("/disclosures"));
    let again = request.key("una-volta").json(&stated()).send().await;
    assert_eq!(again.is(201).json, told.json);
    assert_eq!(app.count("disclosures"), 1);

    let auditor = app.as_("auditor").await;
    let list = auditor.get("/v1/disclosures").await;
    let item = &list.is(200).list_at("/items")[0];
    assert_eq!(item["ticket"]["number"], filed.number);
    assert_eq!(item["kind"], "identity");
    assert_eq!(item["purpose"], "complaint");
    assert_eq!(item["purpose_label"], "Reclamo");
    assert_eq!(item["reason"], stated()["reason"]);
    assert_eq!(item["role"], "regional-operator");
    assert_eq!(item["authority_code"], REGION);
    assert_eq!(item["account_label"], "Persona region operator");
    assert_eq!(item["until"], Value::Null);
    tells_nothing("auditor", &list);
    let of = |ticket: &str| format!("/v1/disclosures?ticket={ticket}");
    assert_eq!(
        auditor
            .get(&of(&filed.number))
            .await
            .list_at("/items")
            .len(),
        1
    );
    let other = at_to4(app).await;
    assert_eq!(
        auditor
            .get(&of(&other.number))
            .await
            .list_at("/items")
            .len(),
        0
    );
    assert_eq!(auditor.get(&of("nothing")).await.status, 400);
    for who in ["region.supervisor", "to4.admin", "system-admin"] {
        let refused = app.as_(who).await.get("/v1/disclosures").await;
        refused.is_problem(403, "forbidden");
    }
});

both!(the_list_of_disclosures_goes_on_page_by_page, async |app| {
    let filed = at_to4(app).await;
    let region = app.as_("region.operator").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let told = region
            .post(&filed.staff_path("/disclosures"), &stated())
            .await;
        ids.insert(0, told.is(201).text_at("/id").to_owned());
    }
    let auditor = app.as_("auditor").await;
    let first = auditor.get("/v1/disclosures?limit=2").await;
    let next = first.text_at("/next_cursor");
    let second = auditor
        .get(&format!("/v1/disclosures?limit=2&cursor={next}"))
        .await;
    let items = first
        .list_at("/items")
        .iter()
        .chain(second.list_at("/items"));
    let found: Vec<&str> = items.filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(found, ids);
});

fn two_an_hour() -> Options {
    let mut options = Options::default();
    options.settings.privacy.looks_per_hour = 2;
    options
}

both!(
    each_account_asks_for_so_many_identities_an_hour,
    two_an_hour(),
    async |app| {
        let filed = at_to4(app).await;
        let path = filed.staff_path("/disclosures");
        let region = app.as_("region.operator").await;
        for _ in 0..2 {
            region.post(&path, &stated()).await.is(201);
        }
        let refused = region.post(&path, &stated()).await;
        refused.is_problem(429, "quota-exceeded");
        assert_eq!(refused.header("retry-after"), Some("3600"));
        assert!(!refused.text().contains(ANNA.tax_code));
        let other = app.as_("region.supervisor").await;
        other.post(&path, &stated()).await.is(201);
        app.advance("PT1H");
        let region = app.as_("region.operator").await;
        region.post(&path, &stated()).await.is(201);
    }
);

both!(
    an_auditor_reads_a_request_after_saying_why_and_for_hours,
    async |app| {
        let filed = at_to4(app).await;
        let other = at_to4(app).await;
        let note = json!({"action": "note", "note": {"body": "Solo per noi.", "published": false}});
        app.as_("to4.operator")
            .await
            .act(&filed.id, &note)
            .await
            .is(201);
        let auditor = app.as_("auditor").await;
        for path in [
            filed.staff_path(""),
            filed.staff_path("/timeline"),
            "/v1/tickets".to_owned(),
        ] {
            auditor.get(&path).await.is_problem(403, "purpose-required");
        }
        let never = TicketNumber::new(2026, 99_999);
        let never = format!("/v1/tickets/{never}");
        auditor
            .get(&never)
            .await
            .is_problem(403, "purpose-required");

        let opened = auditor
            .post(&filed.staff_path("/inspections"), &stated())
            .await;
        assert_eq!(opened.is(201).text_at("/ticket_id"), filed.id);
        let screen = auditor.get(&format!("/v1/tickets/{}", filed.number)).await;
        assert_eq!(shown(&screen), Shown::Masked);
        assert!(
            screen.text().contains("Solo per noi."),
            "a team's notes are read with a purpose"
        );
        assert_eq!(screen.list_at("/possible_duplicates"), [] as [Value; 0]);
        assert_eq!(screen.list_at("/allowed_actions"), [] as [Value; 0]);
        auditor.get(&filed.staff_path("/timeline")).await.is(200);
        // That one, to read, and no more.
        auditor
            .get(&other.staff_path(""))
            .await
            .is_problem(403, "purpose-required");
        auditor
            .act(&filed.id, &note)
            .await
            .is_problem(403, "forbidden");
        let file = screen.text_at("/attachments/0/id");
        let file = filed.staff_path(&format!("/attachments/{file}"));
        auditor.get(&file).await.is_problem(403, "forbidden");
        auditor
            .get("/v1/tickets")
            .await
            .is_problem(403, "purpose-required");
        let search = json!({"tax_code": ANNA.tax_code});
        let refused = auditor.post("/v1/ticket-searches", &search).await;
        refused.is_problem(403, "forbidden");
        let list = auditor.get("/v1/disclosures").await;
        assert_eq!(list.text_at("/items/0/kind"), "inspection");
        assert_eq!(list.text_at("/items/0/until"), opened.text_at("/until"));

        app.advance("PT7H59M");
        let auditor = app.as_("auditor").await;
        auditor.get(&filed.staff_path("")).await.is(200);
        app.advance("PT1M");
        let closed = auditor.get(&filed.staff_path("")).await;
        closed.is_problem(403, "purpose-required");
        // What the auditor has to see whole is a disclosure as everybody's.
        let told = auditor
            .post(&filed.staff_path("/disclosures"), &stated())
            .await;
        assert_eq!(told.is(201).text_at("/requester/tax_code"), ANNA.tax_code);
    }
);

/// Runs something as one request of this person's, and gives the entry that would end it.
fn on_the_trail<T>(
    staff: &Staff,
    operation: &str,
    f: impl FnOnce() -> T,
) -> (T, Option<AuditEntry>) {
    let trail = Trail::begin(Beginning {
        id: Uuid::from_u128(7),
        // After all that other requests leave on the trail.
        at: "2100-01-01T00:00:00Z".parse().expect("a time"),
        actor: AuditActor::Staff {
            account: staff.account,
            placement: Some(staff.placement),
            role: Some(staff.role),
            authority: Some(staff.authority.clone()),
            location: None,
        },
        operation: operation.to_owned(),
        purpose: None,
        correlation: None,
    });
    let done = trail.within(f);
    (done, trail.rest(AuditOutcome::Done))
}

both!(the_trail_says_what_a_look_was_for, async |app| {
    let filed = at_to4(app).await;
    let me = app.as_("auditor").await.get("/v1/me").await;
    let staff = Staff {
        account: me.text_at("/id").parse().expect("an account"),
        placement: me.text_at("/placement/id").parse().expect("a placement"),
        role: Role::Auditor,
        authority: REGION.into(),
    };
    let ticket: TicketId = filed.id.parse().expect("an id");
    let stated = || Stated {
        purpose: Purpose::SecurityIncident,
        reason: Reason::parse("Accessi anomali di stanotte.").expect("a reason"),
    };
    let once = Once {
        key: None,
        content: Vec::new(),
    };
    let wanted = TicketRef::Id(ticket);
    let (told, _) = on_the_trail(&staff, "disclose_identity", || {
        app.desk.disclose(&staff, wanted.clone(), stated(), &once)
    });
    assert_eq!(told.expect("it is told").1.tax_code, ANNA.tax_code);
    let entry = crate::break_glass::last_entry(app);
    assert_eq!(entry["operation"], "disclose_identity");
    assert_eq!(entry["purpose"], "security-incident");
    assert_eq!(entry["tickets"], json!([filed.id]));
    assert!(
        !entry.to_string().contains("anomali"),
        "a code, and no text: {entry}"
    );

    let opened = app.desk.inspect(&staff, wanted.clone(), stated(), &once);
    let id = opened.expect("it is opened").value.id;
    let (screen, rest) = on_the_trail(&staff, "show_ticket", || {
        app.desk.show_ticket(&staff, &wanted)
    });
    assert!(screen.is_ok());
    let rest = rest.expect("a look that wrote nothing");
    assert_eq!(rest.purpose, Some(format!("inspection:{id}")));
    assert_eq!(rest.tickets, [ticket]);
});

both!(
    the_region_is_shown_what_it_has_and_cn1_nothing_of_to4,
    async |app| {
        let filed = app
            .file_as(&LAURA, &forms::report_not_found_logged_in(CN1), &[])
            .await;
        let cn1 = app.as_("cn1.operator").await.screen(&filed.id).await;
        assert_eq!(cn1.text_at("/requester/tax_code"), LAURA.tax_code);
        let to4 = app.as_("to4.operator").await;
        let search = json!({"tax_code": LAURA.tax_code});
        let found = to4.post("/v1/ticket-searches", &search).await;
        assert_eq!(found.is(200).list_at("/items"), [] as [Value; 0]);
    }
);

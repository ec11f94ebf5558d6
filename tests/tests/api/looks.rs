//! Who looked: that each look leaves its entry, what the entry says and does not say, and who is told of it.

use api::policy::{Callers, RULES};
use domain::actor::Role;
use domain::audit::{AuditActor, AuditEntry, AuditOutcome, Look};
use domain::ids::TicketId;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use service::looks::Suspect;
use tests::citizens::{ANNA, LAURA, MARIO};
use tests::people::{TO4, label_of};
use tests::{Client, Filed, Reply, TestApp, both, files, forms};

use super::authorization::{Stage, without_caps};

/// Who together see whatever there is to see of a ticket.
const CALLERS: &[&str] = &[
    "owner",
    "tracking",
    "to4.supervisor",
    "region.supervisor",
    "technician",
    "auditor",
    "program of an external tool",
];

fn id_of(filed: &Filed) -> TicketId {
    filed.id.parse().expect("an id")
}

/// What is wrong with the entries of an answer that tells of these tickets.
fn wrong_entries(
    entries: &[AuditEntry],
    operation: &str,
    reply: &Reply,
    tickets: &[&Filed],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = match reply.status {
        200..=399 => AuditOutcome::Done,
        _ => AuditOutcome::Refused,
    };
    // Of many actions each is told as it went; the answer is good all the same.
    let is_of_many = operation == "act_on_tickets";
    if !is_of_many && !entries.iter().any(|one| one.outcome == wanted) {
        wrong.push(format!("no entry says {wanted:?}"));
    }
    // A log-out is told once more, as what it is.
    let of_requests = || entries.iter().filter(|one| one.sign_in.is_none());
    if of_requests().any(|one| one.operation != operation) {
        wrong.push("an entry names another operation".to_owned());
    }
    if entries.iter().any(|one| one.purpose.is_none()) {
        wrong.push("an entry has no purpose".to_owned());
    }
    let text = reply.text();
    for ticket in tickets {
        let is_told = text.contains(&ticket.id) || text.contains(&ticket.number);
        let is_noted = entries
            .iter()
            .any(|one| one.tickets.contains(&id_of(ticket)));
        // What a refusal says of a ticket, its caller said first: the path.
        if is_told && !is_noted && wanted == AuditOutcome::Done {
            wrong.push(format!("no entry has the ticket {}", ticket.number));
        }
    }
    wrong
}

both!(
    every_operation_that_tells_of_a_ticket_leaves_an_entry_with_it,
    without_caps(),
    async |app| {
        let stage = Stage::set(app).await;
        let mut wrong = Vec::new();
        let mut unopened = Vec::new();
        for rule in RULES {
            let owned = app
                .file_as(
                    &ANNA,
                    &forms::report_not_found_logged_in(TO4),
                    &[files::pdf(900)],
                )
                .await;
            let tracked = app
                .file_anonymous(&forms::report_not_found(&MARIO, TO4), &[files::pdf(900)])
                .await;
            let mut was_opened = false;
            for caller in CALLERS {
                let ticket = match *caller {
                    "tracking" => &tracked,
                    _ => &owned,
                };
                let request = stage.request(app, caller, rule, ticket, &tracked).await;
                let reply = request.send().await;
                let entries = app.trail_of(&reply);
                let is_catalogue = rule.callers == Callers::Public && rule.method == "GET";
                let is_nobodys = rule.callers == Callers::Public;
                if is_catalogue && !entries.is_empty() {
                    wrong.push(format!("{} has entries", rule.operation));
                }
                if is_catalogue || is_nobodys {
                    continue;
                }
                let tickets = [&owned, &tracked];
                let found = wrong_entries(&entries, rule.operation, &reply, &tickets);
                wrong.extend(found.into_iter().map(|what| {
                    format!("{} by {caller} ({}): {what}", rule.operation, reply.status)
                }));
                was_opened |= entries.iter().any(|one| {
                    one.outcome == AuditOutcome::Done && one.tickets.contains(&id_of(ticket))
                });
            }
            if rule.method == "GET" && rule.path.contains("{ticket}") && !was_opened {
                unopened.push(rule.operation);
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
        assert!(unopened.is_empty(), "never opened: {unopened:?}");
    }
);

/// A ticket of Anna's at TO4, and its operator.
async fn begun(app: &TestApp) -> (Filed, Client) {
    let form = forms::report_not_found_logged_in(TO4);
    let filed = app.file_as(&ANNA, &form, &[files::pdf(900)]).await;
    (filed, app.as_("to4.operator").await)
}

fn the_one(mut entries: Vec<AuditEntry>) -> AuditEntry {
    assert_eq!(entries.len(), 1, "{entries:#?}");
    entries.remove(0)
}

both!(
    a_look_of_staff_says_who_from_where_what_on_whom_why_and_how,
    async |app| {
        let (filed, operator) = begun(app).await;
        let reply = operator.get(&filed.staff_path("")).await;
        let entry = the_one(app.trail_of(&reply.is(200).clone()));
        let me = operator.get("/v1/me").await;
        let AuditActor::Staff {
            account,
            placement,
            role,
            authority,
            location,
        } = &entry.actor
        else {
            panic!("not of staff: {entry:?}");
        };
        assert_eq!(account.to_string(), me.text_at("/id"));
        let of_session = placement.map(|id| id.to_string());
        assert_eq!(of_session.as_deref(), Some(me.text_at("/placement/id")));
        assert_eq!(*role, Some(Role::Operator));
        assert_eq!(
            authority.as_ref().map(ToString::to_string),
            Some(TO4.into())
        );
        assert_eq!(location.as_deref(), Some("010204-01"));
        assert_eq!(entry.operation, "show_ticket");
        assert_eq!(
            (entry.tickets.as_slice(), entry.changed.as_slice()),
            ([id_of(&filed)].as_slice(), [].as_slice())
        );
        assert_eq!(entry.subjects.len(), 1);
        assert_eq!(entry.purpose.as_deref(), Some("assistance"));
        assert_eq!(
            (entry.outcome, entry.chain.as_str()),
            (AuditOutcome::Done, TO4)
        );
        assert_eq!(entry.at, app.now());
    }
);

both!(
    citizens_links_programs_and_nobody_are_told_apart,
    async |app| {
        let (filed, _) = begun(app).await;
        let reply = app.citizen(&ANNA).get(&filed.own_path("")).await;
        let own = the_one(app.trail_of(&reply.is(200).clone()));
        let AuditActor::Citizen { person, via: None } = &own.actor else {
            panic!("not a citizen's: {own:?}");
        };
        assert_eq!(
            own.subjects,
            std::slice::from_ref(person),
            "the person looked at is the same"
        );

        let program = app.program(&["requests:read"]).await;
        let through = app.with_token(&program.token);
        let through = through.request(Method::GET, &filed.own_path(""));
        let token = app.citizen(&ANNA);
        let reply = through.header("citizen-token", token.token()).send().await;
        let carried = the_one(app.trail_of(&reply.is(200).clone()));
        assert!(
            matches!(&carried.actor, AuditActor::Citizen { via: Some(id), .. } if *id == program.id)
        );

        let form = forms::report_not_found(&MARIO, TO4);
        let anonymous = app.file_anonymous(&form, &[]).await;
        let filing = app
            .trail()
            .into_iter()
            .rfind(|one| one.operation == "file_ticket");
        let filing = filing.expect("an entry of the filing");
        assert_eq!(filing.actor, AuditActor::Nobody);
        assert_eq!(filing.changed, [id_of(&anonymous)]);
        let link = app.tracking(&anonymous).await;
        let opening = app
            .trail()
            .into_iter()
            .rfind(|one| one.operation == "open_tracking_session");
        let of_link = AuditActor::Tracking {
            ticket: id_of(&anonymous),
        };
        assert_eq!(opening.expect("an entry of the link").actor, of_link);
        let reply = link.get(&anonymous.own_path("")).await;
        assert_eq!(the_one(app.trail_of(&reply.is(200).clone())).actor, of_link);
    }
);

both!(a_change_and_its_entry_are_one, async |app| {
    let (filed, operator) = begun(app).await;
    let events = app.count("ticket_events");
    let reply = operator.act(&filed.id, &json!({"action": "take"})).await;
    let entry = the_one(app.trail_of(&reply.is(201).clone()));
    assert_eq!(entry.changed, [id_of(&filed)]);
    assert_eq!(entry.outcome, AuditOutcome::Done);
    assert_eq!(app.count("ticket_events"), events + 1);
});

both!(
    a_refusal_leaves_an_entry_that_says_so_and_none_that_says_done,
    async |app| {
        let (filed, operator) = begun(app).await;
        let before = app.footprint();
        let stale = operator
            .request(Method::POST, &filed.staff_path("/actions"))
            .if_match("\"99\"")
            .json(&json!({"action": "take"}))
            .send()
            .await;
        stale.is(412);
        let wrong = operator.act(&filed.id, &json!({"action": "resolve"})).await;
        wrong.is(422);
        let admin = app.as_("to4.admin").await;
        let forbidden = admin.act(&filed.id, &json!({"action": "take"})).await;
        forbidden.is(403);
        let bad_token = app.with_token("nonsense").get("/v1/tickets").await;
        bad_token.is(401);
        for reply in [&stale, &wrong, &forbidden, &bad_token] {
            let entry = the_one(app.trail_of(reply));
            assert_eq!(entry.outcome, AuditOutcome::Refused, "{reply}");
            assert!(entry.changed.is_empty(), "{entry:?}");
        }
        assert_eq!(app.footprint(), before);
    }
);

both!(
    what_is_out_of_reach_and_what_never_was_cost_and_leave_the_same,
    async |app| {
        let (filed, _) = begun(app).await;
        let stranger = app.as_("cn1.operator").await;
        let mut seen = Vec::new();
        for ticket in [filed.id.as_str(), "01990000-0000-7000-8000-000000000000"] {
            let before = app.db.statements();
            let reply = stranger.get(&format!("/v1/tickets/{ticket}")).await;
            let cost = app.db.statements() - before;
            reply.is_problem(404, "not-found");
            let entry = the_one(app.trail_of(&reply));
            seen.push((
                cost,
                entry.outcome,
                entry.tickets,
                entry.subjects,
                entry.chain,
            ));
        }
        assert_eq!(seen.first(), seen.last());
        assert_eq!(seen.first().map(|one| one.1), Some(AuditOutcome::Refused));
    }
);

both!(no_entry_holds_anything_of_what_people_wrote, async |app| {
    let mut form = forms::report_not_found(&MARIO, TO4);
    form["description"] = json!("CANARINO descrizione");
    form["phone"] = json!("333 7654321");
    let filed = app.file_anonymous(&form, &[files::pdf(900)]).await;
    let operator = app.as_("to4.operator").await;
    let note = json!({"action": "note", "note": {"body": "CANARINO nota", "published": true}});
    operator.act(&filed.id, &note).await.is(201);
    let search = json!({"tax_code": MARIO.tax_code});
    operator.post("/v1/ticket-searches", &search).await.is(200);
    let link = app.tracking(&filed).await;
    link.post(
        &filed.own_path("/messages"),
        &json!({"body": "CANARINO risposta"}),
    )
    .await
    .is(201);
    let entries = serde_json::to_string(&app.trail()).expect("JSON");
    let token = operator.token();
    for canary in [
        "CANARINO",
        MARIO.tax_code,
        MARIO.email,
        MARIO.family_name,
        "7654321",
        &filed.secret,
        token,
        &label_of("to4.operator"),
        "80380000100123456789",
    ] {
        assert!(!entries.contains(canary), "{canary} is in an entry");
    }
});

both!(
    what_the_service_changes_by_itself_is_an_entry_of_its_own,
    async |app| {
        let (filed, operator) = begun(app).await;
        let resolve = json!({"action": "resolve", "resolution_code": "information-given",
            "note": {"body": "Ecco come fare.", "published": true}});
        operator.act(&filed.id, &resolve).await.is(201);
        let before = app.trail().len();
        app.advance("P30D");
        assert_eq!(app.run_jobs().closed, 1);
        let mut new = app.trail().split_off(before);
        new.retain(|one| one.changed == [id_of(&filed)]);
        assert_eq!(new.len(), 1, "{new:#?}");
        assert_eq!(new[0].actor, AuditActor::System);
        let others = app.trail().split_off(before);
        assert!(
            others.iter().all(|one| !one.changed.is_empty()),
            "mail is no look"
        );
    }
);

both!(
    an_answer_that_is_given_again_shows_the_same_again,
    async |app| {
        let (filed, operator) = begun(app).await;
        let ask = || {
            let search = operator.request(Method::POST, "/v1/ticket-searches");
            search
                .key("k")
                .json(&json!({"tax_code": ANNA.tax_code}))
                .send()
        };
        let (first, again) = (ask().await, ask().await);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        for reply in [&first, &again] {
            let entries = app.trail_of(reply);
            assert!(
                entries.iter().any(|one| one.tickets == [id_of(&filed)]),
                "{entries:#?}"
            );
        }
    }
);

both!(
    nothing_is_shown_while_no_entry_can_be_written,
    async |app| {
        let (filed, operator) = begun(app).await;
        app.rename_table("audit_entries", "audit_entries_away");
        let reply = operator.get(&filed.staff_path("")).await;
        reply.is_problem(503, "temporarily-unavailable");
        assert!(!reply.text().contains(&filed.number));
        app.rename_table("audit_entries_away", "audit_entries");
        operator.get(&filed.staff_path("")).await.is(200);
    }
);

/// The looks that the requester reads.
async fn accesses(client: &Client, filed: &Filed) -> Reply {
    let reply = client.get(&filed.own_path("/accesses")).await;
    reply.is(200);
    reply
}

fn in_short(reply: &Reply) -> Vec<String> {
    let items = reply.list_at("/items").iter();
    let member = |one: &Value, path: &str| {
        let value = one.pointer(path).and_then(Value::as_str);
        value.unwrap_or("-").to_owned()
    };
    items
        .map(|one| {
            let parts = ["/authority/code", "/role/code", "/what"].map(|path| member(one, path));
            parts.join(" ")
        })
        .collect()
}

both!(
    a_citizen_sees_from_where_and_in_which_role_and_never_who,
    async |app| {
        let (filed, operator) = begun(app).await;
        let screen = operator.get(&filed.staff_path("")).await;
        let file = screen.text_at("/attachments/0/id").to_owned();
        let path = filed.staff_path(&format!("/attachments/{file}"));
        operator.get(&path).await.is(200);
        let seen = operator
            .request(Method::POST, &filed.staff_path("/actions"))
            .if_match(screen.etag())
            .json(&json!({"action": "take"}));
        seen.send().await.is(201);
        let region = app.as_("region.supervisor").await;
        region.get(&filed.staff_path("")).await.is(200);
        app.as_("cn1.operator")
            .await
            .get(&filed.staff_path(""))
            .await
            .is(404);
        let anna = app.citizen(&ANNA);
        anna.get(&filed.own_path("")).await.is(200);

        let reply = accesses(&anna, &filed).await;
        assert_eq!(
            in_short(&reply)
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>(),
            [
                "010204 operator changed",
                "010204 operator downloaded",
                "010204 operator read",
                "REG010 regional-supervisor read",
            ]
        );
        assert_eq!(
            reply.list_at("/items").len(),
            4,
            "one's own looks are left out"
        );
        for username in ["to4.operator", "region.supervisor"] {
            let account = app.as_(username).await.get("/v1/me").await;
            for hidden in [
                label_of(username),
                username.to_owned(),
                account.text_at("/id").to_owned(),
            ] {
                assert!(!reply.text().contains(&hidden), "{hidden}");
            }
        }
        app.citizen(&MARIO)
            .get(&filed.own_path("/accesses"))
            .await
            .is(404);

        let mut one_by_one = Vec::new();
        let mut next = format!("{}?limit=1", filed.own_path("/accesses"));
        loop {
            let page = anna.get(&next).await;
            one_by_one.extend(in_short(page.is(200)));
            match page.json["next_cursor"].as_str() {
                Some(cursor) => {
                    next = format!("{}?limit=1&cursor={cursor}", filed.own_path("/accesses"));
                }
                None => break,
            }
        }
        assert_eq!(one_by_one, in_short(&reply));
    }
);

both!(
    whoever_follows_a_link_sees_who_looked_as_well,
    async |app| {
        let filed = app
            .file_anonymous(&forms::report_not_found(&MARIO, TO4), &[])
            .await;
        let operator = app.as_("to4.operator").await;
        operator.get(&filed.staff_path("")).await.is(200);
        let link = app.tracking(&filed).await;
        link.get(&filed.own_path("")).await.is(200);
        assert_eq!(
            in_short(&accesses(&link, &filed).await),
            ["010204 operator read"]
        );
    }
);

fn period() -> Value {
    json!({"from": "2020-01-01T00:00:00Z", "to": "2035-01-01T00:00:00Z"})
}

async fn search(client: &Client, about: &Value) -> Reply {
    let mut body = period();
    for (name, value) in about.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    client.post("/v1/audit-searches", &body).await
}

both!(
    an_auditor_finds_who_saw_a_person_and_what_an_operator_saw,
    async |app| {
        let (filed, operator) = begun(app).await;
        operator.get(&filed.staff_path("")).await.is(200);
        operator.get("/v1/reviews").await.is(200);
        let me = operator.get("/v1/me").await.text_at("/id").to_owned();
        let auditor = app.as_("auditor").await;
        let shown = json!(["show_ticket"]);
        for about in [
            json!({"tax_code": ANNA.tax_code, "operations": shown}),
            json!({"ticket": filed.number, "operations": shown}),
            json!({"account_id": me, "operations": shown}),
            json!({"authority_code": TO4, "operations": shown}),
            json!({"operations": shown}),
        ] {
            let reply = search(&auditor, &about).await;
            reply.is(200);
            assert_eq!(reply.list_at("/items").len(), 1, "{about}: {reply}");
            let item = &reply.json["items"][0];
            assert_eq!(item["actor"]["account"]["id"], me.as_str());
            assert_eq!(item["actor"]["account"]["label"], label_of("to4.operator"));
            assert_eq!(item["tickets"][0]["number"], filed.number.as_str());
            assert_eq!(item["people"].as_array().map(Vec::len), Some(1));
            let entry = the_one(app.trail_of(&reply));
            assert_eq!(
                (entry.operation.as_str(), entry.purpose.as_deref()),
                ("search_audit", Some("audit"))
            );
        }
        let nothing = search(&auditor, &json!({"tax_code": MARIO.tax_code})).await;
        let found = nothing.list_at("/items").iter();
        let found: Vec<&str> = found.filter_map(|one| one["operation"].as_str()).collect();
        assert!(found.iter().all(|one| *one == "search_audit"), "{found:?}");
    }
);

both!(
    who_answers_for_a_desk_sees_its_own_and_no_accounts_of_others,
    async |app| {
        let (filed, operator) = begun(app).await;
        operator.get(&filed.staff_path("")).await.is(200);
        let region = app.as_("region.supervisor").await;
        region.get(&filed.staff_path("")).await.is(200);
        region.get("/v1/tickets").await.is(200);
        let admin = app.as_("to4.admin").await;
        let reply = search(&admin, &json!({"ticket": filed.id})).await;
        reply.is(200);
        let of = |desk: &str| {
            let items = reply.list_at("/items").iter();
            items
                .filter(|one| one["actor"]["authority"]["code"] == desk)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (of("REG010").len(), !of(TO4).is_empty()),
            (2, true),
            "{reply}"
        );
        for one in of("REG010") {
            assert!(one["actor"]["account"].is_null(), "{one}");
            assert_eq!(one["actor"]["role"], "regional-supervisor");
        }
        assert!(
            reply
                .list_at("/items")
                .iter()
                .all(|one| one["people"] == json!([]))
        );
        assert!(
            of(TO4)
                .iter()
                .any(|one| one["actor"]["account"]["id"].is_string())
        );

        let all = search(&admin, &json!({})).await;
        let items = all.list_at("/items").iter();
        let desks: std::collections::BTreeSet<&str> = items
            .filter_map(|one| one["actor"]["authority"]["code"].as_str())
            .collect();
        assert_eq!(desks.into_iter().collect::<Vec<_>>(), [TO4]);
        let stranger = app.as_("cn1.admin").await;
        search(&stranger, &json!({"ticket": filed.id}))
            .await
            .is(404);
        search(&operator, &json!({})).await.is(403);
    }
);

both!(a_search_names_all_its_bad_members_at_once, async |app| {
    let auditor = app.as_("auditor").await;
    let body = json!({
        "tax_code": "X", "account_id": "nobody", "to": "yesterday", "operations": ["nothing"], "limit": 0,
        "who": "me",
    });
    let reply = auditor.post("/v1/audit-searches", &body).await;
    reply.is(422).has_errors(&[
        ("/tax_code", "length"),
        ("/account_id", "invalid-format"),
        ("/from", "required"),
        ("/to", "invalid-format"),
        ("/operations/0", "not-in-list"),
        ("/limit", "out-of-range"),
        ("/who", "unknown-field"),
    ]);
    let both = json!({"tax_code": ANNA.tax_code, "authority_code": TO4});
    search(&auditor, &both)
        .await
        .is(422)
        .has_errors(&[("/authority_code", "one-at-a-time")]);
});

both!(
    after_a_breach_the_exact_set_of_what_was_seen_is_told,
    async |app| {
        let mut filed = Vec::new();
        for person in [&ANNA, &LAURA, &MARIO] {
            let form = forms::report_not_found_logged_in(TO4);
            filed.push(app.file_as(person, &form, &[]).await);
        }
        app.advance("PT1H");
        let from = app.now();
        let operator = app.as_("to4.operator").await;
        operator.get(&filed[0].staff_path("")).await.is(200);
        app.advance("PT5M");
        operator
            .act(&filed[2].id, &json!({"action": "take"}))
            .await
            .is(201);
        operator.get("/v1/tickets/2026-9999999-A").await.is(404);
        let colleague = app.as_("to4.colleague").await;
        colleague.get(&filed[1].staff_path("")).await.is(200);
        app.advance("PT1H");
        let to = app.now();
        app.as_("to4.operator")
            .await
            .get(&filed[1].staff_path(""))
            .await
            .is(200);

        let told = |suspect: Suspect, from: Timestamp, to: Timestamp| {
            app.desk.touched(&suspect, (from, to)).expect("it is told")
        };
        let numbers = |which: &[usize]| {
            let mut numbers: Vec<String> =
                which.iter().map(|at| filed[*at].number.clone()).collect();
            numbers.sort();
            numbers
        };
        let seen = told(Suspect::Account("to4.operator".into()), from, to);
        let found: Vec<String> = seen
            .tickets
            .iter()
            .filter_map(|one| one.number.clone())
            .collect();
        assert_eq!(found, numbers(&[0, 2]));
        assert_eq!((seen.people, seen.without_person), (2, 0));
        assert_eq!(seen.by_authority, [(TO4.into(), 2, 2)]);
        let changed = seen
            .tickets
            .iter()
            .find(|one| one.id == id_of(&filed[2]))
            .expect("it is there");
        assert!(changed.looks.contains(&Look::Changed));
        assert_eq!(
            changed.first,
            app.now() - jiff::SignedDuration::from_hours(1)
        );

        let desk = told(Suspect::Authority(TO4.into()), from, to);
        let found: Vec<String> = desk
            .tickets
            .iter()
            .filter_map(|one| one.number.clone())
            .collect();
        assert_eq!(found, numbers(&[0, 1, 2]));

        let again = app.desk.reindex_audit().expect("it is made again");
        assert_eq!(i64::try_from(again).ok(), Some(app.count("audit_entries")));
        let same = told(Suspect::Authority(TO4.into()), from, to);
        assert_eq!(same.tickets.len(), desk.tickets.len());
        assert!(
            told(Suspect::Account("cn1.operator".into()), from, to)
                .tickets
                .is_empty()
        );
    }
);

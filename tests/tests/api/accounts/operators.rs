//! Who leaves a desk leaves its tickets to the queue and its rights at the door, at once.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, PASSWORD, TO4};
use tests::{Client, Reply, TestApp, both, forms};

use super::{
    Newcomer, PHRASE, activated, body_of, event_names, id_of, log_in, place, refresh, screen, step,
};

/// A ticket that this person has taken.
async fn taken(app: &TestApp, owner: &Client, authority: &str) -> String {
    let form = forms::report_not_found_logged_in(authority);
    let filed = app.file_as(&MARIO, &form, &[]).await;
    owner
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    filed.id
}

async fn resolve(owner: &Client, ticket: &str) {
    let note = json!({"body": "Fatto.", "published": true});
    let body = json!({"action": "resolve", "resolution_code": "information-given", "note": note});
    owner.act(ticket, &body).await.is(201);
}

fn releases(screen: &Reply) -> usize {
    let entries = screen.list_at("/timeline").iter();
    let released = entries.filter(|entry| entry["event"] == "request.released");
    released.count()
}

/// The person at one of their desks.
async fn at(app: &TestApp, username: &str, authority: &str) -> Client {
    let session = log_in(app, username, PASSWORD).await;
    let placements = session.is(201).list_at("/placements").iter();
    let mut placements = placements.filter(|one| one["authority"]["code"] == authority);
    let choice = json!({"placement_id": placements.next().expect("a placement")["id"]});
    let client = app.with_token(session.text_at("/access_token"));
    let chosen = client.put("/v1/sessions/current/placement", &choice).await;
    app.with_token(chosen.is(200).text_at("/access_token"))
}

both!(
    the_tickets_of_a_suspended_operator_go_to_the_queue,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let closed = taken(app, &operator, TO4).await;
        resolve(&operator, &closed).await;
        app.advance("P8D");
        app.run_jobs();
        let operator = app.as_("to4.operator").await;
        let open = taken(app, &operator, TO4).await;
        let resolved = taken(app, &operator, TO4).await;
        resolve(&operator, &resolved).await;
        let colleague = app.as_("to4.colleague").await;
        let others = taken(app, &colleague, TO4).await;
        let mut before = Vec::new();
        for ticket in [&open, &resolved, &closed, &others] {
            let seen = colleague.screen(ticket).await;
            assert!(seen.json["assignee"].is_object(), "{seen}");
            before.push(seen);
        }

        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        let suspended = step(&admin, &id, &body_of("suspend")).await;
        assert_eq!(suspended.is(201).json["released_tickets"], 2);
        for (ticket, before, is_released) in [
            (&open, &before[0], true),
            (&resolved, &before[1], true),
            (&closed, &before[2], false),
            (&others, &before[3], false),
        ] {
            let after = colleague.screen(ticket).await;
            assert_eq!(after.json["assignee"].is_null(), is_released, "{after}");
            assert_eq!(after.etag() != before.etag(), is_released, "{after}");
            assert_eq!(releases(&after), usize::from(is_released));
            assert_eq!(after.json["state"] == "auto-closed", ticket == &closed);
        }
        let state = colleague.screen(&resolved).await;
        assert_eq!(state.text_at("/state"), "resolved");
        // A colleague goes on where they stopped; back at work, nothing comes back by itself.
        let me = colleague.get("/v1/me").await;
        let assign = json!({"action": "assign", "assignee": me.json["id"]});
        colleague.act(&open, &assign).await.is(201);
        step(&admin, &id, &body_of("reactivate")).await.is(201);
        let after = colleague.screen(&resolved).await;
        assert!(after.json["assignee"].is_null(), "{after}");
    }
);

both!(
    suspending_ends_every_session_and_reactivating_opens_none,
    async |app| {
        let first = log_in(app, "to4.operator", PASSWORD).await;
        let second = log_in(app, "to4.operator", PASSWORD).await;
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        for (leave, back) in [("suspend", Some("reactivate")), ("revoke", None)] {
            let third = log_in(app, "to4.operator", PASSWORD).await;
            step(&admin, &id, &body_of(leave)).await.is(201);
            let sessions = [&first, &second, &third];
            for again in [false, true] {
                if again {
                    let Some(back) = back else { continue };
                    step(&admin, &id, &body_of(back)).await.is(201);
                }
                for session in sessions {
                    let client = app.with_token(session.text_at("/access_token"));
                    client
                        .get("/v1/me")
                        .await
                        .is_problem(401, "unauthenticated");
                    client
                        .get("/v1/tickets")
                        .await
                        .is_problem(401, "unauthenticated");
                    refresh(app, session)
                        .await
                        .is_problem(401, "unauthenticated");
                }
                let status = if again { 201 } else { 401 };
                log_in(app, "to4.operator", PASSWORD).await.is(status);
            }
        }
        let seen = screen(&admin, &id).await;
        assert_eq!(seen.json["account"]["allowed_steps"], json!([]));
        assert_eq!(
            event_names(&admin, &id).await[1..],
            [
                "account.suspended",
                "account.reactivated",
                "credential.revoked"
            ]
        );
    }
);

both!(
    a_live_token_is_worth_what_its_placement_is_worth_now,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let ticket = taken(app, &operator, TO4).await;
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        let seen = screen(&admin, &id).await;
        let placement = seen.json["account"]["placements"][0].clone();
        let role = |role: &str, place: &Value| json!([{"role": role, "authority_code": TO4, "location_code": place["location"]["code"]}]);
        let placed = place(&admin, &id, &role("supervisor", &placement)).await;
        // They still work there: the ticket stays theirs.
        assert_eq!(placed.is(200).json["released_tickets"], 0);
        assert_eq!(placed.text_at("/account/placements/0/role"), "supervisor");
        operator
            .get("/v1/tickets")
            .await
            .is_problem(403, "role-selection-required");
        is_shut_out(&operator, &ticket).await;
        let supervisor = app.as_("to4.operator").await;
        assert_eq!(
            supervisor.get("/v1/me").await.text_at("/placement/role"),
            "supervisor"
        );
        assert!(supervisor.screen(&ticket).await.json["assignee"].is_object());

        // And back: the token of the second role has lost it just as fast.
        place(&admin, &id, &role("operator", &placement))
            .await
            .is(200);
        supervisor
            .get("/v1/tickets")
            .await
            .is_problem(403, "role-selection-required");
    }
);

/// Fails unless a token of a lost placement neither reads nor writes the ticket.
async fn is_shut_out(client: &Client, ticket: &str) {
    let target = format!("/v1/tickets/{ticket}");
    let read = client.get(&target).await;
    read.is_problem(403, "role-selection-required");
    let note = json!({"action": "note", "note": {"body": "Ancora qui.", "published": false}});
    let written = client.act(ticket, &note).await;
    written.is_problem(403, "role-selection-required");
}

both!(
    another_role_at_one_desk_changes_nothing_at_the_other,
    async |app| {
        let at_to4 = at(app, "two.hats", TO4).await;
        let at_cn1 = at(app, "two.hats", CN1).await;
        let left = taken(app, &at_to4, TO4).await;
        let kept = taken(app, &at_cn1, CN1).await;
        let admin = app.as_("cn1.admin").await;
        let id = id_of(&admin, "two.hats").await;
        let elsewhere =
            json!([{"role": "supervisor", "authority_code": CN1, "location_code": "02"}]);
        let placed = place(&admin, &id, &elsewhere).await;
        assert_eq!(placed.is(200).json["released_tickets"], 0);
        at_cn1
            .get("/v1/tickets")
            .await
            .is_problem(403, "role-selection-required");
        at_to4.screen(&left).await;
        let mine = at(app, "two.hats", TO4).await;
        assert!(mine.screen(&left).await.json["assignee"].is_object());
        let mine = at(app, "two.hats", CN1).await;
        assert!(mine.screen(&kept).await.json["assignee"].is_object());
    }
);

both!(
    tickets_of_a_lost_desk_are_released_and_those_of_the_other_are_not,
    async |app| {
        let at_to4 = at(app, "two.hats", TO4).await;
        let at_cn1 = at(app, "two.hats", CN1).await;
        let left = taken(app, &at_to4, TO4).await;
        let kept = taken(app, &at_cn1, CN1).await;
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "two.hats").await;
        let placed = place(&admin, &id, &json!([])).await;
        assert_eq!(placed.is(200).json["released_tickets"], 1);
        is_shut_out(&at_to4, &left).await;
        let seen = app.as_("to4.operator").await.screen(&left).await;
        assert!(seen.json["assignee"].is_null(), "{seen}");
        assert_eq!(releases(&seen), 1);
        let seen = at_cn1.screen(&kept).await;
        assert!(seen.json["assignee"].is_object(), "{seen}");
        assert_eq!(releases(&seen), 0);
        // With one placement left, it is chosen at once.
        let session = log_in(app, "two.hats", PASSWORD).await;
        assert_eq!(session.is(201).text_at("/placement/authority/code"), CN1);
    }
);

both!(what_a_newcomer_may_do_follows_the_role, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let id = activated(app, &admin, &newcomer).await;
    let session = log_in(app, &newcomer.username, PHRASE).await;
    let client = app.with_token(session.is(201).text_at("/access_token"));
    client.get("/v1/tickets").await.is(200);
    client
        .get("/v1/accounts")
        .await
        .is_problem(403, "forbidden");
    let region = app.as_("region.supervisor").await;
    step(&region, &id, &body_of("suspend"))
        .await
        .is_problem(404, "not-found");
    let people = client.get("/v1/assignees").await;
    assert!(people.is(200).text().contains("Nuova Persona"), "{people}");
    step(&admin, &id, &body_of("suspend")).await.is(201);
    let people = app.as_("to4.operator").await.get("/v1/assignees").await;
    assert!(!people.is(200).text().contains("Nuova Persona"), "{people}");
});

both!(
    the_steps_offered_for_people_of_two_desks_are_those_that_work,
    async |app| {
        for keeper in ["to4.admin", "cn1.admin"] {
            let keeper = app.as_(keeper).await;
            let id = id_of(&keeper, "two.hats").await;
            let seen = screen(&keeper, &id).await;
            let offered = seen.list_at("/account/allowed_steps").to_vec();
            let reply = step(&keeper, &id, &body_of("suspend")).await;
            match offered.contains(&json!("suspend")) {
                true => reply.is(201),
                false => reply.is_problem(403, "forbidden"),
            };
            app.set_state("two.hats", "active");
        }
    }
);

both!(
    a_closed_ticket_that_comes_back_finds_no_owner_who_has_left,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let closed = taken(app, &operator, TO4).await;
        resolve(&operator, &closed).await;
        app.advance("P8D");
        app.run_jobs();
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        step(&admin, &id, &body_of("suspend")).await.is(201);
        let supervisor = app.as_("to4.supervisor").await;
        let before = supervisor.screen(&closed).await;
        assert!(before.json["assignee"].is_object(), "{before}");

        let note = json!({"body": "Da rivedere.", "published": false});
        let reopen = json!({"action": "reopen", "note": note});
        supervisor.act(&closed, &reopen).await.is(201);
        let after = supervisor.screen(&closed).await;
        assert_eq!(after.text_at("/state"), "in-progress");
        assert!(after.json["assignee"].is_null(), "{after}");
        assert_eq!(releases(&after), 1);
    }
);

//! One person, several desks: nothing works before one is chosen.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, PASSWORD, TO4};
use tests::{both, forms};

use super::log_in;

fn placement_at<'a>(session: &'a Value, authority: &str) -> &'a Value {
    let placements = session["placements"].as_array().expect("placements");
    let found = placements
        .iter()
        .find(|one| one["authority"]["code"] == authority);
    &found.expect("the placement")["id"]
}

both!(
    with_several_placements_one_must_be_chosen_first,
    async |app| {
        let filed = app
            .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let session = log_in(app, "two.hats", PASSWORD).await;
        assert!(session.is(201).json["placement"].is_null());
        assert_eq!(session.list_at("/placements").len(), 2);
        let two = app.with_token(session.text_at("/access_token"));
        for target in [
            "/v1/tickets".to_owned(),
            "/v1/queues".to_owned(),
            "/v1/assignees".to_owned(),
            filed.staff_path(""),
            filed.staff_path("/timeline"),
        ] {
            let reply = two.get(&target).await;
            reply.is_problem(403, "role-selection-required");
        }
        for target in ["/v1/ticket-searches", "/v1/tickets"] {
            let reply = two.post(target, &json!({})).await;
            reply.is_problem(403, "role-selection-required");
        }
        assert!(two.get("/v1/me").await.is(200).json["placement"].is_null());

        let choice = |authority| json!({"placement_id": placement_at(&session.json, authority)});
        let chosen = two
            .put("/v1/sessions/current/placement", &choice(TO4))
            .await;
        assert_eq!(chosen.is(200).text_at("/placement/authority/code"), TO4);
        let as_to4 = app.with_token(chosen.text_at("/access_token"));
        as_to4.get(&filed.staff_path("")).await.is(200);
        // Switching needs no new log-in, and takes the other desk's tickets out of reach.
        let switched = as_to4
            .put("/v1/sessions/current/placement", &choice(CN1))
            .await;
        let as_cn1 = app.with_token(switched.is(200).text_at("/access_token"));
        for client in [&as_cn1, &as_to4, &two] {
            client.get(&filed.staff_path("")).await.is(404);
        }
    }
);

both!(nobody_takes_anothers_placement, async |app| {
    let others = log_in(app, "region.supervisor", PASSWORD).await;
    let session = log_in(app, "to4.operator", PASSWORD).await;
    let operator = app.with_token(session.text_at("/access_token"));
    for id in [
        others.text_at("/placement/id"),
        "019a0000-0000-7000-8000-000000000000",
    ] {
        let choice = json!({"placement_id": id});
        let reply = operator
            .put("/v1/sessions/current/placement", &choice)
            .await;
        reply.is_problem(404, "not-found");
    }
    let me = operator.get("/v1/me").await;
    assert_eq!(me.text_at("/placement/role"), "operator");
    let reply = operator
        .put(
            "/v1/sessions/current/placement",
            &json!({"placement_id": "x"}),
        )
        .await;
    reply.is_problem(422, "validation-error");
});

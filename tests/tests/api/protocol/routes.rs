//! Addresses, methods and parameters that do not exist.

use reqwest::Method;
use serde_json::json;
use tests::both;
use tests::citizens::MARIO;

use super::file;

both!(unknown_query_parameters_are_bad_requests, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let mario = app.citizen(&MARIO);
    let screen = filed.staff_path("");
    for (client, target) in [
        (&operator, "/v1/tickets?colour=red".to_owned()),
        (&operator, "/v1/tickets?limit=0".to_owned()),
        (&operator, "/v1/tickets?limit=101".to_owned()),
        (&operator, "/v1/tickets?limit=ten".to_owned()),
        (&operator, "/v1/tickets?limit=1&limit=2".to_owned()),
        (&operator, "/v1/tickets?sort=colour".to_owned()),
        (&operator, "/v1/tickets?state=closed".to_owned()),
        (&operator, "/v1/tickets?cursor=nonsense".to_owned()),
        (&operator, "/v1/tickets?assignee=%00".to_owned()),
        (&operator, "/v1/tickets?q=%00".to_owned()),
        (&operator, "/v1/tickets?created_from=yesterday".to_owned()),
        (&operator, format!("{screen}/timeline?colour=red")),
        (&operator, format!("{screen}/timeline?cursor=x")),
        (&operator, format!("{screen}?colour=red")),
        (&operator, "/v1/queues?colour=red".to_owned()),
        (&operator, "/v1/assignees?colour=red".to_owned()),
        (&operator, "/v1/me?colour=red".to_owned()),
        (&mario, "/v1/me/tickets?colour=red".to_owned()),
        (&mario, format!("{}?colour=red", filed.own_path(""))),
        (&app.anonymous(), "/v1/services?colour=red".to_owned()),
        (
            &app.anonymous(),
            "/v1/services/FSE/form?colour=red".to_owned(),
        ),
        (&app.anonymous(), "/v1/authorities?colour=red".to_owned()),
    ] {
        let reply = client.get(&target).await;
        assert_eq!(reply.status, 400, "{target}: {reply}");
        reply.is_problem(400, "malformed-request");
    }
});

both!(unknown_routes_are_not_found, async |app| {
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v2/tickets",
        "/v1/tickets/",
        "/v1//tickets",
        "/v1/services/FSE",
        "/V1/services",
        "/v1/services/",
        "/problems/nonsense",
        "/v1/services/NOPE/form",
        "/v1/%00",
        "/v1/..%2f..%2fetc%2fpasswd",
        "/.env",
        "/admin",
    ] {
        let reply = app.anonymous().get(target).await;
        assert_eq!(reply.status, 404, "{target}: {reply}");
        reply.is_problem(404, "not-found");
    }
    let reply = app.anonymous().post("/v1/nothing", &json!({})).await;
    reply.is_problem(404, "not-found");
});

both!(wrong_methods_hear_which_are_right, async |app| {
    let anonymous = app.anonymous();
    for (method, target, allow) in [
        (Method::DELETE, "/v1/tickets", vec!["GET", "POST"]),
        (Method::GET, "/v1/sessions", vec!["POST"]),
        (Method::POST, "/v1/services", vec!["GET"]),
        (
            Method::PUT,
            "/v1/me/tickets/2026-0000001-J/messages",
            vec!["POST"],
        ),
        (Method::PATCH, "/v1/sessions/current/placement", vec!["PUT"]),
        (Method::TRACE, "/v1/services", vec!["GET"]),
        (Method::OPTIONS, "/v1/services", vec!["GET"]),
        (Method::POST, "/status", vec!["GET"]),
        (Method::POST, "/docs", vec!["GET"]),
        (
            Method::from_bytes(b"BREW").unwrap(),
            "/v1/services",
            vec!["GET"],
        ),
    ] {
        let reply = anonymous.request(method.clone(), target).send().await;
        reply.is_problem(405, "method-not-allowed");
        let allowed: Vec<&str> = reply
            .header("allow")
            .unwrap_or_default()
            .split(", ")
            .collect();
        for wanted in allow {
            assert!(allowed.contains(&wanted), "{method} {target}: {allowed:?}");
        }
    }
});

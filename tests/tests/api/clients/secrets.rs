//! Ids and secrets.

use data_encoding::BASE64;
use jiff::SignedDuration;
use reqwest::Method;
use service::clients::{CredentialKind, NewClient};
use tests::programs::Program;
use tests::{Reply, TestApp, both};

use super::{is_refused, with_proof};

const FORM: &str = "application/x-www-form-urlencoded";
const GRANT: &str = "grant_type=client_credentials";

async fn by_basic(app: &TestApp, id: &str, secret: &str, form: &str) -> Reply {
    let basic = BASE64.encode(format!("{id}:{secret}").as_bytes());
    send(app, Some(&format!("Basic {basic}")), FORM, form).await
}

async fn send(app: &TestApp, proof: Option<&str>, media_type: &str, form: &str) -> Reply {
    let request = app.anonymous().request(Method::POST, "/v1/oauth/token");
    let request = match proof {
        Some(proof) => request.header("authorization", proof),
        None => request,
    };
    request.body(media_type, form.to_owned()).send().await
}

async fn by_form(app: &TestApp, program: &Program, secret: &str) -> Reply {
    let id = program.id.to_string();
    app.grant(&[("client_id", &id), ("client_secret", secret)])
        .await
}

both!(a_secret_is_shown_by_basic_or_in_the_form, async |app| {
    let program = app.program(&["requests:create", "requests:read"]).await;
    let id = program.id.to_string();
    for reply in [
        by_form(app, &program, &program.secret).await,
        by_basic(app, &id, &program.secret, GRANT).await,
    ] {
        reply.is(200);
        assert_eq!(reply.text_at("/token_type"), "Bearer");
        assert_eq!(reply.json["expires_in"], 900);
        assert_eq!(reply.text_at("/scope"), "requests:create requests:read");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let token = app.with_token(reply.text_at("/access_token"));
        let form = with_proof(app).await;
        token.post("/v1/tickets", &form).await.is(201);
    }
    // A scheme has no case (RFC 9110 §11.1).
    let basic = BASE64.encode(format!("{id}:{}", program.secret).as_bytes());
    let reply = send(app, Some(&format!("bASIC {basic}")), FORM, GRANT).await;
    reply.is(200);
});

both!(whoever_does_not_prove_itself_gets_one_answer, async |app| {
    let program = app.program(&["requests:create"]).await;
    let other = app.program(&["requests:create"]).await;
    let (id, secret) = (program.id.to_string(), program.secret.as_str());
    let ended = NewClient {
        life: SignedDuration::from_hours(1),
        ..app.new_program(&["requests:create"])
    };
    let ended = app.desk.add_client(ended).expect("a program");
    let late = app.desk.add_client_secret(ended).expect("a secret");
    app.advance("PT61M");
    let revoked = app.program(&["requests:create"]).await;
    app.desk.revoke_client(revoked.id).expect("it is revoked");
    let colon = BASE64.encode(b"no colon here");

    let mut bodies = Vec::new();
    for (what, reply) in [
        ("a wrong secret", by_basic(app, &id, "wrong", GRANT).await),
        ("no secret", by_basic(app, &id, "", GRANT).await),
        (
            "another's secret",
            by_basic(app, &id, &other.secret, GRANT).await,
        ),
        (
            "an unknown id",
            by_basic(app, "019a0000-0000-7000-8000-000000000000", secret, GRANT).await,
        ),
        ("no id", by_basic(app, "portale", secret, GRANT).await),
        (
            "ended",
            by_basic(app, &ended.to_string(), &late, GRANT).await,
        ),
        (
            "revoked",
            by_basic(app, &revoked.id.to_string(), &revoked.secret, GRANT).await,
        ),
        ("no proof", send(app, None, FORM, GRANT).await),
        (
            "a secret of nobody",
            app.grant(&[("client_secret", secret)]).await,
        ),
        ("no base64", send(app, Some("Basic %%%"), FORM, GRANT).await),
        (
            "no colon",
            send(app, Some(&format!("Basic {colon}")), FORM, GRANT).await,
        ),
        ("wrong in the form", by_form(app, &program, "wrong").await),
        (
            "a wrong secret and a scope",
            app.grant(&[
                ("client_id", &id),
                ("client_secret", "wrong"),
                ("scope", "everything"),
            ])
            .await,
        ),
    ] {
        assert_eq!(reply.status, 401, "{what}: {reply}");
        is_refused(&reply, 401, "invalid_client");
        let how = reply.header("www-authenticate");
        assert_eq!(how, Some("Basic realm=\"sportello\""), "{what}");
        let mut body = reply.json.clone();
        body["correlation_id"] = serde_json::Value::Null;
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    by_form(app, &program, secret).await.is(200);
});

both!(a_request_that_is_none_is_told_so, async |app| {
    let program = app.program(&["requests:create"]).await;
    let (id, secret) = (program.id.to_string(), program.secret.as_str());
    let proof = format!("client_id={id}&client_secret={secret}");
    let basic = format!(
        "Basic {}",
        BASE64.encode(format!("{id}:{secret}").as_bytes())
    );
    for (what, proofs, form, error) in [
        (
            "two proofs",
            Some(&basic),
            format!("{GRANT}&{proof}"),
            "invalid_request",
        ),
        (
            "a secret and an assertion",
            None,
            format!("{GRANT}&{proof}&client_assertion=x"),
            "invalid_request",
        ),
        (
            "an assertion of no type",
            None,
            format!("{GRANT}&client_assertion=x"),
            "invalid_request",
        ),
        (
            "a field twice",
            None,
            format!("{GRANT}&{proof}&client_secret={secret}"),
            "invalid_request",
        ),
        (
            "the grant twice",
            None,
            format!("{GRANT}&{GRANT}&{proof}"),
            "invalid_request",
        ),
        ("no grant", None, proof.clone(), "invalid_request"),
        ("nothing", None, String::new(), "invalid_request"),
        (
            "another grant",
            None,
            format!("grant_type=password&{proof}"),
            "unsupported_grant_type",
        ),
        (
            "a grant in other letters",
            None,
            format!("grant_type=Client_Credentials&{proof}"),
            "unsupported_grant_type",
        ),
        (
            "an unknown scope",
            None,
            format!("{GRANT}&{proof}&scope=requests:everything"),
            "invalid_scope",
        ),
        (
            "a scope it has not",
            None,
            format!("{GRANT}&{proof}&scope=requests:create+requests:read"),
            "invalid_scope",
        ),
        (
            "an empty scope",
            None,
            format!("{GRANT}&{proof}&scope="),
            "invalid_scope",
        ),
        (
            "nothing readable",
            None,
            format!("{GRANT}&{proof}&scope=%00"),
            "invalid_request",
        ),
    ] {
        let reply = send(app, proofs.map(String::as_str), FORM, &form).await;
        assert_eq!(reply.status, 400, "{what}: {reply}");
        is_refused(&reply, 400, error);
    }
    let json = format!(r#"{{"grant_type":"client_credentials","client_id":"{id}"}}"#);
    for media_type in ["application/json", "text/plain", "multipart/form-data"] {
        let reply = send(app, Some(&basic), media_type, &json).await;
        reply.is_problem(415, "unsupported-media-type");
    }
});

both!(
    two_secrets_are_good_while_one_replaces_the_other,
    async |app| {
        let program = app.program(&["requests:create"]).await;
        let first = program.secret.clone();
        app.advance("PT1S");
        let second = app.desk.add_client_secret(program.id).expect("a secret");
        by_form(app, &program, &first).await.is(200);
        by_form(app, &program, &second).await.is(200);
        app.advance("PT1S");
        let third = app.desk.add_client_secret(program.id).expect("a secret");
        is_refused(&by_form(app, &program, &first).await, 401, "invalid_client");
        by_form(app, &program, &second).await.is(200);
        by_form(app, &program, &third).await.is(200);
        let ended = app
            .desk
            .end_older_credentials(program.id, CredentialKind::Secret);
        assert_eq!(ended.expect("the older ended"), 1);
        is_refused(
            &by_form(app, &program, &second).await,
            401,
            "invalid_client",
        );
        by_form(app, &program, &third).await.is(200);
    }
);

both!(a_token_ends_with_its_program, async |app| {
    let program = app.program(&["requests:create"]).await;
    let neighbour = app.program(&["requests:create"]).await;
    let form = with_proof(app).await;
    app.desk.revoke_client(program.id).expect("it is revoked");
    let before = app.footprint();
    let reply = app
        .with_token(&program.token)
        .post("/v1/tickets", &form)
        .await;
    reply.is_problem(401, "unauthenticated");
    assert_eq!(app.footprint(), before);
    let neighbour = app.with_token(&neighbour.token);
    neighbour.post("/v1/tickets", &form).await.is(201);

    // A token of fifteen minutes ends with a program that ends before.
    let short = NewClient {
        life: SignedDuration::from_mins(10),
        ..app.new_program(&["requests:create"])
    };
    let id = app.desk.add_client(short).expect("a program");
    let secret = app.desk.add_client_secret(id).expect("a secret");
    let id = id.to_string();
    let reply = app
        .grant(&[("client_id", &id), ("client_secret", &secret)])
        .await;
    let token = reply.is(200).text_at("/access_token").to_owned();
    app.advance("PT11M");
    let form = with_proof(app).await;
    let reply = app.with_token(&token).post("/v1/tickets", &form).await;
    reply.is_problem(401, "unauthenticated");
    assert_eq!(app.count("tickets"), 1);
});

both!(a_programs_life_is_a_year_at_most, async |app| {
    let long = NewClient {
        life: SignedDuration::from_hours(367 * 24),
        ..app.new_program(&["requests:create"])
    };
    assert!(app.desk.add_client(long).is_err());
    let nothing = app.new_program(&[]);
    assert!(app.desk.add_client(nothing).is_err());
    let invented = app.new_program(&["requests:everything"]);
    assert!(app.desk.add_client(invented).is_err());
    assert_eq!(app.count("clients"), 0);
});

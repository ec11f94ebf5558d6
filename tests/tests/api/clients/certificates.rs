//! Tokens that a program signs with the key of its certificate (ModI ID_AUTH_REST_01 and 02).

use data_encoding::BASE64;
use domain::ids::ClientId;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, PKCS_ECDSA_P256_SHA256,
    date_time_ymd,
};
use reqwest::Method;
use serde_json::{Value, json};
use service::clients::CredentialKind;
use std::sync::OnceLock;
use tests::app::OWN_ISSUER;
use tests::citizens::ANNA;
use tests::forge::{Silence, TestKey, unsigned, with};
use tests::people::TO4;
use tests::{Options, TestApp, both, forms};

use super::{carrying, filing_for, with_proof};

type Authority = CertifiedIssuer<'static, rcgen::KeyPair>;

/// What a certificate says, good in the year of the tests.
fn about(name: &str) -> CertificateParams {
    let mut about = CertificateParams::new(Vec::new()).expect("a certificate");
    about.distinguished_name.push(DnType::CommonName, name);
    about.not_before = date_time_ymd(2026, 1, 1);
    about.not_after = date_time_ymd(2027, 1, 1);
    about
}

fn authority(name: &str) -> Authority {
    let mut about = about(name);
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    CertifiedIssuer::self_signed(about, key).expect("an authority")
}

/// The authority all these tests trust.
fn trusted() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| authority("Autorità di prova"))
}

fn trusting() -> Options {
    Options {
        trust: Some(trusted().pem()),
        ..Options::default()
    }
}

/// A program with a certificate.
struct Certified {
    key: TestKey,
    certificate: rcgen::Certificate,
}

impl Certified {
    fn by(authority: &Authority) -> Self {
        Certified::with(authority, about("Programma di prova"))
    }

    fn with(authority: &Authority, about: CertificateParams) -> Self {
        let pair = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let certificate = about.signed_by(&pair, authority).expect("a certificate");
        Certified {
            key: TestKey::from_pkcs8(&pair.serialize_der()),
            certificate,
        }
    }

    fn registered(&self, app: &TestApp, scopes: &[&str]) -> ClientId {
        let id = app.desk.add_client(app.new_program(scopes));
        let id = id.expect("a program");
        let print = api::modi::certificate_sha256(&self.certificate.pem());
        let print = print.expect("a certificate");
        let kind = CredentialKind::Certificate;
        let added = app.desk.add_client_credential(id, kind, print);
        added.expect("the certificate is registered");
        id
    }

    fn header(&self) -> Value {
        let certificate = BASE64.encode(self.certificate.der());
        json!({"alg": "ES256", "typ": "JWT", "x5c": [certificate]})
    }

    fn token(&self, claims: &Value) -> String {
        self.key.sign(&self.header(), claims)
    }
}

/// What a program says, under another `jti` each time.
fn claims(app: &TestApp) -> Value {
    let now = app.now().as_second();
    json!({
        "iss": "programma", "sub": "ufficio", "aud": OWN_ISSUER, "iat": now, "nbf": now,
        "exp": now + 300, "jti": app.desk.ids().uuid(),
    })
}

const OWN: &str = "/v1/me/tickets";

both!(
    a_registered_certificate_is_a_program,
    trusting(),
    async |app| {
        let program = Certified::by(trusted());
        program.registered(app, &["requests:create", "requests:read"]);
        // For somebody who proved an address.
        let client = app.with_token(program.token(&claims(app)));
        let form = with_proof(app).await;
        client.post("/v1/tickets", &form).await.is(201);
        // For the citizen whose token it carries.
        let anna = app.citizen(&ANNA);
        let client = app.with_token(program.token(&claims(app)));
        let form = forms::report_not_found_logged_in(TO4);
        filing_for(&client, &anna, &form).send().await.is(201);
        let client = app.with_token(program.token(&claims(app)));
        let list = carrying(client.request(Method::GET, OWN), &anna);
        assert_eq!(list.send().await.is(200).list_at("/items").len(), 1);
        // Within its scopes, and never as anybody by itself.
        for (method, target) in [
            (Method::GET, OWN),
            (Method::GET, "/v1/tickets"),
            (Method::GET, "/v1/me"),
        ] {
            let client = app.with_token(program.token(&claims(app)));
            let reply = client.request(method, target).send().await;
            reply.is_problem(403, "forbidden");
        }
    }
);

both!(
    a_token_with_a_certificate_is_good_once,
    trusting(),
    async |app| {
        let program = Certified::by(trusted());
        program.registered(app, &["requests:create"]);
        let token = program.token(&claims(app));
        let form = with_proof(app).await;
        let first = app.with_token(&token);
        first.post("/v1/tickets", &form).await.is(201);
        let before = app.footprint();
        let form = with_proof(app).await;
        let node = app.another_node();
        for client in [app.with_token(&token), node.with_token(&token)] {
            let reply = client.post("/v1/tickets", &form).await;
            reply.is_problem(401, "unauthenticated");
        }
        app.run_jobs();
        app.advance("PT359S");
        app.run_jobs();
        let reply = app.with_token(&token).post("/v1/tickets", &form).await;
        reply.is_problem(401, "unauthenticated");
        assert_eq!(app.count("tickets"), before[0]);
    }
);

both!(
    a_certificate_that_is_not_the_programs_is_refused,
    trusting(),
    async |app| {
        let program = Certified::by(trusted());
        let id = program.registered(app, &["requests:create"]);
        let foreign = authority("Autorità altrui");
        let silence = Silence::new();
        let (now, good) = (app.now().as_second(), claims(app));
        let old = {
            let mut about = about("Programma scaduto");
            about.not_after = date_time_ymd(2026, 2, 1);
            about
        };
        let neighbour = Certified::by(trusted());
        let x5u = json!(format!("{}/chain.pem", silence.url()));
        let without_chain = json!({"alg": "ES256", "typ": "JWT", "x5u": x5u});
        let expired = Certified::with(trusted(), old);
        expired.registered(app, &["requests:create"]);
        let elsewhere = Certified::by(&foreign);
        elsewhere.registered(app, &["requests:create"]);
        let mut tokens = vec![
            ("unregistered", neighbour.token(&good)),
            ("of another authority", elsewhere.token(&good)),
            ("expired certificate", expired.token(&good)),
            (
                "the certificate of another",
                neighbour.key.sign(&program.header(), &good),
            ),
            (
                "alg none",
                format!(
                    "{}.",
                    unsigned(&with(program.header(), "alg", json!("none")), &good)
                ),
            ),
            (
                "alg none, signed",
                program
                    .key
                    .sign(&with(program.header(), "alg", json!("none")), &good),
            ),
            (
                "x5u",
                program
                    .key
                    .sign(&with(program.header(), "x5u", x5u.clone()), &good),
            ),
            ("x5u alone", program.key.sign(&without_chain, &good)),
            (
                "jku",
                program
                    .key
                    .sign(&with(program.header(), "jku", x5u.clone()), &good),
            ),
            (
                "no certificate",
                program
                    .key
                    .sign(&with(program.header(), "x5c", json!([])), &good),
            ),
            (
                "the authority as the program",
                program.key.sign(
                    &with(
                        program.header(),
                        "x5c",
                        json!([BASE64.encode(trusted().der())]),
                    ),
                    &good,
                ),
            ),
        ];
        for (what, name, value) in [
            ("expired", "exp", json!(now - 61)),
            ("no end", "exp", json!(null)),
            ("too long a life", "exp", json!(now + 3700)),
            ("a clock five minutes ahead", "iat", json!(now + 300)),
            ("not yet", "nbf", json!(now + 300)),
            (
                "another audience",
                "aud",
                json!("https://another.example.org"),
            ),
            ("no audience", "aud", json!(null)),
            ("no jti", "jti", json!(null)),
            ("a date as text", "exp", json!("2026-03-02T10:00:00Z")),
            ("our own issuer", "iss", json!(OWN_ISSUER)),
        ] {
            tokens.push((what, program.token(&with(good.clone(), name, value))));
        }
        let form = with_proof(app).await;
        let before = app.footprint();
        let mut bodies = Vec::new();
        for (what, token) in &tokens {
            let reply = app.with_token(token).post("/v1/tickets", &form).await;
            assert_eq!(reply.status, 401, "{what}: {reply}");
            bodies.push(with(reply.json.clone(), "correlation_id", Value::Null));
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert!(silence.was_kept());
        assert_eq!(app.footprint(), before);
        assert_eq!(app.count("used_tokens"), 0);

        let client = app.with_token(program.token(&good));
        client.post("/v1/tickets", &form).await.is(201);
        app.desk.revoke_client(id).expect("it is revoked");
        let form = with_proof(app).await;
        let client = app.with_token(program.token(&claims(app)));
        let reply = client.post("/v1/tickets", &form).await;
        reply.is_problem(401, "unauthenticated");
        // Its successor may register the same certificate.
        program.registered(app, &["requests:create"]);
        let client = app.with_token(program.token(&claims(app)));
        client.post("/v1/tickets", &form).await.is(201);
    }
);

both!(
    without_a_trusted_authority_no_certificate_counts,
    async |app| {
        let program = Certified::by(trusted());
        program.registered(app, &["requests:create"]);
        let form = with_proof(app).await;
        let client = app.with_token(program.token(&claims(app)));
        let reply = client.post("/v1/tickets", &form).await;
        reply.is_problem(401, "unauthenticated");
    }
);

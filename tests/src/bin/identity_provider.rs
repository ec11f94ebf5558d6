//! An identity provider for tests, as a process of its own: discovery, keys, and tokens for
//! whoever asks.
//!
//! It signs what it is told to, and misbehaves on demand; it is no part of the product. It ends
//! with the process that started it.
//!
//! - `GET /.well-known/openid-configuration` and `GET /jwks` are what a relying party asks for.
//! - `POST /token` takes claims and answers with a signed token; a claim that is `null` is left
//!   out, and those everybody needs have defaults.
//! - `POST /voucher` does the same, with the type of an access token (RFC 9068).
//! - `POST /rotate` makes a new key; with `{"keep": true}` the old ones stay in the key set.
//! - `POST /behave` with a mode says how the first two answer from now on.
//! - `GET /log` tells what relying parties asked for.

use std::io::Read;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, Data, Json, get, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use api::oidc::LEVEL_2_OR_MORE;
use api::tokens::OWN_AUDIENCE;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tests::forge::{TestKey, with};

/// How it answers relying parties.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// As it should.
    Ok,
    /// Never.
    Hang,
    /// With a gigabyte.
    Huge,
    /// With another address, which would answer as it should.
    Redirect,
    /// With 500.
    Error,
}

struct Provider {
    name: String,
    /// The last one signs.
    keys: Mutex<Vec<TestKey>>,
    mode: Mutex<Mode>,
    log: Mutex<Vec<String>>,
    tokens: Mutex<u64>,
}

#[derive(Deserialize)]
struct Rotation {
    #[serde(default)]
    keep: bool,
}

#[derive(Deserialize)]
struct Behaviour {
    mode: Mode,
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let provider = Data::new(Provider {
        name: format!("http://{address}"),
        keys: Mutex::new(vec![TestKey::new()]),
        mode: Mutex::new(Mode::Ok),
        log: Mutex::default(),
        tokens: Mutex::default(),
    });
    let app = move || {
        App::new()
            .app_data(provider.clone())
            .route("/.well-known/openid-configuration", get().to(document))
            .route("/jwks", get().to(key_set))
            .route("/elsewhere/{_:.*}", get().to(elsewhere))
            .route("/token", post().to(token))
            .route("/voucher", post().to(voucher))
            .route("/rotate", post().to(rotate))
            .route("/behave", post().to(behave))
            .route("/log", get().to(log))
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    let server = server.listen(listener)?.run();
    println!("{address}");
    end_with_parent();
    server.await
}

/// The parent holds the other end of standard input, and lets go of it in any case.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn document(provider: Data<Provider>, request: HttpRequest) -> HttpResponse {
    let document = json!({
        "issuer": provider.name,
        "jwks_uri": format!("{}/jwks", provider.name),
        "token_endpoint": format!("{}/token", provider.name),
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    answer(&provider, &request, document).await
}

async fn key_set(provider: Data<Provider>, request: HttpRequest) -> HttpResponse {
    let set = provider.key_set();
    answer(&provider, &request, set).await
}

/// Where a redirect leads: nobody should ever come here.
async fn elsewhere(provider: Data<Provider>, request: HttpRequest) -> HttpResponse {
    provider.note(&request);
    HttpResponse::Ok().json(provider.key_set())
}

async fn answer(provider: &Provider, request: &HttpRequest, good: Value) -> HttpResponse {
    provider.note(request);
    let mode = *locked(&provider.mode);
    match mode {
        Mode::Ok => HttpResponse::Ok().json(good),
        Mode::Hang => std::future::pending().await,
        Mode::Huge => {
            let chunk = Bytes::from(vec![b' '; 64 * 1024]);
            let gigabyte = stream::repeat(chunk).take(16 * 1024);
            HttpResponse::Ok().streaming(gigabyte.map(Ok::<_, actix_web::Error>))
        }
        Mode::Redirect => HttpResponse::Found()
            .insert_header((
                LOCATION,
                format!("{}/elsewhere{}", provider.name, request.path()),
            ))
            .finish(),
        Mode::Error => HttpResponse::InternalServerError().finish(),
    }
}

async fn token(provider: Data<Provider>, claims: Json<Map<String, Value>>) -> HttpResponse {
    signed(&provider, claims.into_inner(), "JWT")
}

async fn voucher(provider: Data<Provider>, claims: Json<Map<String, Value>>) -> HttpResponse {
    signed(&provider, claims.into_inner(), "at+jwt")
}

fn signed(provider: &Provider, claims: Map<String, Value>, typ: &str) -> HttpResponse {
    let mut all = provider.usual_claims(&claims);
    all.extend(claims);
    all.retain(|_, value| !value.is_null());
    let keys = locked(&provider.keys);
    let Some(key) = keys.last() else {
        return HttpResponse::InternalServerError().finish();
    };
    let header = with(key.header(), "typ", json!(typ));
    let token = key.sign(&header, &Value::Object(all));
    HttpResponse::Ok().json(json!({ "id_token": token }))
}

async fn rotate(provider: Data<Provider>, rotation: Json<Rotation>) -> HttpResponse {
    let new = TestKey::new();
    let kid = new.key.id().to_owned();
    let mut keys = locked(&provider.keys);
    if !rotation.keep {
        keys.clear();
    }
    keys.push(new);
    HttpResponse::Ok().json(json!({ "kid": kid }))
}

async fn behave(provider: Data<Provider>, behaviour: Json<Behaviour>) -> HttpResponse {
    *locked(&provider.mode) = behaviour.mode;
    HttpResponse::NoContent().finish()
}

async fn log(provider: Data<Provider>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "requests": *locked(&provider.log) }))
}

impl Provider {
    fn note(&self, request: &HttpRequest) {
        locked(&self.log).push(format!("{} {}", request.method(), request.path()));
    }

    fn key_set(&self) -> Value {
        let keys = locked(&self.keys);
        json!({ "keys": keys.iter().map(|key| key.key.public_jwk()).collect::<Vec<_>>() })
    }

    /// What every token has, counted from `iat` if that is given.
    fn usual_claims(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let iat = given.get("iat").and_then(Value::as_i64);
        let iat = iat.unwrap_or_else(system_seconds);
        let number = {
            let mut tokens = locked(&self.tokens);
            *tokens += 1;
            *tokens
        };
        let claims = json!({
            "iss": self.name,
            "aud": OWN_AUDIENCE,
            "sub": "somebody",
            "acr": LEVEL_2_OR_MORE[0],
            "iat": iat,
            "nbf": iat,
            "exp": iat + 1800,
            "jti": format!("token-{number}"),
        });
        claims.as_object().cloned().unwrap_or_default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process of its own has no clock of ours"
)]
fn system_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

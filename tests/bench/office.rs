//! The installation that is measured: loaded, configured, and with tokens for everybody.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ids::TicketId;
use jiff::Timestamp;
use serde_json::{Value, json};
use storage::{Backend, DbConfig};
use tests::citizens::{ISSUER, Issuer};
use tests::load::{self, Invented, Loaded, Office, Plan, Way};
use tests::{Place, database, people};

use crate::Options;
use crate::process::{Server, parent_of};

/// Templates: each life ten times.
const TEMPLATES: usize = 120;

/// An installation under measurement.
pub(crate) struct Measured {
    pub(crate) place: Place,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) loaded: Loaded,
    pub(crate) issuer: Issuer,
    /// How the program reaches its database.
    pub(crate) url: String,
    /// The floor's database, `psql`, and the first process of the server.
    pub(crate) postgres: Option<(String, String, u32)>,
    /// A copy of the loaded database, for statements without a program: what they write is sealed for
    /// other rows, and no entry of theirs is ours. None where it was not wanted.
    pub(crate) copy: Option<String>,
    /// Seconds of the first start on what was loaded.
    pub(crate) started: Duration,
    pub(crate) program: PathBuf,
    /// What the database takes on disk, in MB.
    pub(crate) size_mb: f64,
}

impl Measured {
    pub(crate) fn prepare(place: Place, options: &Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let base = database::empty(place, &data, "bench");
        let config = DbConfig {
            // A desk's millions are counted in one statement.
            statement_timeout: Duration::from_secs(600),
            ..DbConfig::new(base.clone())
        };
        let office = Office::found(&config, &data, now());
        let filed = load::file_templates(&office.desk, &office.db, &office.clock, TEMPLATES);
        let psql = database::psql("bench").filter(|_| place == Place::Postgres);
        let plan = Plan {
            tickets: options.tickets,
            seed: 1,
            way: Way::into(&base, psql.clone()),
            indexes_anew: options.indexes_anew,
        };
        let loaded = load::load(&office.desk, &office.db, &filed, &plan);
        println!(
            "{place:?}: {} loaded in {:.1} s",
            options.tickets,
            loaded.took.as_secs_f64()
        );
        let postgres = psql.map(|psql| {
            let floor = database::empty(place, &data, "floor");
            (floor, psql, postmaster(&base))
        });
        let size_mb = size_of(&office, &data);
        drop(office);
        let copy =
            (postgres.is_some() && options.has_copy).then(|| database::copied("bench", "own"));
        let issuer = Issuer::new();
        configure(folder.path(), &base, &issuer);
        let program = fs::canonicalize(&options.program).expect("the program");
        // Once to bring it up to date, and then as a restart finds it.
        drop(Server::start(&program, folder.path()));
        let started = Server::start(&program, folder.path()).ready_after;
        Measured {
            place,
            folder,
            loaded,
            issuer,
            url: base,
            postgres,
            copy,
            started,
            program,
            size_mb,
        }
    }

    pub(crate) fn start(&self) -> Server {
        Server::start(&self.program, self.folder.path())
    }

    /// A token of the citizen with this number, good for half an hour.
    pub(crate) fn citizen(&self, number: u64) -> String {
        let person = Invented::new(number);
        let claims = self.issuer.claims(
            &person.tax_code,
            &person.given_name,
            &person.family_name,
            &person.email,
            now(),
        );
        self.issuer.key.sign(&claims).expect("a token")
    }

    /// Some of what was loaded, that ended up so.
    pub(crate) fn some(&self, is: impl Fn(load::Life) -> bool) -> Vec<TicketId> {
        let some = self.loaded.some.iter().filter(|copy| is(copy.life));
        some.map(|copy| copy.id).collect()
    }
}

/// Asks the API as a program would.
pub(crate) struct Caller {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    address: String,
}

impl Caller {
    pub(crate) fn new(address: &str) -> Self {
        Caller {
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            address: address.to_owned(),
        }
    }

    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Value {
        let mut request = self.client.post(format!("http://{}{path}", self.address));
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request, token)
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Value {
        let request = self.client.get(format!("http://{}{path}", self.address));
        self.send(request, Some(token))
    }

    fn send(&self, mut request: reqwest::RequestBuilder, token: Option<&str>) -> Value {
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.runtime.block_on(async {
            let reply = request.send().await.expect("an answer");
            let status = reply.status();
            let body = reply.bytes().await.expect("the whole answer");
            assert!(
                status.is_success(),
                "{status}: {}",
                String::from_utf8_lossy(&body)
            );
            serde_json::from_slice(&body).unwrap_or_default()
        })
    }

    /// Signs somebody in.
    pub(crate) fn sign_in(&self, username: &str) -> String {
        let credentials = json!({"username": username, "password": people::PASSWORD});
        let session = self.post("/v1/sessions", None, &credentials);
        let token = session["access_token"].as_str().expect("a token");
        token.to_owned()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measured in the time of the server"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

fn configure(folder: &Path, url: &str, issuer: &Issuer) {
    let jwks = json!({"keys": [issuer.key.public_jwk()]}).to_string();
    fs::write(folder.join("jwks.json"), jwks).expect("the issuer's keys");
    let audience = api::tokens::OWN_AUDIENCE;
    let config = format!(
        "[database]\nurl = \"{url}\"\n[http]\nbind = \"127.0.0.1:0\"\n\
         requests_per_minute = 1000000\nrequests_per_minute_anonymous = 1000000\n\
         requests_per_minute_citizen = 1000000\n[quota]\nfilings_per_day = 10000\n\
         [sign_in]\nrequire_second_factor = false\n[log]\nfilter = \"error\"\n\
         [[citizens.issuers]]\nissuer = \"{ISSUER}\"\naudience = \"{audience}\"\n\
         algorithms = [\"ES256\"]\njwks_file = \"jwks.json\"\n"
    );
    fs::write(folder.join("sportello.toml"), config).expect("the configuration");
}

/// The process that all processes of the database come from.
fn postmaster(url: &str) -> u32 {
    use diesel::{Connection, RunQueryDsl};
    let mut conn = diesel::PgConnection::establish(url).expect("the database");
    let pid: i32 = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(
        "pg_backend_pid()",
    ))
    .get_result(&mut conn)
    .expect("its process");
    parent_of(u32::try_from(pid).expect("a process")).expect("its parent")
}

fn size_of(office: &Office, data: &Path) -> f64 {
    let bytes = match office.db.backend() {
        Backend::Sqlite => {
            fs::metadata(data.join("bench.db")).map_or(0.0, |file| file.len() as f64)
        }
        Backend::Postgres => {
            let size = office.db.read(|conn| {
                let size = diesel::dsl::sql::<diesel::sql_types::BigInt>(
                    "pg_database_size(current_database())",
                );
                Ok::<_, storage::StoreError>(diesel::RunQueryDsl::get_result::<i64>(
                    diesel::select(size),
                    conn,
                )?)
            });
            size.expect("its size") as f64
        }
    };
    bytes / 1e6
}

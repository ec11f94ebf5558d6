//! The program under test: the real server, with the world outside replaced.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use api::oidc::{CitizenIssuer, HttpOptions, Issuer, StaffIssuer};
use api::rate_limit::Budgets;
use api::tokens::Tokens;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use domain::audit::AuditEntry;
use domain::visibility::Scope;
use jiff::{Span, Timestamp};
use jobs::{WebhookRun, Webhooks};
use serde_json::json;
use service::clock::ManualClock;
use service::work::WorkRun;
use service::{Clock, Desk, Settings};
use storage::lives::{self, AccountEvent};
use storage::{Backend, Db, StoreError};

use crate::citizens::{Issuer as OwnIssuer, Person};
use crate::client::{Client, Reply};
use crate::database::{Fresh, Place};
use crate::load::Way;
use crate::mail::{Mail, Recorder};
use crate::node::{self, Node};
use crate::opening::{
    count_files, open_desk, open_desk_with, own_key, playbooks, start, start_server,
};
use crate::people;
use crate::receiver::{self, Names};
use crate::{at_rest, canaries};

/// The `iss` of the program's own tokens.
pub const OWN_ISSUER: &str = "https://sportello.example.org";

/// What a test may set.
#[derive(Clone)]
pub struct Options {
    /// Calls a minute for each caller.
    pub calls_per_minute: u32,
    /// Calls a minute for each sort of caller, if not the same for all.
    pub budgets: Option<Budgets>,
    /// The proxies that are believed.
    pub proxies: Vec<IpAddr>,
    /// Settings of the use cases.
    pub settings: Settings,
    /// Who says who may act for whom.
    pub delegations: Delegations,
    /// Who vouches for citizens, besides the test's own issuer.
    pub citizen_issuers: Vec<CitizenIssuer>,
    /// How their keys are fetched.
    pub issuer_http: HttpOptions,
    /// Who vouches for staff.
    pub staff_issuers: Vec<StaffIssuer>,
    /// The authorities of programs' certificates, as PEM.
    pub trust: Option<String>,
    /// Who issues vouchers to programs.
    pub voucher_issuers: Vec<Issuer>,
    /// Where names lead.
    pub names: Names,
    /// Authorities that end: their code, their last day, and who takes over.
    pub successions: Vec<(&'static str, &'static str, Option<&'static str>)>,
    /// Connections the server has, if not as many as usual.
    pub connections: Option<u32>,
}

/// The sources of delegations.
#[derive(Debug, Clone, Default)]
pub enum Delegations {
    /// None.
    #[default]
    Nowhere,
    /// The table.
    Table,
    /// A service at this address, with a time-out.
    Http(String, Duration),
}

impl Options {
    /// What is usual, and callers who say where they come from in `X-Forwarded-For`.
    pub fn behind_a_proxy() -> Self {
        Options {
            proxies: vec![std::net::Ipv4Addr::LOCALHOST.into()],
            ..Options::default()
        }
    }

    /// What is usual on a single connection, so that whatever is sent can be heard there.
    pub fn on_one_connection() -> Self {
        Options {
            connections: Some(1),
            ..Options::default()
        }
    }

    /// What is usual, and the table of delegations.
    pub fn with_table() -> Self {
        Options {
            delegations: Delegations::Table,
            ..Options::default()
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let mut settings = Settings {
            tracking_url: "https://assistenza.example.org/segui".to_owned(),
            ..Settings::default()
        };
        // The least that Argon2 takes: these passwords guard nothing.
        settings.sign_in.hash_memory_kib = 8;
        settings.sign_in.hash_passes = 1;
        // Tests of the second factor switch it on.
        settings.sign_in.require_second_factor = false;
        settings.webhooks.source = OWN_ISSUER.to_owned();
        let private = &mut settings.webhooks.rules.allowed_private_hosts;
        private.push(receiver::HOST.to_owned());
        Options {
            calls_per_minute: 1_000_000,
            budgets: None,
            proxies: Vec::new(),
            settings,
            delegations: Delegations::Nowhere,
            citizen_issuers: Vec::new(),
            issuer_http: HttpOptions::default(),
            staff_issuers: Vec::new(),
            trust: None,
            voucher_issuers: Vec::new(),
            names: Names::default(),
            successions: Vec::new(),
            connections: None,
        }
    }
}

/// A server of its own for one test; gone when it is dropped.
pub struct TestApp {
    /// Where it listens.
    pub address: SocketAddr,
    /// The use cases, on the same database.
    pub desk: Desk,
    /// The database.
    pub db: Db,
    /// The citizens' identity provider.
    pub issuer: OwnIssuer,
    /// The program's own tokens.
    pub tokens: Tokens,
    /// Who sends to endpoints.
    pub webhooks: Webhooks,
    clock: Arc<ManualClock>,
    mailer: Recorder,
    http: reqwest::Client,
    server: Option<(ServerHandle, JoinHandle<()>)>,
    blobs: PathBuf,
    pub(crate) options: Options,
    folder: tempfile::TempDir,
    holds_plain: AtomicBool,
    // Last: dropped when nothing uses it any more.
    database: Fresh,
}

impl TestApp {
    /// Starts with what is usual.
    pub fn spawn(place: Place) -> Self {
        TestApp::spawn_with(place, Options::default())
    }

    /// Starts with other settings.
    pub fn spawn_with(place: Place, options: Options) -> Self {
        canaries::watch_log();
        let folder = tempfile::tempdir().expect("a folder");
        let mut database = Fresh::new(place, folder.path());
        if let Some(connections) = options.connections {
            database.config.pool_size = connections;
            database.config.sqlite_readers = connections;
        }
        let db = Db::open(&database.config).expect("the database opens");
        let blobs = folder.path().join("blobs");
        let clock = Arc::new(ManualClock::at(start()));
        let desk = open_desk(db.clone(), &blobs, clock.clone(), &options);
        let issuer = OwnIssuer::new();
        let tokens = Tokens::new(own_key(), Vec::new(), OWN_ISSUER.to_owned());
        let shared = node::shared(&desk, &tokens, &issuer, &options);
        let (address, server) = start_server(shared);
        TestApp {
            address,
            webhooks: Webhooks::new(desk.clone()).expect("an HTTP client"),
            desk,
            db,
            issuer,
            tokens,
            clock,
            mailer: Recorder::default(),
            http: reqwest::Client::builder()
                .no_proxy()
                // Where an answer points to is for the test to see.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("an HTTP client"),
            server: Some(server),
            blobs,
            options,
            folder,
            holds_plain: AtomicBool::new(false),
            database,
        }
    }

    /// Another node beside this one, or this one after a restart: a server of its own that shares
    /// nothing but the database, the files, the keys and the time.
    pub fn another_node(&self) -> Node {
        let desk = self.another_desk();
        let shared = node::shared(&desk, &self.tokens, &self.issuer, &self.options);
        Node::start(shared, self.http.clone())
    }

    /// The time in the program.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock, for what moves it by itself.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// How rows get into the database past the program.
    pub fn way(&self) -> Way {
        Way::into(&self.database.config.url, self.database.psql())
    }

    /// Moves the clock by an ISO 8601 duration, such as `P8D` or `PT31M`. Access tokens live a
    /// quarter of an hour: ask for a client again.
    pub fn advance(&self, by: &str) {
        let by: Span = by.parse().expect("an ISO 8601 duration");
        let by = by
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .expect("days and smaller");
        self.clock.advance(by);
    }

    /// Shows another time although none has passed, as when somebody sets the clock.
    pub fn leap(&self, by: &str) {
        let by: Span = by.parse().expect("an ISO 8601 duration");
        let by = by
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .expect("days and smaller");
        self.clock.leap(by);
    }

    /// A connection to PostgreSQL beside those of the program, for the same role.
    pub fn connect_beside(&self) -> diesel::PgConnection {
        use diesel::Connection;
        diesel::PgConnection::establish(&self.database.config.url).expect("a connection")
    }

    /// The use cases of another node on the same database, at the same time.
    pub fn another_desk(&self) -> Desk {
        let db = Db::open(&self.database.config).expect("the database opens");
        open_desk(db, &self.blobs, self.clock.clone(), &self.options)
    }

    /// Starts a program on the same database that came with other words in its playbooks.
    pub fn update_playbooks(&self, was: &str, now: &str) -> Desk {
        let db = Db::open(&self.database.config).expect("the database opens");
        let mut files = playbooks();
        for file in &mut files {
            file.text = file.text.replace(was, now);
        }
        let clock = self.clock.clone();
        open_desk_with(db, &self.blobs, clock, &self.options, files)
    }

    /// Runs what time does, then sends all mail that waits.
    pub fn run_jobs(&self) -> WorkRun {
        let run = self.desk.run_due_work().expect("due work is done");
        assert_eq!(run.failed, 0, "due work failed");
        self.deliver();
        run
    }

    fn deliver(&self) {
        let run = self.desk.deliver(&self.mailer).expect("mail is delivered");
        assert_eq!((run.retried, run.parked), (0, 0), "a mail was not sent");
    }

    /// Sends everything that is due at endpoints.
    pub async fn send_webhooks(&self) -> WebhookRun {
        let begun = self.webhooks.send(Duration::ZERO).await;
        let rest = self.webhooks.finish().await;
        let mut run = begun.expect("webhooks are sent");
        run.add(rest.expect("webhooks are reported"));
        run
    }

    /// Where names lead, for a test that leads them elsewhere.
    pub fn names(&self) -> &Names {
        &self.options.names
    }

    /// Sends all mail that waits, and returns every mail so far.
    pub async fn mails(&self) -> Vec<Mail> {
        self.deliver();
        self.mailer.mails()
    }

    /// Every mail so far to this address.
    pub async fn mails_to(&self, address: &str) -> Vec<Mail> {
        let mut mails = self.mails().await;
        mails.retain(|mail| mail.to == address);
        mails
    }

    /// Nobody in particular.
    pub fn anonymous(&self) -> Client {
        Client::new(self.http.clone(), self.address, None)
    }

    /// Whoever holds this token.
    pub fn with_token(&self, token: impl Into<String>) -> Client {
        Client::new(self.http.clone(), self.address, Some(token.into()))
    }

    /// A member of staff, see [`people::STAFF`], logged in just now.
    pub async fn as_(&self, username: &str) -> Client {
        let credentials = json!({"username": username, "password": people::PASSWORD});
        let reply = self.anonymous().post("/v1/sessions", &credentials).await;
        reply.is(201);
        self.with_token(reply.text_at("/access_token"))
    }

    /// A citizen with a national identity.
    pub fn citizen(&self, person: &Person) -> Client {
        self.with_token(self.citizen_token(
            person.tax_code,
            person.given_name,
            person.family_name,
            person.email,
        ))
    }

    /// A citizen's token, good for half an hour.
    pub fn citizen_token(&self, tax_code: &str, given: &str, family: &str, email: &str) -> String {
        let claims = self
            .issuer
            .claims(tax_code, given, family, email, self.now());
        self.issuer.key.sign(&claims).expect("a signed token")
    }

    /// The entries of the audit trail, oldest first.
    pub fn trail(&self) -> Vec<AuditEntry> {
        self.trail_with("")
    }

    fn trail_with(&self, text: &str) -> Vec<AuditEntry> {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            body: String,
        }
        let sql = format!(
            "SELECT body FROM audit_entries WHERE body LIKE '%{text}%' ORDER BY at, id, nth"
        );
        let rows = self
            .db
            .read(|conn| Ok::<_, StoreError>(diesel::sql_query(sql).load::<Row>(conn)?));
        let rows = rows.expect("the entries are read").into_iter();
        rows.map(|row| serde_json::from_str(&row.body).expect("an entry"))
            .collect()
    }

    /// The entries of the request that was answered so.
    pub fn trail_of(&self, reply: &Reply) -> Vec<AuditEntry> {
        self.trail_with(reply.header("x-correlation-id").expect("a correlation id"))
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> i64 {
        let sql = format!("(SELECT count(*) FROM {table})");
        self.db
            .read_in(&Scope::System, |conn| {
                let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql);
                Ok::<_, StoreError>(diesel::select(count).get_result::<i64>(conn)?)
            })
            .expect("the rows are counted")
    }

    /// Changes rows behind the program's back, for states that no call leads to.
    pub fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        let changed = self.db.write_in(&Scope::System, move |conn| {
            Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
        });
        assert_ne!(changed.expect("the rows are changed"), 0, "no such row");
    }

    /// Calls a table by another name, so that whatever needs it fails.
    pub fn rename_table(&self, from: &str, to: &str) {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        let renamed = self
            .db
            .write(move |conn| Ok::<_, StoreError>(conn.batch_execute(&sql)?));
        renamed.expect("the table is renamed");
    }

    /// Puts an account into a state, as the steps that lead there would.
    pub fn set_state(&self, username: &str, state: &str) {
        let may_sign_in = matches!(state, "activated" | "active" | "must-change");
        self.execute(&format!(
            "UPDATE accounts SET active = {may_sign_in} WHERE username = '{username}'"
        ));
        self.execute(&format!(
            "UPDATE account_lives SET state = '{state}' WHERE account_id = \
             (SELECT id FROM accounts WHERE username = '{username}')"
        ));
    }

    /// Gives an account a mailbox, as whoever keeps it would.
    pub fn set_email(&self, username: &str, email: &str) {
        let (username, email, now) = (username.to_owned(), email.to_owned(), self.now());
        let set = self.db.write(move |conn| {
            let mut life = lives::find_by_username(conn, &username)?.expect("an account");
            life.email = Some(email);
            let event = AccountEvent {
                kind: "account.probe".to_owned(),
                actor: None,
                detail: json!({}),
            };
            lives::save(conn, &mut life, &event, now)
        });
        set.expect("the mailbox is written");
    }

    /// What is written: rows of the tables that a refused request must leave alone, and files.
    pub fn footprint(&self) -> Vec<i64> {
        let tables = ["tickets", "ticket_events", "notes", "attachments", "outbox"];
        let rows = tables.map(|table| self.count(table));
        let files = i64::try_from(self.count_blobs()).expect("a number of files");
        rows.into_iter().chain([files]).collect()
    }

    /// Says that this test has written plain data itself, as the version before did.
    pub fn hold_plain(&self) {
        self.holds_plain.store(true, Ordering::Relaxed);
    }

    /// All of the database as its own program dumps it; `None` on SQLite.
    pub fn dump(&self) -> Option<Vec<u8>> {
        self.database.dump()
    }

    /// Nothing of the people and files of the tests is readable in what the program leaves behind.
    fn look_for_canaries(&self) {
        canaries::assert_none_logged();
        if self.holds_plain.load(Ordering::Relaxed) {
            return;
        }
        canaries::assert_none_below(
            "a file of the database, or a stored one",
            self.folder.path(),
        );
        if self.db.backend() == Backend::Postgres {
            for text in at_rest::texts(&self.db) {
                canaries::assert_none("a row of the database", text.as_bytes());
            }
        }
    }

    /// How many files are kept.
    pub fn count_blobs(&self) -> usize {
        count_files(&self.blobs)
    }

    /// Where the bytes are kept that have this key.
    pub fn blob_file(&self, key: &str) -> PathBuf {
        let level = |range| key.get(range).expect("a key");
        self.blobs.join(level(0..2)).join(level(2..4)).join(key)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // No test leaves a mail behind that cannot be written.
        if !std::thread::panicking() {
            self.deliver();
        }
        if let Some((handle, thread)) = self.server.take() {
            drop(handle.stop(false));
            if thread.join().is_err() && !std::thread::panicking() {
                panic!("the server panicked");
            }
        }
        if !std::thread::panicking() {
            self.look_for_canaries();
        }
    }
}

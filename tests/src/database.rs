//! Databases that live as long as a test: a copy of one that was migrated and furnished once.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use storage::{Db, DbConfig};

use crate::opening;

/// Where a test keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A file in the test's folder.
    Sqlite,
    /// A database of the server that `TEST_DATABASE_URL` names.
    Postgres,
}

impl Place {
    /// Whether tests can run there.
    pub fn is_there(self) -> bool {
        self == Place::Sqlite || server_url().is_some()
    }
}

/// A database for one test.
pub struct Fresh {
    /// Where it is.
    pub config: DbConfig,
    name: Option<String>,
    // Keeps the template while any test runs.
    _template: Option<Arc<PostgresTemplate>>,
}

impl Fresh {
    /// A database for a test that keeps its files in `folder`.
    pub fn new(place: Place, folder: &Path) -> Self {
        match place {
            Place::Sqlite => {
                let path = folder.join("test.db");
                std::fs::write(&path, sqlite_template()).expect("the template's copy");
                Fresh {
                    config: DbConfig::new(format!("sqlite://{}", path.display())),
                    name: None,
                    _template: existing_postgres_template(),
                }
            }
            Place::Postgres => {
                let template = postgres_template();
                let name = unique("sportello_test");
                let sql = format!("CREATE DATABASE {name} TEMPLATE {}", template.name);
                administer(&sql).expect("the template's copy");
                Fresh {
                    config: postgres_config(&name),
                    name: Some(name),
                    _template: Some(template),
                }
            }
        }
    }
}

impl Fresh {
    /// All of the database as `pg_dump` writes it; `None` on SQLite, whose file is its own dump.
    pub fn dump(&self) -> Option<Vec<u8>> {
        let name = self.name.as_ref()?;
        let command = setting("TEST_DATABASE_DUMP")
            .expect("TEST_DATABASE_DUMP: a command that dumps a database past row-level security");
        let mut words = command.split(' ');
        let program = words.next().expect("a program");
        let dump = Command::new(program).args(words).arg(name).output();
        let dump = dump.expect("the program runs");
        assert!(dump.status.success(), "{dump:?}");
        Some(dump.stdout)
    }

    /// The command that reaches the database past row-level security; `None` on SQLite.
    pub fn psql(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        let command =
            psql(name).expect("TEST_DATABASE_PSQL: psql that reaches the server as a superuser");
        Some(command)
    }
}

/// `psql` for a database of the server, past row-level security, if the server was started so.
pub fn psql(name: &str) -> Option<String> {
    setting("TEST_DATABASE_PSQL").map(|command| format!("{command} {name}"))
}

/// The URL of a new database without tables: a file of `folder`, or one of the server's.
pub fn empty(place: Place, folder: &Path, name: &str) -> String {
    match place {
        Place::Sqlite => format!("sqlite://{}/{name}.db", folder.display()),
        Place::Postgres => {
            administer(&format!("CREATE DATABASE {name}")).expect("a database may be created");
            postgres_config(name).url
        }
    }
}

/// The URL of a copy of a database of the server, which nobody may be connected to.
pub fn copied(from: &str, name: &str) -> String {
    administer(&format!("CREATE DATABASE {name} TEMPLATE {from}")).expect("the copy is made");
    postgres_config(name).url
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let dropped = administer(&format!("DROP DATABASE {name} WITH (FORCE)"));
            if let Err(error) = dropped {
                eprintln!("cannot drop the test's database: {error}");
            }
        }
    }
}

/// Migrates the database and adds what every test finds there.
fn furnish(config: &DbConfig) {
    let db = Db::open(config).expect("the template opens");
    db.migrate().expect("the template migrates");
    let folder = tempfile::tempdir().expect("a folder");
    opening::furnish(db, folder.path());
}

/// The bytes of a migrated, furnished SQLite file.
fn sqlite_template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("template.db");
        furnish(&DbConfig::new(format!("sqlite://{}", path.display())));
        let log = folder.path().join("template.db-wal");
        let is_whole = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
        assert!(is_whole, "the template was not closed");
        std::fs::read(&path).expect("the template")
    })
}

struct PostgresTemplate {
    name: String,
}

impl Drop for PostgresTemplate {
    fn drop(&mut self) {
        if let Err(error) = administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("cannot drop the template: {error}");
        }
    }
}

static POSTGRES_TEMPLATE: Mutex<Weak<PostgresTemplate>> = Mutex::new(Weak::new());

fn existing_postgres_template() -> Option<Arc<PostgresTemplate>> {
    let kept = POSTGRES_TEMPLATE.lock();
    kept.unwrap_or_else(PoisonError::into_inner).upgrade()
}

/// The template, made by the first test that needs it and dropped after the last.
fn postgres_template() -> Arc<PostgresTemplate> {
    let mut kept = POSTGRES_TEMPLATE
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = kept.upgrade() {
        return template;
    }
    let template = Arc::new(PostgresTemplate {
        name: unique("sportello_template"),
    });
    administer(&format!("CREATE DATABASE {}", template.name)).expect("a database may be created");
    furnish(&postgres_config(&template.name));
    *kept = Arc::downgrade(&template);
    template
}

fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}_{}_{number}", std::process::id())
}

fn server_url() -> Option<String> {
    setting("TEST_DATABASE_URL")
}

fn setting(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the test suite finds its server"
    )]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

fn postgres_config(name: &str) -> DbConfig {
    let url = server_url().expect("TEST_DATABASE_URL");
    let (server, _) = url.rsplit_once('/').expect("a URL that names a database");
    DbConfig {
        pool_size: 8,
        ..DbConfig::new(format!("{server}/{name}"))
    }
}

fn administer(sql: &str) -> Result<(), Box<dyn std::error::Error>> {
    let url = server_url().expect("TEST_DATABASE_URL");
    Ok(PgConnection::establish(&url)?.batch_execute(sql)?)
}

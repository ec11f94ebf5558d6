//! Databases for the tests of this crate: SQLite always, PostgreSQL when `TEST_DATABASE_URL`
//! names a server where databases may be created. One for each test, and gone with it.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use storage::{Backend, Db, DbConfig};

/// A database of its own for one test.
pub(crate) struct Fresh {
    db: Option<Db>,
    pub(crate) config: DbConfig,
    pub(crate) admin: Option<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Fresh {
    pub(crate) fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.db().backend() == Backend::Sqlite
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.db = None;
        if let Some((admin, name)) = &self.admin {
            let _ = PgConnection::establish(admin)
                .unwrap()
                .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Runs the test on every database there is, with `adjust` applied to the configuration.
pub(crate) fn everywhere(adjust: impl Fn(&mut DbConfig), test: impl Fn(&Fresh)) {
    let places = std::iter::once(None).chain(admin_url().map(Some));
    for admin in places {
        let folder = tempfile::tempdir().unwrap();
        let (url, admin) = match admin {
            None => (
                format!("sqlite://{}/data/test.db", folder.path().display()),
                None,
            ),
            Some(admin) => {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let name = format!("storage_{}_{number}", std::process::id());
                PgConnection::establish(&admin)
                    .unwrap()
                    .batch_execute(&format!("CREATE DATABASE {name}"))
                    .unwrap();
                let (server, _) = admin.rsplit_once('/').unwrap();
                (format!("{server}/{name}"), Some((admin.clone(), name)))
            }
        };
        let mut config = DbConfig::new(url);
        config.pool_size = 8;
        adjust(&mut config);
        test(&Fresh {
            db: Some(Db::open(&config).unwrap()),
            config,
            admin,
            _folder: folder,
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "the one setting of this suite")]
fn admin_url() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}

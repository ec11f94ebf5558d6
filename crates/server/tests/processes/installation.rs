//! What is done here to an installation besides: it is on SQLite as well, commands fail on it, and its
//! database is put back as it was.

use std::process::{Child, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::town::psql::{drop_database, psql};
use crate::town::{self, Database, Town};

impl Town {
    /// One on SQLite.
    pub(crate) fn on_sqlite() -> Town {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("data/sportello.db");
        Town {
            url: format!("sqlite://{}", file.display()),
            folder,
            database: None,
            settings: Vec::new(),
        }
    }

    /// One on SQLite that has a master key and tables, and is no demonstration.
    pub(crate) fn settled() -> Town {
        let town = Town::on_sqlite();
        town.says(&["keys", "init"]);
        town.says(&["seed"]);
        town
    }

    /// Begins a command that the test ends.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.program(arguments);
        command.stdout(Stdio::null()).spawn().expect("it runs")
    }

    /// What a command complains of that fails.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8(output.stderr).expect("text")
    }

    /// What a command says that ends with 1.
    #[track_caller]
    pub(crate) fn finds(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What the doctor says, good or bad.
    pub(crate) fn doctor(&self) -> String {
        let output = self.output(&["doctor"]);
        String::from_utf8(output.stdout).expect("text")
    }

    /// Keeps a copy of the database as it is, while nobody works on it.
    pub(crate) fn keep_copy(&self) {
        let Some(Database { admin, name }) = &self.database else {
            let log = std::fs::metadata(self.data("sportello.db-wal"));
            assert!(log.map_or(true, |log| log.len() == 0), "it was closed");
            let copied = std::fs::copy(self.data("sportello.db"), self.data("copy.db"));
            copied.expect("a copy");
            return;
        };
        psql(
            admin,
            &format!("CREATE DATABASE {name}_copy TEMPLATE {name}"),
        );
    }

    /// Puts the copy in the place of the database.
    pub(crate) fn put_copy_back(&self) {
        let Some(Database { admin, name }) = &self.database else {
            for beside in ["sportello.db-wal", "sportello.db-shm"] {
                let _ = std::fs::remove_file(self.data(beside));
            }
            let moved = std::fs::rename(self.data("copy.db"), self.data("sportello.db"));
            return moved.expect("the copy is there");
        };
        drop_database(admin, name);
        psql(
            admin,
            &format!("ALTER DATABASE {name}_copy RENAME TO {name}"),
        );
    }
}

/// What a citizen files with an attachment.
pub(crate) fn form_with(description: &str, file: &[u8]) -> Value {
    let mut form = town::form(description);
    form["attachment"] = json!({
        "file_name": "prova.pdf", "content_base64": BASE64.encode(file),
    });
    form
}

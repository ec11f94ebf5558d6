//! An installation to be measured: a database and a data folder as `sportello serve` finds them, with
//! staff whose password is known and citizens whose issuer is [`crate::citizens::Issuer`].

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use jiff::Timestamp;
use service::clock::ManualClock;
use service::{Desk, Settings};
use storage::{Db, DbConfig};

use super::templates::SPAN;
use crate::app::Options;
use crate::{opening, people};

/// Accounts that follow events, five streams each.
pub const LISTENERS: usize = 200;

/// Somebody whose password costs what it costs in earnest.
pub const CAREFUL: &str = "to4.careful";

/// The user name of a listener.
pub fn listener(number: usize) -> String {
    format!("listener.{number:03}")
}

/// An installation with its use cases, at a time before now.
pub struct Office {
    /// The use cases.
    pub desk: Desk,
    /// The database.
    pub db: Db,
    /// The clock, which stands [`SPAN`] before now.
    pub clock: Arc<ManualClock>,
}

impl Office {
    /// Makes one in an empty database and an empty folder.
    pub fn found(config: &DbConfig, data: &Path, now: Timestamp) -> Self {
        keep_secret(data, "master.key", &opening::MASTER);
        keep_secret(data, "root.secret", &opening::ROOT);
        let db = Db::open(config).expect("the database opens");
        db.migrate().expect("the tables are made");
        opening::furnish(db.clone(), data);
        let begin = now.checked_sub(SPAN).expect("a time");
        let clock = Arc::new(ManualClock::at(begin));
        let blobs = data.join("blobs");
        let mut options = Options::default();
        options.settings.quotas.filings_per_day = 10_000;
        let desk = opening::open_desk(db.clone(), &blobs, clock.clone(), &options);
        for number in 0..LISTENERS {
            add(&desk, &listener(number));
        }
        options.settings.sign_in = Settings::default().sign_in;
        add(
            &opening::open_desk(db.clone(), &blobs, clock.clone(), &options),
            CAREFUL,
        );
        Office { desk, db, clock }
    }
}

fn add(desk: &Desk, username: &str) {
    let authority = AuthorityCode::from(people::TO4);
    let placement = (
        Role::Operator,
        authority,
        format!("{}-01", people::TO4),
        "Sportello di prova".to_owned(),
    );
    let label = people::label_of(username);
    desk.add_account(username, &label, people::PASSWORD, &[placement])
        .expect("the account is added");
}

fn keep_secret(data: &Path, name: &str, secret: &[u8; 32]) {
    let keys = data.join("keys");
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&keys);
    made.expect("a folder for keys");
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600);
    let mut file = file.open(keys.join(name)).expect("a file for a secret");
    std::io::Write::write_all(&mut file, HEXLOWER.encode(secret).as_bytes())
        .expect("the secret is kept");
}

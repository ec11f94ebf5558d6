//! Words of a desk's own: each change a row, the newest one counts, none is ever changed.

use diesel::connection::SimpleConnection;
use domain::invalid::Lang;
use domain::visibility::Scope;
use storage::wordings::{self, Wording};
use storage::{Db, DbConnection, StoreError};

use crate::town::{everywhere, hours, read, write};
use crate::words::{CN1, TO4, account};

fn change(desk: &str, template: &str, version: i64, lang: Lang, words: Option<&str>) -> Wording {
    Wording {
        authority: desk.into(),
        template: template.to_owned(),
        version,
        lang,
        words: words.map(|words| (format!("{words}: oggetto"), format!("{words}\n\nè così"))),
        author: account(3),
        at: hours(version),
    }
}

fn add(db: &Db, wording: Wording) {
    write(db, move |conn| wordings::insert(conn, &wording));
}

fn newest(db: &Db, desk: &str, lang: Lang) -> Option<Wording> {
    read(db, |conn| {
        wordings::find_newest(conn, &desk.into(), "receipt", lang)
    })
}

fn version(db: &Db, desk: &str, template: &str) -> i64 {
    read(db, |conn| wordings::version(conn, &desk.into(), template))
}

#[test]
fn the_newest_change_of_a_language_counts_and_the_others_are_kept() {
    everywhere(|fresh| {
        let db = fresh.db();
        assert_eq!(newest(db, TO4, Lang::It), None);
        assert_eq!(version(db, TO4, "receipt"), wordings::STANDARD_VERSION);
        let changes = [
            change(TO4, "receipt", 2, Lang::It, Some("prima")),
            change(TO4, "receipt", 3, Lang::En, Some("english")),
            change(TO4, "receipt", 4, Lang::It, Some("seconda")),
            change(TO4, "receipt", 5, Lang::En, None),
        ];
        for one in changes.clone() {
            add(db, one);
        }
        add(db, change(CN1, "receipt", 2, Lang::It, Some("altrove")));
        add(db, change(TO4, "resolved", 2, Lang::It, Some("un'altra")));

        assert_eq!(newest(db, TO4, Lang::It), Some(changes[2].clone()));
        assert_eq!(newest(db, TO4, Lang::En), Some(changes[3].clone()));
        assert_eq!(newest(db, CN1, Lang::En), None);
        assert_eq!(version(db, TO4, "receipt"), 5);
        assert_eq!(version(db, CN1, "receipt"), 2);
        assert_eq!(version(db, CN1, "resolved"), 1);
        let all = read(db, |conn| wordings::list(conn, &TO4.into(), "receipt", 3));
        let newest_first: Vec<Wording> = changes.iter().rev().take(3).cloned().collect();
        assert_eq!(all, newest_first);
    });
}

#[test]
fn a_change_is_written_once_and_never_rewritten() {
    everywhere(|fresh| {
        let db = fresh.db();
        let first = change(TO4, "receipt", 2, Lang::It, Some("prima"));
        add(db, first.clone());
        let again = change(TO4, "receipt", 2, Lang::En, Some("again"));
        let outcome = db.write_in(&Scope::System, move |conn| wordings::insert(conn, &again));
        assert!(matches!(outcome, Err(StoreError::UniqueViolation { .. })));
        let mut unchangeable = vec![
            "UPDATE message_wordings SET body = ''",
            "DELETE FROM message_wordings",
        ];
        unchangeable.push(match fresh.is_sqlite() {
            true => "REPLACE INTO message_wordings SELECT * FROM message_wordings",
            false => "TRUNCATE message_wordings",
        });
        for sql in unchangeable {
            let outcome = db.write_in(&Scope::System, move |conn: &mut DbConnection| {
                Ok::<_, StoreError>(conn.batch_execute(sql)?)
            });
            let Err(StoreError::Database(reason)) = outcome else {
                panic!("{sql}: not refused")
            };
            assert!(
                reason
                    .to_string()
                    .contains("message_wordings is append-only"),
                "{sql}: {reason}"
            );
        }
        assert_eq!(newest(db, TO4, Lang::It), Some(first));
    });
}

#[test]
fn nobody_elses_codes_and_no_half_words_are_kept() {
    everywhere(|fresh| {
        let db = fresh.db();
        let unknown = change("010999", "receipt", 2, Lang::It, Some("x"));
        let outcome = db.write_in(&Scope::System, move |conn| wordings::insert(conn, &unknown));
        assert!(outcome.is_err());
        let too_early = change(TO4, "receipt", 1, Lang::It, Some("x"));
        let outcome = db.write_in(&Scope::System, move |conn| {
            wordings::insert(conn, &too_early)
        });
        assert!(outcome.is_err());
        assert_eq!(newest(db, TO4, Lang::It), None);
    });
}

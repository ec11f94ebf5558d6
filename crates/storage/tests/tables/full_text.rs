//! Words are found in the texts that a scope may read and nowhere else, however they are typed, and go
//! with the text.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::retention::Class;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use storage::list::{self, Filter, Found, Order, Page};
use storage::retention::{self, Kind, Mark};
use storage::tickets::{Dossier, RequesterKind};
use storage::{Db, DbConnection, ticket_texts};
use uuid::Uuid;

use crate::life::Life;
use crate::support::Fresh;
use crate::town::{self, Count, count, everywhere, hours, read_in, write};
use crate::words::{CN1, REGION, TO4};

fn describe(db: &Db, number: u32, description: &str) {
    let ticket = Ticket {
        created_at: hours(i64::from(number)),
        ..town::ticket(number, TO4)
    };
    let dossier = Dossier {
        description: Some(description.to_owned()),
        ..town::dossier(number, RequesterKind::Citizen)
    };
    town::file(db, &ticket, &dossier, None);
}

fn search(db: &Db, scope: &Scope, typed: &str, page: &Page) -> Found {
    let filter = Filter {
        text: Some(typed.to_owned()),
        ..Filter::default()
    };
    read_in(db, scope, |conn| list::list(conn, scope, &filter, page))
}

fn newest(limit: i64) -> Page {
    Page {
        order: Order::CreatedAt,
        descending: true,
        after: None,
        limit,
    }
}

fn numbers(found: &Found) -> Vec<u32> {
    let number = |item: &list::Item| u32::try_from(item.id.uuid().as_u128()).unwrap();
    found.items.iter().map(number).collect()
}

/// The numbers found in the whole of the database, the newest first.
fn found(db: &Db, typed: &str) -> Vec<u32> {
    numbers(&search(db, &Scope::System, typed, &newest(100)))
}

#[test]
fn words_are_found_however_they_are_typed() {
    let rows: [(&str, &[u32]); 26] = [
        ("referto", &[4, 1]),
        ("REFERTI", &[4, 1]),
        ("refert*", &[4, 1]),
        ("ref*", &[4, 1]),
        ("ref", &[]),
        ("perché", &[2]),
        ("PERCHE'", &[2]),
        ("perche", &[2]),
        ("citta", &[3]),
        ("città", &[3]),
        ("referto visibile", &[1]),
        ("visibile referto", &[1]),
        ("\"referto non è visibile\"", &[1]),
        ("\"visibile referto\"", &[]),
        ("\"non è vis*\"", &[1]),
        ("referto \"", &[4, 1]),
        ("\"referto", &[4, 1]),
        ("referto AND città", &[]),
        ("referto OR città", &[]),
        ("referto -visibile", &[1]),
        ("NEAR(referto)", &[]),
        ("words:referto", &[]),
        ("2026-0000003", &[3]),
        ("2026-000000*", &[4, 3, 2, 1]),
        ("'; --", &[]),
        ("quinto referto", &[]),
    ];
    everywhere(|fresh| {
        let db = fresh.db();
        describe(db, 1, "Il referto non è visibile.");
        describe(db, 2, "Non capisco perché l'esame manchi");
        describe(db, 3, "La mia città: 100% sbagliata");
        describe(db, 4, "Due REFERTI, e basta");
        for (typed, numbers) in rows {
            assert_eq!(found(db, typed), numbers, "{typed}");
        }
    });
}

#[test]
fn whatever_is_typed_is_words_and_never_an_error() {
    let hard = [
        "\0".to_owned(),
        "a\0b".to_owned(),
        "a".repeat(10_000),
        "a ".repeat(5_000),
        "\"a\" ".repeat(2_500),
        "*".repeat(300),
        "a* ".repeat(3_000),
        "\\ ' % _ ( ) & | ! <-> :* ^ + - { } [ ]".to_owned(),
        "AND OR NOT NEAR(a, 2)".to_owned(),
        "ticket_words : a".to_owned(),
        "1e5 -12 3.14 a@b.it http://x/y".to_owned(),
        "ẞ İ ﬃ ½ ² 漢字 العربية \u{200b} 👍🏽".to_owned(),
    ];
    everywhere(|fresh| {
        let db = fresh.db();
        for (number, text) in (1..).zip(&hard) {
            let kept: String = text.replace('\0', " ").chars().take(4_000).collect();
            describe(db, number, &kept);
        }
        for text in &hard {
            search(db, &Scope::System, text, &newest(5));
        }
        let cases = if fresh.is_sqlite() { 200 } else { 60 };
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        let any = prop_oneof![".{0,200}", "[\"*'a-c \\-:&|!()\\\\]{0,40}"];
        let ran = TestRunner::new(config).run(&any, |typed| {
            search(db, &Scope::System, &typed, &newest(5));
            Ok(())
        });
        ran.unwrap();
    });
}

#[test]
fn a_page_goes_on_where_the_one_before_ended_in_every_order() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 1..=9 {
            let text = if number % 2 == 0 { "pari" } else { "dispari" };
            describe(db, number, text);
        }
        for (order, descending) in [
            (Order::CreatedAt, true),
            (Order::CreatedAt, false),
            (Order::UpdatedAt, true),
            (Order::Priority, true),
        ] {
            let mut page = Page {
                order,
                descending,
                ..newest(2)
            };
            let mut seen = Vec::new();
            loop {
                let found = search(db, &Scope::System, "dispari", &page);
                assert!(!found.is_capped);
                seen.extend(numbers(&found));
                let Some(last) = found.items.last() else {
                    break;
                };
                page.after = Some((last.key(order), last.id));
            }
            let mut all = vec![1, 3, 5, 7, 9];
            if descending {
                all.reverse();
            }
            assert_eq!(seen, all, "{order:?} {descending}");
        }
    });
}

#[test]
fn a_note_is_found_by_whoever_may_read_it() {
    everywhere(|fresh| {
        let db = fresh.db();
        Life::file(db, 1, TO4, RequesterKind::Citizen)
            .play("operator take; operator note + internal; operator note + published");
        let scopes = [
            Scope::Authority(TO4.into()),
            Scope::Region(REGION.into()),
            Scope::System,
        ];
        let texts = written(db);
        assert!(texts.iter().any(|(audience, _)| audience == "team"));
        for (audience, body) in texts {
            for scope in &scopes {
                let reads = audience != "team" || *scope == Scope::Authority(TO4.into());
                let typed = format!("\"{body}\"");
                let found = numbers(&search(db, scope, &typed, &newest(5)));
                assert_eq!(!found.is_empty(), reads, "{audience} {body} in {scope:?}");
            }
            let elsewhere = Scope::Authority(CN1.into());
            assert!(search(db, &elsewhere, &body, &newest(5)).items.is_empty());
        }
    });
}

#[derive(QueryableByName)]
struct Note {
    #[diesel(sql_type = Text)]
    audience: String,
    #[diesel(sql_type = Text)]
    body: String,
}

fn written(db: &Db) -> Vec<(String, String)> {
    let notes: Vec<Note> = town::read(db, |conn| {
        Ok(diesel::sql_query("SELECT audience, body FROM notes").load(conn)?)
    });
    let pair = |note: Note| (note.audience, note.body);
    notes.into_iter().map(pair).collect()
}

/// Whether a word is anywhere in the index: in its rows, and on SQLite in the file itself.
fn is_kept(fresh: &Fresh, word: &str) -> bool {
    let db = fresh.db();
    let rows = format!("ticket_texts WHERE CAST(words AS TEXT) LIKE '%{word}%'");
    if count(db, &Scope::System, &rows) > 0 {
        return true;
    }
    if !fresh.is_sqlite() {
        return false;
    }
    let path = fresh.config.url.strip_prefix("sqlite://").unwrap();
    let mut conn = SqliteConnection::establish(path).unwrap();
    conn.batch_execute(
        "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab ('main', 'ticket_words', 'row')",
    )
    .unwrap();
    let sql = format!("SELECT count(*) AS count FROM vocabulary WHERE term LIKE '%{word}%'");
    let terms = diesel::sql_query(sql).get_result::<Count>(&mut conn);
    if terms.unwrap().count > 0 {
        return true;
    }
    let sql = format!(
        "SELECT count(*) AS count FROM ticket_words_data WHERE instr(block, CAST('{word}' AS BLOB)) > 0"
    );
    let blocks = diesel::sql_query(sql).get_result::<Count>(&mut conn);
    blocks.unwrap().count > 0
}

#[test]
fn the_words_go_with_the_text_and_the_number_stays() {
    everywhere(|fresh| {
        let db = fresh.db();
        describe(db, 1, "La risonanza xq71 manca");
        describe(db, 2, "La risonanza xq72 manca");
        assert!(is_kept(fresh, "xq71"));
        let mark = Mark {
            kind: Kind::Ticket,
            subject: town::ticket(1, TO4).id.uuid(),
            named: "2026-0000001".to_owned(),
            authority: TO4.into(),
            class: Class::HealthText,
        };
        write(db, move |conn| {
            retention::forget(conn, &mark, Uuid::from_u128(7), hours(1))
        });
        assert!(!is_kept(fresh, "xq71") && is_kept(fresh, "xq72"));
        assert_eq!(found(db, "xq71"), [0_u32; 0]);
        assert_eq!(found(db, "risonanza"), [2]);
        assert_eq!(found(db, "2026-0000001"), [1]);
    });
}

#[test]
fn a_text_that_anything_seals_or_empties_loses_its_words() {
    everywhere(|fresh| {
        let db = fresh.db();
        for (number, kept) in [(1, "—"), (2, "\u{1}1.sealed")] {
            describe(db, number, &format!("testo xq8{number}"));
            let sql = format!(
                "UPDATE tickets SET description = '{kept}' WHERE number LIKE '2026-000000{number}-%'"
            );
            write(db, move |conn| Ok(conn.batch_execute(&sql)?));
            let word = format!("xq8{number}");
            assert!(!is_kept(fresh, &word), "{word} on {:?}", db.backend());
        }
    });
}

#[test]
fn words_from_before_the_index_are_made_page_by_page_and_searches_say_so() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 1..=5 {
            describe(db, number, "risonanza vecchia");
        }
        Life::file(db, 6, TO4, RequesterKind::Citizen)
            .play("operator take; operator note + published");
        let notes = count(db, &Scope::System, "notes");
        write(db, |conn| {
            // As an upgrade leaves it: nothing is indexed, and where to go on is not said.
            let nothing = match conn {
                DbConnection::Pg(_) => "TRUNCATE ticket_texts",
                DbConnection::Sqlite(_) => {
                    "DELETE FROM ticket_texts; \
                     INSERT INTO ticket_words (ticket_words) VALUES ('delete-all')"
                }
            };
            conn.batch_execute(nothing)?;
            Ok(conn.batch_execute("INSERT INTO text_builds (id) VALUES (1)")?)
        });
        let building = || town::read(db, ticket_texts::is_building);
        assert!(building() && found(db, "risonanza").is_empty());
        assert!(write(db, |conn| ticket_texts::build_page(conn, 2)));
        describe(db, 7, "risonanza nuova");
        while write(db, |conn| ticket_texts::build_page(conn, 2)) {
            assert!(building());
        }
        assert!(!building());
        assert_eq!(found(db, "risonanza"), [7, 5, 4, 3, 2, 1]);
        assert_eq!(count(db, &Scope::System, "ticket_texts"), 7 + notes);
    });
}

/// More texts with a word, or more tickets without it, than one answer looks into.
const FILL_SQLITE: &str = "INSERT INTO ticket_texts (ticket_id, seq, audience, words) \
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n <= 5000) \
    SELECT id, n, 'citizen', 'antic' FROM tickets, n WHERE number LIKE '%2012%'";
const FILL_POSTGRES: &str = "INSERT INTO tickets SELECT (jsonb_populate_record(t, jsonb_build_object(\
    'id', gen_random_uuid(), 'number', 'copy ' || n, 'created_at', t.created_at + n * interval '1 minute'))).* \
    FROM tickets t, generate_series(1, 6000) n WHERE created_at = (SELECT min(created_at) FROM tickets)";

#[test]
fn a_search_that_is_cut_short_says_so_and_goes_on() {
    everywhere(|fresh| {
        let db = fresh.db();
        describe(db, 1, "antica e rara");
        for number in 2_001..=2_012 {
            describe(db, number, "antica");
        }
        let fill = match fresh.is_sqlite() {
            true => FILL_SQLITE,
            false => FILL_POSTGRES,
        };
        write(db, move |conn| Ok(conn.batch_execute(fill)?));
        let mut page = newest(30);
        let mut seen = Vec::new();
        let cut = search(db, &Scope::System, "antica", &page);
        assert!(cut.is_capped);
        seen.extend(numbers(&cut));
        page.after = cut.looked_to;
        let rest = search(db, &Scope::System, "antica", &page);
        assert!(!rest.is_capped);
        seen.extend(numbers(&rest));
        let mut all: Vec<u32> = (2_001..=2_012).chain([1]).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(seen, all);
        let rare = search(db, &Scope::System, "rara", &newest(30));
        assert_eq!((numbers(&rare), rare.is_capped), (vec![1], false));
        let full = search(db, &Scope::System, "antica", &newest(1));
        assert_eq!((numbers(&full), full.is_capped), (vec![2_012], false));
    });
}

//! What a ticket knows of its requester: unreadable without the keys, found with them, and gone when it
//! must be.

mod plain;

use std::collections::BTreeSet;

use aws_lc_rs::{digest, hmac};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::ids::{DelegationId, TicketId};
use domain::visibility::Scope;
use storage::delegations::{self, NewDelegation};
use storage::keyring::LocalMaster;
use storage::list::{Filter, Order};
use storage::sealing::GONE;
use storage::tickets::{Details, Dossier, RequesterKind};
use storage::{Db, StoreError, data_keys, list, tickets};
use uuid::Uuid;

use crate::town::{self, everywhere, find, hours, lines, read, stolen, write};
use crate::words::{CN1, REGION, TO4};

/// The values of a person that must be nowhere.
const PLANTED: [&str; 10] = [
    "RSSMRA85T10A562S",
    "BNCNNA85D52L219A",
    "Zoraide",
    "D'Alì-Piantato",
    "Piantata@Example.org",
    "+390115550199",
    "https://idp.example|piantato",
    "+393335550199",
    "altra-piantata@example.org",
    "squadra-piantata",
];

/// A requester whose every member is planted.
fn planted(desk: &str) -> Dossier {
    let mut extra = serde_json::Map::new();
    extra.insert("team".to_owned(), "squadra-piantata".into());
    Dossier {
        key_desk: desk.into(),
        tax_code: "RSSMRA85T10A562S".to_owned(),
        given_name: "Zoraide".to_owned(),
        family_name: "D'Alì-Piantato".to_owned(),
        email: "Piantata@Example.org".to_owned(),
        phone: Some("+390115550199".to_owned()),
        identity: Some("https://idp.example|piantato".to_owned()),
        details: Details {
            extra,
            recall_phone: Some("+393335550199".to_owned()),
            notification_email: Some("altra-piantata@example.org".to_owned()),
            privacy_notice: "2026-01".to_owned(),
            requester_role: Some("relative".to_owned()),
            ..Details::default()
        },
        ..town::dossier(1, RequesterKind::Citizen)
    }
}

/// 1 at TO4 and 2 at CN1 of one person, 3 at CN1 of another; and who may act for whom.
fn settle(db: &Db) {
    town::file(db, &town::ticket(1, TO4), &planted(TO4), None);
    town::file(db, &town::ticket(2, CN1), &planted(CN1), None);
    let other = Dossier {
        key_desk: CN1.into(),
        ..town::dossier(3, RequesterKind::Citizen)
    };
    town::file(db, &town::ticket(3, CN1), &other, None);
    let delegation = NewDelegation {
        id: DelegationId::new(Uuid::from_u128(7)),
        delegate: code("BNCNNA85D52L219A"),
        delegator: code("RSSMRA85T10A562S"),
        valid_from: hours(0),
        valid_to: None,
    };
    write(db, move |conn| {
        delegations::insert(conn, &delegation, hours(0))
    });
}

fn code(text: &str) -> domain::tax_code::TaxCode {
    domain::tax_code::TaxCode::parse(text, true).unwrap()
}

fn id(number: u32) -> TicketId {
    town::ticket(number, TO4).id
}

fn execute(db: &Db, sql: &str) -> usize {
    let sql = sql.to_owned();
    write(db, move |conn| Ok(diesel::sql_query(sql).execute(conn)?))
}

fn holds(all: &[u8], text: &str) -> bool {
    all.windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[track_caller]
fn nothing_planted_in(all: &[u8]) {
    for text in PLANTED {
        for way in [
            text.to_owned(),
            text.to_lowercase(),
            text.to_uppercase(),
            domain::person_name::folded(text),
            // As JSON and a dump of a row write it.
            text.replace('\'', "''"),
            text.replace('ì', "\\u00ec"),
        ] {
            assert!(!holds(all, &way), "{way} can be read");
        }
    }
}

#[test]
fn whoever_steals_the_database_reads_no_requester() {
    everywhere(|fresh| {
        settle(fresh.db());
        let all = stolen(fresh);
        let number = town::ticket(1, TO4).number;
        assert!(
            holds(&all, number.as_str()),
            "the search finds what is there"
        );
        nothing_planted_in(&all);
    });
}

/// What opening a ticket says, by itself and in a list.
fn outcomes(db: &Db, number: u32) -> [Option<&'static str>; 2] {
    let wanted = domain::ids::TicketRef::Id(id(number));
    let column = |error| match error {
        StoreError::Corrupt { column, .. } => column,
        other => panic!("{other:?}"),
    };
    let alone = db.read_in(&Scope::System, |conn| {
        tickets::find(conn, &Scope::System, &wanted)
    });
    let page = list::Page {
        order: Order::CreatedAt,
        descending: false,
        after: None,
        limit: 10,
    };
    let listed = db.read_in(&Scope::System, |conn| {
        list::list(conn, &Scope::System, &Filter::default(), &page)
    });
    [alone.err().map(column), listed.err().map(column)]
}

#[test]
fn a_document_that_was_touched_copied_or_put_there_plain_does_not_open() {
    let flipped = "UPDATE tickets SET dossier = substr(dossier, 1, 40) || \
                   CASE substr(dossier, 41, 1) WHEN 'A' THEN 'B' ELSE 'A' END || \
                   substr(dossier, 42) WHERE number = '2026-0000001'";
    let copied = "UPDATE tickets SET dossier = (SELECT other.dossier FROM tickets AS other \
                  WHERE other.number = '2026-0000004') WHERE number = '2026-0000001'";
    let plain = "UPDATE tickets SET dossier = '{}' WHERE number = '2026-0000001'";
    for sql in [flipped, copied, plain] {
        everywhere(|fresh| {
            let db = fresh.db();
            settle(db);
            town::file(db, &town::ticket(4, TO4), &planted(TO4), None);
            assert_eq!(outcomes(db, 1), [None, None]);
            let sql = sql
                .replace("2026-0000001", town::ticket(1, TO4).number.as_str())
                .replace("2026-0000004", town::ticket(4, TO4).number.as_str());
            assert_eq!(execute(db, &sql), 1);
            assert_eq!(outcomes(db, 1), [Some("dossier"); 2], "{sql}");
            assert_eq!(outcomes(db, 4)[0], None, "the others open");
        });
    }
}

const PRINTS: &str = "SELECT tax_code_print || ' ' || family_name_print || ' ' || email_print || ' ' \
                      || coalesce(phone_print, '') AS line FROM tickets ORDER BY number";

#[test]
fn one_person_at_two_desks_has_nothing_in_common_but_the_identity() {
    everywhere(|fresh| {
        settle(fresh.db());
        let rows = lines(fresh.db(), PRINTS);
        let words = |row: &String| row.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
        let (one, two) = (words(&rows[0]), words(&rows[1]));
        assert_eq!((one.len(), two.len()), (4, 4));
        assert!(one.is_disjoint(&two), "{one:?} {two:?}");
        let identities = "SELECT DISTINCT identity_print AS line FROM tickets";
        assert_eq!(
            lines(fresh.db(), identities).len(),
            2,
            "three tickets of two"
        );
    });
}

#[test]
fn whoever_guesses_tax_codes_meets_no_print() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let stored: BTreeSet<String> = lines(db, PRINTS)
            .iter()
            .flat_map(|row| row.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .chain(lines(db, "SELECT identity_print AS line FROM tickets"))
            .chain(lines(
                db,
                "SELECT delegate_print || ' ' || delegator_print AS line FROM delegations",
            ))
            .collect();
        let right = "RSSMRA85T10A562S";
        let keys = db.keyring().unwrap();
        let made = keys.prints(storage::keyring::Field::TaxCode, right);
        assert_eq!(
            made.iter().filter(|print| stored.contains(*print)).count(),
            2
        );

        // The keys a thief can think of without the program's memory.
        let zero = [0; 32];
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &zero), b"prints");
        let guessed = [&zero[..], b"", derived.as_ref(), &[1; 32], TO4.as_bytes()]
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key));
        let mut tried = 0;
        for number in 0..100_000_u32 {
            let guess = match number {
                0 => right.to_owned(),
                number => format!("{}{number:05}", right.get(..11).unwrap()),
            };
            let texts = [guess.clone(), format!("tax-code\0{guess}")];
            for text in texts {
                let hash = digest::digest(&digest::SHA256, text.as_bytes());
                let tags = guessed.iter().map(|key| hmac::sign(key, text.as_bytes()));
                let tags = tags.map(|tag| tag.as_ref().to_vec());
                for bytes in tags.chain([hash.as_ref().to_vec()]) {
                    let half = bytes.get(..16).unwrap();
                    assert!(!stored.contains(&BASE64URL_NOPAD.encode(half)), "{guess}");
                    if number == 0 {
                        assert!(!stored.contains(&HEXLOWER.encode(&bytes)), "{guess}");
                    }
                    tried += 1;
                }
            }
        }
        assert_eq!(tried, 1_200_000);
    });
}

/// The numbers of the tickets a search finds.
fn found(db: &Db, scope: &Scope, filter: &Filter) -> Vec<u32> {
    let page = list::Page {
        order: Order::CreatedAt,
        descending: false,
        after: None,
        limit: 10,
    };
    let items = town::read_in(db, scope, |conn| list::list(conn, scope, filter, &page)).items;
    let number = |item: list::Item| u32::try_from(item.id.uuid().as_u128()).unwrap();
    let mut numbers: Vec<u32> = items.into_iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn searches() -> Vec<Filter> {
    let text = |text: &str| Some(text.to_owned());
    let mut all = vec![
        Filter {
            tax_code: text("RSSMRA85T10A562S"),
            ..Filter::default()
        },
        Filter {
            email: text("Piantata@Example.org"),
            ..Filter::default()
        },
        Filter {
            email: text("PIANTATA@example.org"),
            ..Filter::default()
        },
        Filter {
            phone: text("+390115550199"),
            ..Filter::default()
        },
    ];
    for name in [
        "D'Alì-Piantato",
        "DALI PIANTATO",
        "d’ali' piantato",
        "D Ali\u{300} Piantato",
    ] {
        all.push(Filter {
            family_name: text(name),
            ..Filter::default()
        });
    }
    all
}

#[test]
fn a_search_finds_everywhere_for_the_region_and_the_own_for_an_authority() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        for filter in searches() {
            for (scope, numbers) in [
                (Scope::Region(REGION.into()), vec![1, 2]),
                (Scope::Authority(TO4.into()), vec![1]),
                (Scope::Authority(CN1.into()), vec![2]),
            ] {
                assert_eq!(found(db, &scope, &filter), numbers, "{scope:?} {filter:?}");
            }
        }
        for text in ["", GONE, "Piantato"] {
            let filter = Filter {
                family_name: Some(text.to_owned()),
                ..Filter::default()
            };
            assert_eq!(found(db, &Scope::System, &filter), [0; 0], "{text:?}");
        }
    });
}

/// Retires the key in use of a desk and makes the next one; the answer is the number of the old one.
fn rotate(db: &Db, desk: &'static str) -> i64 {
    let old = write(db, move |conn| {
        let keys = data_keys::list(conn)?;
        let old = keys.iter().filter(|key| key.desk == desk).map(|key| key.id);
        let old = old.max().unwrap();
        let sql = format!("UPDATE data_keys SET retired_at = created_at WHERE id = {old}");
        diesel::sql_query(sql).execute(conn)?;
        data_keys::add(conn, &LocalMaster::new(&[1; 32]), desk, hours(0))?;
        Ok(old)
    });
    db.keyring().unwrap().reload().unwrap();
    old
}

/// Destroys a key that was retired.
fn destroy(db: &Db, key: i64) {
    let sql = format!(
        "UPDATE data_keys SET wrapped = NULL, retired_at = created_at, destroyed_at = created_at \
         WHERE id = {key}"
    );
    assert_eq!(execute(db, &sql), 1);
    db.keyring().unwrap().reload().unwrap();
}

fn versions(db: &Db) -> Vec<String> {
    let sql = "SELECT CAST(version AS TEXT) || ' ' || CAST(updated_at AS TEXT) AS line \
               FROM tickets ORDER BY number";
    lines(db, sql)
}

/// Walks over all tickets in pages of one.
fn walk(db: &Db, leaving: i64) -> usize {
    let (mut written, mut after) = (0, None);
    loop {
        let page = write(db, move |conn| {
            tickets::reseal_page(conn, &[leaving], after, 1)
        });
        written += page.written;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    written
}

#[test]
fn what_was_sealed_anew_outlives_its_old_keys() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let before = versions(db);
        // Of TO4 one ticket; of the installation the identities of all.
        for (desk, rows) in [(TO4, 1), ("", 3)] {
            let old = rotate(db, desk);
            let citizen = Scope::Citizen {
                identity: "https://idp.example|piantato".to_owned(),
                tax_code: code("RSSMRA85T10A562S"),
                delegators: Vec::new(),
            };
            assert_eq!(
                found(db, &citizen, &Filter::default()),
                [1, 2],
                "in between"
            );
            assert_eq!(walk(db, old), rows, "{desk:?}");
            assert_eq!(walk(db, old), 0, "{desk:?}");
            destroy(db, old);
            for (number, desk) in [(1, TO4), (2, CN1)] {
                let (_, dossier) = find(db, &Scope::System, id(number)).unwrap();
                assert!(dossier == planted(desk), "{number}");
            }
            for filter in searches() {
                assert_eq!(found(db, &Scope::System, &filter), [1, 2], "{filter:?}");
            }
            assert_eq!(found(db, &citizen, &Filter::default()), [1, 2]);
        }
        assert_eq!(versions(db), before, "no new version");
    });
}

#[test]
fn a_follow_up_at_another_desk_stands_beside_its_own_person_alone() {
    everywhere(|fresh| {
        let db = fresh.db();
        town::file(db, &town::ticket(1, TO4), &planted(TO4), None);
        let own = planted(CN1);
        let of_another = Dossier {
            tax_code: "BNCNNA85D52L219A".to_owned(),
            ..planted(CN1)
        };
        let by_another = Dossier {
            identity: Some("https://idp.example|altri".to_owned()),
            ..planted(CN1)
        };
        for (number, mut dossier) in [(2, own), (3, of_another), (4, by_another)] {
            dossier.follow_up_of = Some(id(1));
            town::file(db, &town::ticket(number, CN1), &dossier, None);
        }
        let beside = || {
            let (_, own) = find(db, &Scope::System, id(1)).unwrap();
            let beside = read(db, |conn| {
                storage::links::list_beside_own(conn, id(1), &own)
            });
            beside
                .into_iter()
                .map(|one| one.named.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(beside(), [id(2)]);
        for number in [1, 2] {
            write(db, move |conn| tickets::forget_person(conn, id(number)));
        }
        assert!(beside().is_empty(), "two nobodies are not one person");
    });
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[test]
fn of_a_desk_whose_keys_are_destroyed_everything_reads_as_a_dash() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let sql = format!("SELECT id FROM data_keys WHERE desk = '{TO4}'");
        let keys: Vec<Key> = read(db, |conn| Ok(diesel::sql_query(&sql).load(conn)?));
        destroy(db, keys[0].id);
        let (_, dossier) = find(db, &Scope::System, id(1)).unwrap();
        assert!(dossier.is_gone());
        for member in [
            &dossier.given_name,
            &dossier.family_name,
            &dossier.email,
            dossier.phone.as_ref().unwrap(),
        ] {
            assert_eq!(member, GONE);
        }
        assert!(dossier.details == Details::default());
        // The list goes on, and the other desk is as it was.
        assert_eq!(found(db, &Scope::System, &Filter::default()), [1, 2, 3]);
        for filter in searches() {
            assert_eq!(found(db, &Scope::System, &filter), [2], "{filter:?}");
        }
        let region = Scope::Region(REGION.into());
        let ticket = town::ticket(1, TO4);
        let beside = read(db, |conn| {
            storage::links::load_beside(conn, &region, &ticket, GONE, hours(0))
        });
        assert!(beside.alike.is_empty() && beside.links.is_empty());
        write(db, |conn| tickets::forget_person(conn, id(1)));
        assert!(lines(db, PRINTS)[0].trim().is_empty());
    });
}

#[test]
fn a_person_taken_out_of_a_ticket_is_nowhere_and_found_by_nothing() {
    everywhere(|fresh| {
        let db = fresh.db();
        town::file(db, &town::ticket(1, TO4), &planted(TO4), None);
        for _ in 0..2 {
            write(db, |conn| tickets::forget_person(conn, id(1)));
            let (_, dossier) = find(db, &Scope::System, id(1)).unwrap();
            assert!(dossier.is_gone() && dossier.identity.as_deref() == Some(GONE));
            let kept = Details {
                privacy_notice: "2026-01".to_owned(),
                requester_role: Some("relative".to_owned()),
                ..Details::default()
            };
            assert!(dossier.details == kept);
        }
        assert!(lines(db, PRINTS)[0].trim().is_empty());
        for filter in searches() {
            assert_eq!(found(db, &Scope::System, &filter), [0; 0], "{filter:?}");
        }
        let citizen = Scope::Citizen {
            identity: "https://idp.example|piantato".to_owned(),
            tax_code: code("RSSMRA85T10A562S"),
            delegators: Vec::new(),
        };
        assert_eq!(found(db, &citizen, &Filter::default()), [0; 0]);
        let nobody = write(db, |conn| {
            Ok(matches!(
                tickets::forget_person(conn, id(9)),
                Err(StoreError::NotFound { .. })
            ))
        });
        assert!(nobody);
    });
}

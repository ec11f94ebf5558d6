//! What names or reaches people outside of tickets: nowhere to be read, and found all the same.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::attachment::FileKind;
use domain::callback::CallbackState;
use domain::complaint::{
    ComplainantKind, ComplaintChannel, ComplaintState, DispatchKind, DispatchWay,
};
use domain::file_name::FileName;
use domain::ids::{
    AccountId, AttachmentId, CallbackId, ClientId, ComplaintId, ComplaintNumber, DispatchId,
    MessageId, ProofId,
};
use domain::invalid::Lang;
use domain::note::{Attachment, BlobSecret};
use domain::phone::PhoneNumber;
use domain::state::PlaybookDecision;
use domain::visibility::Scope;
use storage::attachments::Staleness;
use storage::blobs::{BlobKey, BlobRef};
use storage::callbacks::{self, Callback};
use storage::clients::{self, Client};
use storage::complaints::{self, Complainant, Complaint, Dispatch};
use storage::deliveries::Keeper;
use storage::keyring::INSTALLATION;
use storage::outbox::{self, Channel, Outgoing};
use storage::playbook_runs::{self, GivenAnswer, PlaybookRun};
use storage::sealed_columns::{ALL, Key, Maker, SealedColumns};
use storage::sealing::{GONE, Place, SealedText, named_row, numbered_row};
use storage::sql_types::{Id, Uid};
use storage::tickets::RequesterKind;
use storage::{
    Db, DbConnection, StoreError, attachments, data_keys, email_proofs, federated, lives,
};
use uuid::Uuid;

use crate::town::{self, event, everywhere, filed_at, hours, lines, read, stolen, write};
use crate::words::{REGION, TO4, account};

mod resealing;

const MAILBOX: &str = "proof@pianta.example";
const IDENTITY: &str = "https://idp.example|pianta-9";
const ISSUER: &str = "https://staff.example";
const SUBJECT: &str = "pianta-subject-1";
const NETWORK: &str = "print of a network";

fn file(number: u128) -> Attachment {
    Attachment {
        id: AttachmentId::new(Uuid::from_u128(number)),
        name: FileName::parse("pianta referto.pdf").unwrap(),
        kind: FileKind::Pdf,
        size: 300,
        sha256: "ab".repeat(32),
        blob_key: format!("{number:032x}"),
        blob_secret: BlobSecret::from_stored("pianta-secret".to_owned()),
    }
}

fn callback() -> Callback {
    Callback {
        id: CallbackId::new(Uuid::from_u128(51)),
        version: 1,
        desk: TO4.into(),
        phone: PhoneNumber::parse("333 1234567").unwrap(),
        reason: "Prova".to_owned(),
        ticket: None,
        wished_from: hours(2),
        wished_to: hours(3),
        sms_allowed: true,
        lang: Lang::It,
        state: CallbackState::Waiting,
        author: account(3),
        created_at: hours(1),
        closed_at: None,
    }
}

fn complaint() -> Complaint {
    Complaint {
        id: ComplaintId::new(Uuid::from_u128(61)),
        version: 1,
        number: ComplaintNumber::new(2026, 61),
        desk: TO4.into(),
        state: ComplaintState::Received,
        channel: ComplaintChannel::Web,
        complainant: Complainant {
            kind: ComplainantKind::Person,
            label: "Zaffira Pianta".to_owned(),
            email: Some("complaint@pianta.example".to_owned()),
            postal_address: Some("Via Pianta 7".to_owned()),
            identity: Some(IDENTITY.to_owned()),
            ticket: None,
            lang: Lang::It,
        },
        service: None,
        subject: "Attesa".to_owned(),
        body: "Ho aspettato.".to_owned(),
        classification: None,
        received_at: filed_at(),
        happened_at: None,
        late_filed: false,
        due_at: hours(720),
        was_extended: false,
        draft: None,
        answered_at: None,
        overdue_told: false,
        author: None,
        created_at: filed_at(),
    }
}

fn dispatch() -> Dispatch {
    Dispatch {
        id: DispatchId::new(Uuid::from_u128(62)),
        complaint: complaint().id,
        kind: DispatchKind::Extension,
        scheme: None,
        body: "Ci vuole tempo.".to_owned(),
        way: DispatchWay::Web,
        recipient: "Zaffira Pianta".to_owned(),
        message: None,
        author: account(0),
        at: filed_at(),
    }
}

fn run() -> PlaybookRun {
    PlaybookRun {
        id: Uuid::from_u128(71),
        ticket: town::ticket(1, TO4).id,
        leg: 1,
        desk: TO4.into(),
        begun_with: "PB-2".into(),
        pins: BTreeMap::new(),
        path: vec!["PB-2".to_owned()],
        playbook: "PB-2".into(),
        version: 3,
        decision: PlaybookDecision::Hold,
        addition: Some("Aggiunta pianta.".to_owned()),
        started_at: hours(1),
        started_by: account(3),
        overridden_at: None,
        handed_over_at: None,
    }
}

fn answer(evidence: Option<&str>) -> GivenAnswer {
    GivenAnswer {
        playbook: "PB-2".into(),
        version: 3,
        check: "c1".to_owned(),
        answer: Some("yes".to_owned()),
        evidence: evidence.map(str::to_owned),
        by: account(3),
        by_label: None,
        at: hours(1),
    }
}

fn message(number: u128, desk: Option<&str>) -> Outgoing {
    Outgoing {
        desk: desk.map(Into::into),
        ..Outgoing::new(
            MessageId::new(Uuid::from_u128(number)),
            Channel::Mail,
            "received",
            format!("message{number}@pianta.example"),
            Lang::It,
        )
    }
}

fn client() -> Client {
    Client {
        id: ClientId::new(Uuid::from_u128(81)),
        label: "Portale".to_owned(),
        contact: "client@pianta.example".to_owned(),
        scopes: vec!["requests:create".to_owned()],
        voucher: None,
        purposes: Vec::new(),
        created_at: hours(0),
        expires_at: hours(100),
        revoked_at: None,
    }
}

fn proof(number: u128) -> ProofId {
    ProofId::new(Uuid::from_u128(number))
}

fn ask(conn: &mut DbConnection, number: u128, email: &str) -> Result<(), StoreError> {
    email_proofs::insert(conn, proof(number), email, NETWORK, hours(0), hours(2))
}

fn set_email(conn: &mut DbConnection, id: AccountId, email: &str) -> Result<(), StoreError> {
    let mut life = lives::find(conn, id)?.unwrap();
    life.email = Some(email.to_owned());
    lives::save(conn, &mut life, &event("account.probe"), hours(1))
}

/// A row in each table of the list, with each column of it.
fn plant(db: &Db) {
    let ticket = town::ticket(1, TO4);
    let dossier = town::dossier(1, RequesterKind::Staff);
    town::file(db, &ticket, &dossier, Some(file(1)));
    write(db, |conn| {
        ask(conn, 41, MAILBOX)?;
        callbacks::insert(conn, &callback())?;
        complaints::insert(conn, &complaint())?;
        complaints::add_dispatch(conn, &complaint().desk, &dispatch())?;
        playbook_runs::insert(conn, &run())?;
        let answers = [answer(None), answer(Some("Visto da pianta."))];
        playbook_runs::append_answers(conn, &run(), 0, &answers)?;
        let value = Some("PIANTA-REF-1");
        playbook_runs::set_value(conn, &run(), "report_id", value, account(3), hours(1))?;
        outbox::put(conn, &message(91, None), hours(1))?;
        outbox::put(conn, &message(92, Some(REGION)), hours(1))?;
        clients::insert(conn, &client())?;
        set_email(conn, account(1), "account@pianta.example")?;
        federated::insert(conn, ISSUER, SUBJECT, account(1), hours(1))
    });
}

#[test]
fn whoever_steals_the_database_finds_nobody_in_it() {
    everywhere(|fresh| {
        plant(fresh.db());
        let stolen = String::from_utf8_lossy(&stolen(fresh)).to_lowercase();
        assert!(
            stolen.contains(&TO4.to_lowercase()),
            "this is where it would be"
        );
        for word in [
            "pianta",
            "zaffira",
            "3331234567",
            &"ab".repeat(8),
            "ada@",
            "ada1@",
        ] {
            assert!(!stolen.contains(word), "{word}");
        }
    });
}

#[derive(QueryableByName)]
struct SealedRow {
    #[diesel(sql_type = Uid)]
    id: Id,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    named: String,
    #[diesel(sql_type = Text)]
    desk: String,
    #[diesel(sql_type = Text)]
    value: SealedText,
    #[diesel(sql_type = Text)]
    print: String,
}

fn rows_of(
    conn: &mut DbConnection,
    table: &SealedColumns,
    column: &str,
    print: &str,
) -> Vec<SealedRow> {
    let (id, number, named) = match table.key {
        Key::Id(id) => (id, "0", "''"),
        Key::Seq(id, number) => (id, number, "''"),
        Key::Named(id, name) => (id, "0", name),
    };
    let SealedColumns { table, desk, .. } = table;
    let sql = format!(
        "SELECT {id} AS id, CAST({number} AS BIGINT) AS number, {named} AS named, {desk} AS desk, \
         {column} AS value, {print} AS print FROM {table} WHERE {column} IS NOT NULL"
    );
    diesel::sql_query(sql).load(conn).unwrap()
}

#[test]
fn the_list_of_sealed_columns_says_where_each_value_opens_and_under_whose_key() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        let keys = db.keyring().unwrap();
        read(db, |conn| {
            let desks: BTreeMap<i64, String> = data_keys::list(conn)?
                .into_iter()
                .map(|row| (row.id, row.desk))
                .collect();
            let mut planted = 0;
            for table in ALL {
                for column in table.sealed {
                    let name = format!("{}.{column}", table.table);
                    let printed = table.prints.iter().find(|print| print.of == *column);
                    let print = printed.map_or("''", |print| print.column);
                    let rows = rows_of(conn, table, column, print);
                    planted += usize::from(!rows.is_empty());
                    for row in rows {
                        let key = match table.key {
                            Key::Id(_) => row.id.0.as_bytes().to_vec(),
                            Key::Seq(..) => numbered_row(row.id.0, row.number),
                            Key::Named(..) => named_row(row.id.0, &row.named),
                        };
                        let plain = Place::new(table.table, &key).open(column, &row.value)?;
                        assert_ne!(plain, GONE, "{name}");
                        assert_eq!(desks[&row.value.key().unwrap()], row.desk, "{name}");
                        if let Some(print) = printed {
                            let maker = match print.maker {
                                Maker::Desk => row.desk.as_str(),
                                Maker::Installation => INSTALLATION,
                            };
                            assert_eq!(
                                row.print,
                                keys.print(maker, print.field, &plain)?,
                                "{name}"
                            );
                        }
                    }
                }
            }
            assert!(planted > 15, "only {planted} columns have a value");
            Ok(())
        });
    });
}

#[test]
fn what_was_sealed_is_read_as_it_was_written() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        read(db, |conn| {
            let kept = callbacks::find(conn, &Keeper::Everything, callback().id)?.unwrap();
            assert_eq!(kept, callback());
            let kept = complaints::find(conn, &Keeper::Everything, complaint().id)?.unwrap();
            assert!(kept == complaint());
            assert!(complaints::find_dispatch(conn, dispatch().id)?.unwrap() == dispatch());
            assert_eq!(playbook_runs::list(conn, run().ticket, None)?, [run()]);
            let answers = playbook_runs::list_answers(conn, run().id)?;
            let evidence: Vec<_> = answers.into_iter().map(|one| one.evidence).collect();
            assert_eq!(evidence, [None, Some("Visto da pianta.".to_owned())]);
            let values = playbook_runs::list_values(conn, run().id)?;
            assert_eq!(values["report_id"], "PIANTA-REF-1");
            assert_eq!(clients::find(conn, client().id)?.unwrap(), client());
            let life = lives::find(conn, account(1))?.unwrap();
            assert_eq!(life.email.as_deref(), Some("account@pianta.example"));
            let files = attachments::list(conn, run().ticket)?;
            assert_eq!(files[0].file, file(1));
            Ok(())
        });
        let sent = write(db, |conn| {
            outbox::claim(conn, Channel::Mail, hours(2), hours(3), 10)
        });
        let addresses: Vec<&str> = sent.iter().map(|one| one.recipient.as_str()).collect();
        assert_eq!(
            addresses,
            ["message91@pianta.example", "message92@pianta.example"]
        );
    });
}

/// Runs SQL as nobody should.
fn tamper(db: &Db, sql: &'static str) {
    write(db, move |conn| Ok(conn.batch_execute(sql)?));
}

#[test]
fn a_value_from_another_row_or_column_does_not_open() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        tamper(db, "UPDATE complaints SET postal_address = email");
        tamper(
            db,
            "UPDATE clients SET contact = (SELECT email FROM email_proofs)",
        );
        let found = db.read_in(&Scope::System, |conn| {
            complaints::find(conn, &Keeper::Everything, complaint().id).map(|_| ())
        });
        assert!(matches!(
            found,
            Err(StoreError::Corrupt {
                table: "complaints",
                column: "postal_address",
                ..
            })
        ));
        let found = db.read(|conn| clients::find(conn, client().id));
        assert!(matches!(
            found,
            Err(StoreError::Corrupt {
                table: "clients",
                column: "contact",
                ..
            })
        ));
    });
}

#[test]
fn what_is_plain_is_refused() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        tamper(db, "UPDATE callbacks SET phone = '+393331234567'");
        let found = db.read_in(&Scope::System, |conn| {
            callbacks::find(conn, &Keeper::Everything, callback().id)
        });
        assert!(matches!(
            found,
            Err(StoreError::Corrupt {
                column: "phone",
                ..
            })
        ));
    });
}

#[test]
fn a_message_whose_address_was_touched_holds_up_no_other() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        tamper(
            db,
            "UPDATE outbox SET recipient = (SELECT contact FROM clients) WHERE desk IS NULL",
        );
        let claimed = write(db, |conn| {
            outbox::claim(conn, Channel::Mail, hours(2), hours(3), 10)
        });
        let addresses: Vec<&str> = claimed.iter().map(|one| one.recipient.as_str()).collect();
        assert_eq!(addresses, [GONE, "message92@pianta.example"]);
    });
}

#[test]
fn what_is_append_only_may_be_sealed_anew_and_nothing_else() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        for (table, change) in [
            ("playbook_answers", "evidence = 'altro'"),
            ("playbook_answers", "evidence = NULL"),
            ("playbook_answers", "answer = 'no'"),
            ("complaint_dispatches", "recipient = 'altro'"),
            ("complaint_dispatches", "body = 'altro'"),
            ("attachments", "blob_key = '00'"),
            ("attachments", "blob_secret = NULL"),
            ("attachments", "file_kind = 'zip'"),
        ] {
            let sql = format!("UPDATE {table} SET {change}");
            let refused = db.write_in(&Scope::System, move |conn| {
                Ok::<_, StoreError>(conn.batch_execute(&sql)?)
            });
            let Err(StoreError::Database(reason)) = refused else {
                panic!("{table}: {change} was done")
            };
            let reason = reason.to_string();
            assert!(
                reason.contains(&format!("{table} is append-only")),
                "{reason}"
            );
        }
        write(db, |conn| {
            let id = dispatch().id.uuid();
            let place = Place::new("complaint_dispatches", id.as_bytes());
            let anew = place.seal(TO4, "recipient", "Zaffira Pianta")?;
            let done = diesel::sql_query("UPDATE complaint_dispatches SET recipient = $1")
                .bind::<Text, _>(anew)
                .execute(conn)?;
            assert_eq!(done, 1);
            assert!(complaints::find_dispatch(conn, dispatch().id)?.unwrap() == dispatch());
            Ok(())
        });
    });
}

/// Puts another key into use for what belongs to no desk.
fn rotate(db: &Db) {
    let keys = db.keyring().unwrap();
    let keyring = db.keyring().unwrap();
    let retired = if db.backend() == storage::Backend::Sqlite {
        "UPDATE data_keys SET retired_at = created_at + 1 WHERE desk = '' AND retired_at IS NULL"
    } else {
        "UPDATE data_keys SET retired_at = created_at WHERE desk = '' AND retired_at IS NULL"
    };
    write(db, move |conn| {
        conn.batch_execute(retired)?;
        data_keys::add(conn, keyring.master().as_ref(), INSTALLATION, hours(1)).map(|_| ())
    });
    keys.reload().unwrap();
}

#[test]
fn equal_values_are_found_whichever_key_printed_them() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        rotate(db);
        write(db, |conn| {
            ask(conn, 42, MAILBOX)?;
            ask(conn, 43, "other@pianta.example")?;
            let counted = email_proofs::count_since(conn, MAILBOX, NETWORK, hours(0))?;
            assert_eq!(counted, (2, 3));
            email_proofs::mark_verified(conn, proof(41), hours(1))?;
            assert!(!email_proofs::take(
                conn,
                proof(41),
                "other@pianta.example",
                hours(1)
            )?);
            assert!(email_proofs::take(conn, proof(41), MAILBOX, hours(1))?);
            let known = federated::find(conn, ISSUER, SUBJECT)?;
            assert_eq!(known, Some(account(1)));
            assert_eq!(
                federated::find(conn, "https://other.example", SUBJECT)?,
                None
            );
            assert_eq!(federated::find(conn, ISSUER, "nobody")?, None);
            let who = complaint().complainant;
            assert_eq!(complaints::count_own_since(conn, &who, hours(0))?, 1);
            Ok(())
        });
        let own = Scope::Citizen {
            identity: IDENTITY.to_owned(),
            tax_code: town::tax_code(1),
            delegators: Vec::new(),
        };
        let found = town::read_in(db, &own, |conn| {
            complaints::find_own(conn, &own, complaint().id)
        });
        assert!(found.is_some_and(|one| one == complaint()));
        let another = town::citizen(1, 1, &[]);
        let found = town::read_in(db, &another, |conn| {
            complaints::find_own(conn, &another, complaint().id)
        });
        assert!(found.is_none());
    });
}

#[test]
fn two_accounts_share_no_address_whichever_key_printed_it() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        let taken = |db: &Db| {
            let shared = db.write_in(&Scope::System, |conn| {
                set_email(conn, account(2), "account@pianta.example")
            });
            matches!(shared, Err(StoreError::UniqueViolation { constraint }) if constraint == lives::EMAIL_KEY)
        };
        assert!(taken(db), "under the same key");
        rotate(db);
        assert!(taken(db), "under another");
        write(db, |conn| {
            set_email(conn, account(1), "account@pianta.example")?;
            set_email(conn, account(2), "two@pianta.example")
        });
        assert!(taken(db), "sealed anew");
    });
}

#[test]
fn a_federated_identity_has_one_account() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        let twice = db.write_in(&Scope::System, |conn| {
            federated::insert(conn, ISSUER, SUBJECT, account(2), hours(1))
        });
        assert!(matches!(twice, Err(StoreError::UniqueViolation { .. })));
    });
}

#[test]
fn a_complaint_is_changed_without_being_sealed_again() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        let columns = |db: &Db| {
            let sql = "SELECT complainant || email || postal_address || identity || filed_by_identity \
                       AS line FROM complaints";
            lines(db, sql)
        };
        let before = columns(db);
        write(db, |conn| {
            let mut one = complaint();
            one.version = 2;
            one.classification = Some("attesa".to_owned());
            complaints::save(conn, &one, 1)
        });
        assert_eq!(columns(db), before);
        let kept = read(db, |conn| {
            complaints::find(conn, &Keeper::Everything, complaint().id)
        });
        let kept = kept.unwrap();
        assert_eq!(
            (kept.version, kept.classification.as_deref()),
            (2, Some("attesa"))
        );
        assert!(kept.complainant == complaint().complainant);
    });
}

#[test]
fn files_from_before_blobs_were_sealed_are_listed_until_their_row_names_a_sealed_one() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 1..=3 {
            let ticket = town::ticket(number, TO4);
            let dossier = town::dossier(number, RequesterKind::Staff);
            town::file(db, &ticket, &dossier, Some(file(number.into())));
        }
        let plain = |db: &Db| {
            read(db, |conn| {
                attachments::list_stale(conn, &Staleness::Plain, None, 10)
            })
        };
        assert_eq!(plain(db), []);
        // As a database of before: no program writes such a row any more.
        tamper(
            db,
            match fresh.is_sqlite() {
                true => "DROP TRIGGER attachments_sealed_alone",
                false => "DROP TRIGGER attachments_sealed_alone ON attachments",
            },
        );
        tamper(
            db,
            "UPDATE attachments SET blob_secret = NULL WHERE seq = 1",
        );
        let found = plain(db);
        assert_eq!(found.len(), 3);
        assert!(
            found
                .iter()
                .all(|one| one.desk == TO4 && one.file.blob_secret == BlobSecret::default())
        );
        let rest = read(db, |conn| {
            attachments::list_stale(conn, &Staleness::Plain, Some(found[0].file.id), 1)
        });
        assert_eq!(rest, [found[1].clone()]);

        let blob = BlobRef {
            key: BlobKey::from_random([7; 16]),
            secret: BlobSecret::from_stored("another".to_owned()),
            sha256: [0xab; 32],
            size: 300,
        };
        let (stale, named) = (found[0].clone(), blob.clone());
        let replaced = write(db, move |conn| {
            let first = attachments::replace_blob(conn, &stale, &named)?;
            Ok((first, attachments::replace_blob(conn, &stale, &named)?))
        });
        assert_eq!(replaced, (true, false));
        assert_eq!(plain(db).len(), 2);
        let kept = read(db, |conn| attachments::list(conn, town::ticket(1, TO4).id));
        assert_eq!(kept[0].file.blob_key, blob.key.as_str());
        assert_eq!(kept[0].file.blob_secret, blob.secret);
        assert_eq!(kept[0].file.sha256, file(1).sha256);

        let number = read(db, |conn| {
            let keys = data_keys::list(conn)?;
            Ok(keys
                .into_iter()
                .find(|key| key.desk == TO4)
                .map(|key| key.id))
        });
        let under = |number| {
            read(db, |conn| {
                attachments::list_stale(conn, &Staleness::Under(number), None, 10)
            })
        };
        assert_eq!(under(number.unwrap()).len(), 1);
        assert_eq!(under(999).len(), 0);
    });
}

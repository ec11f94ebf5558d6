//! What somebody who has the database can do to the audit trail, and which entry the check names first.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use service::evidence::{AuditKey, Doubt, ExportedEntry, Flaw, Proof, Wrong};
use storage::Backend;
use tests::people::{PASSWORD, TO4};
use tests::{TestApp, both};

/// The tables that refuse every change until somebody takes their triggers away.
const GUARDED: [&str; 3] = ["audit_entries", "audit_links", "audit_anchors"];

fn key() -> Arc<AuditKey> {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    Arc::new(AuditKey::from_pkcs8(der.unwrap().as_ref()).unwrap())
}

/// So many log-ins at one desk, linked: an entry each.
fn log_ins(app: &TestApp, count: usize) {
    for _ in 0..count {
        let opened = app
            .desk
            .sign_in("to4.operator", PASSWORD, None, "a network");
        opened.expect("a session");
    }
    app.desk.link_audit().expect("the trail is linked");
}

/// What can be kept outside: the lines of the anchors so far.
fn anchored(app: &TestApp, key: &Arc<AuditKey>) -> Vec<String> {
    let made = app.desk.anchor_audit(key, &["file"], SignedDuration::ZERO);
    assert!(made.expect("an anchor").is_some());
    let lines = std::cell::RefCell::new(Vec::new());
    app.desk
        .send_anchors(&|send| {
            lines.borrow_mut().push(send.anchor.body.clone());
            Ok(())
        })
        .expect("it is sent");
    lines.into_inner()
}

fn prove(app: &TestApp, key: &AuditKey, outside: &[String]) -> Proof {
    let keys = [key.public().clone()];
    let proof = app.desk.prove_audit(&keys, None, outside.iter().cloned());
    proof.expect("the trail is read")
}

/// The first thing wrong in the chain of the desk.
fn first(proof: &Proof) -> &Doubt {
    let of_desk = |doubt: &&Doubt| doubt.chain.as_deref() == Some(TO4);
    let found = proof.doubts.iter().find(of_desk);
    found.unwrap_or_else(|| panic!("nothing is wrong: {proof:?}"))
}

fn chain(app: &TestApp) -> Vec<ExportedEntry> {
    let mut found = Vec::new();
    let all = (Timestamp::MIN, Timestamp::MAX);
    app.desk
        .export_audit(all, Some(TO4), |entry| {
            found.push(entry);
            Ok::<_, service::DeskError>(())
        })
        .expect("the trail is read");
    found.sort_by_key(|entry: &ExportedEntry| entry.seq);
    found
}

/// As whoever owns the tables may.
fn take_guards_away(app: &TestApp) {
    for table in GUARDED {
        for what in ["no_update", "no_delete"] {
            let on = on(app, table);
            run(app, &format!("DROP TRIGGER {table}_{what} {on}"));
        }
    }
    let on = on(app, "audit_entries");
    run(app, &format!("DROP TRIGGER audit_entries_await_link {on}"));
}

fn on(app: &TestApp, table: &str) -> String {
    match app.db.backend() {
        Backend::Sqlite => String::new(),
        Backend::Postgres => format!("ON {table}"),
    }
}

fn run(app: &TestApp, sql: &str) {
    let sql = sql.to_owned();
    app.db
        .write(move |conn| {
            use diesel::connection::SimpleConnection;
            Ok::<_, storage::StoreError>(conn.batch_execute(&sql)?)
        })
        .expect("the statement runs");
}

/// Bytes as a literal of the database at hand.
fn bytes(app: &TestApp, hex: &str) -> String {
    match app.db.backend() {
        Backend::Sqlite => format!("x'{hex}'"),
        Backend::Postgres => format!("'\\x{hex}'"),
    }
}

fn id(app: &TestApp, id: &str) -> String {
    match app.db.backend() {
        Backend::Sqlite => format!("x'{}'", id.replace('-', "")),
        Backend::Postgres => format!("'{id}'"),
    }
}

/// The hash of an entry at its place, made anew from what `docs/adr/0034` says and nothing else.
fn hash_of(previous: &str, entry: &ExportedEntry, seq: i64) -> String {
    let id: String = entry.id.replace('-', "");
    let parts: [Vec<u8>; 6] = [
        entry.chain.clone().into_bytes(),
        seq.to_be_bytes().to_vec(),
        HEXLOWER.decode(id.as_bytes()).unwrap(),
        entry.nth.to_be_bytes().to_vec(),
        entry.at_microseconds.to_be_bytes().to_vec(),
        entry.body.clone().into_bytes(),
    ];
    let mut text = HEXLOWER.decode(previous.as_bytes()).unwrap();
    for part in parts {
        text.extend_from_slice(&u64::try_from(part.len()).unwrap().to_be_bytes());
        text.extend_from_slice(&part);
    }
    HEXLOWER.encode(digest(&SHA256, &text).as_ref())
}

/// Puts these entries into the chain in this order, with hashes that fit, and leaves the rest away.
fn relink(app: &TestApp, entries: &[ExportedEntry]) {
    run(
        app,
        &format!("DELETE FROM audit_links WHERE chain = '{TO4}'"),
    );
    let mut previous = "00".repeat(32);
    for (seq, entry) in (1_i64..).zip(entries) {
        let hash = hash_of(&previous, entry, seq);
        run(
            app,
            &format!(
                "INSERT INTO audit_links (chain, seq, entry_id, nth, previous, hash)
                 VALUES ('{TO4}', {seq}, {}, {}, {}, {})",
                id(app, &entry.id),
                entry.nth,
                bytes(app, &previous),
                bytes(app, &hash)
            ),
        );
        previous = hash;
    }
}

/// A copy of an entry under another id and with another body, as somebody without the keys can make it.
fn forge(app: &TestApp, entry: &ExportedEntry, number: u128) -> ExportedEntry {
    let forged = ExportedEntry {
        id: uuid::Uuid::from_u128(number).to_string(),
        body: entry.body.replace("log_in", "log_xx"),
        ..entry.clone()
    };
    assert_ne!(forged.body, entry.body);
    run(
        app,
        &format!(
            "INSERT INTO audit_entries (id, nth, chain, at, body, mac)
             SELECT {}, nth, chain, at, replace(body, 'log_in', 'log_xx'), mac FROM audit_entries
             WHERE id = {}",
            id(app, &forged.id),
            id(app, &entry.id)
        ),
    );
    forged
}

fn delete(app: &TestApp, entries: &[ExportedEntry]) {
    for entry in entries {
        let id = id(app, &entry.id);
        run(app, &format!("DELETE FROM audit_entries WHERE id = {id}"));
    }
}

/// That the check names this place, this entry and this flaw.
#[track_caller]
fn names(proof: &Proof, seq: i64, entry: Option<&ExportedEntry>, wrong: &Wrong) {
    let doubt = first(proof);
    let named = doubt.entry.map(|name| name.id.to_string());
    assert_eq!(doubt.seq, Some(seq), "{doubt}");
    assert_eq!(named.as_ref(), entry.map(|entry| &entry.id), "{doubt}");
    assert_eq!(doubt.wrong, *wrong, "{doubt}");
}

both!(
    a_trail_nobody_touched_is_proved_against_its_anchors,
    async |app: &TestApp| {
        let key = key();
        log_ins(app, 3);
        let mut lines = anchored(app, &key);
        log_ins(app, 2);
        lines.extend(anchored(app, &key));
        // A line that was cut off while it was written tells nothing, and hides nothing.
        lines.push(lines[0][..50].to_owned());
        let proof = prove(app, &key, &lines);
        assert!(proof.is_clean(), "{proof:?}");
        assert_eq!((proof.anchors, proof.unreadable), (4, 1));
        assert!(proof.chains.contains(&(TO4.to_owned(), 5)), "{proof:?}");
        // The hashes are what the page says they are.
        let mut previous = "00".repeat(32);
        for entry in chain(app) {
            let hash = hash_of(&previous, &entry, entry.seq.unwrap());
            assert_eq!(entry.hash.as_ref(), Some(&hash));
            previous = hash;
        }
    }
);

both!(an_edited_entry_is_named, async |app: &TestApp| {
    let key = key();
    log_ins(app, 5);
    let entries = chain(app);
    take_guards_away(app);
    run(
        app,
        &format!(
            "UPDATE audit_entries SET body = replace(body, 'log_in', 'log_xx') WHERE id = {}",
            id(app, &entries[2].id)
        ),
    );
    let changed = Wrong::Flaw(Flaw::Changed);
    names(&prove(app, &key, &[]), 3, Some(&entries[2]), &changed);
    // Hashes that fit again do not help whoever has no keys.
    let edited = chain(app);
    relink(app, &edited);
    let not_ours = Wrong::Flaw(Flaw::NotOurs);
    names(&prove(app, &key, &[]), 3, Some(&entries[2]), &not_ours);
});

both!(
    an_entry_deleted_in_the_middle_is_named,
    async |app: &TestApp| {
        let key = key();
        log_ins(app, 5);
        let entries = chain(app);
        take_guards_away(app);
        delete(app, &entries[2..3]);
        let gone = Wrong::Flaw(Flaw::EntryGone);
        names(&prove(app, &key, &[]), 3, Some(&entries[2]), &gone);
        run(
            app,
            &format!("DELETE FROM audit_links WHERE chain = '{TO4}' AND seq = 3"),
        );
        names(&prove(app, &key, &[]), 3, None, &Wrong::Flaw(Flaw::Gap));
    }
);

both!(
    a_tail_that_was_cut_off_is_named_by_an_anchor,
    async |app: &TestApp| {
        let key = key();
        log_ins(app, 6);
        let lines = anchored(app, &key);
        let entries = chain(app);
        take_guards_away(app);
        relink(app, &entries[..4]);
        delete(app, &entries[4..]);
        let cut = Wrong::Cut {
            anchor: 1,
            at: app.now(),
            had: 6,
        };
        names(&prove(app, &key, &lines), 5, None, &cut);
        // Without its own anchors the database fits itself; the lines that were kept outside tell.
        run(app, "DELETE FROM audit_anchors");
        assert!(prove(app, &key, &[]).is_clean());
        let proof = prove(app, &key, &lines);
        names(&proof, 5, None, &cut);
        let gone = |doubt: &Doubt| doubt.wrong == Wrong::AnchorGone { anchor: 1 };
        assert!(proof.doubts.iter().any(gone), "{proof:?}");
    }
);

both!(an_entry_that_was_put_in_is_named, async |app: &TestApp| {
    let key = key();
    log_ins(app, 5);
    let mut entries = chain(app);
    take_guards_away(app);
    let forged = forge(app, &entries[2], 7);
    // Nobody linked it.
    let proof = prove(app, &key, &[]);
    let doubt = first(&proof);
    assert_eq!(doubt.wrong, Wrong::Flaw(Flaw::NeverLinked));
    assert_eq!(doubt.entry.unwrap().id.to_string(), forged.id);
    // In its place, and all hashes made anew.
    entries.insert(3, forged.clone());
    relink(app, &entries);
    let not_ours = Wrong::Flaw(Flaw::NotOurs);
    names(&prove(app, &key, &[]), 4, Some(&forged), &not_ours);
});

both!(two_swapped_entries_are_named, async |app: &TestApp| {
    let key = key();
    log_ins(app, 5);
    let lines = anchored(app, &key);
    let mut entries = chain(app);
    take_guards_away(app);
    let place = |seq: i64, entry: &ExportedEntry| {
        format!(
            "UPDATE audit_links SET entry_id = {} WHERE chain = '{TO4}' AND seq = {seq}",
            id(app, &entry.id)
        )
    };
    let nobody = ExportedEntry {
        id: uuid::Uuid::nil().to_string(),
        ..entries[0].clone()
    };
    run(app, &place(2, &nobody));
    run(app, &place(4, &entries[1]));
    run(app, &place(2, &entries[3]));
    let changed = Wrong::Flaw(Flaw::Changed);
    names(&prove(app, &key, &[]), 2, Some(&entries[3]), &changed);
    // With hashes that fit again both are ours: the anchor knows that the end was another one.
    entries.swap(1, 3);
    relink(app, &entries);
    let rewritten = Wrong::Rewritten {
        anchor: 1,
        at: app.now(),
        after: 0,
    };
    names(&prove(app, &key, &lines), 5, Some(&entries[4]), &rewritten);
});

both!(
    a_tail_that_was_cut_off_and_written_anew_is_named,
    async |app: &TestApp| {
        let key = key();
        log_ins(app, 3);
        let mut lines = anchored(app, &key);
        log_ins(app, 3);
        lines.extend(anchored(app, &key));
        let entries = chain(app);
        take_guards_away(app);
        // By somebody without the keys.
        let mut forged = entries[..4].to_vec();
        forged.extend([forge(app, &entries[4], 8), forge(app, &entries[5], 9)]);
        delete(app, &entries[4..]);
        relink(app, &forged);
        let not_ours = Wrong::Flaw(Flaw::NotOurs);
        names(&prove(app, &key, &lines), 5, Some(&forged[4]), &not_ours);
        // By somebody who has the program itself write other entries.
        relink(app, &entries[..4]);
        delete(app, &forged[4..]);
        put_trigger_back(app);
        log_ins(app, 3);
        let now = chain(app);
        let rewritten = Wrong::Rewritten {
            anchor: 2,
            at: app.now(),
            after: 3,
        };
        names(&prove(app, &key, &lines), 6, Some(&now[5]), &rewritten);
    }
);

both!(
    a_trail_written_anew_as_a_whole_is_found_by_anchors,
    async |app: &TestApp| {
        let key = key();
        log_ins(app, 4);
        let lines = anchored(app, &key);
        take_guards_away(app);
        for table in ["audit_anchors", "audit_links", "audit_entries"] {
            run(app, &format!("DELETE FROM {table}"));
        }
        put_trigger_back(app);
        log_ins(app, 6);
        anchored(app, &key);
        // Everything in the database fits, with the installation's own keys.
        assert!(prove(app, &key, &[]).is_clean());
        let rewritten = Wrong::Rewritten {
            anchor: 1,
            at: app.now(),
            after: 0,
        };
        let now = chain(app);
        names(&prove(app, &key, &lines), 4, Some(&now[3]), &rewritten);
    }
);

both!(
    an_anchor_of_another_key_proves_nothing,
    async |app: &TestApp| {
        let (ours, other) = (key(), key());
        log_ins(app, 2);
        let lines = anchored(app, &ours);
        let proof = prove(app, &other, &lines);
        let said: Vec<&Wrong> = proof.doubts.iter().map(|doubt| &doubt.wrong).collect();
        let expected = [
            &Wrong::AnchorGone { anchor: 1 },
            &Wrong::NoAnchor { line: 1 },
        ];
        assert_eq!(said, expected);
        // Where the key was replaced, both count.
        let keys = [other.public().clone(), ours.public().clone()];
        let proof = app.desk.prove_audit(&keys, None, lines.into_iter());
        assert!(proof.expect("the trail is read").is_clean());
    }
);

both!(
    an_anchor_is_made_once_in_a_while_and_says_when_nothing_happened,
    async |app: &TestApp| {
        let (key, every) = (key(), SignedDuration::from_mins(5));
        let make = || app.desk.anchor_audit(&key, &["file"], every).unwrap();
        assert_eq!(make(), None, "there is no chain yet");
        log_ins(app, 1);
        assert_eq!(make(), Some(1));
        log_ins(app, 1);
        assert_eq!(make(), None, "another node has just made one");
        app.advance("PT5M");
        assert_eq!(make(), Some(2));
        app.advance("PT5M");
        assert_eq!(make(), None, "nothing happened");
        app.advance("P1D");
        assert_eq!(make(), Some(3), "which is said once a day");
    }
);

both!(
    an_anchor_that_is_not_taken_is_tried_again_and_shown,
    async |app: &TestApp| {
        let key = key();
        log_ins(app, 1);
        let every = SignedDuration::ZERO;
        app.desk
            .anchor_audit(&key, &["file", "webhook"], every)
            .unwrap();
        let refuse = |send: &service::evidence::Send| match send.place.as_str() {
            "file" => Ok(()),
            _ => Err(String::from("no connection")),
        };
        let run = app.desk.send_anchors(&refuse).unwrap();
        assert_eq!((run.sent, run.failed), (1, 1));
        let state = app.desk.trail_state().unwrap();
        assert_eq!(state.anchors.failing, 1);
        assert_eq!(state.anchors.failing_place.as_deref(), Some("webhook"));
        let metrics = app.anonymous().get("/metrics").await;
        let text = metrics.text();
        assert!(text.contains("sportello_audit_anchors_failing 1"), "{text}");
        let again = app.desk.send_anchors(&|_| Ok(())).unwrap();
        assert_eq!(again.sent, 0, "too early");
        app.advance("PT10S");
        let again = app.desk.send_anchors(&|_| Ok(())).unwrap();
        assert_eq!(again.sent, 1);
        assert_eq!(app.desk.trail_state().unwrap().anchors.failing, 0);
    }
);

both!(
    a_place_that_does_not_take_one_is_not_asked_for_the_next,
    async |app: &TestApp| {
        let key = key();
        for _ in 0..3 {
            log_ins(app, 1);
            let places = ["file", "webhook"];
            app.desk
                .anchor_audit(&key, &places, SignedDuration::ZERO)
                .unwrap();
        }
        let tries = std::cell::Cell::new(0);
        let hang = |send: &service::evidence::Send| match send.place.as_str() {
            "file" => Ok(()),
            _ => {
                tries.set(tries.get() + 1);
                Err(String::from("no answer in time"))
            }
        };
        let run = app.desk.send_anchors(&hang).unwrap();
        assert_eq!((run.sent, run.failed, tries.get()), (3, 1, 1));
        assert_eq!(app.desk.trail_state().unwrap().anchors.failing, 3);
        app.advance("PT10S");
        let run = app.desk.send_anchors(&|_| Ok(())).unwrap();
        assert_eq!((run.sent, run.failed), (3, 0));
    }
);

/// So that what is written from now on is linked again.
fn put_trigger_back(app: &TestApp) {
    run(
        app,
        match app.db.backend() {
            Backend::Sqlite => {
                "CREATE TRIGGER audit_entries_await_link AFTER INSERT ON audit_entries BEGIN
                     INSERT INTO audit_pending (entry_id, nth) VALUES (NEW.id, NEW.nth);
                 END"
            }
            Backend::Postgres => {
                "CREATE TRIGGER audit_entries_await_link AFTER INSERT ON audit_entries
                 FOR EACH ROW EXECUTE FUNCTION await_link()"
            }
        },
    );
}

//! Anchors of the audit trail on their way to an address and into a mailbox that are away at first:
//! nothing is lost, each is signed, and what arrived tells that the database was cut.

use std::path::PathBuf;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::Value;

use crate::sinks::{Got, Sink};
use crate::town::Town;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_anchors_reach_who_was_away_and_tell_of_a_cut() {
    reach_and_tell(Town::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_anchors_reach_who_was_away_and_tell_of_a_cut() {
    if let Some(town) = Town::on_postgres("anchors") {
        reach_and_tell(town).await;
    }
}

async fn reach_and_tell(mut town: Town) {
    town.set(
        "SPORTELLO__WEBHOOKS__ALLOWED_PRIVATE_HOSTS",
        "[\"127.0.0.1\"]",
    );
    town.set("SPORTELLO__AUDIT__ANCHOR_MAIL", "registro@example.org");
    town.set("SPORTELLO__MAIL__TRANSPORT", "smtp");
    town.set("SPORTELLO__MAIL__SMTP__HOST", "127.0.0.1");
    town.set("SPORTELLO__MAIL__SMTP__TLS", "none");
    // Nobody listens there.
    send_to(&mut town, 1, 1);
    let server = town.start().await;
    town.operator(&server).await;
    drop(server);
    anchor(&town, "PT6M");
    town.keep_copy();
    anchor(&town, "PT6M");
    anchor(&town, "PT6M");
    let doctor = town.doctor();
    assert!(
        doctor.contains("anchors did not arrive yet (mail)"),
        "{doctor}"
    );

    // They are there, and not well.
    let (address, mailbox) = (Sink::of_posts(), Sink::of_mail());
    send_to(&mut town, address.port(), mailbox.port());
    address.answers(503);
    mailbox.answers(451);
    anchor(&town, "PT1H");
    assert_eq!(address.got().len(), 1, "one try tells enough");
    assert_eq!(lines_in(&mailbox).len(), 1);
    address.answers(204);
    mailbox.answers(250);
    anchor(&town, "PT1H");

    let written = std::fs::read_to_string(town.data("audit-anchors.jsonl")).expect("a file");
    let written: Vec<&str> = written.lines().collect();
    assert!(written.len() >= 5, "an anchor each time: {}", written.len());
    let posted = address.got();
    for got in &posted {
        let kind = "content-type: application/jose+json";
        assert!(got.head.lines().any(|line| line == kind), "{}", got.head);
    }
    let posted: Vec<String> = posted.into_iter().map(|got| got.body).collect();
    assert_eq!(posted, written, "all of them, in order");
    let mailed = lines_in(&mailbox);
    assert_eq!(mailed, written);

    let pem = town.says(&["audit", "public-key"]);
    for (at, line) in posted.iter().enumerate() {
        assert_eq!(number_of(&pem, line), at + 1);
    }
    let key = keep(&town, "key.pem", &pem);
    let posted = keep(&town, "posted.jsonl", &posted.join("\n"));
    let mailed = keep(&town, "mailed.jsonl", &mailed.join("\n"));
    let verify = |anchors: &str| {
        [
            "audit",
            "verify",
            "--public-key",
            key.as_str(),
            "--anchors",
            anchors,
        ]
        .map(str::to_owned)
    };
    for anchors in [&posted, &mailed] {
        let arguments = verify(anchors);
        let told = town.says(&arguments.each_ref().map(String::as_str));
        assert!(told.contains("the trail is what was written"), "{told}");
    }

    town.put_copy_back();
    let nothing = keep(&town, "nothing.jsonl", "");
    let alone = verify(&nothing);
    let told = town.says(&alone.each_ref().map(String::as_str));
    assert!(
        told.contains("the trail is what was written"),
        "it fits itself: {told}"
    );
    for anchors in [&posted, &mailed] {
        let arguments = verify(anchors);
        let told = town.finds(&arguments.each_ref().map(String::as_str));
        assert!(told.contains("the end was cut off: anchor "), "{told}");
        assert!(told.contains("is missing from the database"), "{told}");
    }
}

fn send_to(town: &mut Town, address: u16, mailbox: u16) {
    let url = format!("http://127.0.0.1:{address}/anchors");
    town.set("SPORTELLO__AUDIT__ANCHOR_URL", url);
    town.set("SPORTELLO__MAIL__SMTP__PORT", mailbox.to_string());
}

/// Has something noted in the trail, and so much later an anchor made and sent.
fn anchor(town: &Town, later: &str) {
    town.says(&["jobs", "resume"]);
    town.forward(later);
    town.says(&["jobs", "run", "--once"]);
}

fn keep(town: &Town, file: &str, text: &str) -> String {
    let path: PathBuf = town.data(file);
    std::fs::write(&path, text).expect("it is kept");
    path.display().to_string()
}

/// The lines that mails ask to keep, out of quoted-printable text (RFC 2045 §6.7).
fn lines_in(mailbox: &Sink) -> Vec<String> {
    let line = |got: Got| {
        let joined = got.body.replace("=\n", "");
        let found = joined.lines().find(|line| line.starts_with('{'));
        found.expect("a line").to_owned()
    };
    let is_meant = |got: &Got| got.head.contains("\nto: registro@example.org\n");
    mailbox
        .got()
        .into_iter()
        .filter(is_meant)
        .map(line)
        .collect()
}

/// The number in an anchor, when the key of this block has signed it (RFC 7515): as a receiver finds out,
/// apart from the program's own code.
fn number_of(pem: &str, line: &str) -> usize {
    let block: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let key = BASE64.decode(block.as_bytes()).expect("Base64");
    let line: Value = serde_json::from_str(line).expect("JSON");
    let member = |name: &str| line[name].as_str().expect("a text").to_owned();
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).expect("Base64");
    let (protected, payload) = (member("protected"), member("payload"));
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
        .verify(
            format!("{protected}.{payload}").as_bytes(),
            &decode(&member("signature")),
        )
        .expect("the right signature");
    let text: Value = serde_json::from_slice(&decode(&payload)).expect("JSON");
    let number = text["number"].as_u64().expect("a number");
    usize::try_from(number).expect("a small one")
}

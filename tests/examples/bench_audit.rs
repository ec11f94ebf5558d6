//! What the audit trail costs (`docs/adr/0034`): a filing and a change by staff with and without an entry,
//! in turn on the same database, and how many entries are linked and proved in a second. Printed are
//! medians and their ratio; run by `scripts/bench-audit.sh`.

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use domain::filing::{CitizenIdentity, FilingForm};
use domain::ids::{TicketId, TicketRef};
use domain::invalid::Lang;
use domain::person_name::PersonName;
use domain::tax_code::TaxCode;
use service::evidence::AuditKey;
use service::filing::FiledBy;
use service::once::Once;
use service::update::PatchForm;
use storage::audit;
use storage::trail::{Beginning, Trail};
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{Options, Place, TestApp};
use uuid::Uuid;

/// Entries linked and proved.
const ENTRIES: u128 = 10_000;

fn main() {
    let count: usize = std::env::args()
        .nth(1)
        .map_or(300, |count| count.parse().expect("a number of pairs"));
    for place in [Place::Sqlite, Place::Postgres] {
        if place.is_there() {
            measure(place, count);
        }
    }
}

fn measure(place: Place, count: usize) {
    let mut options = Options::default();
    options.settings.quotas.filings_per_day = i64::MAX;
    let app = TestApp::spawn_with(place, options);
    println!("{place:?}, {count} pairs, medians");

    let mut last = None;
    let (without, with) = pairs(&app, count, || last = Some(file(&app)));
    tell("filing", without, with);

    let id = last.expect("a request was filed");
    let mut version = 1;
    let staff = tests::load::staff(&app.db, "to4.operator", TO4);
    let mut is_high = false;
    let (without, with) = pairs(&app, count, || {
        is_high = !is_high;
        let priority = if is_high { "high" } else { "medium" };
        let form = PatchForm {
            priority: Some(Some(priority.to_owned())),
            ..PatchForm::default()
        };
        let changed = app.desk.describe(&staff, TicketRef::Id(id), version, form);
        version = changed.expect("it is changed").version;
    });
    tell("change by staff", without, with);

    app.desk.link_audit().expect("the trail is linked");
    for number in 0..ENTRIES / 100 {
        app.db
            .write(move |conn| {
                for nth in 0..100 {
                    audit::append(conn, &entry(number * 100 + nth))?;
                }
                Ok::<_, storage::StoreError>(())
            })
            .expect("the entries are written");
    }
    let began = Instant::now();
    let linked = app.desk.link_audit().expect("the trail is linked").linked;
    rate("linked", linked, began.elapsed());
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let key = AuditKey::from_pkcs8(der.expect("a key").as_ref()).expect("a key");
    let began = Instant::now();
    let keys = [key.public().clone()];
    let proof = app.desk.prove_audit(&keys, None, std::iter::empty());
    let proof = proof.expect("the trail is read");
    assert!(proof.is_clean(), "{proof:?}");
    let proved: i64 = proof.chains.iter().map(|(_, good)| good).sum();
    rate(
        "proved",
        usize::try_from(proved).expect("a count"),
        began.elapsed(),
    );
}

/// Runs the work without and with a trail, in turn, so that both meet the same database.
fn pairs(app: &TestApp, count: usize, mut work: impl FnMut()) -> (Vec<Duration>, Vec<Duration>) {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for at in 0..count + 5 {
        let began = Instant::now();
        work();
        let plain = began.elapsed();
        let trail = Trail::begin(Beginning {
            id: app.desk.ids().uuid(),
            at: app.now(),
            actor: AuditActor::Nobody,
            operation: "bench".to_owned(),
            purpose: None,
            correlation: None,
        });
        let began = Instant::now();
        trail.within(&mut work);
        let traced = began.elapsed();
        // The first ones open connections and prepare statements.
        if at >= 5 {
            without.push(plain);
            with.push(traced);
        }
    }
    (without, with)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

fn tell(what: &str, without: Vec<Duration>, with: Vec<Duration>) {
    let (without, with) = (median(without), median(with));
    println!(
        "  {what:<16} without {without:.2} ms, with {with:.2} ms, ratio {:.2}",
        with / without
    );
}

fn rate(what: &str, count: usize, took: Duration) {
    let count = u32::try_from(count).expect("not that many");
    println!(
        "  {what:<16} {count} entries, {:.0} in a second",
        f64::from(count) / took.as_secs_f64()
    );
}

fn file(app: &TestApp) -> TicketId {
    let form = FilingForm {
        service_code: Some("FSE".to_owned()),
        problem_type: Some("referto-non-trovato".to_owned()),
        authority_code: Some(TO4.to_owned()),
        description: Some("Non trovo il referto della visita di febbraio.".to_owned()),
        extra: serde_json::from_value(serde_json::json!({
            "exam_date": "2026-02-10", "team_number": "80380000100123456789",
        }))
        .expect("an object"),
        privacy_ack: Some(true),
        ..FilingForm::default()
    };
    let name = |text: &str| PersonName::parse(text).expect("a name");
    let person = CitizenIdentity {
        tax_code: TaxCode::parse(MARIO.tax_code, true).expect("a tax code"),
        given_name: name(MARIO.given_name),
        family_name: name(MARIO.family_name),
        email: domain::email::EmailAddress::parse(MARIO.email).ok(),
    };
    let by = FiledBy::Citizen {
        person,
        identity: "bench".to_owned(),
    };
    let checked = app.desk.check_filing(&form, by, None, Lang::It);
    let once = Once {
        key: None,
        content: Vec::new(),
    };
    let filed = app
        .desk
        .file(
            checked.unwrap_or_else(|error| panic!("{error:?}")),
            None,
            &once,
        )
        .expect("it is filed");
    filed.value.ticket.id
}

fn entry(number: u128) -> AuditEntry {
    AuditEntry {
        id: Uuid::from_u128(number + (1 << 100)),
        nth: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        chain: TO4.to_owned(),
        actor: AuditActor::System,
        operation: "read_ticket".to_owned(),
        tickets: vec![TicketId::new(Uuid::from_u128(number))],
        subjects: vec!["a".repeat(22)],
        purpose: Some("assistance".to_owned()),
        outcome: AuditOutcome::Done,
        correlation: Some(Uuid::from_u128(number)),
        changed: Vec::new(),
        sign_in: None,
    }
}

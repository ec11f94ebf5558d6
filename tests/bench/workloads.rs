//! What is driven, one after the other, each beside its floor.

use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::Place;
use tests::load::{CAREFUL, COMMON_WORD, Invented, Life, RARE_WORD};
use tests::people::{PASSWORD, TO4};

use crate::Options;
use crate::floor::{Postgres, sqlite_loop};
use crate::office::{Caller, Measured};
use crate::process::{Server, cpu_of, cpu_of_family};
use crate::report::{Against, Report, Row};
use crate::statements::{logged, script_of};
use crate::streams;
use crate::wrk::{Driven, Request, drive, filing};

/// Citizens who file, in turn: so many that nobody has filed much today, which a filing looks at.
const CITIZENS: u64 = 5_000;
/// Bytes of the large file.
const LARGE: usize = 500_000;
/// Seconds of each warm-up.
const WARM_UP: u64 = 2;
/// Program and database are quiet when they use less than this part of a core.
const QUIET: f64 = 0.05;
/// How long they may take to become so, in seconds, and how often that is looked at, in milliseconds.
const QUIET_WITHIN: u64 = 60;
const LOOK_EACH: u64 = 400;

/// What the queue page selects, as a floor for `pgbench`.
const PAGE: &str = "SELECT id, number, version, service_code, problem_type, custodian, state, assignee, priority, \
     tallies, tags, dossier, created_at, updated_at, due_at FROM tickets WHERE custodian = '010204' \
     ORDER BY created_at DESC, id DESC LIMIT 50;\n";

/// What is needed to drive one workload.
struct Bench<'a> {
    measured: &'a Measured,
    options: &'a Options,
    server: Server,
    floor: Option<(Postgres, u32)>,
    own: String,
}

/// Drives all of them.
pub(crate) fn run(measured: &Measured, options: &Options, report: &mut Report) {
    let server = measured.start();
    std::thread::sleep(std::time::Duration::from_secs(2));
    report.memory(measured, "idle", server.memory());
    let mut bench = Bench {
        measured,
        options,
        server,
        floor: None,
        own: String::new(),
    };
    if let Some((url, psql, postmaster)) = &measured.postgres {
        let floor = Postgres::open(url, psql, measured.folder.path());
        let caller = Caller::new(&bench.server.address);
        let log = logged(psql, || {
            let request = filing(&measured.citizen(CITIZENS), TO4);
            let body = request.body.unwrap_or_default();
            caller.post(&request.path, request.token.as_deref(), &body);
        });
        bench.own = script_of(&log);
        bench.floor = Some((floor, *postmaster));
    }
    for clients in [8, 32, 64] {
        bench.measure(report, "create", clients, Floor::Create, |bench| {
            bench.filings()
        });
    }
    for (name, requests) in READS {
        let floor = if *name == "page, first" {
            Floor::Page
        } else {
            Floor::None
        };
        // Alone as well: how long one person waits.
        for clients in [1, 16] {
            bench.measure(report, name, clients, floor, requests);
        }
    }
    bench.measure(report, "note", 16, Floor::None, |bench| bench.notes());
    bench.measure(report, "state change", 16, Floor::None, |bench| {
        bench.changes()
    });
    bench.measure(report, "login", 2, Floor::None, |_| {
        let body = json!({"username": CAREFUL, "password": PASSWORD});
        let mut request = Request::post("/v1/sessions", "", body);
        request.token = None;
        vec![request]
    });
    bench.server.forget_peak();
    bench.measure(report, "mix, 70 % reads", 64, Floor::None, |bench| {
        bench.mix()
    });
    report.memory(measured, "64 connections", bench.server.memory());
    bench.server.forget_peak();
    bench.measure(report, "create, 500 kB file", 8, Floor::None, |bench| {
        bench.uploads()
    });
    let _ = drive_once(&bench, &bench.uploads(), 32, WARM_UP);
    report.memory(measured, "32 uploads in flight", bench.server.memory());
    if wanted(options, "events") {
        let before = cpu_of(bench.server.pid());
        let driven = streams::measure(measured, &bench.server, 5);
        let cpu = (cpu_of(bench.server.pid()) - before, 0.0);
        report.row(row(
            measured,
            options,
            "events, 1000 listeners",
            1000,
            &[(driven, cpu)],
        ));
        report.memory(measured, "1000 listeners", bench.server.memory());
    }
}

fn wanted(options: &Options, name: &str) -> bool {
    options.only.is_empty() || options.only.split(',').any(|one| name.contains(one))
}

/// What a workload is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    None,
    Create,
    Page,
}

type Make = fn(&Bench<'_>) -> Vec<Request>;

const READS: &[(&str, Make)] = &[
    ("page, first", |bench| {
        let token = bench.operator();
        vec![Request::get("/v1/tickets?limit=50", &token)]
    }),
    ("page, deep", |bench| {
        let token = bench.operator();
        let cursors = bench.cursors(&token);
        let path = |cursor: &String| format!("/v1/tickets?limit=50&cursor={cursor}");
        cursors
            .iter()
            .map(|cursor| Request::get(path(cursor), &token))
            .collect()
    }),
    ("screen, 20 entries", |bench| {
        let token = Caller::new(&bench.server.address).sign_in("region.operator");
        bench.screens(&token)
    }),
    ("search by tax code", |bench| {
        let token = bench.operator();
        let search = |copy: &tests::load::Stamped| {
            let body = json!({"tax_code": Invented::new(copy.person).tax_code});
            Request::post("/v1/ticket-searches", &token, body)
        };
        bench
            .measured
            .loaded
            .some
            .iter()
            .take(1_000)
            .map(search)
            .collect()
    }),
    ("words, rare", |bench| {
        let path = format!("/v1/tickets?q={RARE_WORD}&limit=50");
        vec![Request::get(path, &bench.operator())]
    }),
    ("words, common", |bench| {
        let path = format!("/v1/tickets?q={COMMON_WORD}&limit=50");
        vec![Request::get(path, &bench.operator())]
    }),
    ("counters", |bench| {
        vec![Request::get("/v1/queues", &bench.operator())]
    }),
];

impl Bench<'_> {
    /// Drives a workload in rounds, each beside its floor, and reports the medians.
    fn measure(
        &self,
        report: &mut Report,
        name: &str,
        clients: usize,
        floor: Floor,
        make: impl Fn(&Self) -> Vec<Request>,
    ) {
        if !wanted(self.options, name) {
            return;
        }
        let _ = drive_once(
            self,
            &make(self),
            clients,
            WARM_UP.min(self.options.seconds),
        );
        let (mut driven, mut floors, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            floors.extend(self.floor(floor, clients));
            own.extend(self.own_statements(floor, clients));
            driven.push(drive_once(self, &make(self), clients, self.options.seconds));
        }
        let mut row = row(self.measured, self.options, name, clients, &driven);
        row.floor = Against::medians(&floors);
        row.own = Against::medians(&own);
        report.row(row);
    }

    fn floor(&self, floor: Floor, clients: usize) -> Option<Driven> {
        let seconds = self.options.seconds;
        match (floor, &self.floor) {
            (Floor::None, _) | (Floor::Page, None) => None,
            (Floor::Create, Some((postgres, _))) => Some(postgres.five(clients, seconds)),
            (Floor::Create, None) => Some(sqlite_loop(self.measured.folder.path(), seconds)),
            (Floor::Page, Some((postgres, _))) => {
                let url = superuser(&self.measured.url);
                Some(postgres.statements(&url, PAGE, clients, seconds))
            }
        }
    }

    fn own_statements(&self, floor: Floor, clients: usize) -> Option<Driven> {
        let (postgres, _) = self.floor.as_ref()?;
        if floor != Floor::Create {
            return None;
        }
        let url = self.measured.copy.as_ref()?;
        Some(postgres.statements(url, &self.own, clients, self.options.seconds))
    }

    fn operator(&self) -> String {
        Caller::new(&self.server.address).sign_in("to4.operator")
    }

    fn filings(&self) -> Vec<Request> {
        let tokens = (0..CITIZENS).map(|one| self.measured.citizen(one));
        tokens.map(|token| filing(&token, TO4)).collect()
    }

    fn uploads(&self) -> Vec<Request> {
        let file = tests::files::pdf(LARGE);
        let content = json!({"file_name": file.name, "content_base64": BASE64.encode(&file.bytes)});
        let mut requests: Vec<Request> = self.filings().into_iter().take(32).collect();
        for request in &mut requests {
            if let Some(body) = &mut request.body {
                body["attachment"] = content.clone();
            }
        }
        requests
    }

    fn screens(&self, token: &str) -> Vec<Request> {
        let long = |life| matches!(life, Life::Closed(18) | Life::Worked(20));
        let some = self.measured.some(long);
        let path = |id: &domain::ids::TicketId| format!("/v1/tickets/{id}");
        some.iter()
            .take(1_000)
            .map(|id| Request::get(path(id), token))
            .collect()
    }

    /// Places deep in the queue: the cursors of a few pages from its far end.
    fn cursors(&self, token: &str) -> Vec<String> {
        let caller = Caller::new(&self.server.address);
        let mut found = Vec::new();
        // Two thirds of the archive's way back.
        let day = crate::office::now()
            .checked_sub(jiff::SignedDuration::from_hours(24 * 7 * 100))
            .expect("a time");
        let mut path = format!("/v1/tickets?limit=50&created_to={day}");
        for _ in 0..8 {
            let page = caller.get(&path, token);
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            found.push(format!("{cursor}&created_to={day}"));
            path = format!("/v1/tickets?limit=50&created_to={day}&cursor={cursor}");
        }
        found
    }

    /// What the operator works now, with the versions.
    fn worked(&self, token: &str) -> Vec<(String, i64)> {
        let caller = Caller::new(&self.server.address);
        let mut found = Vec::new();
        let mut next = String::new();
        while found.len() < 1_000 {
            let page = caller.get(
                &format!("/v1/tickets?state=in-progress&limit=100{next}"),
                token,
            );
            let items = page["items"].as_array().into_iter().flatten();
            found.extend(items.filter_map(|item| {
                Some((item["id"].as_str()?.to_owned(), item["version"].as_i64()?))
            }));
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        found
    }

    fn acts(&self, body: &Value, other: Option<&Value>) -> Vec<Request> {
        let token = self.operator();
        let worked = self.worked(&token);
        let act = |(id, version): &(String, i64)| Request {
            version: Some(*version),
            other: other.cloned(),
            ..Request::post(format!("/v1/tickets/{id}/actions"), &token, body.clone())
        };
        worked.iter().map(act).collect()
    }

    fn notes(&self) -> Vec<Request> {
        let note = json!({"body": "Il cittadino ha richiamato: è reperibile dopo le 16.", "published": false});
        self.acts(&json!({"action": "note", "note": note}), None)
    }

    fn changes(&self) -> Vec<Request> {
        let asked = json!({"body": "In quale data è stato eseguito l'esame?", "published": true});
        let taken_back = json!({"body": "Trovato: la domanda non serve più.", "published": false});
        self.acts(
            &json!({"action": "ask-info", "note": asked}),
            Some(&json!({"action": "cancel-question", "note": taken_back})),
        )
    }

    /// Ten requests in a fixed order: seven read, two file, one writes a note.
    fn mix(&self) -> Vec<Request> {
        let token = self.operator();
        let regional = Caller::new(&self.server.address).sign_in("region.operator");
        let (screens, filings, notes) = (self.screens(&regional), self.filings(), self.notes());
        let page = Request::get("/v1/tickets?limit=50", &token);
        let counters = Request::get("/v1/queues", &token);
        let of = |from: &[Request], at: usize| from[at % from.len()].clone();
        (0..notes.len().max(64))
            .flat_map(|at| {
                let mut ten = vec![page.clone(), page.clone(), counters.clone()];
                ten.extend((0..4).map(|more| of(&screens, 4 * at + more)));
                ten.extend((0..2).map(|more| of(&filings, 2 * at + more)));
                // A note twice in the list would have two versions.
                ten.push(notes.get(at).cloned().unwrap_or_else(|| page.clone()));
                ten
            })
            .collect()
    }
}

/// Seconds on the cores of the program and of the database.
type Cpu = (f64, f64);

/// One measurement.
fn drive_once(
    bench: &Bench<'_>,
    requests: &[Request],
    clients: usize,
    seconds: u64,
) -> (Driven, Cpu) {
    assert!(!requests.is_empty(), "nothing to ask");
    let cpu = || {
        let database = bench
            .floor
            .as_ref()
            .map_or(0.0, |(_, pid)| cpu_of_family(*pid));
        (cpu_of(bench.server.pid()), database)
    };
    let before = cpu();
    let folder = bench.measured.folder.path();
    let driven = drive(folder, &bench.server.address, requests, clients, seconds);
    // What is done later for these answers, such as the index of the audit trail, is of their cost, and
    // not of that of the next workload.
    let mut after = cpu();
    for _ in 0..QUIET_WITHIN * 1_000 / LOOK_EACH {
        std::thread::sleep(std::time::Duration::from_millis(LOOK_EACH));
        let now = cpu();
        let is_quiet = now.0 + now.1 - after.0 - after.1 < QUIET * LOOK_EACH as f64 / 1_000.0;
        after = now;
        if is_quiet {
            break;
        }
    }
    (driven, (after.0 - before.0, after.1 - before.1))
}

/// The medians of some rounds.
fn row(
    measured: &Measured,
    options: &Options,
    name: &str,
    clients: usize,
    driven: &[(Driven, Cpu)],
) -> Row {
    let median = |of: &dyn Fn(&(Driven, Cpu)) -> f64| {
        let mut all: Vec<f64> = driven.iter().map(of).collect();
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Row {
        database: name_of(measured.place).to_owned(),
        tickets: options.tickets,
        workload: name.to_owned(),
        clients,
        per_second: median(&|one| one.0.requests / one.0.seconds),
        p50_ms: median(&|one| one.0.p50_ms),
        p99_ms: median(&|one| one.0.p99_ms),
        server_us: median(&|one| one.1.0 * 1e6 / one.0.requests.max(1.0)),
        database_us: median(&|one| one.1.1 * 1e6 / one.0.requests.max(1.0)),
        errors: driven.iter().map(|one| one.0.errors).sum(),
        floor: None,
        own: None,
    }
}

pub(crate) fn name_of(place: Place) -> &'static str {
    match place {
        Place::Sqlite => "SQLite",
        Place::Postgres => "PostgreSQL",
    }
}

/// The same database past row-level security.
fn superuser(url: &str) -> String {
    url.replacen("//sportello@", "//postgres@", 1)
}

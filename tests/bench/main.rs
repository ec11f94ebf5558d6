//! `make bench`: loads invented requests, drives the real API with real tokens, and measures the floor
//! under it in turn. Prints a table, and writes `docs/performance.json`, the plots and the generated part
//! of `docs/performance.md`. Run by `scripts/bench.sh`; `docs/performance.md` says how to read it.

mod floor;
mod office;
mod plot;
mod process;
mod report;
mod statements;
mod streams;
mod workloads;
mod wrk;

use std::path::PathBuf;

use office::Measured;
use report::Report;
use tests::Place;

/// What `scripts/bench.sh` says.
pub(crate) struct Options {
    /// The program.
    pub(crate) program: PathBuf,
    /// Requests to load.
    pub(crate) tickets: u64,
    /// How long each workload is driven, in each of the rounds.
    pub(crate) seconds: u64,
    /// Rounds, workload and floor in turn; the medians count.
    pub(crate) rounds: usize,
    /// Whether indexes of PostgreSQL are made after loading.
    pub(crate) indexes_anew: bool,
    /// Whether PostgreSQL's database is copied for the statements of a filing alone.
    pub(crate) has_copy: bool,
    /// Workloads to drive; all if empty.
    pub(crate) only: String,
    /// How the program was built, for the page.
    pub(crate) profile: String,
}

fn main() {
    let options = Options {
        program: PathBuf::from(setting("PROGRAM").expect("PROGRAM: the built sportello")),
        tickets: number("N", 10_000),
        seconds: number("SECONDS_EACH", 10),
        rounds: usize::try_from(number("ROUNDS", 3)).unwrap_or(3),
        indexes_anew: setting("INDEXES").as_deref() == Some("anew"),
        has_copy: setting("COPY").as_deref() != Some("no"),
        only: setting("ONLY").unwrap_or_default(),
        profile: setting("PROFILE").unwrap_or_else(|| "release".to_owned()),
    };
    let wanted = setting("DATABASES").unwrap_or_else(|| "sqlite postgres".to_owned());
    let mut report = Report::begin(&options);
    for (name, place) in [("sqlite", Place::Sqlite), ("postgres", Place::Postgres)] {
        if wanted.contains(name) && place.is_there() {
            let measured = Measured::prepare(place, &options);
            report.loaded(&measured);
            workloads::run(&measured, &options, &mut report);
        }
    }
    report.finish();
}

#[expect(clippy::disallowed_methods, reason = "what the script says")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str, usual: u64) -> u64 {
    setting(name).map_or(usual, |text| text.parse().expect("a number"))
}

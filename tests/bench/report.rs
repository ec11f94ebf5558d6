//! The table, the numbers as JSON, the plots, and the generated part of the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::office::Measured;
use crate::process::machine;
use crate::workloads::name_of;
use crate::wrk::Driven;
use crate::{Options, plot, setting};

/// A workload as it was measured: medians of the rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) database: String,
    pub(crate) tickets: u64,
    pub(crate) workload: String,
    pub(crate) clients: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Time on the cores for each answer, in microseconds.
    pub(crate) server_us: f64,
    pub(crate) database_us: f64,
    /// Answers of all rounds that were no success.
    pub(crate) errors: f64,
    /// The bare database, in the same rounds.
    pub(crate) floor: Option<Against>,
    /// The database with the statements that the program runs.
    pub(crate) own: Option<Against>,
}

/// A floor: medians of the rounds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Against {
    pub(crate) per_second: f64,
    pub(crate) p99_ms: f64,
}

impl Against {
    pub(crate) fn medians(driven: &[Driven]) -> Option<Self> {
        let median = |of: fn(&Driven) -> f64| {
            let mut all: Vec<f64> = driven.iter().map(of).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.get(all.len() / 2).copied()
        };
        Some(Against {
            per_second: median(|one| one.requests / one.seconds)?,
            p99_ms: median(|one| one.p99_ms)?,
        })
    }
}

/// What is measured once for a database and a size.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fact {
    database: String,
    tickets: u64,
    what: String,
    value: f64,
    unit: String,
}

/// Everything measured so far, of all sizes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The machine and the settings, for each size.
    runs: BTreeMap<u64, Vec<(String, String)>>,
    rows: Vec<Row>,
    facts: Vec<Fact>,
}

/// A report in the making; each row replaces the one of an earlier run.
pub(crate) struct Report {
    folder: PathBuf,
    kept: Kept,
    tickets: u64,
}

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

impl Report {
    pub(crate) fn begin(options: &Options) -> Self {
        let folder = PathBuf::from(setting("OUT").unwrap_or_else(|| "docs".to_owned()));
        let kept = fs::read_to_string(folder.join("performance.json")).ok();
        let mut kept: Kept = kept
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let mut about = machine();
        let rounds = format!(
            "{} rounds of {} s for each workload, program and floor in turn; medians",
            options.rounds, options.seconds
        );
        about.push(("build".to_owned(), options.profile.clone()));
        about.push(("rounds".to_owned(), rounds));
        for (name, variable) in [
            ("PostgreSQL", "POSTGRES_VERSION"),
            ("load tool", "WRK_VERSION"),
            ("day", "DAY"),
        ] {
            about.extend(setting(variable).map(|value| (name.to_owned(), value)));
        }
        kept.runs.insert(options.tickets, about);
        let binary = fs::metadata(&options.program).map_or(0.0, |file| file.len() as f64 / 1e6);
        let mut report = Report {
            folder,
            kept,
            tickets: options.tickets,
        };
        report.fact("", "binary", binary, "MB");
        report
    }

    pub(crate) fn loaded(&mut self, measured: &Measured) {
        let database = name_of(measured.place);
        self.fact(
            database,
            "loaded in",
            measured.loaded.took.as_secs_f64(),
            "s",
        );
        self.fact(database, "on disk", measured.size_mb, "MB");
        self.fact(
            database,
            "ready after a start",
            measured.started.as_secs_f64(),
            "s",
        );
        let rows: u64 = measured.loaded.rows.iter().map(|(_, rows)| rows).sum();
        self.fact(database, "rows of all tables", rows as f64, "");
    }

    pub(crate) fn memory(&mut self, measured: &Measured, when: &str, (now, most): (f64, f64)) {
        let database = name_of(measured.place);
        self.fact(database, &format!("memory, {when}"), now, "MB");
        self.fact(database, &format!("memory, {when}, most"), most, "MB");
    }

    fn fact(&mut self, database: &str, what: &str, value: f64, unit: &str) {
        println!("{database:<11} {what:<40} {value:>10.2} {unit}");
        let tickets = self.tickets;
        self.kept.facts.retain(|one| {
            (one.database.as_str(), one.tickets, one.what.as_str()) != (database, tickets, what)
        });
        self.kept.facts.push(Fact {
            database: database.to_owned(),
            tickets,
            what: what.to_owned(),
            value,
            unit: unit.to_owned(),
        });
    }

    pub(crate) fn row(&mut self, row: Row) {
        println!("{}", line_of(&row));
        let same = |one: &Row| {
            (&one.database, one.tickets, &one.workload, one.clients)
                == (&row.database, row.tickets, &row.workload, row.clients)
        };
        self.kept.rows.retain(|one| !same(one));
        self.kept.rows.push(row);
        // Whatever happens to the next one, this one is kept.
        self.save();
    }

    fn save(&mut self) {
        let order = |one: &Row| (one.tickets, one.database.clone());
        self.kept.rows.sort_by_key(order);
        self.kept
            .facts
            .sort_by_key(|one| (one.tickets, one.database.clone()));
        let json = serde_json::to_string_pretty(&self.kept).expect("JSON");
        self.write("performance.json", &format!("{json}\n"));
    }

    /// Writes everything.
    pub(crate) fn finish(mut self) {
        self.save();
        self.write("performance-sizes.svg", &plot::by_size(&self.kept.rows));
        self.write(
            "performance-clients.svg",
            &plot::by_clients(&self.kept.rows),
        );
        let page = self.folder.join("performance.md");
        let text = fs::read_to_string(&page).expect("docs/performance.md");
        let (head, rest) = text
            .split_once(BEGIN)
            .expect("where the measured part begins");
        let (_, tail) = rest.split_once(END).expect("where it ends");
        let part = measured_part(&self.kept);
        fs::write(&page, format!("{head}{BEGIN}\n\n{part}\n{END}{tail}"))
            .expect("the page is written");
        println!("\n{part}");
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(Path::new(&self.folder).join(name), text).expect("the file is written");
    }
}

const HEAD: &str = "| database | workload | clients | op/s | p50 ms | p99 ms | program µs | database µs | of the floor | of our statements | p99 by the floor | errors |\n\
                    | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";

fn line_of(row: &Row) -> String {
    let share = |floor: Option<Against>| {
        floor.map_or("–".to_owned(), |floor| {
            format!("{:.2}", row.per_second / floor.per_second)
        })
    };
    let tail = row.floor.map_or("–".to_owned(), |floor| {
        format!("{:.1}", row.p99_ms / floor.p99_ms)
    });
    let database = match row.database.as_str() {
        "SQLite" => "–".to_owned(),
        _ => format!("{:.0}", row.database_us),
    };
    format!(
        "| {} | {} | {} | {:.0} | {:.1} | {:.1} | {:.0} | {database} | {} | {} | {tail} | {:.0} |",
        row.database,
        row.workload,
        row.clients,
        row.per_second,
        row.p50_ms,
        row.p99_ms,
        row.server_us,
        share(row.floor),
        share(row.own),
        row.errors,
    )
}

fn measured_part(kept: &Kept) -> String {
    let mut out = String::new();
    for (tickets, about) in &kept.runs {
        let _ = writeln!(out, "### {tickets} requests\n");
        for (name, value) in about {
            let _ = writeln!(out, "- {name}: {value}");
        }
        let _ = writeln!(out, "\n{}", HEAD.trim_end());
        for row in kept.rows.iter().filter(|row| row.tickets == *tickets) {
            let _ = writeln!(out, "{}", line_of(row));
        }
        let _ = writeln!(out, "\n| database | what | value |\n| --- | --- | --- |");
        for fact in kept.facts.iter().filter(|fact| fact.tickets == *tickets) {
            let value = format!("{:.2} {}", fact.value, fact.unit);
            let _ = writeln!(
                out,
                "| {} | {} | {} |",
                fact.database,
                fact.what,
                value.trim_end()
            );
        }
        out.push('\n');
    }
    out.push_str("![Throughput and p99 by size](performance-sizes.svg)\n\n");
    out.push_str("![Throughput and p99 by clients](performance-clients.svg)\n");
    out
}

//! Many requests at once, for measuring: a few dozen that the program itself files and works, and as many
//! copies of them as are wanted, each about somebody else, at another time, sealed for its own rows.
//!
//! Not for production: rows are written past the use cases, and on PostgreSQL past row-level security.
//! Invariant: what a copy's rows hold is what the program wrote for its template; two loads with the same
//! seed make the same requests of the same people.

mod office;
mod people;
mod rows;
mod sink;
mod stamp;
mod templates;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};
use service::Desk;
use storage::{Db, StoreError, changes, counters, queue_counts};

pub use office::{CAREFUL, LISTENERS, Office, listener};
pub use people::{Dice, Invented};
pub use stamp::Stamped;
pub use templates::{COMMON_WORD, Filed, Life, RARE_WORD, SPAN, file as file_templates, staff};

use rows::Table;
use sink::{Sink, psql_command};
use stamp::{Counters, Template};
use templates::ALL;

/// What to load.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Copies.
    pub tickets: u64,
    /// Makes another choice of the same sort.
    pub seed: u64,
    /// By which way rows get into the database.
    pub way: Way,
    /// On PostgreSQL: drops the indexes first and makes them anew afterwards.
    pub indexes_anew: bool,
}

/// A way into a database past the program.
#[derive(Debug, Clone)]
pub enum Way {
    /// `psql` with its arguments, for a role of PostgreSQL that may copy past row-level security.
    Psql(String),
    /// SQLite's file.
    File(PathBuf),
}

impl Way {
    /// By `psql` where there is one, else into the file of a URL of SQLite.
    pub fn into(url: &str, psql: Option<String>) -> Self {
        match psql {
            Some(psql) => Way::Psql(psql),
            None => {
                let path = url.strip_prefix("sqlite://").expect("a URL of SQLite");
                Way::File(PathBuf::from(path))
            }
        }
    }
}

/// What was loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Some of the copies, of every age, the oldest first.
    pub some: Vec<Stamped>,
    /// How many rows each table got.
    pub rows: Vec<(String, u64)>,
    /// How long it took.
    pub took: Duration,
}

/// At most so many of the copies are told.
const TOLD: u64 = 4_000;
/// Of a hundred copies so many are not over yet.
const OPEN_OF_100: u64 = 8;
/// One copy in so many has the rare word.
const RARE_OF: u64 = 5_000;
/// Time until something is due, in microseconds, that leaves a measurement alone.
const ENOUGH_ROOM: i64 = 12 * HOUR;
/// How old the archive is.
const ARCHIVE_WEEKS: u64 = 150;
/// Requests that one person files, on average.
const EACH: u64 = 3;

const WEEK: i64 = 7 * 24 * 3_600_000_000;
const HOUR: i64 = 3_600_000_000;
/// Counts of queues that one transaction folds.
const FOLDED_AT_ONCE: i64 = 50_000;

/// Loads copies of requests that were filed, into the same database.
///
/// The clock must stand where [`file_templates`] left it.
pub fn load(desk: &Desk, db: &Db, filed: &[Filed], plan: &Plan) -> Loaded {
    let began = Instant::now();
    let now = desk.now();
    let tables = Table::list(db);
    let templates: Vec<Template> = filed
        .iter()
        .map(|one| Template::read(db, &tables, one, now))
        .collect();
    let mut numbers = take_numbers(db, plan.tickets);
    let indexes = match &plan.way {
        Way::Psql(psql) if plan.indexes_anew => drop_indexes(psql, db),
        _ => Vec::new(),
    };
    let mut sink = Sink::open(&plan.way, &tables);
    let mut dice = Dice::new(plan.seed);
    let copies = in_order_of_filing(&templates, plan.tickets, &mut dice);
    let told_of = plan.tickets.div_ceil(TOLD).max(1);
    let people = plan.tickets.div_ceil(EACH);
    let mut counts = vec![0_u64; tables.len()];
    let mut some = Vec::new();
    // The keys are found inside, on this thread.
    let stamped = db.read(|_| {
        for (nth, (older, template)) in (0..).zip(&copies) {
            let template = &templates[*template];
            let person = dice.below(people);
            let put = |table: usize, row| {
                counts[table] += 1;
                sink.put(table, row);
            };
            let copy =
                template.stamp(&tables, &mut dice, &mut numbers, (*older, person, now), put)?;
            sink.end_of_request();
            if nth % told_of == 0 {
                some.push(copy);
            }
        }
        Ok::<_, StoreError>(())
    });
    stamped.expect("the copies are made");
    sink.finish();
    keep_numbers(db, &numbers);
    if let Way::Psql(psql) = &plan.way {
        run(psql, &indexes);
        run(psql, &["VACUUM (ANALYZE)".to_owned()]);
    }
    // With the indexes: each desk's are counted by themselves.
    count_queues(db);
    if let Way::File(_) = plan.way {
        let analyzed = db.write_in(&ALL, |conn| {
            Ok::<_, StoreError>(diesel::sql_query("ANALYZE").execute(conn)?)
        });
        analyzed.expect("the tables are looked at");
    }
    let rows = tables.iter().zip(counts).filter(|(_, count)| *count > 0);
    Loaded {
        some,
        rows: rows
            .map(|(table, count)| (table.name.clone(), count))
            .collect(),
        took: began.elapsed(),
    }
}

/// Templates by what they are good for, as places in a list.
struct Shelf {
    rare: Vec<usize>,
    open: Vec<usize>,
    over: Vec<usize>,
}

/// How much older each copy is than its template, and the template's place: the copy that is filed first
/// stands first, because rows lie in the order in which requests were filed, and words are found in it.
fn in_order_of_filing(templates: &[Template], count: u64, dice: &mut Dice) -> Vec<(i64, usize)> {
    let shelf = Shelf::new(templates);
    let mut copies: Vec<(i64, usize)> = (0..count)
        .map(|_| {
            let template = shelf.choose(dice);
            (age(&templates[template], dice), template)
        })
        .collect();
    copies.sort_by_key(|(older, template)| templates[*template].filed_at - older);
    copies
}

impl Shelf {
    fn new(templates: &[Template]) -> Self {
        let pick = |wanted: &dyn Fn(&Template) -> bool| -> Vec<usize> {
            let places = 0..templates.len();
            let found: Vec<_> = places.filter(|place| wanted(&templates[*place])).collect();
            assert!(!found.is_empty(), "too few templates");
            found
        };
        Shelf {
            rare: pick(&|one| one.is_rare),
            // Of each life those of which nothing is due soon, or else the one that has the most time.
            open: pick(&|one| {
                let alike = templates.iter().filter(|other| other.life == one.life);
                let most = alike.map(|other| other.room).max();
                !one.is_rare && !one.life.is_over() && Some(one.room) >= most.min(Some(ENOUGH_ROOM))
            }),
            over: pick(&|one| !one.is_rare && one.life.is_over()),
        }
    }

    fn choose(&self, dice: &mut Dice) -> usize {
        let from = match (dice.below(RARE_OF), dice.below(100)) {
            (0, _) => &self.rare,
            (_, lot) if lot < OPEN_OF_100 => &self.open,
            _ => &self.over,
        };
        *dice.one(from)
    }
}

/// By how much a copy is older than its template: whole weeks, so that working time stays working time,
/// and some minutes, so that no two are filed at once. What is not over stays so young that nothing of it
/// is due yet.
fn age(template: &Template, dice: &mut Dice) -> i64 {
    let below = |dice: &mut Dice, end: i64| {
        let end = u64::try_from(end).unwrap_or(0);
        i64::try_from(dice.below(end)).unwrap_or(0)
    };
    match template.life.is_over() {
        true => {
            let weeks = i64::try_from(dice.below(ARCHIVE_WEEKS)).unwrap_or(0);
            weeks * WEEK + below(dice, 2 * HOUR)
        }
        false => below(dice, (template.room - 3 * HOUR).clamp(1, 20 * HOUR)),
    }
}

/// Numbers and places that the program will not give out.
fn take_numbers(db: &Db, tickets: u64) -> Counters {
    let size = i64::try_from(tickets).expect("not that many");
    let taken = db.write(move |conn| {
        Ok::<_, StoreError>(Counters {
            number: counters::take_block(conn, "tickets", size.max(1))?,
            position: changes::last_position(conn)? + 1,
        })
    });
    taken.expect("the numbers are taken")
}

fn keep_numbers(db: &Db, numbers: &Counters) {
    let last = numbers.position - 1;
    let kept = db.write(move |conn| {
        Ok::<_, StoreError>(
            diesel::sql_query("UPDATE counters SET value = $1 WHERE name = 'changes'")
                .bind::<BigInt, _>(last)
                .execute(conn)?,
        )
    });
    kept.expect("the place is kept");
}

/// Copies come past the triggers that count on PostgreSQL; on SQLite each left its rows to be folded.
fn count_queues(db: &Db) {
    let counted = db.write_in(&ALL, |conn| {
        for desk in queue_counts::list_desks(conn)? {
            queue_counts::recount(conn, &desk)?;
        }
        Ok::<_, StoreError>(())
    });
    counted.expect("the queues are counted");
    while db
        .write_in(&ALL, |conn| queue_counts::fold(conn, FOLDED_AT_ONCE))
        .expect("the counts are folded")
        > 0
    {}
}

#[derive(diesel::QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// Drops the indexes of ordinary tables that no constraint needs; the answer makes them anew.
fn drop_indexes(psql: &str, db: &Db) -> Vec<String> {
    const INDEXES: &str = "SELECT i.relname::text AS name, pg_get_indexdef(x.indexrelid) AS definition \
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE i.relnamespace = current_schema()::regnamespace AND i.relkind = 'i' \
         AND NOT i.relispartition AND NOT x.indisunique AND NOT x.indisprimary \
         AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid)";
    let found =
        db.read(|conn| Ok::<_, StoreError>(diesel::sql_query(INDEXES).load::<Index>(conn)?));
    let found = found.expect("the indexes are read");
    let drops: Vec<String> = found
        .iter()
        .map(|one| format!("DROP INDEX {}", one.name))
        .collect();
    run(psql, &drops);
    found.into_iter().map(|one| one.definition).collect()
}

fn run(psql: &str, statements: &[String]) {
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    if !statements.is_empty() {
        let ended = psql_command(psql, &statements).status();
        assert!(ended.is_ok_and(|status| status.success()), "psql failed");
    }
}

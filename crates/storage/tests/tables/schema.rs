//! Migrations, the two databases and `src/schema.rs` say the same.

mod catalogue;
mod checks;
mod distribution;
mod source;

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::support::{self, Fresh};
use catalogue::{Catalogue, leftovers};

/// What is known about tables, a line each, such as `notes column 7 body: TEXT not null`.
pub(crate) type Facts = BTreeSet<String>;

#[test]
fn both_databases_and_the_schema_file_say_the_same() {
    let on_sqlite = RefCell::new(None);
    everywhere(|fresh| {
        fresh.db().migrate().unwrap();
        let mut found = catalogue::read(fresh);
        if fresh.is_sqlite() {
            assert_same(
                "schema.rs",
                &source::facts("sqlite"),
                "SQLite",
                &found.columns,
            );
            assert_same("schema.rs", &source::keys(), "SQLite", &found.primary_keys);
            *on_sqlite.borrow_mut() = Some(found);
            return;
        }
        assert_same(
            "schema.rs",
            &source::facts("postgres"),
            "PostgreSQL",
            &found.columns,
        );
        assert_same(
            "schema.rs",
            &source::keys(),
            "PostgreSQL",
            &found.primary_keys,
        );

        let mut sqlite = on_sqlite.take().unwrap();
        checks::retell(&mut sqlite, &mut found, fresh);
        compare(&sqlite, &found);
    });
}

/// Everything but the columns' types, which the schema file has joined already.
fn compare(sqlite: &Catalogue, postgres: &Catalogue) {
    let columns = (untyped(&sqlite.columns), untyped(&postgres.columns));
    let both = [
        (&columns.0, &columns.1),
        (&sqlite.primary_keys, &postgres.primary_keys),
        (&sqlite.uniques, &postgres.uniques),
        (&sqlite.foreign_keys, &postgres.foreign_keys),
        (&sqlite.checks, &postgres.checks),
        (&sqlite.indexes, &postgres.indexes),
        (&sqlite.triggers, &postgres.triggers),
    ];
    assert!(
        both.iter()
            .all(|(left, right)| !left.is_empty() && !right.is_empty())
    );
    let all = |side: fn(&(&Facts, &Facts)) -> Facts| both.iter().flat_map(side).collect();
    let (left, right) = (all(|both| both.0.clone()), all(|both| both.1.clone()));
    assert_same("SQLite", &left, "PostgreSQL", &right);
}

/// The columns without their types, which differ by design.
fn untyped(columns: &Facts) -> Facts {
    let without = |fact: &String| {
        let (column, rest) = fact.split_once(": ").unwrap();
        let (_, flags) = rest.split_once(' ').unwrap_or((rest, ""));
        format!("{column} {flags}")
    };
    columns.iter().map(without).collect()
}

#[test]
fn the_way_back_leaves_nothing_and_the_way_up_finds_the_same_again() {
    everywhere(|fresh| {
        fresh.db().migrate().unwrap();
        let first = catalogue::read(fresh);
        assert!(!leftovers(fresh).is_empty());
        fresh.db().revert_all().unwrap();
        assert_eq!(leftovers(fresh), Facts::new());
        fresh.db().migrate().unwrap();
        assert_eq!(catalogue::read(fresh), first);
    });
}

#[test]
fn a_difference_is_told_by_name() {
    let left = Facts::from(["notes column 7 body: TEXT".to_owned()]);
    let right = Facts::from(["notes column 7 body: TEXT not null".to_owned()]);
    assert_eq!(
        differences("SQLite", &left, "PostgreSQL", &right),
        [
            "only SQLite has: notes column 7 body: TEXT",
            "only PostgreSQL has: notes column 7 body: TEXT not null",
        ]
    );
}

fn everywhere(test: impl Fn(&Fresh)) {
    support::everywhere(|_| {}, test);
}

#[track_caller]
fn assert_same(left_name: &str, left: &Facts, right_name: &str, right: &Facts) {
    let found = differences(left_name, left, right_name, right);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn differences(left_name: &str, left: &Facts, right_name: &str, right: &Facts) -> Vec<String> {
    let only = |name: &str, here: &Facts, there: &Facts| -> Vec<String> {
        let missing = here.difference(there);
        missing
            .map(|fact| format!("only {name} has: {fact}"))
            .collect()
    };
    let mut found = only(left_name, left, right);
    found.extend(only(right_name, right, left));
    found
}

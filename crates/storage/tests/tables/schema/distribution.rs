//! The plan for several servers (`migrations/distribution.toml`) fits the tables there are.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::lines;
use super::{Facts, assert_same};
use crate::support;
use crate::town::read as query;

const PLAN: &str = include_str!("../../../../../migrations/distribution.toml");

/// Every key, unique index and foreign key: what it is, its table and name, its columns, and where a
/// foreign key leads.
const RULES: &str = "
    SELECT 'unique ' || t.relname || '.' || i.relname || ' ' || (
               SELECT string_agg(a.attname, ',') FROM pg_attribute a WHERE a.attrelid = i.oid) || ' -' AS fact
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_\\_diesel%'
    UNION ALL
    SELECT 'foreign ' || t.relname || '.' || k.conname || ' ' || string_agg(a.attname, ',') || ' ' || o.relname
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class o ON o.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (k.conkey)
    WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
    GROUP BY t.relname, k.conname, o.relname";

const COLUMNS: &str = "SELECT table_name || '.' || column_name AS fact
    FROM information_schema.columns WHERE table_schema = 'public'";

struct Plan {
    reference: BTreeSet<String>,
    local: BTreeSet<String>,
    without_column: BTreeSet<String>,
    distributed: BTreeMap<String, String>,
    in_the_way: Facts,
}

impl Plan {
    fn read() -> Plan {
        let plan: toml::Table = PLAN.parse().unwrap();
        let names = |key: &str| {
            let names = plan.get(key).unwrap().as_array().unwrap().iter();
            names
                .map(|name| name.as_str().unwrap().to_owned())
                .collect()
        };
        let table = |key: &str| plan.get(key).unwrap().as_table().unwrap().iter();
        Plan {
            reference: names("reference"),
            local: names("local"),
            without_column: names("without_column"),
            distributed: table("distributed")
                .map(|(name, column)| (name.clone(), column.as_str().unwrap().to_owned()))
                .collect(),
            in_the_way: table("in_the_way")
                .inspect(|(name, why)| assert!(!why.as_str().unwrap().is_empty(), "{name}"))
                .map(|(name, _)| name.clone())
                .collect(),
        }
    }

    fn tables(&self) -> Vec<&String> {
        let named = self.reference.iter().chain(&self.local);
        named.chain(self.distributed.keys()).collect()
    }

    /// Whether the rule can stay as it is when the tables are spread.
    fn allows(&self, rule: &str) -> bool {
        let parts: Vec<&str> = rule.split(' ').collect();
        let [kind, name, columns, to] = parts[..] else {
            panic!("{rule}");
        };
        let (table, _) = name.split_once('.').unwrap();
        let own = self.distributed.get(table);
        let has_own = own.is_some_and(|own| columns.split(',').any(|column| column == own));
        if kind == "unique" {
            return own.is_none() || has_own;
        }
        match (own, self.distributed.get(to)) {
            (Some(here), Some(there)) => here == there && has_own,
            (Some(_), None) => self.reference.contains(to),
            (None, Some(_)) => false,
            (None, None) => true,
        }
    }
}

#[test]
fn each_table_and_whatever_keeps_it_from_being_spread_is_in_the_plan() {
    let plan = Plan::read();
    support::everywhere(
        |_| {},
        |fresh| {
            if fresh.is_sqlite() {
                return;
            }
            fresh.db().migrate().unwrap();
            let columns = query(fresh.db(), |conn| lines(conn, COLUMNS));
            let tables: Facts = columns
                .iter()
                .map(|column| column.split_once('.').unwrap().0.to_owned())
                .filter(|table| !table.starts_with("__diesel"))
                .collect();
            let planned = plan.tables();
            assert_eq!(
                planned.len(),
                tables.len(),
                "a table is there twice or not at all"
            );
            let planned: Facts = planned.into_iter().cloned().collect();
            assert_same("the plan", &planned, "PostgreSQL", &tables);

            for (table, column) in &plan.distributed {
                let is_there = columns.contains(&format!("{table}.{column}"));
                let is_missing = plan.without_column.contains(table);
                assert_ne!(is_there, is_missing, "{table}.{column}");
            }

            let rules = query(fresh.db(), |conn| lines(conn, RULES));
            let in_the_way: Facts = rules
                .iter()
                .filter(|rule| !plan.allows(rule))
                .map(|rule| rule.split(' ').nth(1).unwrap().to_owned())
                .collect();
            assert_same("the plan", &plan.in_the_way, "PostgreSQL", &in_the_way);
        },
    );
}

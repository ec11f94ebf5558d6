//! What a look at the counters costs, however many tickets there are.

use super::*;
use crate::plans;

fn me() -> Assignee {
    Assignee::Operator(words::account(0))
}

/// The one statement of a look, as the database gets it.
fn statement(fresh: &Fresh) -> String {
    let mut heard = town::heard(fresh, |conn| {
        kept(conn, TO4, &me(), town::filed_at()).unwrap();
    });
    assert_eq!(heard.len(), 1);
    heard.pop().unwrap()
}

/// Copies of ticket 1 with these numbers: one in ten is of TO4, half are still open, and one is due every
/// ten minutes, the last of them when the town was filed at.
fn grow(fresh: &Fresh, numbers: std::ops::Range<u32>) {
    let (id, due) = match fresh.is_sqlite() {
        true => ("randomblob(16)", "created_at - n * 600000000"),
        false => (
            "gen_random_uuid()",
            "created_at - n * interval '10 minutes'",
        ),
    };
    let (first, last) = (numbers.start, numbers.end);
    execute(
        fresh.db(),
        &format!(
            "INSERT INTO tickets (id, number, created_at, custodian, state, resolution_code,
                 timer_at, version, service_code, problem_type, at_region, tallies,
                 needs_attention, priority, tags, channel, requester_kind, identity_print,
                 tax_code_print, key_desk, family_name_print, email_print, dossier, updated_at,
                 due_at)
             WITH RECURSIVE numbers (n) AS
                 (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last} - 1)
             SELECT {id}, 'N' || n, created_at,
                 CASE n % 10 WHEN 0 THEN custodian ELSE 'CN1' END,
                 CASE WHEN n % 20 < 10 THEN 'new' ELSE 'resolved' END, 'duplicate', due_at,
                 version, service_code, problem_type, at_region, tallies,
                 needs_attention, priority, tags, channel, requester_kind, identity_print,
                 tax_code_print, key_desk, family_name_print, email_print, dossier, updated_at, {due}
             FROM tickets, numbers WHERE number NOT LIKE 'N%'"
        ),
    );
    while fold(fresh.db(), 50_000) > 0 {}
}

#[test]
fn a_look_is_one_statement_that_is_read_along_indexes() {
    everywhere(|fresh| {
        Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        grow(fresh, 10..3_000);
        execute(fresh.db(), "ANALYZE");
        let statement = statement(fresh);
        if fresh.is_sqlite() {
            let lines = plans::sqlite(fresh, &statement);
            let whole: Vec<_> = lines
                .iter()
                .filter(|line| line.contains("SCAN tickets") || line.contains("SCAN queue"))
                .collect();
            assert!(whole.is_empty(), "{lines:#?}");
            let along = lines
                .iter()
                .find(|line| line.contains("SEARCH tickets"))
                .unwrap();
            assert!(along.contains("tickets_by_due"), "{along}");
        } else {
            let (lines, _) = postgres_plan(fresh, &statement);
            assert!(lines.contains("tickets_by_due"), "{lines}");
            assert!(!lines.contains("Seq Scan on tickets"), "{lines}");
        }
        assert_right(fresh.db());
    });
}

/// How PostgreSQL runs the statement as the desk does, and how many pages it looks at.
fn postgres_plan(fresh: &Fresh, statement: &str) -> (String, i64) {
    let hour = town::filed_at().as_second() / 3600;
    let (month, day) = (hour - hour % 720, hour - hour % 24);
    let since = Timestamp::from_second(hour * 3600).unwrap();
    let me = format!("'operator:{}'", words::account(0));
    let (desk, now) = (format!("'{TO4}'"), format!("'{}'", town::filed_at()));
    let (month, day, hour, since) = (
        month.to_string(),
        day.to_string(),
        hour.to_string(),
        format!("'{since}'"),
    );
    let values = [
        &desk, &desk, &desk, &me, &desk, &month, &desk, &month, &day, &desk, &day, &hour, &desk,
        &since, &now, &hour, &me,
    ];
    let values: Vec<&str> = values.into_iter().map(String::as_str).collect();
    let mut conn = PgConnection::establish(&fresh.config.url).unwrap();
    conn.batch_execute(&format!(
        "BEGIN; SET LOCAL sportello.scope_kind = 'authority'; SET LOCAL sportello.scope_key = {desk}; \
         SET LOCAL plan_cache_mode = force_generic_plan; PREPARE probe AS {statement}"
    ))
    .unwrap();
    let explain =
        |options: &str| format!("EXPLAIN ({options}) EXECUTE probe ({})", values.join(", "));
    // The first run reads the catalogue, too.
    let explained = explain("ANALYZE, BUFFERS, TIMING OFF");
    plans::postgres(&mut conn, &explained);
    let lines = plans::postgres(&mut conn, &explained);
    let buffers = lines
        .iter()
        .find(|line| line.contains("Buffers: shared"))
        .unwrap();
    let of = |what: &str| -> i64 {
        let found = buffers.split_once(what).map(|(_, rest)| rest);
        let digits = found.map(|rest| rest.split(' ').next().unwrap());
        digits.map_or(0, |digits| digits.parse().unwrap())
    };
    let pages = of("hit=") + of("read=");
    (lines.join("\n"), pages)
}

#[test]
fn a_look_reads_the_same_pages_of_ten_thousand_tickets_and_of_two_hundred_thousand() {
    everywhere(|fresh| {
        // SQLite says no pages; the test above shows its way.
        if fresh.is_sqlite() {
            return;
        }
        Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        let statement = statement(fresh);
        // Of the twenty indexes those that a look might take: it is quicker to fill these alone.
        execute(
            fresh.db(),
            "DO $$ DECLARE name TEXT; BEGIN
                 FOR name IN SELECT indexname FROM pg_indexes WHERE tablename = 'tickets'
                     AND indexname NOT IN ('tickets_pkey', 'tickets_number_key', 'tickets_by_due',
                         'tickets_by_custodian', 'tickets_open', 'tickets_untouched')
                 LOOP EXECUTE 'DROP INDEX ' || name; END LOOP; END $$",
        );
        let looked_at = |numbers| {
            grow(fresh, numbers);
            let mut conn = PgConnection::establish(&fresh.config.url).unwrap();
            for table in ["tickets", "queue_totals", "queue_deltas"] {
                let vacuum = format!("VACUUM ANALYZE {table}");
                conn.batch_execute(&vacuum).unwrap();
            }
            postgres_plan(fresh, &statement)
        };
        let (few, few_pages) = looked_at(2..10_000);
        let (many, many_pages) = looked_at(10_000..200_000);
        assert!(few_pages <= 120, "{few_pages}\n{few}");
        assert!(many_pages <= 120, "{many_pages}\n{many}");
    });
}

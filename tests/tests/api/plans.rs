//! The way the databases take to a page of tickets: on PostgreSQL the pages of eight kilobytes it touches, for
//! a plain role held by the policies of production; on SQLite its steps. Neither knows of time.
//!
//! What is not listed here and why is in `docs/api-design.md`, "What a list costs".

use serde_json::Value;
use tests::citizens::{ANNA, MARIO};
use tests::growth::grow;
use tests::heard::{Asked, Heard};
use tests::people::TO4;
use tests::{Client, Options, Place, TestApp, forms, running};

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum Who {
    Desk,
    Region,
    Anna,
}

/// The four pages people wait for most: who asks for it, what, and the most buffers it may take; `{cursor}` is
/// the end of the page before, in the middle of all there will be. A search is its body, and looks for a
/// print of each desk's key, three steps down an index for each.
const PAGES: [(Who, &str, u64); 4] = [
    (Who::Desk, "/v1/tickets?limit=50", 60),
    (Who::Desk, "/v1/tickets?limit=50&cursor={cursor}", 60),
    (Who::Region, r#"{"tax_code": "BNCNNA85D52L219A"}"#, 100),
    (Who::Anna, "/v1/me/tickets", 60),
];

/// What else is read along an index in its order, or is found by an index of what is rare.
const LISTS: &[(Who, &str)] = &[
    (Who::Desk, "/v1/tickets?limit=50&sort=created_at"),
    (Who::Desk, "/v1/tickets?limit=50&sort=-updated_at"),
    (Who::Desk, "/v1/tickets?limit=50&sort=due_at"),
    (Who::Desk, "/v1/tickets?limit=50&sort=priority"),
    (Who::Desk, "/v1/tickets?limit=50&state=new"),
    (Who::Desk, "/v1/tickets?limit=50&state=new,in-progress"),
    (Who::Desk, "/v1/tickets?limit=50&state=auto-closed"),
    (Who::Desk, "/v1/tickets?limit=50&state=removed"),
    (Who::Desk, "/v1/tickets?limit=50&service_code=FSE"),
    (Who::Desk, "/v1/tickets?limit=50&service_code=CUP"),
    (Who::Desk, "/v1/tickets?limit=50&authority_code=010204"),
    (Who::Desk, "/v1/tickets?limit=50&authority_code=010210"),
    (Who::Desk, "/v1/tickets?limit=50&assignee=me"),
    (Who::Desk, "/v1/tickets?limit=50&assignee=none&state=new"),
    (Who::Desk, "/v1/tickets?limit=50&needs_attention=true"),
    (Who::Desk, "/v1/tickets?limit=50&untouched=true"),
    (Who::Desk, "/v1/tickets?limit=50&transferred=false"),
    (
        Who::Desk,
        "/v1/tickets?limit=50&updated_from=2026-01-01T00:00:00Z&sort=updated_at",
    ),
    (Who::Desk, r#"{"tax_code": "BNCNNA85D52L219A"}"#),
    (Who::Desk, r#"{"email": "anna.bianchi@example.org"}"#),
    (Who::Desk, r#"{"phone": "011 4321111"}"#),
    (Who::Desk, r#"{"family_name": "Bianchi"}"#),
    (Who::Region, "/v1/tickets?limit=50"),
    (Who::Region, "/v1/tickets?limit=50&cursor={cursor}"),
    (Who::Region, "/v1/tickets?limit=50&state=new"),
    (Who::Region, "/v1/tickets?limit=50&state=new,in-progress"),
    (
        Who::Region,
        "/v1/tickets?limit=50&state=new,in-progress&sort=created_at",
    ),
    (Who::Region, "/v1/tickets?limit=50&sort=-updated_at"),
    (Who::Region, "/v1/tickets?limit=50&sort=due_at"),
    (Who::Region, "/v1/tickets?limit=50&sort=priority"),
    (Who::Region, "/v1/tickets?limit=50&service_code=CUP"),
    (Who::Region, "/v1/tickets?limit=50&assignee=me"),
    (Who::Region, r#"{"email": "anna.bianchi@example.org"}"#),
    (Who::Region, r#"{"phone": "011 4321111"}"#),
];

/// Most that a page of twenty times as many tickets takes, of what it took.
const GROWTH_PERCENT: u64 = 150;

/// Most buffers of each of them.
const MOST_OF_A_LIST: u64 = 300;

/// Most buffers of all that a screen reads, whoever asks for the second time.
const MOST_OF_A_SCREEN: u64 = 150;

/// What was heard.
struct Story {
    /// A ticket to be copied.
    original: String,
    /// The statement that reads each page.
    pages: Vec<Asked>,
    /// All that a screen reads.
    screen: Vec<Asked>,
}

/// Hears what is asked of the database for each page, before there are many tickets: copies of a ticket do not
/// open, so that afterwards no page could be answered.
async fn hear(app: &TestApp, pages: &[(Who, &str)]) -> Story {
    let heard = Heard::at(app);
    let form = forms::report_not_found_logged_in(TO4);
    let original = app.file_as(&MARIO, &form, &[]).await;
    for _ in 0..3 {
        app.file_as(&ANNA, &form, &[]).await;
    }
    let desk = app.as_("to4.operator").await;
    let region = app.as_("region.operator").await;
    let anna = app.citizen(&ANNA);
    let mut asked = Vec::new();
    for (who, page) in pages {
        let client = match who {
            Who::Desk => &desk,
            Who::Region => &region,
            Who::Anna => &anna,
        };
        let page = match page.contains("{cursor}") {
            true => page.replace("{cursor}", &end_of_a_page(client).await),
            false => (*page).to_owned(),
        };
        heard.take();
        let reply = match serde_json::from_str::<Value>(&page) {
            Ok(search) => client.post("/v1/ticket-searches", &search).await,
            Err(_) => client.get(&page).await,
        };
        reply.is(200);
        asked.push(Asked::page_of_tickets(&heard.take()));
    }
    let mut screen = Vec::new();
    for _ in 0..2 {
        heard.take();
        desk.screen(&original.id).await;
        screen = Asked::reads(&heard.take());
    }
    Story {
        original: original.id,
        pages: asked,
        screen,
    }
}

fn pages() -> Vec<(Who, &'static str)> {
    let first = PAGES.into_iter().map(|(who, page, _)| (who, page));
    first.chain(LISTS.iter().copied()).collect()
}

async fn end_of_a_page(client: &Client) -> String {
    let page = client.get("/v1/tickets?limit=1").await;
    page.text_at("/next_cursor").to_owned()
}

#[test]
fn a_page_touches_as_much_of_two_hundred_thousand_tickets_as_of_ten_thousand() {
    running::run(Place::Postgres, Options::on_one_connection(), async |app| {
        let pages = pages();
        let Story {
            original,
            pages: asked,
            screen,
        } = hear(app, &pages).await;
        // The copies cannot be opened, and none of them is a person.
        app.hold_plain();
        let mut conn = app.connect_beside();
        grow(&mut conn, &original, TO4, 0, 10_000);
        let few: Vec<u64> = asked[..PAGES.len()]
            .iter()
            .map(|asked| asked.buffers(&mut conn).0)
            .collect();
        let of_screen = |conn: &mut diesel::PgConnection| -> u64 {
            let each = screen.iter().map(|asked| asked.buffers(conn).0);
            each.sum()
        };
        let screen_of_few = of_screen(&mut conn);
        grow(&mut conn, &original, TO4, 10_000, 200_000);
        let mut broken = Vec::new();
        for (place, ((who, page), asked)) in pages.iter().zip(&asked).enumerate() {
            let (many, plan) = asked.buffers(&mut conn);
            println!(
                "{many:>6} buffers, {:?} at first: {who:?} {page}",
                few.get(place)
            );
            let is_kept = match few.get(place).zip(PAGES.get(place)) {
                // An index is a level deeper, and the rows of a page lie further apart.
                Some((few, (_, _, most))) => {
                    few.max(&many) <= most && many <= few * GROWTH_PERCENT / 100 + 10
                }
                None => many <= MOST_OF_A_LIST,
            };
            if !is_kept {
                broken.push(format!(
                    "{who:?} {page}: {:?}, {many}: {plan:#}",
                    few.get(place)
                ));
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
        let screen_of_many = of_screen(&mut conn);
        println!("{screen_of_many:>6} buffers, {screen_of_few} at first: a screen");
        assert!(screen_of_many <= MOST_OF_A_SCREEN, "{screen_of_many}");
        assert!(
            screen_of_many <= screen_of_few * GROWTH_PERCENT / 100 + 10,
            "{screen_of_few}, {screen_of_many}"
        );
    });
}

#[test]
fn sqlite_reads_no_table_whole_and_sorts_no_list() {
    let options = Options::on_one_connection();
    running::run(Place::Sqlite, options, async |app| {
        let pages = pages();
        let story = hear(app, &pages).await;
        let mut broken = Vec::new();
        // SQLite would read all of a desk or of a service for the few requests of a person.
        for asked in &story.screen {
            let steps = asked.steps(app);
            let is_bad = |step: &String| {
                let of_tickets = ["tickets", "t", "ticket_events", "notes", "legs", "changes"];
                let is_whole = of_tickets
                    .iter()
                    .any(|table| *step == format!("SCAN {table}"));
                is_whole || step.contains("by_service") || step.contains("by_custodian")
            };
            if steps.iter().any(is_bad) {
                broken.push(format!("{}: {steps:#?}", asked.text()));
            }
        }
        for ((who, page), asked) in pages.iter().zip(&story.pages) {
            let steps = asked.steps(app);
            // Those of a person are few, and sorted; they are not looked for along the list.
            let is_search = page.starts_with('{');
            let is_bad = |step: &String| {
                let is_whole = step.starts_with("SCAN") && (is_search || !step.contains("USING"));
                let is_along = step.contains("by_custodian") && is_search;
                is_whole || is_along || (step.contains("TEMP B-TREE") && !is_search)
            };
            if steps.iter().any(is_bad) {
                broken.push(format!("{who:?} {page}: {steps:#?}"));
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    });
}

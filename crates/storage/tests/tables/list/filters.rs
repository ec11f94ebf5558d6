//! Each filter takes what it says and leaves the rest.

use domain::actor::{Assignee, Pool};
use domain::state::{Priority, StateCode};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::Db;
use storage::list::{Filter, Order};
use storage::tickets::{Dossier, RequesterKind};

use super::{first_page, page};
use crate::life::Life;
use crate::support::Fresh;
use crate::town::{self, everywhere, hours};
use crate::words::{self, CN1, MICROSECOND, REGION, TO4};

/// The numbers of the tickets a filter takes.
fn taken(db: &Db, scope: &Scope, filter: &Filter) -> Vec<u32> {
    let items = page(db, scope, filter, &first_page(Order::CreatedAt, false, 100));
    let number = |id: domain::ids::TicketId| u32::try_from(id.uuid().as_u128()).unwrap();
    let mut numbers: Vec<u32> = items.into_iter().map(|item| number(item.id)).collect();
    numbers.sort_unstable();
    numbers
}

/// A ticket that differs from all others in whatever can be filtered.
fn odd_one(db: &Db) {
    let ticket = Ticket {
        service: "CUP".into(),
        problem_type: "altro".into(),
        declared_authority: Some(CN1.into()),
        assignee: Some(Assignee::Pool(Pool::Supervisors)),
        priority: Priority::Critical,
        tags: vec!["laboratorio".to_owned(), "a".to_owned()],
        needs_attention: true,
        created_at: hours(10),
        updated_at: hours(20),
        ..town::ticket(10, TO4)
    };
    let dossier = Dossier {
        tax_code: "RSSMRA85T10A562S".to_owned(),
        email: "odd@example.org".to_owned(),
        phone: Some("+390112345678".to_owned()),
        family_name: "D'Alì".to_owned(),
        description: Some("Manca il referto di laboratorio".to_owned()),
        due_at: hours(30),
        ..town::dossier(10, RequesterKind::Citizen)
    };
    town::file(db, &ticket, &dossier, None);
}

/// 1 new, 2 in progress, 3 with the region, 4 resolved, 5 at CN1 from the start, 10 the odd one.
fn fill(fresh: &Fresh) -> &Db {
    let db = fresh.db();
    let stories = [
        (1, TO4, ""),
        (2, TO4, "operator take"),
        (3, TO4, "operator hand-over + published"),
        (4, TO4, "operator resolve + published"),
        (5, CN1, ""),
    ];
    for (number, desk, story) in stories {
        Life::file(db, number, desk, RequesterKind::Citizen).play(story);
    }
    odd_one(db);
    db
}

#[rustfmt::skip]
#[test]
fn each_filter_takes_what_it_says() {
    let none = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let operator = Assignee::Operator(words::account(0));
    let pool = Assignee::Pool(Pool::Supervisors);
    let rows: Vec<(Filter, &[u32])> = vec![
        (none(), &[1, 2, 3, 4, 5, 10]),
        (Filter { states: vec![StateCode::New], ..none() }, &[1, 5, 10]),
        (Filter { states: vec![StateCode::New, StateCode::NotCompetent], ..none() }, &[1, 3, 5, 10]),
        (Filter { states: vec![StateCode::Resolved], ..none() }, &[4]),
        (Filter { states: vec![StateCode::Resolved, StateCode::New], ..none() }, &[1, 4, 5, 10]),
        (Filter { states: StateCode::ALL.to_vec(), ..none() }, &[1, 2, 3, 4, 5, 10]),
        (Filter { states: vec![StateCode::Removed], ..none() }, &[]),
        (Filter { service_code: text("CUP"), ..none() }, &[10]),
        (Filter { service_code: text("FSE"), ..none() }, &[1, 2, 3, 4, 5]),
        (Filter { problem_type: text("altro"), ..none() }, &[10]),
        (Filter { authority_code: text(CN1), ..none() }, &[5, 10]),
        (Filter { authority_code: text(REGION), ..none() }, &[3]),
        (Filter { assignee: Some(None), ..none() }, &[1, 3, 4, 5]),
        (Filter { assignee: Some(Some(operator)), ..none() }, &[2]),
        (Filter { assignee: Some(Some(pool)), ..none() }, &[10]),
        (Filter { priority: Some(Priority::Critical), ..none() }, &[10]),
        (Filter { priority: Some(Priority::Low), ..none() }, &[]),
        (Filter { tag: text("laboratorio"), ..none() }, &[10]),
        (Filter { tag: text("labor"), ..none() }, &[]),
        (Filter { tag: text("a"), ..none() }, &[10]),
        (Filter { needs_attention: Some(true), ..none() }, &[10]),
        (Filter { needs_attention: Some(false), ..none() }, &[1, 2, 3, 4, 5]),
        (Filter { untouched: Some(true), ..none() }, &[1, 3, 5, 10]),
        (Filter { untouched: Some(false), ..none() }, &[2, 4]),
        (Filter { transferred: Some(true), ..none() }, &[3]),
        (Filter { transferred: Some(false), ..none() }, &[1, 2, 4, 5, 10]),
        (Filter { untouched: Some(true), transferred: Some(false), ..none() }, &[1, 5, 10]),
        (Filter { created_from: Some(hours(10)), ..none() }, &[10]),
        (Filter { created_from: Some(hours(10) + MICROSECOND), ..none() }, &[]),
        (Filter { created_to: Some(hours(10)), ..none() }, &[1, 2, 3, 4, 5]),
        (Filter { created_from: Some(hours(0)), created_to: Some(hours(11)), ..none() }, &[1, 2, 3, 4, 5, 10]),
        (Filter { created_from: Some(Timestamp::MIN), created_to: Some(Timestamp::MAX), ..none() }, &[1, 2, 3, 4, 5, 10]),
        (Filter { created_from: Some(Timestamp::MAX), ..none() }, &[]),
        (Filter { created_to: Some(Timestamp::MIN), ..none() }, &[]),
        (Filter { updated_from: Some(hours(1)), ..none() }, &[2, 3, 4, 10]),
        (Filter { updated_to: Some(hours(1)), ..none() }, &[1, 5]),
        (Filter { updated_from: Some(hours(1)), updated_to: Some(hours(20)), ..none() }, &[2, 3, 4]),
        (Filter { due_before: Some(hours(30)), ..none() }, &[]),
        (Filter { due_before: Some(hours(31)), ..none() }, &[10]),
        (Filter { due_before: Some(hours(73)), ..none() }, &[1, 2, 3, 5, 10]),
        (Filter { text: text("REFERTO di"), ..none() }, &[10]),
        (Filter { text: text("2026-0000003"), ..none() }, &[3]),
        (Filter { text: text("niente"), ..none() }, &[]),
        (Filter { tax_code: text("RSSMRA85T10A562S"), ..none() }, &[10]),
        (Filter { tax_code: text(town::tax_code(4).as_str()), ..none() }, &[4]),
        (Filter { email: text("odd@example.org"), ..none() }, &[10]),
        (Filter { phone: text("+390112345678"), ..none() }, &[10]),
        (Filter { family_name: text("D'Alì"), ..none() }, &[10]),
        (Filter { family_name: text("Rossi"), ..none() }, &[1, 2, 3, 4, 5]),
        (Filter { states: vec![StateCode::New], family_name: text("Rossi"), ..none() }, &[1, 5]),
    ];
    everywhere(|fresh| {
        let db = fill(fresh);
        for (filter, numbers) in &rows {
            assert_eq!(taken(db, &Scope::System, filter), *numbers, "{filter:?}");
            let own: Vec<u32> = numbers.iter().copied().filter(|number| ![3, 5].contains(number)).collect();
            assert_eq!(taken(db, &Scope::Authority(TO4.into()), filter), own, "of TO4: {filter:?}");
        }
    });
}

//! Words for notes: whose they are, in which order they come, and that they are counted.

use domain::command::ActionCode;
use domain::ids::ReplyTemplateId;
use domain::invalid::Text;
use domain::note::Audience;
use domain::state::StateCode;
use storage::reply_templates::{self, Content, Order, ReplyTemplate};
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::town::{everywhere, hours, read, write};
use crate::words::{CN1, REGION, TO4, account};

fn id(number: u128) -> ReplyTemplateId {
    ReplyTemplateId::new(Uuid::from_u128(number))
}

fn template(number: u128, desk: &str) -> ReplyTemplate {
    ReplyTemplate {
        id: id(number),
        version: 1,
        desk: desk.into(),
        content: Content {
            is_shared: desk == REGION,
            service: Some("FSE".into()),
            problem_type: None,
            states: vec![StateCode::New, StateCode::InProgress],
            actions: vec![ActionCode::AskInfo, ActionCode::Note],
            audience: Audience::Citizen,
            label: Text::owned("Domanda", "Question"),
            body: Text::owned("È così?", "Is it so?"),
        },
        used_count: 0,
        last_used_at: None,
        author: account(3),
        created_at: hours(1),
        updated_at: hours(1),
        retired_at: None,
    }
}

/// Three of TO4, one of CN1 and one of the region, for all.
fn settle(db: &Db) {
    let rows = [(1, TO4), (2, TO4), (3, TO4), (4, CN1), (5, REGION)];
    for (number, desk) in rows {
        write(db, move |conn| {
            reply_templates::insert(conn, &template(number, desk))
        });
    }
}

fn listed(db: &Db, desk: &str, retired: bool, order: Order, most: i64) -> Vec<u128> {
    let found = read(db, |conn| {
        reply_templates::list(conn, &desk.into(), retired, order, most)
    });
    found.iter().map(|one| one.id.uuid().as_u128()).collect()
}

#[test]
fn a_desk_finds_its_own_and_what_is_shared_as_they_were_written() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let find = |desk: &str, number| {
            read(db, |conn| {
                reply_templates::find(conn, &desk.into(), id(number))
            })
        };
        assert_eq!(find(TO4, 1), Some(template(1, TO4)));
        assert_eq!(find(TO4, 5), Some(template(5, REGION)));
        assert_eq!(find(CN1, 1), None);
        assert_eq!(find(REGION, 1), None);
        let newest = Order::Newest(None);
        assert_eq!(listed(db, TO4, false, newest, 9), [5, 3, 2, 1]);
        assert_eq!(listed(db, CN1, false, newest, 9), [5, 4]);
        assert_eq!(listed(db, REGION, false, newest, 9), [5]);
        assert_eq!(listed(db, TO4, false, newest, 2), [5, 3]);
        let after = Order::Newest(Some((hours(1), id(3))));
        assert_eq!(listed(db, TO4, false, after, 9), [2, 1]);
    });
}

#[test]
fn uses_are_counted_without_a_new_version_and_order_the_list() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        for (number, hour) in [(2, 2), (1, 3), (2, 4)] {
            write(db, move |conn| {
                reply_templates::count_use(conn, id(number), hours(hour))
            });
        }
        let used = read(db, |conn| reply_templates::find(conn, &TO4.into(), id(2)));
        let expected = ReplyTemplate {
            used_count: 2,
            last_used_at: Some(hours(4)),
            ..template(2, TO4)
        };
        assert_eq!(used, Some(expected));
        let most_used = Order::MostUsed(None);
        assert_eq!(listed(db, TO4, false, most_used, 9), [2, 1, 5, 3]);
        for (after, rest) in [
            ((2, 2), vec![1, 5, 3]),
            ((1, 1), vec![5, 3]),
            ((0, 5), vec![3]),
        ] {
            let after = Order::MostUsed(Some((after.0, id(after.1))));
            assert_eq!(listed(db, TO4, false, after, 9), rest);
        }
    });
}

#[test]
fn a_stale_change_is_refused_and_a_retired_template_is_kept_apart() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let retired = ReplyTemplate {
            version: 2,
            retired_at: Some(hours(5)),
            updated_at: hours(5),
            ..template(1, TO4)
        };
        let save = |was| {
            let one = retired.clone();
            db.write(move |conn| reply_templates::save(conn, &one, was))
        };
        assert!(matches!(save(2), Err(StoreError::Stale)));
        assert!(save(1).is_ok());
        assert!(matches!(save(1), Err(StoreError::Stale)));
        let found = read(db, |conn| reply_templates::find(conn, &TO4.into(), id(1)));
        assert_eq!(found, None);
        let newest = Order::Newest(None);
        assert_eq!(listed(db, TO4, false, newest, 9), [5, 3, 2]);
        assert_eq!(listed(db, TO4, true, newest, 9), [1]);
        let kept = write(db, |conn| reply_templates::count_to_add(conn, &TO4.into()));
        assert_eq!(kept, 2);
    });
}

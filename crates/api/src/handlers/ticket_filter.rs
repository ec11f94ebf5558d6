//! What a list or a search of tickets is narrowed to and ordered by: one reader for both doors.

use domain::actor::{Assignee, Pool, Staff};
use domain::email::EmailAddress;
use domain::ids::AccountId;
use domain::invalid::Invalid;
use domain::person_name::PersonName;
use domain::phone::PhoneNumber;
use domain::sla::ClockState;
use domain::state::{Priority, StateCode};
use domain::tax_code::TaxCode;
use jiff::Timestamp;
use service::queue::{Filter, Order, Page};

use crate::cursor;
use crate::members::{Members, invalid_format, not_in_list};
use crate::query::{Shape, page_size};

/// A filter, a page, and the name of its order.
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) page: Page,
    pub(super) sort: String,
}

/// How the parameters of a list are to be read.
pub(super) const LIST: Shape = Shape {
    numbers: &["limit"],
    flags: &["needs_attention", "untouched", "transferred"],
    lists: &["state"],
};

/// Reads what a list and a search have in common; what is wrong stays in `members`.
pub(super) fn wanted(members: &mut Members, staff: &Staff, now: Timestamp) -> Wanted {
    let limit = page_size(members);
    let sort = members.text("sort", usize::MAX);
    let sort = sort.unwrap_or_else(|| "-created_at".to_owned());
    let (descending, order) = match sort.strip_prefix('-') {
        Some(order) => (true, order),
        None => (false, sort.as_str()),
    };
    let order = match order {
        "created_at" => Order::CreatedAt,
        "updated_at" => Order::UpdatedAt,
        "due_at" => Order::DueAt,
        "priority" => Order::Priority,
        _ => {
            members.refuse("sort", not_in_list());
            Order::CreatedAt
        }
    };
    let after = members.text("cursor", 512).and_then(|text| {
        let after = cursor::read(&sort, &text);
        if after.is_none() {
            members.refuse("cursor", invalid_format());
        }
        after
    });
    let filter = Filter {
        states: members
            .list("state", MOST_STATES, StateCode::from_code)
            .unwrap_or_default(),
        service_code: members.text("service_code", 64),
        problem_type: members.text("problem_type", 64),
        authority_code: members.text("authority_code", 64),
        assignee: members.code("assignee", |text| assignee(text, staff)),
        priority: members.code("priority", Priority::from_code),
        tag: members.text("tag", 30),
        needs_attention: members.flag("needs_attention"),
        untouched: members.flag("untouched"),
        transferred: members.flag("transferred"),
        created_from: members.moment("created_from"),
        created_to: members.moment("created_to"),
        updated_from: members.moment("updated_from"),
        updated_to: members.moment("updated_to"),
        due_before: members.moment("due_before"),
        sla: members
            .code("sla", ClockState::from_code)
            .map(|state| (state, now)),
        text: members
            .text("q", 200)
            .filter(|text| !text.trim().is_empty()),
        ..Filter::default()
    };
    Wanted {
        filter,
        page: Page {
            order,
            descending,
            after,
            limit,
        },
        sort,
    }
}

/// Most states in a filter; there are no more to name.
const MOST_STATES: usize = 8;

fn assignee(text: &str, staff: &Staff) -> Option<Option<Assignee>> {
    match text {
        "none" => Some(None),
        "me" => Some(Some(Assignee::Operator(staff.account))),
        other => match (Pool::from_code(other), other.parse::<AccountId>()) {
            (Some(pool), _) => Some(Some(Assignee::Pool(pool))),
            (None, Ok(account)) => Some(Some(Assignee::Operator(account))),
            (None, Err(_)) => None,
        },
    }
}

/// The identifiers of a search, normalised as they are kept.
pub(super) fn identifiers(members: &mut Members, filter: Filter) -> Filter {
    let mut read = |name: &str, parse: &dyn Fn(&str) -> Result<String, Invalid>| {
        let text = members.text(name, 254)?;
        let parsed = parse(&text);
        parsed.map_err(|invalid| members.refuse(name, invalid)).ok()
    };
    Filter {
        tax_code: read("tax_code", &|text| {
            TaxCode::parse(text, true).map(|code| code.as_str().to_owned())
        }),
        email: read("email", &|text| {
            EmailAddress::parse(text).map(|email| email.as_str().to_owned())
        }),
        phone: read("phone", &|text| {
            PhoneNumber::parse(text).map(|phone| phone.as_str().to_owned())
        }),
        family_name: read("family_name", &|text| {
            PersonName::parse(text).map(|name| name.as_str().to_owned())
        }),
        ..filter
    }
}

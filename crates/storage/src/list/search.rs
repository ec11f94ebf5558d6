//! Lists narrowed to words (`docs/adr/0039`): what is common is found by walking along the list, what is
//! rare along the index of words, and no more work is done than for so many rows.
//!
//! Invariant: what is not looked at is said to be so, and the list goes on from there.

use diesel::prelude::*;
use domain::ids::TicketId;
use domain::visibility::Scope;
use jiff::Timestamp;

use super::limits::{Limited, OutOf, Which};
use super::{Filter, ItemRow, Key, Order, Page, is_of_one_way, narrowed, ordered};
use crate::prepared::prepared;
use crate::schema::tickets;
use crate::sql_types::{Id, Ts};
use crate::ticket_texts::{self, Wanted};
use crate::words::Query;
use crate::{DbConnection, StoreError, dialect};

/// Tickets of a list that are looked into first: enough for a word that one ticket in four has.
const FIRST_WALK: i64 = 200;

/// A first walk that finds so many says that a long one will fill a page, or come near it.
const COMMON: usize = 4;

/// Texts taken out of the index of words at most, where it tells them in no order.
const MOST_HITS: i64 = 2_000;

/// Tickets that are looked into at most.
const LONG_WALK: i64 = 5_000;

/// Texts taken out of the index of words, where it tells the newest first: at first, then if these were not
/// enough, and at most.
const FIRST_NEWEST_HITS: [i64; 2] = [250, 1_000];
const MOST_NEWEST_HITS: i64 = 5_000;

/// What lists go by.
const ORDERED_BY: OrderedBy = (
    tickets::id,
    tickets::created_at,
    tickets::updated_at,
    tickets::due_at,
    tickets::priority,
);
type OrderedBy = (
    tickets::id,
    tickets::created_at,
    tickets::updated_at,
    tickets::due_at,
    tickets::priority,
);

/// What was found, as [`super::Found`].
pub(super) struct Rows {
    pub(super) rows: Vec<ItemRow>,
    pub(super) is_capped: bool,
    pub(super) looked_to: Option<(Key, TicketId)>,
}

impl Rows {
    pub(super) const fn whole(rows: Vec<ItemRow>) -> Self {
        Rows {
            rows,
            is_capped: false,
            looked_to: None,
        }
    }
}

/// A page of the tickets on which one text that `scope` may read holds the words.
pub(super) fn search(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    page: &Page,
    query: &Query,
) -> Result<Rows, StoreError> {
    if query.is_empty() || narrowed(scope, filter, page)?.is_none() {
        return Ok(Rows::whole(Vec::new()));
    }
    let search = Search {
        scope,
        filter,
        page,
        query,
    };
    match dialect::walks_along_lists(conn) {
        true => search.along_lists(conn),
        false => search.along_words(conn),
    }
}

struct Search<'a> {
    scope: &'a Scope,
    filter: &'a Filter,
    page: &'a Page,
    query: &'a Query,
}

impl Search<'_> {
    fn narrowed(&self) -> Result<super::Query, StoreError> {
        // Asked before: the scope has tickets.
        Ok(narrowed(self.scope, self.filter, self.page)?
            .unwrap_or_else(|| tickets::table.limit(0).into_boxed()))
    }

    /// PostgreSQL: the index of words has no order, and every hit costs a row.
    fn along_lists(&self, conn: &mut DbConnection) -> Result<Rows, StoreError> {
        let wanted = Wanted::new(self.scope, self.query);
        let rows = self.walk(conn, &wanted, FIRST_WALK)?;
        if self.is_full(&rows) || self.end_of(conn, FIRST_WALK)?.is_none() {
            return Ok(Rows::whole(rows));
        }
        if rows.len() < COMMON {
            let hits = ticket_texts::list_hits(conn, &wanted, MOST_HITS + 1)?;
            if is_fewer(&hits, MOST_HITS + 1) {
                return Ok(Rows::whole(self.among(conn, hits)?));
            }
        }
        let rows = self.walk(conn, &wanted, LONG_WALK)?;
        let end = match self.is_full(&rows) {
            true => None,
            false => self.end_of(conn, LONG_WALK)?,
        };
        Ok(Rows {
            rows,
            is_capped: end.is_some(),
            looked_to: end,
        })
    }

    /// SQLite: the index of words goes by the time of filing, and is cheap to walk along.
    fn along_words(&self, conn: &mut DbConnection) -> Result<Rows, StoreError> {
        let is_newest_first = self.page.order == Order::CreatedAt && self.page.descending;
        if !is_newest_first {
            let (rows, end) = self.among_newest(conn, None, MOST_NEWEST_HITS)?;
            return Ok(Rows {
                rows,
                is_capped: end.is_some(),
                looked_to: None,
            });
        }
        let after = match self.page.after {
            Some((Key::At(at), id)) => Some((Ts(at), id)),
            _ => None,
        };
        for most in FIRST_NEWEST_HITS {
            let (rows, end) = self.among_newest(conn, after, most)?;
            if end.is_none() || self.is_full(&rows) {
                return Ok(Rows::whole(rows));
            }
        }
        match self.among_newest(conn, after, MOST_NEWEST_HITS)? {
            (rows, Some(last)) if !self.is_full(&rows) => Ok(Rows {
                rows,
                is_capped: true,
                looked_to: filed_at(conn, last)?,
            }),
            (rows, _) => Ok(Rows::whole(rows)),
        }
    }

    /// The page that is among the newest `most` hits, and the last of them if there may be more.
    fn among_newest(
        &self,
        conn: &mut DbConnection,
        after: Option<(Ts, TicketId)>,
        most: i64,
    ) -> Result<(Vec<ItemRow>, Option<Id>), StoreError> {
        let hits = ticket_texts::list_newest_hits(conn, self.scope, self.query, after, most)?;
        let end = hits.last().copied().filter(|_| !is_fewer(&hits, most));
        Ok((self.among(conn, hits)?, end))
    }

    fn is_full(&self, rows: &[ItemRow]) -> bool {
        !is_fewer(rows, self.page.limit)
    }

    /// Those among the next `most` tickets of the list that hold the words.
    fn walk(
        &self,
        conn: &mut DbConnection,
        wanted: &Wanted,
        most: i64,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let next = ordered(self.narrowed()?, self.page).select(ItemRow::as_select());
        let walk = OutOf {
            rows: self.limited(next, most, 0),
            which: Which::Holding(wanted),
            limit: self.page.limit,
        };
        Ok(prepared(walk).load::<ItemRow>(conn)?)
    }

    /// Some rows of a list; how many is one of the constants above.
    fn limited<Q>(&self, rows: Q, limit: i64, offset: i64) -> Limited<Q> {
        Limited {
            rows,
            limit,
            offset,
            is_constant: is_of_one_way(self.scope, self.filter),
        }
    }

    /// The last of the next `most` tickets of the list; none if there are not so many.
    fn end_of(
        &self,
        conn: &mut DbConnection,
        most: i64,
    ) -> Result<Option<(Key, TicketId)>, StoreError> {
        let rows = ordered(self.narrowed()?, self.page).select(ORDERED_BY);
        let last = prepared(self.limited(rows, 1, most - 1)).load::<(Id, Ts, Ts, Ts, i32)>(conn)?;
        let key = |(id, created_at, updated_at, due_at, rank): (Id, Ts, Ts, Ts, i32)| {
            let key = match self.page.order {
                Order::CreatedAt => Key::At(created_at.0),
                Order::UpdatedAt => Key::At(updated_at.0),
                Order::DueAt => Key::At(due_at.0),
                Order::Priority => Key::Rank(rank),
            };
            (key, TicketId::new(id.0))
        };
        Ok(last.into_iter().next().map(key))
    }

    /// The page of the list that is among these.
    fn among(&self, conn: &mut DbConnection, mut ids: Vec<Id>) -> Result<Vec<ItemRow>, StoreError> {
        ids.sort_unstable();
        ids.dedup();
        let most = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        // Taken out first and put in order then: the planner would rather walk along the list.
        let inner = self
            .narrowed()?
            .filter(tickets::id.eq_any(ids))
            .select(ORDERED_BY)
            .limit(most);
        let sorted = OutOf {
            rows: inner,
            which: Which::Sorted(order_of(self.page)),
            limit: self.page.limit,
        };
        let page = sorted.load::<(Id, Ts, Ts, Ts, i32)>(conn)?;
        // The rows themselves are long, and few of them are shown.
        let ids = page.into_iter().map(|(id, ..)| id);
        let rows = ordered(self.narrowed()?, self.page)
            .filter(tickets::id.eq_any(ids))
            .select(ItemRow::as_select());
        Ok(rows.load::<ItemRow>(conn)?)
    }
}

fn is_fewer<T>(found: &[T], than: i64) -> bool {
    i64::try_from(found.len()).is_ok_and(|count| count < than)
}

fn filed_at(conn: &mut DbConnection, id: Id) -> Result<Option<(Key, TicketId)>, StoreError> {
    let at = tickets::table
        .find(id)
        .select(tickets::created_at)
        .first::<Ts>(conn)
        .optional()?;
    Ok(at.map(|at: Ts| (Key::At(Timestamp::from(at)), TicketId::new(id.0))))
}

const fn order_of(page: &Page) -> &'static str {
    match (page.order, page.descending) {
        (Order::CreatedAt, true) => "created_at DESC, id DESC",
        (Order::CreatedAt, false) => "created_at, id",
        (Order::UpdatedAt, true) => "updated_at DESC, id DESC",
        (Order::UpdatedAt, false) => "updated_at, id",
        (Order::DueAt, true) => "due_at DESC, id DESC",
        (Order::DueAt, false) => "due_at, id",
        (Order::Priority, true) => "priority DESC, id DESC",
        (Order::Priority, false) => "priority, id",
    }
}

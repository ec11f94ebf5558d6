//! Custody over time: who had a ticket, from when to when. A leg is only ever closed, or opened again
//! when a closed ticket is reopened (T21).

use diesel::prelude::*;
use domain::ticket::{Leg, LegEnd, LegOutcome, Ticket};

use crate::prepared::prepared;
use crate::schema::legs;
use crate::sql_types::{Id, Ts};
use crate::together::Row;
use crate::{DbConnection, StoreError};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = legs, treat_none_as_default_value = false, treat_none_as_null = true)]
struct LegRow {
    ticket_id: Id,
    no: i32,
    custodian: String,
    opened_at: Ts,
    closed_at: Option<Ts>,
    closed_seq: Option<i64>,
    outcome: Option<String>,
}

/// Writes the legs of a ticket that are not as they were `before`, which are the ones that are kept.
pub(crate) fn write(
    conn: &mut DbConnection,
    ticket: &Ticket,
    before: &[Leg],
) -> Result<(), StoreError> {
    for (place, leg) in ticket.legs.iter().enumerate() {
        let kept = before.get(place);
        if kept == Some(leg) {
            continue;
        }
        let row = LegRow::new(ticket, leg);
        if kept.is_none() {
            diesel::insert_into(legs::table).values(row).execute(conn)?;
        } else {
            let update = diesel::update(legs::table.find((row.ticket_id, row.no))).set(row);
            prepared(update.returning(legs::no)).load::<i32>(conn)?;
        }
    }
    Ok(())
}

pub(crate) fn load(conn: &mut DbConnection, ticket: Id) -> Result<Vec<Leg>, StoreError> {
    let rows = legs::table
        .filter(legs::ticket_id.eq(ticket))
        .order(legs::no.asc())
        .select(LegRow::as_select())
        .load(conn)?;
    rows.into_iter().map(LegRow::into_domain).collect()
}

/// The rows of a ticket that is written with them.
pub(crate) fn rows_of(ticket: &Ticket) -> impl Iterator<Item = Box<dyn Row>> {
    let legs = ticket.legs.iter();
    legs.map(|leg| -> Box<dyn Row> {
        Box::new(diesel::insert_into(legs::table).values(LegRow::new(ticket, leg)))
    })
}

impl LegRow {
    fn new(ticket: &Ticket, leg: &Leg) -> Self {
        let end = leg.closed.as_ref();
        LegRow {
            ticket_id: Id(ticket.id.uuid()),
            no: leg.no,
            custodian: leg.custodian.as_str().to_owned(),
            opened_at: Ts(leg.opened_at),
            closed_at: end.map(|end| Ts(end.at)),
            closed_seq: end.map(|end| end.seq),
            outcome: end.map(|end| end.outcome.as_str().to_owned()),
        }
    }

    fn into_domain(self) -> Result<Leg, StoreError> {
        let closed = match (
            self.closed_at,
            self.closed_seq,
            self.outcome.as_deref().and_then(LegOutcome::from_code),
        ) {
            (Some(at), Some(seq), Some(outcome)) => Some(LegEnd {
                at: at.0,
                seq,
                outcome,
            }),
            (None, None, None) => None,
            _ => {
                return Err(StoreError::Corrupt {
                    table: "legs",
                    id: self.ticket_id.0.to_string(),
                    column: "outcome",
                });
            }
        };
        Ok(Leg {
            no: self.no,
            custodian: self.custodian.as_str().into(),
            opened_at: self.opened_at.0,
            closed,
        })
    }
}

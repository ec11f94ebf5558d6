//! Anchors of the audit trail, append-only: the heads of all chains at an instant, signed by whoever
//! has the key, and where each still has to go (`docs/adr/0034`).
//!
//! Sending is claimed by moving it on: whoever moves `due_at` may try, and nobody else before then.

use aws_lc_rs::digest::{SHA256, digest};
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use crate::schema::{audit_anchor_sends, audit_anchors};
use crate::sql_types::Ts;
use crate::{DbConnection, StoreError, dialect};

/// An anchor as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_anchors, treat_none_as_default_value = false)]
pub struct Anchor {
    /// 1, 2, 3 …
    pub number: i64,
    pub(crate) at: Ts,
    /// What was signed, with its signature: one line.
    pub body: String,
}

impl Anchor {
    /// When.
    pub fn at(&self) -> Timestamp {
        self.at.0
    }

    /// The id of the mail that carries it, the same at each try.
    pub fn mail_id(&self) -> Uuid {
        let hash = digest(&SHA256, self.body.as_bytes());
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// An anchor that has to go somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// The anchor.
    pub anchor: Anchor,
    /// Where to: `file`, `webhook` or `mail`.
    pub place: String,
    /// Tries before this one.
    pub tries: i32,
    due_at: Ts,
}

/// How the anchors fare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The number of the last one; 0 before the first.
    pub last: i64,
    /// When it was made.
    pub last_at: Option<Timestamp>,
    /// Sendings that wait at places where one did not succeed.
    pub failing: i64,
    /// The place where the oldest did not succeed.
    pub failing_place: Option<String>,
}

/// The last anchor. Whoever goes on to add one waits for others that do.
pub fn last_to_add(conn: &mut DbConnection) -> Result<Option<Anchor>, StoreError> {
    dialect::follow_each_other(conn, "audit_anchors")?;
    last(conn)
}

/// The last anchor.
pub fn last(conn: &mut DbConnection) -> Result<Option<Anchor>, StoreError> {
    Ok(audit_anchors::table
        .order(audit_anchors::number.desc())
        .select(Anchor::as_select())
        .first(conn)
        .optional()?)
}

/// Adds an anchor that has to go to these places.
pub fn add(
    conn: &mut DbConnection,
    number: i64,
    body: String,
    places: &[&'static str],
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = Anchor {
        number,
        at: Ts(now),
        body,
    };
    diesel::insert_into(audit_anchors::table)
        .values(row)
        .execute(conn)?;
    for place in places {
        let send = (
            audit_anchor_sends::anchor.eq(number),
            audit_anchor_sends::place.eq(*place),
            audit_anchor_sends::tries.eq(0),
            audit_anchor_sends::due_at.eq(Ts(now)),
        );
        diesel::insert_into(audit_anchor_sends::table)
            .values(send)
            .execute(conn)?;
    }
    Ok(())
}

/// Anchors after a number, in order.
pub fn list(conn: &mut DbConnection, after: i64, limit: i64) -> Result<Vec<Anchor>, StoreError> {
    Ok(audit_anchors::table
        .filter(audit_anchors::number.gt(after))
        .order(audit_anchors::number)
        .limit(limit)
        .select(Anchor::as_select())
        .load(conn)?)
}

/// The places where something has to go now.
pub fn list_places_due(conn: &mut DbConnection, now: Timestamp) -> Result<Vec<String>, StoreError> {
    Ok(audit_anchor_sends::table
        .filter(audit_anchor_sends::due_at.le(Ts(now)))
        .select(audit_anchor_sends::place)
        .distinct()
        .order(audit_anchor_sends::place)
        .load(conn)?)
}

/// What has to go to a place now, the oldest anchors first.
pub fn list_due(
    conn: &mut DbConnection,
    place: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Send>, StoreError> {
    let anchor = audit_anchors::number.eq(audit_anchor_sends::anchor);
    let rows = audit_anchor_sends::table
        .inner_join(audit_anchors::table.on(anchor))
        .filter(audit_anchor_sends::place.eq(place.to_owned()))
        .filter(audit_anchor_sends::due_at.le(Ts(now)))
        .order(audit_anchor_sends::anchor)
        .limit(limit)
        .select((
            Anchor::as_select(),
            audit_anchor_sends::place,
            audit_anchor_sends::tries,
            audit_anchor_sends::due_at,
        ))
        .load::<(Anchor, String, i32, Ts)>(conn)?;
    let send = |(anchor, place, tries, due_at)| Send {
        anchor,
        place,
        tries,
        due_at,
    };
    Ok(rows.into_iter().map(send).collect())
}

/// Claims a sending until `next`, when it is due again unless it succeeded; false if another has it.
pub fn claim(conn: &mut DbConnection, send: &Send, next: Timestamp) -> Result<bool, StoreError> {
    let row = audit_anchor_sends::table
        .find((send.anchor.number, send.place.clone()))
        .filter(audit_anchor_sends::due_at.eq(send.due_at));
    let claimed = diesel::update(row)
        .set((
            audit_anchor_sends::tries.eq(send.tries + 1),
            audit_anchor_sends::due_at.eq(Ts(next)),
        ))
        .execute(conn)?;
    Ok(claimed == 1)
}

/// It arrived.
pub fn mark_sent(conn: &mut DbConnection, send: &Send) -> Result<(), StoreError> {
    let row = audit_anchor_sends::table.find((send.anchor.number, send.place.clone()));
    diesel::delete(row).execute(conn)?;
    Ok(())
}

/// How they fare.
pub fn standing(conn: &mut DbConnection) -> Result<Standing, StoreError> {
    let last = last(conn)?;
    let failing: Vec<String> = audit_anchor_sends::table
        .filter(audit_anchor_sends::tries.gt(0))
        .order(audit_anchor_sends::anchor)
        .select(audit_anchor_sends::place)
        .load(conn)?;
    let waiting =
        audit_anchor_sends::table.filter(audit_anchor_sends::place.eq_any(failing.clone()));
    Ok(Standing {
        last: last.as_ref().map_or(0, |anchor| anchor.number),
        last_at: last.map(|anchor| anchor.at()),
        failing: waiting.count().get_result(conn)?,
        failing_place: failing.into_iter().next(),
    })
}

//! What happened, told to programs and to screens that stay open. Told by ids and codes: whoever
//! wants more asks for it, and gets what they may see (`domain.md`, annex).

use domain::actor::{Assignee, Staff};
use domain::codes::AuthorityCode;
use domain::event::{Change as TicketChange, Event};
use domain::permissions::{Right, has};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use storage::{DbConnection, changes, trail};

pub use storage::changes::{Change, News};

use crate::reading::{Reading, within};
use crate::{Desk, DeskError};

/// Rows that get their place in one transaction.
const PLACED_AT_ONCE: i64 = 1000;
/// How long the feed is kept: whoever was away longer reads the lists anew.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A page of the feed.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The rows the reader may see.
    pub items: Vec<Change>,
    /// Where to read on.
    pub after: i64,
    /// Nothing comes after these, for now.
    pub end_of_stream: bool,
}

/// Why the feed cannot be read on from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedGone {
    /// The first place that is still kept.
    pub first: i64,
}

impl Desk {
    /// Writes news into the feed and to the endpoints that ask for them, in the transaction of what
    /// happened.
    pub fn publish(
        &self,
        conn: &mut DbConnection,
        news: &News,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        changes::put(conn, news, now)?;
        Ok(self.tell_endpoints(conn, news, now)?)
    }

    /// Writes what happened to a ticket into the feed. `former` had it before.
    pub(crate) fn publish_events(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        events: &[Event],
        former: &AuthorityCode,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        for event in events {
            let news = self.news_of(ticket, &event.change, Some(event.seq), former);
            self.publish(conn, &news, now)?;
        }
        Ok(())
    }

    /// What happened to a ticket as it is told: to the desk that has it, and what happens to its
    /// activity to the technical desk. The region is told of both.
    pub(crate) fn news_of(
        &self,
        ticket: &Ticket,
        change: &TicketChange,
        seq: Option<i64>,
        former: &AuthorityCode,
    ) -> News {
        let activity = change.activity();
        let is_regions = matches!(change, TicketChange::ActivityOverdue { .. });
        let custodian = &ticket.custodian.code;
        let desk = match activity {
            // While there is no technical desk, the region alone may know.
            Some(_) if !is_regions => self
                .reference
                .technical_desk(self.today())
                .map_or(self.reference.region(), |desk| &desk.code),
            _ if change.is_technical() => self.reference.region(),
            _ => custodian,
        };
        News {
            kind: change.kind().to_owned(),
            desk: Some(desk.clone()),
            former_desk: (custodian != former).then(|| former.clone()),
            ticket: Some(ticket.id),
            seq,
            subject: activity.map(|id| id.to_string()),
            data: facts(ticket, change),
        }
    }

    /// Gives every committed row of the feed its place; the answer is whether there were any.
    pub fn place_changes(&self) -> Result<bool, DeskError> {
        let mut any = false;
        while self.db.read_in(&Scope::System, changes::has_unplaced)? {
            any = true;
            let placed = trail::apart(|| {
                self.db.write_in(&Scope::System, |conn| {
                    Ok::<_, DeskError>(changes::place(conn, PLACED_AT_ONCE)?)
                })
            })?;
            // Another node was faster.
            if placed == 0 {
                break;
            }
        }
        Ok(any)
    }

    /// The rows of the feed after a place, as far as the placement sees them; 0 is the beginning.
    pub fn read_feed(
        &self,
        staff: &Staff,
        after: i64,
        limit: i64,
    ) -> Result<Result<FeedPage, FeedGone>, DeskError> {
        self.read_feed_in(&Scope::of(staff), after, limit)
    }

    /// The same, as far as a scope sees them.
    pub(crate) fn read_feed_in(
        &self,
        scope: &Scope,
        after: i64,
        limit: i64,
    ) -> Result<Result<FeedPage, FeedGone>, DeskError> {
        self.place_changes()?;
        let (first, last, items) = self.db.read_snapshot_in(scope, |conn| {
            // A place counts for everybody, whatever they see of it.
            let last = changes::last_position(conn)?;
            let items = changes::list(conn, scope, after, limit)?;
            Ok::<_, DeskError>((changes::oldest_kept(conn)?, last, items))
        })?;
        if after > 0 && after + 1 < first {
            return Ok(Err(FeedGone { first }));
        }
        let is_full = i64::try_from(items.len()).is_ok_and(|count| count == limit);
        let end = match items.last() {
            Some(item) if is_full => item.position,
            _ => last.max(after),
        };
        Ok(Ok(FeedPage {
            end_of_stream: end >= last,
            items,
            after: end,
        }))
    }

    /// The last place given so far.
    pub fn feed_end(&self) -> Result<i64, DeskError> {
        Ok(self.db.read_in(&Scope::System, changes::last_position)?)
    }

    /// What every screen together may want to know after a place, whoever may see it. From the replica,
    /// if there is one: a screen that is told of a change finds it there when it asks.
    pub fn read_feed_of_all(&self, after: i64, limit: i64) -> Result<Vec<Change>, DeskError> {
        within(Some(Reading::Bystander), || {
            Ok(self.db.read_in(&Scope::System, |conn| {
                changes::list(conn, &Scope::System, after, limit)
            })?)
        })
    }
}

/// Whether a scope may see the news. Storage asks the same in SQL.
pub fn is_seen_by(scope: &Scope, news: &News) -> bool {
    match scope {
        Scope::Region(_) | Scope::System => true,
        Scope::Authority(code) => {
            news.desk.is_none()
                || news.desk.as_ref() == Some(code)
                || news.former_desk.as_ref() == Some(code)
        }
        Scope::Technical(code) => {
            news.desk.as_ref() == Some(code) && news.kind.starts_with("activity.")
        }
        Scope::Citizen { .. } | Scope::Tracking(_) | Scope::Granted(_) | Scope::Nothing => false,
    }
}

/// What a screen that stays open is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// Something came into the queue.
    QueueNew,
    /// Something was given to the reader.
    TicketAssigned,
    /// A requester wrote.
    RequesterWrote,
    /// A requester nudged.
    RequesterNudged,
    /// Nobody took a ticket of the desk; for those who lead it.
    QueueUntouched,
    /// A time is nearly over, or is over.
    SlaWarning,
    /// A technical activity should be over by now.
    ActivityOverdue,
    /// Somebody was not reached.
    MessageUndelivered,
    /// There is an announcement.
    AnnouncementPublished,
}

impl Headline {
    /// The name of the event in a stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Headline::QueueNew => "queue.new",
            Headline::TicketAssigned => "ticket.assigned",
            Headline::RequesterWrote => "requester.wrote",
            Headline::RequesterNudged => "requester.nudged",
            Headline::QueueUntouched => "queue.untouched",
            Headline::SlaWarning => "sla.warning",
            Headline::ActivityOverdue => "activity.overdue",
            Headline::MessageUndelivered => "message.undelivered",
            Headline::AnnouncementPublished => "announcement.published",
        }
    }
}

/// What a member of staff who may see the news is told of it, if anything: what concerns the desk
/// they work at, and themselves.
pub fn headline(staff: &Staff, news: &News) -> Option<Headline> {
    if news
        .desk
        .as_ref()
        .is_some_and(|desk| *desk != staff.authority)
    {
        return None;
    }
    match news.kind.as_str() {
        "request.created"
        | "request.handed_over"
        | "request.returned"
        | "request.rerouted"
        | "request.released" => Some(Headline::QueueNew),
        "request.assigned" => {
            let assignee = news.data.get("assignee").and_then(Value::as_str);
            let is_mine = assignee == Some(staff.account.to_string().as_str());
            is_mine.then_some(Headline::TicketAssigned)
        }
        "request.information_received" | "request.message_received" => {
            Some(Headline::RequesterWrote)
        }
        "request.nudged" => Some(Headline::RequesterNudged),
        "queue.untouched" | "handover.untouched" => {
            has(staff.role, Right::Supervise).then_some(Headline::QueueUntouched)
        }
        "request.reopened" => {
            let by_reply = news.data.get("by_reply").and_then(Value::as_bool);
            (by_reply == Some(true)).then_some(Headline::RequesterWrote)
        }
        "review.requested" | "complaint.received" => Some(Headline::QueueNew),
        "sla.warning" | "sla.breached" | "review.overdue" | "complaint.overdue" => {
            Some(Headline::SlaWarning)
        }
        "activity.overdue" => Some(Headline::ActivityOverdue),
        "message.undelivered" => Some(Headline::MessageUndelivered),
        "announcement.published" => Some(Headline::AnnouncementPublished),
        _ => None,
    }
}

/// What news of a ticket say besides what happened. What is told to the technical desk quotes the
/// ticket's number alone: where the ticket is by then, and whose, is not its affair.
fn facts(ticket: &Ticket, change: &TicketChange) -> Value {
    let number = Value::String(ticket.number.to_string());
    let is_regions = matches!(change, TicketChange::ActivityOverdue { .. });
    let mut facts = match change.is_technical() && !is_regions {
        true => Map::new(),
        false => desk_facts(ticket, change),
    };
    facts.insert("number".to_owned(), number);
    let of_activity = match change {
        TicketChange::ActivityOpened(Some(fact))
        | TicketChange::ActivityClosed(Some(fact))
        | TicketChange::ActivityChanged(fact) => Some((
            ("activity_state", fact.state.as_str().to_owned()),
            fact.origin,
        )),
        TicketChange::ActivityCommented {
            comment, origin, ..
        } => Some((("comment", comment.to_string()), *origin)),
        _ => None,
    };
    if let Some(((name, value), origin)) = of_activity {
        facts.insert(name.to_owned(), value.into());
        // So that whoever brought it need not bring it back.
        facts.insert("origin".to_owned(), origin.map(|id| id.to_string()).into());
    }
    facts.into()
}

/// What the desks that work tickets are told besides.
fn desk_facts(ticket: &Ticket, change: &TicketChange) -> Map<String, Value> {
    let owner = match &ticket.assignee {
        Some(Assignee::Operator(account)) => Some(("assignee", account.to_string())),
        _ => None,
    };
    let why = match change {
        TicketChange::HandedOver { reason, .. } => {
            Some(("reason_code", reason.as_str().to_owned()))
        }
        TicketChange::Resolved { code, .. } => Some(("resolution_code", code.as_str().to_owned())),
        TicketChange::PlaybookDecided(word) => {
            Some(("decision", word.decision.as_str().to_owned()))
        }
        _ => None,
    };
    let known = [
        ("state", ticket.state.code().as_str().to_owned()),
        ("custodian", ticket.custodian.code.to_string()),
    ];
    let mut facts: Map<String, Value> = known
        .into_iter()
        .chain(owner)
        .chain(why)
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    match change {
        TicketChange::Reopened {
            by_reply,
            on_review,
        } => {
            facts.insert("by_reply".to_owned(), Value::Bool(*by_reply));
            facts.insert("on_review".to_owned(), Value::Bool(*on_review));
        }
        TicketChange::ReviewDecided { outcome } => {
            facts.insert("outcome".to_owned(), Value::from(outcome.as_str()));
        }
        _ => {}
    }
    facts
}

//! What requesters do with their own tickets: read, write, withdraw, and open a tracking session.

use domain::actor::Actor;
use domain::audit::AuditActor;
use domain::command::Command;
use domain::ids::{TicketId, TicketRef};
use domain::note::Attachment;
use domain::state::{State, StateCode};
use domain::text::MessageBody;
use domain::ticket::{NewTicket, Ticket};
use domain::visibility::Scope;
use escalation::routing::{Case, CustodyChange};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::list::{self, Filter, Key, Order, Page};
use storage::tickets::{self, Dossier};
use storage::{DbConnection, history};

use crate::filing::NO_DESK;
use crate::labels::Labelled;
use crate::links::end_of;
use crate::once::{Answer, Once};
use crate::own_screen::RequesterTicket;
use crate::secrets::same;
use crate::{Desk, DeskError, trail};

/// What a requester's message led to.
#[derive(Clone, Serialize, Deserialize)]
pub struct Replied {
    /// The ticket it is on: the same one, or the follow-up of a closed one.
    pub ticket: RequesterTicket,
    /// Whether a new ticket was made for it (T24).
    pub is_follow_up: bool,
}

/// A ticket in a requester's own list.
#[derive(Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct OwnItem {
    pub id: TicketId,
    pub number: String,
    pub state: StateCode,
    pub service: Labelled,
    pub problem_type: Labelled,
    pub created_at: Timestamp,
    pub needs_answer: bool,
    pub on_behalf_of: bool,
    pub last_message: Option<String>,
}

/// Characters of a message shown in a list.
const PREVIEW_CHARS: usize = 120;

impl Desk {
    /// A page of the requester's own tickets, newest first.
    pub fn list_own(
        &self,
        scope: &Scope,
        after: Option<(Timestamp, TicketId)>,
        limit: i64,
    ) -> Result<Vec<OwnItem>, DeskError> {
        let page = Page {
            order: Order::CreatedAt,
            descending: true,
            after: after.map(|(at, id)| (Key::At(at), id)),
            limit,
        };
        self.db.read_snapshot_in(scope, |conn| {
            let items = list::list(conn, scope, &Filter::default(), &page)?.items;
            let ids: Vec<TicketId> = items.iter().map(|item| item.id).collect();
            let mut previews = history::list_last_messages(conn, &ids)?;
            Ok(items
                .into_iter()
                .map(|item| OwnItem {
                    id: item.id,
                    service: self.service_label(&item.service_code),
                    problem_type: self.problem_label(&item.service_code, &item.problem_type),
                    number: item.number,
                    state: item.state.citizen_code(),
                    created_at: item.created_at,
                    needs_answer: item.state == StateCode::AwaitingInfo,
                    on_behalf_of: item.is_about_another,
                    last_message: previews.remove(&item.id).map(|text| preview(&text)),
                })
                .collect())
        })
    }

    /// Checks the text of a message before its file is kept.
    pub fn check_message(
        &self,
        body: Option<&str>,
    ) -> Result<MessageBody, domain::invalid::FieldError> {
        MessageBody::parse(
            body.unwrap_or_default(),
            self.settings.text_limits.description_max_chars,
        )
        .map_err(|invalid| invalid.at("/body"))
    }

    /// Adds the requester's message: wakes a waiting ticket, reopens a resolved one within its
    /// window, and becomes a new ticket on a closed one, so that no reply is lost (I-12).
    pub fn reply(
        &self,
        scope: &Scope,
        wanted: TicketRef,
        body: MessageBody,
        file: Option<Attachment>,
        once: &Once,
    ) -> Result<Answer<Replied>, DeskError> {
        // Taken before the transaction: a follow-up needs one, and skipped numbers do no harm.
        let now = self.clock.now();
        let (id, is_over) = self.db.read_in(scope, |conn| {
            let (found, _) = end_of(conn, scope, &wanted)?;
            Ok::<_, DeskError>((found.id, found.takes_no_reply(now)))
        })?;
        let number = if is_over {
            Some(self.next_number(now)?)
        } else {
            None
        };
        let (desk, reach) = (self.clone(), reach_of_reply(scope, id));
        self.write_once(&reach.clone(), once, move |conn| {
            let (mut ticket, dossier) = end_of(conn, &reach, &TicketRef::Id(id))?;
            let on_behalf_of = reach.is_another(&dossier.tax_code);
            if !ticket.takes_no_reply(now) {
                desk.say(conn, &mut ticket, &dossier, &body, file.as_ref(), now)?;
                let ticket = desk.requester_ticket(&ticket, &dossier, on_behalf_of);
                return Ok(Replied {
                    ticket,
                    is_follow_up: false,
                });
            }
            // One open follow-up for each closed ticket: what is said later goes on there.
            tickets::hold(conn, ticket.id)?;
            if let Some((mut open, dossier)) = tickets::find_open_follow_up(conn, ticket.id)?
                && !open.takes_no_reply(now)
            {
                desk.say(conn, &mut open, &dossier, &body, file.as_ref(), now)?;
                let ticket = desk.requester_ticket(&open, &dossier, on_behalf_of);
                return Ok(Replied {
                    ticket,
                    is_follow_up: true,
                });
            }
            let number = number.ok_or(DeskError::Busy)?;
            let dossier = desk.follow_up_dossier(dossier, &ticket, &body, now);
            let new = desk.follow_up(conn, &ticket, &dossier, number, now)?;
            let made = desk.insert(conn, new, &dossier, &Actor::Requester, file.as_ref(), now)?;
            Ok(Replied {
                ticket: desk.requester_ticket(&made, &dossier, on_behalf_of),
                is_follow_up: true,
            })
        })
    }

    /// Adds a message within the quotas of its ticket.
    fn say(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        body: &MessageBody,
        file: Option<&Attachment>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let quotas = &self.settings.quotas;
        let (messages, files) = history::count_said(conn, ticket.id)?;
        if messages >= quotas.messages_per_ticket
            || (file.is_some() && files >= quotas.files_per_ticket)
        {
            return Err(DeskError::Quota {
                retry_after: SignedDuration::from_hours(24),
            });
        }
        let command = Command::Reply {
            body: body.as_str().to_owned(),
            attachment: file.cloned(),
        };
        self.apply(conn, ticket, dossier, &command, &Actor::Requester, now)?;
        Ok(())
    }

    /// Withdraws the requester's ticket (T20).
    pub fn withdraw(
        &self,
        scope: &Scope,
        wanted: TicketRef,
        once: &Once,
    ) -> Result<Answer<RequesterTicket>, DeskError> {
        let (desk, reach) = (self.clone(), scope.clone());
        self.write_once(scope, once, move |conn| {
            let now = desk.clock.now();
            let (mut ticket, dossier) = end_of(conn, &reach, &wanted)?;
            desk.apply(
                conn,
                &mut ticket,
                &dossier,
                &Command::Withdraw,
                &Actor::Requester,
                now,
            )?;
            let on_behalf_of = reach.is_another(&dossier.tax_code);
            Ok(desk.requester_ticket(&ticket, &dossier, on_behalf_of))
        })
    }

    /// The ticket that a tracking link opens, if number and secret fit and the link still lives:
    /// as long as something can still become of the ticket (`domain.md` §3.6).
    pub fn open_tracking(&self, number: &str, secret: &str) -> Result<TicketId, DeskError> {
        let now = self.clock.now();
        let wanted =
            TicketRef::parse(number).filter(|wanted| matches!(wanted, TicketRef::Number(_)));
        let found = match wanted {
            Some(wanted) => self.db.read_in(&Scope::System, |conn| {
                let found = tickets::find(conn, &Scope::System, &wanted)?;
                let Some((ticket, dossier)) = found else {
                    return Ok(None);
                };
                let lives = self.is_trackable(conn, &Scope::System, &ticket, now)?;
                Ok::<_, DeskError>(Some((ticket.id, dossier.requester, lives)))
            })?,
            None => None,
        };
        // The comparison runs for an unknown number, too: an answer's time tells nothing.
        let id = found
            .as_ref()
            .map_or(TicketId::new(uuid::Uuid::nil()), |(id, ..)| *id);
        let fits = same(&self.secrets.tracking_secret(id), secret);
        match found {
            Some((id, requester, lives))
                if fits && crate::notify::is_mailed(requester) && lives =>
            {
                trail::is_of(AuditActor::Tracking { ticket: id });
                Ok(id)
            }
            _ => Err(DeskError::Credentials),
        }
    }

    /// Whether a tracking session opened for this ticket still counts.
    pub fn tracking_lives(&self, id: TicketId) -> Result<bool, DeskError> {
        let now = self.clock.now();
        let scope = Scope::Tracking(id);
        self.db.read_in(&scope, |conn| {
            match tickets::find(conn, &scope, &TicketRef::Id(id))? {
                Some((ticket, _)) => self.is_trackable(conn, &scope, &ticket, now),
                None => Ok(false),
            }
        })
    }

    /// A merged ticket is followed as long as the one it goes on in.
    fn is_trackable(
        &self,
        conn: &mut DbConnection,
        scope: &Scope,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let lives = |ticket: &Ticket| match ticket.state {
            State::Removed { .. } => false,
            _ if ticket.anonymised_at.is_some() => false,
            // The last change of a closed ticket may be one of its review, which is told here.
            State::AutoClosed { .. } => {
                let reviews = &self.settings.reviews;
                let reopen = self.settings.windows_for(ticket).reopen;
                let life = match reviews.enabled {
                    true => reopen.max(reviews.request_within),
                    false => reopen,
                };
                now.duration_since(ticket.updated_at) <= life
            }
            _ => true,
        };
        if ticket.merged_into.is_none() {
            return Ok(lives(ticket));
        }
        let (end, _) = end_of(conn, scope, &TicketRef::Id(ticket.id))?;
        Ok(lives(&end))
    }

    /// A follow-up begins where the same form would if it were filed today.
    fn follow_up(
        &self,
        conn: &mut DbConnection,
        closed: &Ticket,
        dossier: &Dossier,
        number: domain::ids::TicketNumber,
        now: Timestamp,
    ) -> Result<NewTicket, DeskError> {
        let declared = closed.declared_authority.as_ref();
        let declared = declared.map(|code| {
            let now = self.reference.in_force(code.as_str(), self.day_of(now));
            now.map_or(code, |now| &now.code)
        });
        let case = Case {
            change: CustodyChange::FollowUp,
            service: &closed.service,
            problem_type: &closed.problem_type,
            declared,
            requester: dossier.requester,
            channel: dossier.channel,
            reason: None,
            previous: None,
            named: None,
        };
        let to = self.route(conn, &case, now)?.target.ok_or(NO_DESK)?;
        Ok(NewTicket {
            id: TicketId::new(self.ids.uuid()),
            number,
            service: closed.service.clone(),
            problem_type: closed.problem_type.clone(),
            declared_authority: declared.cloned(),
            custodian: to.desk,
            route: to.route,
        })
    }

    fn follow_up_dossier(
        &self,
        dossier: Dossier,
        closed: &Ticket,
        body: &MessageBody,
        now: Timestamp,
    ) -> Dossier {
        Dossier {
            description: Some(body.as_str().to_owned()),
            follow_up_of: Some(closed.id),
            due_at: self.due_at(now),
            ..dossier
        }
    }
}

/// A reply goes on at the follow-up of the ticket it answers, which is one further than what the
/// session was opened for when that ticket is a follow-up itself.
fn reach_of_reply(scope: &Scope, ticket: TicketId) -> Scope {
    match scope {
        Scope::Tracking(_) => Scope::Tracking(ticket),
        other => other.clone(),
    }
}

fn preview(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= PREVIEW_CHARS {
        return line;
    }
    line.chars().take(PREVIEW_CHARS - 1).chain(['…']).collect()
}

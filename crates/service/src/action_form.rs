//! An operator's action as it was sent, and its reading against catalogue and database.

use domain::actor::{Assignee, Pool, Staff};
use domain::command::{Action, ActionCode, NewNote, PublishableNote, Update};
use domain::ids::{AccountId, ActivityId, AttachmentId, TicketNumber, TicketRef};
use domain::invalid::{FieldError, Invalid};
use domain::note::{Attachment, Audience};
use domain::playbook::Verdict;
use domain::rejection::Rejection;
use domain::state::{HandOverReason, RemovalReason, ResolutionCode, StateCode};
use domain::text::{Description, NoteBody};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use escalation::routing::CustodyChange;
use serde::{Deserialize, Serialize};
use storage::activities::Terms;
use storage::tickets::{self, Dossier};
use storage::{DbConnection, accounts, activities, attachments, history};

use crate::activities::{ActivityForm, text_of};
use crate::{Desk, DeskError};

/// The least and the most that a supervisor says who overrides a playbook, in characters.
const OVERRIDE_MIN_CHARS: usize = 20;
const OVERRIDE_MAX_CHARS: usize = 500;

/// The body of an action (`api.md` §5), nothing checked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ActionForm {
    pub action: Option<String>,
    pub note: Option<NoteForm>,
    pub assignee: Option<String>,
    pub expected_audience: Option<String>,
    pub resolution_code: Option<String>,
    pub reason_code: Option<String>,
    pub override_reason: Option<String>,
    pub authority_code: Option<String>,
    pub removal_reason: Option<String>,
    pub duplicate_of: Option<String>,
    pub seq: Option<i64>,
    pub confirm: Option<bool>,
    pub activity: Option<ActivityForm>,
    pub reply_template: Option<String>,
}

/// A note as it was sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct NoteForm {
    pub body: Option<String>,
    pub published: Option<bool>,
}

/// What of a form needs no database: codes, note and flags.
#[derive(Debug, Clone)]
pub struct CheckedAction {
    wish: Wish,
    activity: Option<Terms>,
    /// Text, and whether it leaves the team.
    pub(crate) note: Option<(String, bool)>,
    assignee: Option<String>,
    /// Whom the writer believes to write to.
    pub(crate) expected: Option<Audience>,
    override_reason: Option<String>,
    /// The words that were kept ready for the note.
    pub(crate) template: Option<String>,
}

#[derive(Debug, Clone)]
enum Wish {
    Plain(Box<Action>),
    HandOver(HandOverReason),
    Return,
    Reroute(String),
    Remove(RemovalReason, Option<String>),
    OpenActivity,
    CloseActivity,
    Publish(i64),
}

impl ActionForm {
    /// Reads everything that can be read without the ticket, and names every bad field at once.
    pub fn check(self) -> Result<CheckedAction, Vec<FieldError>> {
        let mut errors = Vec::new();
        let expected = listed(
            &mut errors,
            "/expected_audience",
            self.expected_audience.as_deref(),
            Audience::from_code,
        );
        let note = self
            .note
            .clone()
            .and_then(|note| check_note(&mut errors, note));
        let wish = self.wish(&mut errors);
        let override_reason = match (&wish, self.override_reason.as_deref()) {
            (Some(Wish::HandOver(_)), Some(text)) => check_override(&mut errors, text),
            _ => None,
        };
        let activity = matches!(wish, Some(Wish::OpenActivity))
            .then(|| self.activity.unwrap_or_default().check(&mut errors))
            .flatten();
        let note = match (activity.as_ref().map(text_of), note) {
            // The activity's text is the note that T18 demands; what the operator adds follows it.
            (Some(text), Some((body, true))) => Some((format!("{text}\n\n{body}"), true)),
            (Some(text), None) => Some((text, true)),
            (_, note) => note,
        };
        if let Some((text, _)) = &note
            && NoteBody::parse(text).is_err()
        {
            let (it, en) = (
                "Nel complesso il testo supera 5000 caratteri",
                "the whole text exceeds 5000 characters",
            );
            errors.push(Invalid::new("too-long", it, en).at("/activity/detail"));
        }
        match wish {
            Some(wish) if errors.is_empty() => Ok(CheckedAction {
                wish,
                activity,
                note,
                assignee: self.assignee,
                expected,
                override_reason,
                template: self.reply_template,
            }),
            _ => Err(errors),
        }
    }

    fn wish(&self, errors: &mut Vec<FieldError>) -> Option<Wish> {
        let Some(action) = self.action.as_deref() else {
            errors.push(Invalid::required().at("/action"));
            return None;
        };
        Some(match action {
            "take" => Wish::Plain(Box::new(Action::Take)),
            "assign" => Wish::Plain(Box::new(Action::Assign)),
            "note" => Wish::Plain(Box::new(Action::Note)),
            "ask-info" => Wish::Plain(Box::new(Action::AskInfo)),
            "cancel-question" => Wish::Plain(Box::new(Action::CancelQuestion)),
            "open-activity" => Wish::OpenActivity,
            "close-activity" => Wish::CloseActivity,
            "reopen" => Wish::Plain(Box::new(Action::Reopen)),
            // Every way to ask for it gets the same clear refusal (I-2).
            "close" | "auto-close" | "auto-closed" => Wish::Plain(Box::new(Action::Close)),
            "return" => Wish::Return,
            "resolve" => {
                let code = needed(
                    errors,
                    "/resolution_code",
                    self.resolution_code.as_deref(),
                    ResolutionCode::from_code,
                )?;
                Wish::Plain(Box::new(Action::Resolve { code }))
            }
            "hand-over" => Wish::HandOver(needed(
                errors,
                "/reason_code",
                self.reason_code.as_deref(),
                HandOverReason::from_code,
            )?),
            "reroute" => Wish::Reroute(needed(
                errors,
                "/authority_code",
                self.authority_code.as_deref(),
                |code| Some(code.to_owned()),
            )?),
            "remove" => {
                let reason = needed(
                    errors,
                    "/removal_reason",
                    self.removal_reason.as_deref(),
                    RemovalReason::from_code,
                )?;
                if reason == RemovalReason::Duplicate && self.duplicate_of.is_none() {
                    errors.push(Invalid::required().at("/duplicate_of"));
                }
                Wish::Remove(reason, self.duplicate_of.clone())
            }
            "publish-note" => {
                if self.confirm != Some(true) {
                    errors.push(
                        Invalid::new(
                            "not-accepted",
                            "Conferma che la nota diventa visibile al cittadino",
                            "confirm that the note becomes visible to the citizen",
                        )
                        .at("/confirm"),
                    );
                }
                match self.seq {
                    Some(seq) => Wish::Publish(seq),
                    None => {
                        errors.push(Invalid::required().at("/seq"));
                        return None;
                    }
                }
            }
            _ => {
                errors.push(not_in_list().at("/action"));
                return None;
            }
        })
    }
}

impl CheckedAction {
    /// What is asked for.
    pub(crate) const fn action(&self) -> ActionCode {
        match &self.wish {
            Wish::Plain(action) => action.code(),
            Wish::HandOver(_) => ActionCode::HandOver,
            Wish::Return => ActionCode::Return,
            Wish::Reroute(_) => ActionCode::Reroute,
            Wish::Remove(..) => ActionCode::Remove,
            Wish::OpenActivity => ActionCode::OpenActivity,
            Wish::CloseActivity => ActionCode::CloseActivity,
            Wish::Publish(_) => ActionCode::PublishNote,
        }
    }

    /// The technical activity that is to be opened, if one is.
    pub(crate) fn activity(&self) -> Option<Terms> {
        self.activity.clone()
    }

    /// Completes the update with what the database knows.
    pub(crate) fn resolve(
        self,
        desk: &Desk,
        conn: &mut DbConnection,
        (ticket, dossier): (&Ticket, &Dossier),
        staff: &Staff,
        file: Option<Attachment>,
        now: jiff::Timestamp,
    ) -> Result<Update, DeskError> {
        let mut route = |change, by| {
            let decision = desk.route_onwards(conn, (ticket, dossier), change, by, now);
            decision.map(|decision| decision.target)
        };
        let action = match self.wish {
            Wish::Plain(action) => *action,
            Wish::HandOver(reason) => Action::HandOver {
                reason,
                to: route(CustodyChange::HandOver, (Some(reason), None))?
                    .ok_or(Rejection::AuthorityInactive)?,
            },
            Wish::Return => Action::Return {
                to: route(CustodyChange::Return, (None, None))?,
            },
            Wish::Reroute(code) => {
                let unknown = || DeskError::field(not_in_list().at("/authority_code"));
                let named = desk.reference().authority_any(&code).ok_or_else(unknown)?;
                Action::Reroute {
                    to: route(CustodyChange::Reroute, (None, Some(&named.code)))?
                        .ok_or_else(unknown)?,
                }
            }
            Wish::Remove(reason, survivor) => {
                let duplicate_of = survivor
                    .map(|text| find_survivor(conn, ticket, staff, &text))
                    .transpose()?;
                Action::Remove {
                    reason,
                    duplicate_of,
                }
            }
            Wish::OpenActivity => Action::OpenActivity {
                activity: ActivityId::new(desk.ids().uuid()),
            },
            Wish::CloseActivity => Action::CloseActivity {
                activity: activities::find_open(conn, ticket.id)?.map(|one| one.id),
            },
            Wish::Publish(seq) => Action::PublishNote(publishable(desk, conn, ticket, staff, seq)?),
        };
        let assignee = self
            .assignee
            .map(|text| find_assignee(conn, ticket, staff, &text))
            .transpose()?;
        let note = match (self.note, file) {
            (Some((body, published)), attachment) => Some(NewNote {
                body,
                published,
                attachment,
            }),
            (None, None) => None,
            (None, Some(_)) => return Err(DeskError::field(Invalid::required().at("/note"))),
        };
        Ok(Update {
            action,
            note,
            assignee,
            expected_audience: self.expected,
            playbook: Verdict::NotGoverned,
            override_reason: self.override_reason,
        })
    }
}

/// The ticket that stays must be one the same desk sees.
fn find_survivor(
    conn: &mut DbConnection,
    ticket: &Ticket,
    staff: &Staff,
    text: &str,
) -> Result<TicketNumber, DeskError> {
    let unknown = || DeskError::field(not_in_list().at("/duplicate_of"));
    let wanted = TicketRef::parse(text).ok_or_else(unknown)?;
    let (survivor, _) = tickets::find(conn, &Scope::of(staff), &wanted)?.ok_or_else(unknown)?;
    if survivor.id == ticket.id || survivor.state.code() == StateCode::Removed {
        Err(unknown())
    } else {
        Ok(survivor.number)
    }
}

fn publishable(
    desk: &Desk,
    conn: &mut DbConnection,
    ticket: &Ticket,
    staff: &Staff,
    seq: i64,
) -> Result<PublishableNote, DeskError> {
    let unknown = || DeskError::field(not_in_list().at("/seq"));
    let (note, author) = history::find_note(conn, ticket.id, seq)?.ok_or_else(unknown)?;
    if note.team.as_ref() != Some(&staff.authority) {
        return Err(unknown()); // another desk's note is as if it never existed
    }
    if history::is_published(conn, ticket.id, seq)? {
        return Err(Rejection::NotPublishable.into());
    }
    let files = attachments::list(conn, ticket.id)?;
    let attachment = files
        .into_iter()
        .find(|stored| stored.seq == seq)
        .map(|stored| Attachment {
            id: AttachmentId::new(desk.ids().uuid()),
            ..stored.file
        });
    Ok(PublishableNote {
        seq,
        author,
        team: note.team,
        audience: note.audience,
        body: note.body,
        attachment,
    })
}

/// An active colleague at the desk that has the ticket, or one of its pools (I-6). The region is no
/// assignee: that is what the hand-over is for (P-5).
fn find_assignee(
    conn: &mut DbConnection,
    ticket: &Ticket,
    staff: &Staff,
    text: &str,
) -> Result<Assignee, DeskError> {
    if text.eq_ignore_ascii_case("region") || text.eq_ignore_ascii_case("regione") {
        let refusal = Invalid::new(
            "use-hand-over",
            "Per passare la richiesta alla regione usa \"Non di competenza\"",
            "use the hand-over action to pass the request to the region",
        );
        return Err(DeskError::field(refusal.at("/assignee")));
    }
    // Who acts on another desk's ticket, as a regional supervisor may, is no colleague there.
    let custodian = &ticket.custodian.code;
    if text == "me" && staff.authority == *custodian {
        return Ok(Assignee::Operator(staff.account));
    }
    if let Some(pool) = Pool::from_code(text) {
        return Ok(Assignee::Pool(pool));
    }
    let colleagues = accounts::list_colleagues(conn, custodian)?;
    let wanted = text.parse::<AccountId>().ok();
    match wanted.filter(|id| colleagues.iter().any(|colleague| colleague.account == *id)) {
        Some(id) => Ok(Assignee::Operator(id)),
        None => Err(DeskError::field(not_in_list().at("/assignee"))),
    }
}

fn check_note(errors: &mut Vec<FieldError>, note: NoteForm) -> Option<(String, bool)> {
    let body = match NoteBody::parse(note.body.as_deref().unwrap_or_default()) {
        Ok(body) => Some(body.into_string()),
        Err(invalid) => {
            errors.push(invalid.at("/note/body"));
            None
        }
    };
    if note.published.is_none() {
        errors.push(Invalid::required().at("/note/published"));
    }
    Some((body?, note.published?))
}

/// The words of a supervisor who hands over against the playbook (`domain.md` T13).
fn check_override(errors: &mut Vec<FieldError>, text: &str) -> Option<String> {
    let parsed = Description::parse(text, OVERRIDE_MAX_CHARS).map(Description::into_string);
    let checked = parsed.and_then(|text| match text.chars().count() < OVERRIDE_MIN_CHARS {
        true => Err(Invalid::new(
            "too-short",
            "Spiega il motivo in almeno 20 caratteri",
            "say why in 20 characters or more",
        )),
        false => Ok(text),
    });
    checked
        .map_err(|invalid| errors.push(invalid.at("/override_reason")))
        .ok()
}

pub(crate) fn listed<T>(
    errors: &mut Vec<FieldError>,
    pointer: &str,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = text?;
    let value = read(text);
    if value.is_none() {
        errors.push(not_in_list().at(pointer));
    }
    value
}

fn needed<T>(
    errors: &mut Vec<FieldError>,
    pointer: &str,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    if text.is_none_or(str::is_empty) {
        errors.push(Invalid::required().at(pointer));
        return None;
    }
    listed(errors, pointer, text, read)
}

pub(crate) const fn not_in_list() -> Invalid {
    Invalid::new(
        "not-in-list",
        "Valore non disponibile",
        "this value is not in the list",
    )
}

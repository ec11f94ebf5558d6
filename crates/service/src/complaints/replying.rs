//! Replies: prepared by a scheme, previewed, decided, sent and kept as they were sent; and the notice
//! that a reply takes longer.

use std::collections::BTreeMap;

use domain::actor::Staff;
use domain::complaint::{ComplaintRefused, ComplaintStep, DispatchKind, DispatchWay};
use domain::contact::Direction;
use domain::ids::{ComplaintId, DispatchId, MessageId, SchemeId};
use domain::text::NoteBody;
use jiff::Timestamp;
use storage::complaints::{self, Complaint, Dispatch, Draft, Protocol};
use storage::outbox::{self, Outgoing};
use storage::{DbConnection, reply_schemes};

use super::steps::Taken;
use super::{ComplaintView, register_scope};
use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::texts::letter::{self, Given};
use crate::texts::{MailContext, MailTemplate};
use crate::work::Kind;
use crate::{Desk, DeskError};

/// A reply to make.
#[derive(Debug, Clone)]
pub struct ReplyForm {
    /// By which version of which scheme.
    pub scheme: SchemeId,
    /// What goes into its gaps.
    pub values: BTreeMap<String, String>,
}

impl Desk {
    /// Prepares the reply to a complaint, for somebody else to decide.
    pub fn draft_reply(
        &self,
        staff: &Staff,
        id: ComplaintId,
        seen: i64,
        form: ReplyForm,
        once: &Once,
    ) -> Result<Answer<ComplaintView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&register_scope(&staff), once, move |conn| {
            let now = desk.clock.now();
            let taken = Taken {
                staff: &staff,
                id,
                seen,
                step: ComplaintStep::DraftReply,
                note: None,
                now,
            };
            let drafted = desk.take_step(conn, taken, |conn, complaint| {
                let text = desk.reply_text(conn, &staff, complaint, &form, true)?;
                let values = serde_json::to_string(&form.values)
                    .map_err(|error| DeskError::broken("the values of a reply", error))?;
                complaint.draft = Some(Draft {
                    scheme: form.scheme,
                    values,
                    text,
                });
                Ok(())
            })?;
            desk.complaint_view(conn, &staff, drafted)
        })
    }

    /// The reply as it would be; nothing is written and nothing sent.
    pub fn preview_reply(
        &self,
        staff: &Staff,
        id: ComplaintId,
        form: &ReplyForm,
    ) -> Result<String, DeskError> {
        self.db.read_snapshot_in(&register_scope(staff), |conn| {
            let complaint = self.reachable_complaint(conn, staff, id)?;
            self.reply_text(conn, staff, &complaint, form, false)
        })
    }

    /// Approves the prepared reply and sends it: by mail where there is an address, on the
    /// complainant's own page where they have one, else on paper under a protocol number.
    pub fn send_reply(
        &self,
        staff: &Staff,
        id: ComplaintId,
        seen: i64,
        protocol: Option<Protocol>,
        once: &Once,
    ) -> Result<Answer<ComplaintView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&register_scope(&staff), once, move |conn| {
            let now = desk.clock.now();
            let taken = Taken {
                staff: &staff,
                id,
                seen,
                step: ComplaintStep::Send,
                note: None,
                now,
            };
            let sent = desk.take_step(conn, taken, |conn, complaint| {
                let draft = complaint.draft.clone();
                let draft = draft.ok_or(DeskError::Broken("a reply without a draft", None))?;
                let what = Letter {
                    kind: DispatchKind::Reply,
                    scheme: Some(draft.scheme),
                    text: draft.text,
                };
                desk.dispatch(conn, &staff, complaint, what, protocol.as_ref(), now)?;
                complaint.answered_at = Some(now);
                let close_at = desk.settings.complaints.close_at(now);
                desk.schedule(conn, Kind::Complaint, id.uuid(), Some(close_at))?;
                desk.publish_complaint(conn, complaint, "complaint.answered", now)
            })?;
            desk.complaint_view(conn, &staff, sent)
        })
    }

    /// Takes more time for the reply, once, and tells the complainant why.
    pub fn extend_complaint(
        &self,
        staff: &Staff,
        id: ComplaintId,
        seen: i64,
        (reason, protocol): (NoteBody, Option<Protocol>),
        once: &Once,
    ) -> Result<Answer<ComplaintView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&register_scope(&staff), once, move |conn| {
            let now = desk.clock.now();
            let taken = Taken {
                staff: &staff,
                id,
                seen,
                step: ComplaintStep::Extend,
                note: None,
                now,
            };
            let extended = desk.take_step(conn, taken, |conn, complaint| {
                let rules = &desk.settings.complaints;
                complaint.due_at = rules.extended(complaint.due_at, complaint.was_extended)?;
                complaint.was_extended = true;
                complaint.overdue_told = false;
                let what = Letter {
                    kind: DispatchKind::Extension,
                    scheme: None,
                    text: reason.into_string(),
                };
                desk.dispatch(conn, &staff, complaint, what, protocol.as_ref(), now)?;
                let due_at = Some(complaint.due_at);
                desk.schedule(conn, Kind::Complaint, id.uuid(), due_at)
            })?;
            desk.complaint_view(conn, &staff, extended)
        })
    }

    /// The words of a reply. A preview may be of a draft that nobody approved yet.
    fn reply_text(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        complaint: &Complaint,
        form: &ReplyForm,
        must_be_approved: bool,
    ) -> Result<String, DeskError> {
        let desks = self.desks_of_schemes(&complaint.desk);
        let found = reply_schemes::find(conn, Some(&desks), form.scheme)?;
        // A draft is its desk's own affair.
        let found = found.filter(|one| one.approved.is_some() || one.desk == staff.authority);
        let scheme = found.ok_or_else(|| DeskError::field(not_in_list().at("/scheme_id")))?;
        if must_be_approved && scheme.approved.is_none() {
            return Err(ComplaintRefused::SchemeNotApproved.into());
        }
        let lang = complaint.complainant.lang;
        let body = letter::in_language(lang, &scheme.body_it, &scheme.body_en);
        let gaps = super::schemes::gaps_of(&scheme)?;
        let given = |one: Given| match one {
            Given::Number => complaint.number.as_str().to_owned(),
            Given::ReceivedOn => self.day_for_people(complaint.received_at),
            Given::Subject => complaint.subject.clone(),
            Given::AuthorityLabel => {
                let label = self.authority_label(&complaint.desk).label;
                label.to(lang).to_owned()
            }
            Given::Complainant => complaint.complainant.label.clone(),
        };
        letter::fill(body, &gaps, &form.values, given).map_err(DeskError::Invalid)
    }

    fn dispatch(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        complaint: &Complaint,
        what: Letter,
        protocol: Option<&Protocol>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let who = &complaint.complainant;
        let has_page = who.identity.is_some() || who.ticket.is_some();
        let way = match (&who.email, has_page, protocol) {
            (Some(_), ..) => DispatchWay::Mail,
            (None, true, _) => DispatchWay::Web,
            (None, false, Some(_)) => DispatchWay::Paper,
            (None, false, None) => return Err(ComplaintRefused::ProtocolNeeded.into()),
        };
        if let Some(protocol) = protocol {
            let outbound = Protocol {
                direction: Direction::Outbound,
                ..protocol.clone()
            };
            self.keep_protocol(conn, complaint, &outbound, staff.account, now)?;
        }
        let email = who.email.clone().filter(|_| way == DispatchWay::Mail);
        let message = email.as_ref().map(|_| MessageId::new(self.ids.uuid()));
        let dispatch = Dispatch {
            id: DispatchId::new(self.ids.uuid()),
            complaint: complaint.id,
            kind: what.kind,
            scheme: what.scheme,
            body: what.text,
            way,
            recipient: email.clone().unwrap_or_else(|| who.label.clone()),
            message,
            author: staff.account,
            at: now,
        };
        complaints::add_dispatch(conn, &complaint.desk, &dispatch)?;
        if let (Some(email), Some(id)) = (email, message) {
            let template = match what.kind {
                DispatchKind::Reply => MailTemplate::ComplaintReply,
                DispatchKind::Extension => MailTemplate::ComplaintExtended,
            };
            let message = Outgoing {
                id,
                desk: Some(complaint.desk.clone()),
                payload: Some(dispatch.id.to_string()),
                ..self.message(template, email, who.lang)
            };
            outbox::put(conn, &message, now)?;
        }
        Ok(())
    }

    /// What a mail about a complaint says: of what was sent, the words that were kept.
    pub(crate) fn complaint_mail_context(
        &self,
        conn: &mut DbConnection,
        message: &Outgoing,
        template: MailTemplate,
    ) -> Result<MailContext, DeskError> {
        let nothing = || DeskError::Broken("a message is about no complaint", None);
        let about = message.payload.as_deref().ok_or_else(nothing)?;
        let (id, note) = match template {
            MailTemplate::ComplaintReceived => (about.parse().map_err(|_| nothing())?, None),
            _ => {
                let id: DispatchId = about.parse().map_err(|_| nothing())?;
                let sent = complaints::find_dispatch(conn, id)?.ok_or(DeskError::NotFound)?;
                (sent.complaint, Some(sent.body))
            }
        };
        let everything = storage::deliveries::Keeper::Everything;
        let complaint = complaints::find(conn, &everything, id)?.ok_or(DeskError::NotFound)?;
        let office = self.authority_label(&complaint.desk).label;
        Ok(MailContext {
            number: Some(complaint.number.as_str().to_owned()),
            authority_label: Some(office.to(message.lang).to_owned()),
            closes_on: Some(self.day_for_people(complaint.due_at)),
            note,
            ..MailContext::default()
        })
    }
}

/// Something to send.
struct Letter {
    kind: DispatchKind,
    scheme: Option<SchemeId>,
    text: String,
}

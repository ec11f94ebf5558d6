//! A complaint as the desk reads it, and the parts of bodies that several operations read.

use std::collections::BTreeMap;

use domain::contact::Direction;
use domain::invalid::{FieldError, Lang};
use domain::text::Description;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use service::complaints::{ComplaintView, Protocol, ReplyForm};
use utoipa::ToSchema;
use uuid::Uuid;

use super::CodeLabel;
use super::codes::{
    ComplainantKind, ComplaintChannel, ComplaintState, ComplaintStep, DispatchKind, DispatchWay,
};
use super::contacts::NamedTicketBody;
use super::screen_body::label;
use crate::body::wrong_type;
use crate::members::{Members, invalid_format};

/// Longest subject, name, address and protocol office.
pub(crate) const LINE_MAX_CHARS: usize = 200;
/// Longest complaint.
pub(crate) const TEXT_MAX_CHARS: usize = 4_000;

/// A complaint with all that happened to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ComplaintBody {
    id: Uuid,
    #[schema(max_length = 32, pattern = "^R-[0-9]{4}-[0-9]{6,12}-[A-Y]$")]
    number: String,
    /// The office that answers for the reply.
    responsible_office: CodeLabel,
    #[schema(value_type = ComplaintState)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    #[schema(value_type = ComplaintChannel)]
    channel: String,
    complainant: ComplainantBody,
    #[schema(required)]
    service: Option<CodeLabel>,
    #[schema(max_length = 200)]
    subject: String,
    #[schema(max_length = 4000)]
    text: String,
    #[schema(required)]
    classification: Option<CodeLabel>,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(required, format = DateTime)]
    happened_at: Option<String>,
    /// Whether it came later after the fact than the rule has it; refused it is never.
    late_filed: bool,
    /// Until when it is to be answered.
    #[schema(format = DateTime)]
    due_at: String,
    /// Whether the term was extended, which it is once.
    extended: bool,
    /// Whether the term is over, and nothing sent.
    overdue: bool,
    #[schema(required, format = DateTime)]
    answered_at: Option<String>,
    #[schema(max_items = 100)]
    tickets: Vec<NamedTicketBody>,
    /// The reply that waits to be decided, or was sent last.
    #[schema(required)]
    draft: Option<DraftBody>,
    /// What happened, with the desk's own words; oldest first.
    entries: Vec<ComplaintEntryBody>,
    /// What was sent, word by word; oldest first.
    dispatches: Vec<DispatchBody>,
    #[schema(max_items = 100)]
    protocols: Vec<ProtocolBody>,
    /// What the caller may do now.
    #[schema(value_type = Vec<ComplaintStep>, max_items = 12)]
    allowed_steps: Vec<&'static str>,
}

/// Who complains, and how they are reached.
#[derive(Serialize, ToSchema)]
struct ComplainantBody {
    #[schema(value_type = ComplainantKind)]
    kind: String,
    #[schema(max_length = 200)]
    label: String,
    /// Whole for who prepares the reply; for others, such as auditors, as `m•••@•••.it`.
    #[schema(required, max_length = 254)]
    email: Option<String>,
    /// Null where the address is masked.
    #[schema(required, max_length = 200)]
    postal_address: Option<String>,
    /// True for readers who are shown masks.
    masked: bool,
}

/// A prepared reply.
#[derive(Serialize, ToSchema)]
struct DraftBody {
    /// The version of the scheme it was made by.
    scheme_id: Uuid,
    #[schema(max_length = 100000)]
    text: String,
}

/// What happened to a complaint.
#[derive(Serialize, ToSchema)]
struct ComplaintEntryBody {
    #[schema(minimum = 1)]
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    /// Null for the first entry, which tells that it came in.
    #[schema(required, value_type = Option<ComplaintStep>)]
    step: Option<&'static str>,
    /// Where it stood afterwards.
    #[schema(value_type = ComplaintState)]
    state: &'static str,
    /// Who did it; null for the complainant and for the system.
    #[schema(required)]
    author: Option<ComplaintAuthorBody>,
    /// For the desk alone.
    #[schema(required, max_length = 5000)]
    note: Option<String>,
}

/// A colleague.
#[derive(Serialize, ToSchema)]
struct ComplaintAuthorBody {
    id: Uuid,
    #[schema(required, max_length = 250)]
    label: Option<String>,
}

/// What was sent to the complainant, as it was sent.
#[derive(Serialize, ToSchema)]
struct DispatchBody {
    id: Uuid,
    #[schema(value_type = DispatchKind)]
    kind: String,
    /// The version of the scheme it was made by; null for a notice.
    #[schema(required)]
    scheme_id: Option<Uuid>,
    #[schema(max_length = 100000)]
    text: String,
    #[schema(value_type = DispatchWay)]
    way: String,
    /// An address, or a name.
    #[schema(max_length = 254)]
    recipient: String,
    /// The message that carries it; its delivery is in the list of deliveries.
    #[schema(required)]
    message_id: Option<Uuid>,
    sent_by: Uuid,
    #[schema(format = DateTime)]
    sent_at: String,
}

/// Where the protocol registered a complaint or its reply.
#[derive(Serialize, ToSchema)]
struct ProtocolBody {
    #[schema(value_type = super::codes::ContactDirection)]
    direction: String,
    #[schema(max_length = 64)]
    number: String,
    #[schema(format = Date)]
    registered_on: String,
    /// The organisational area that registered it.
    #[schema(max_length = 200)]
    office: String,
}

impl ComplaintBody {
    pub(crate) fn new(view: ComplaintView, lang: Lang) -> Self {
        let uuid = |text: &str| text.parse().unwrap_or_else(|_| Uuid::nil());
        ComplaintBody {
            id: view.id.uuid(),
            number: view.number,
            responsible_office: label(view.desk, lang),
            state: view.state.as_str(),
            state_label: view.state.label().to(lang).to_owned(),
            channel: view.channel,
            complainant: ComplainantBody {
                kind: view.complainant_kind,
                label: view.complainant,
                email: view.email,
                postal_address: view.postal_address,
                masked: view.masked,
            },
            service: view.service.map(|one| label(one, lang)),
            subject: view.subject,
            text: view.text,
            classification: view.classification.map(|one| label(one, lang)),
            received_at: view.received_at.to_string(),
            happened_at: view.happened_at.map(|at| at.to_string()),
            late_filed: view.late_filed,
            due_at: view.due_at.to_string(),
            extended: view.was_extended,
            overdue: view.is_overdue,
            answered_at: view.answered_at.map(|at| at.to_string()),
            tickets: view
                .tickets
                .into_iter()
                .map(NamedTicketBody::from)
                .collect(),
            draft: view.draft.map(|draft| DraftBody {
                scheme_id: draft.scheme.uuid(),
                text: draft.text,
            }),
            entries: view
                .entries
                .into_iter()
                .map(|entry| ComplaintEntryBody {
                    seq: entry.seq,
                    at: entry.at.to_string(),
                    step: entry.step.map(|step| step.as_str()),
                    state: entry.state.as_str(),
                    author: entry.author.map(|id| ComplaintAuthorBody {
                        id: id.uuid(),
                        label: entry.author_label,
                    }),
                    note: entry.note,
                })
                .collect(),
            dispatches: view
                .dispatches
                .into_iter()
                .map(|sent| DispatchBody {
                    id: uuid(&sent.id),
                    kind: sent.kind,
                    scheme_id: sent.scheme.map(|id| id.uuid()),
                    text: sent.text,
                    way: sent.way,
                    recipient: sent.recipient,
                    message_id: sent.message.as_deref().map(uuid),
                    sent_by: sent.author.uuid(),
                    sent_at: sent.at.to_string(),
                })
                .collect(),
            protocols: view
                .protocols
                .into_iter()
                .map(|one| ProtocolBody {
                    direction: one.direction,
                    number: one.number,
                    registered_on: one.registered_on,
                    office: one.office,
                })
                .collect(),
            allowed_steps: view.allowed.into_iter().map(|step| step.as_str()).collect(),
        }
    }
}

/// Where the protocol registered something.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
pub(crate) struct ProtocolForm {
    #[schema(min_length = 1, max_length = 64)]
    number: String,
    #[schema(format = Date, max_length = 10)]
    registered_on: String,
    /// The organisational area that registered it.
    #[schema(min_length = 1, max_length = 200)]
    office: String,
}

/// A reply to make.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
pub(crate) struct ReplyBody {
    /// A version of a scheme.
    scheme_id: Uuid,
    /// What goes into the scheme's own placeholders.
    #[schema(max_items = 20)]
    values: Option<Vec<ValueForm>>,
}

/// What goes into a placeholder.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
pub(crate) struct ValueForm {
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9_]+$")]
    code: String,
    #[schema(max_length = 3000)]
    value: String,
}

/// A line of people's own words.
pub(crate) fn line(body: &mut Members, name: &str) -> Option<String> {
    let line = body.words(name, |text| Description::parse(text, LINE_MAX_CHARS))?;
    if line.as_str().contains('\n') {
        body.refuse(name, invalid_format());
        return None;
    }
    Some(line.into_string())
}

/// The members of a protocol entry, all of which are needed.
pub(crate) fn protocol(body: &mut Members, direction: Direction) -> Option<Protocol> {
    let number = body.needed("number", line);
    let registered_on = body.needed("registered_on", |body, name| {
        let day: Option<Date> = body.text(name, 10)?.parse().ok();
        if day.is_none() {
            body.refuse(name, invalid_format());
        }
        Some(day?.to_string())
    });
    let office = body.needed("office", line);
    Some(Protocol {
        direction,
        number: number?,
        registered_on: registered_on?,
        office: office?,
    })
}

/// An outbound protocol entry that may be left out.
pub(crate) fn outbound(body: &mut Members) -> Option<Protocol> {
    body.object("protocol", |inner| protocol(inner, Direction::Outbound))
        .flatten()
}

/// A list of objects, each read as `read` does; what is wrong with them goes to `errors`.
pub(crate) fn objects<T>(
    body: &mut Members,
    name: &str,
    errors: &mut Vec<FieldError>,
    read: impl Fn(&mut Members) -> Option<T>,
) -> Vec<T> {
    let items = match body.take(name) {
        None => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            body.refuse(name, wrong_type());
            return Vec::new();
        }
    };
    let mut list = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        match item {
            Value::Object(members) => {
                let mut inner = Members::within(&format!("/{name}/{at}"), members);
                list.extend(read(&mut inner));
                errors.extend(inner.finish());
            }
            _ => body.refuse(&format!("{name}/{at}"), wrong_type()),
        }
    }
    list
}

/// A reply to make.
pub(crate) fn reply(mut body: Members) -> Result<ReplyForm, Vec<FieldError>> {
    let mut errors = Vec::new();
    let scheme = body.needed("scheme_id", |body, name| {
        let id = body.text(name, 64)?.parse().ok();
        if id.is_none() {
            body.refuse(name, invalid_format());
        }
        id
    });
    let values = objects(&mut body, "values", &mut errors, |one| {
        let code = one.needed("code", |one, name| one.text(name, 40));
        let value = one.needed("value", |one, name| one.text(name, 3_000));
        code.zip(value)
    });
    errors.extend(body.finish());
    match scheme {
        Some(scheme) if errors.is_empty() => Ok(ReplyForm {
            scheme,
            values: BTreeMap::from_iter(values),
        }),
        _ => Err(errors),
    }
}

//! Words kept ready for notes, where they fit a ticket.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::command::ActionCode;
use domain::invalid::Lang;
use serde::Serialize;
use service::Desk;
use service::fitting_templates::FittingTemplate;
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes::{ActionCode as Action, Audience as AudienceCode, LanguageCode, TicketRef};
use super::{Links, links, ticket_ref};
use crate::block;
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(list_fitting_reply_templates);
}

/// A reply template that fits a ticket now, with the ticket's values in it.
#[derive(Serialize, ToSchema)]
struct FittingTemplateBody {
    /// To be sent along as `reply_template` with the action.
    id: Uuid,
    /// What staff call it.
    #[schema(max_length = 100)]
    label: String,
    /// The actions it goes with that are allowed now.
    #[schema(value_type = Vec<Action>, max_items = 14)]
    actions: Vec<&'static str>,
    /// Who reads it.
    #[schema(value_type = AudienceCode)]
    audience: &'static str,
    /// The requester's language for what they read, else the caller's.
    #[schema(value_type = LanguageCode)]
    lang: &'static str,
    /// The words for the note.
    #[schema(max_length = 10000)]
    body: String,
    /// What stands between double square brackets, to be filled in by hand.
    #[schema(max_items = 1000)]
    missing: Vec<String>,
    /// Characters of the words.
    #[schema(minimum = 1)]
    length: usize,
    /// Whether they are more than a note may have, which is 5,000.
    is_too_long: bool,
    #[schema(minimum = 0)]
    used_count: i64,
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
}

impl FittingTemplateBody {
    fn new(one: FittingTemplate, lang: Lang) -> Self {
        let (length, is_too_long) = (one.length(), one.is_too_long());
        let template = one.template;
        FittingTemplateBody {
            id: template.id.uuid(),
            label: template.content.label.to(lang).to_owned(),
            actions: one.actions.into_iter().map(ActionCode::as_str).collect(),
            audience: template.content.audience.as_str(),
            lang: one.lang.code(),
            body: one.text,
            missing: one.blanks,
            length,
            is_too_long,
            used_count: template.used_count,
            last_used_at: template.last_used_at.map(|at| at.to_string()),
        }
    }
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct FittingTemplateList {
    /// The most used first.
    #[schema(max_items = 400)]
    items: Vec<FittingTemplateBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists the reply templates that fit a ticket.
///
/// By its service, problem type and state, and by what the caller may do with it now; with its values in
/// their gaps.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    responses((status = 200, description = "The templates", body = FittingTemplateList)))]
#[get("/v1/tickets/{ticket}/reply-templates")]
pub(crate) async fn list_fitting_reply_templates(
    request: HttpRequest,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let found = block(move || desk.list_fitting_templates(&operator.0, &wanted, lang.0)).await?;
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(FittingTemplateList {
        items: items
            .map(|one| FittingTemplateBody::new(one, lang.0))
            .collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

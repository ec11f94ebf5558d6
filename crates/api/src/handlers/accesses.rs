//! Who looked at a requester's own request.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::audit::Look;
use domain::invalid::Lang;
use serde::Serialize;
use service::Desk;
use service::looks::Access;
use utoipa::{IntoParams, ToSchema};

use super::codes::{self, TicketRef};
use super::screen_body::label;
use super::{CodeLabel, Links, links, ticket_ref};
use crate::language::Language;
use crate::principal::Requester;
use crate::problem::Problem;
use crate::query::{PAGE, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(list_own_accesses);
}

/// A page of looks.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct AccessQuery {
    /// Looks in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of looks at a request, the latest first.
#[derive(Serialize, ToSchema)]
struct AccessPage {
    #[schema(max_items = 100)]
    items: Vec<AccessBody>,
    /// Null on the last page. A page may hold fewer looks than the limit, and still not be the last.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// A look at a request: from where and in which role, never who.
#[derive(Serialize, ToSchema)]
struct AccessBody {
    #[schema(format = DateTime)]
    at: String,
    /// The authority or desk; null for who belongs to none.
    #[schema(required)]
    authority: Option<CodeLabel>,
    role: CodeLabel,
    #[schema(value_type = codes::Look)]
    what: &'static str,
    /// The same in plain words.
    #[schema(max_length = 64)]
    what_label: &'static str,
}

/// The order of the list.
const ORDER: &str = "-at";

/// Lists who looked at my request.
///
/// Each time somebody read it, in a list or by itself, changed it or downloaded a file of it: when, from
/// which authority and in which role. My own looks are left out, and what the service does by itself.
#[utoipa::path(tag = "citizen",
    params(("ticket" = TicketRef, Path, description = "Its id or its number"), AccessQuery),
    responses((status = 200, description = "A page of looks", body = AccessPage)))]
#[get("/v1/me/tickets/{ticket}/accesses")]
pub(crate) async fn list_own_accesses(
    request: HttpRequest,
    path: web::Path<String>,
    requester: Requester,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&path)?;
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_entry(ORDER, text));
    refuse_query(&query.finish())?;
    let limit = usize::try_from(limit).unwrap_or_default();
    let asked = desk.clone();
    let (found, next) = block(move || {
        let scope = asked.scope_of(&requester.0);
        asked.list_accesses(&scope, &wanted, after, limit)
    })
    .await?;
    let next_cursor = next.map(|place| cursor::write_entry(ORDER, place));
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(AccessPage {
        links: links(&request, next_cursor.as_deref()),
        items: items
            .map(|one| AccessBody::new(&desk, one, lang.0))
            .collect(),
        next_cursor,
    }))
}

impl AccessBody {
    fn new(desk: &Desk, one: Access, lang: Lang) -> Self {
        let authority = one.authority.as_ref();
        AccessBody {
            at: one.place.at.to_string(),
            authority: authority.map(|code| label(desk.authority_label(code), lang)),
            role: label(desk.looker_label(one.role), lang),
            what: one.look.as_str(),
            what_label: what_label(one.look, lang),
        }
    }
}

const fn what_label(look: Look, lang: Lang) -> &'static str {
    match (look, lang) {
        (Look::Read, Lang::It) => "Ha letto la richiesta",
        (Look::Read, Lang::En) => "Read the request",
        (Look::Changed, Lang::It) => "Ha modificato la richiesta",
        (Look::Changed, Lang::En) => "Changed the request",
        (Look::Downloaded, Lang::It) => "Ha scaricato un allegato",
        (Look::Downloaded, Lang::En) => "Downloaded an attachment",
    }
}

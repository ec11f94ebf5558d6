//! Announcements, for those who write and for those who read them.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::actor::Role;
use domain::announcement::{AnnouncementKind, Readers};
use domain::codes::AuthorityCode;
use domain::ids::AnnouncementId;
use domain::invalid::{Lang, Text};
use domain::text::{Description, NoteBody};
use serde::Serialize;
use service::announcements::{
    Announcement, AnnouncementPatch, AnnouncementView, NewAnnouncement, ShownAnnouncement,
    ends_too_early,
};
use service::{Desk, DeskError};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{AnnouncementKind as KindCode, Role as RoleCode};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, media_type, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::members::{Members, merge};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_announcements)
        .service(create_announcement)
        .service(show_announcement)
        .service(edit_announcement)
        .service(acknowledge_announcement);
}

/// Longest title.
const TITLE_MAX_CHARS: usize = 200;
/// Most authorities an announcement names; for more it is for all.
const MOST_AUTHORITIES: usize = 100;

/// An announcement.
#[derive(Serialize, ToSchema)]
struct AnnouncementBody {
    id: Uuid,
    /// The desk that says it.
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(value_type = KindCode)]
    kind: &'static str,
    title: TitleBody,
    body: AnnouncementWordsBody,
    audience: AudienceBody,
    #[schema(format = DateTime)]
    valid_from: String,
    /// It holds until then, and not at that time.
    #[schema(format = DateTime)]
    valid_to: String,
    acknowledgement_required: bool,
    /// How many of the staff acknowledged it; null for those who only read it.
    #[schema(required, minimum = 0)]
    acknowledgements: Option<i64>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A title in both languages.
#[derive(Serialize, ToSchema)]
struct TitleBody {
    #[schema(min_length = 1, max_length = 200)]
    it: String,
    #[schema(min_length = 1, max_length = 200)]
    en: String,
}

/// A text in both languages.
#[derive(Serialize, ToSchema)]
struct AnnouncementWordsBody {
    #[schema(min_length = 1, max_length = 5000)]
    it: String,
    #[schema(min_length = 1, max_length = 5000)]
    en: String,
}

/// Whom an announcement is for.
#[derive(Serialize, ToSchema)]
struct AudienceBody {
    /// Codes of authorities and desks; none stands for all.
    #[schema(max_items = 100)]
    authorities: Vec<String>,
    /// Roles at those desks; none stands for all.
    #[schema(value_type = Vec<RoleCode>, max_items = 8)]
    roles: Vec<String>,
    /// Whether citizens read it, too: those with a request for one of the authorities.
    citizens: bool,
}

impl From<AnnouncementView> for AnnouncementBody {
    fn from(view: AnnouncementView) -> Self {
        let one = view.announcement;
        AnnouncementBody {
            id: one.id.uuid(),
            authority_code: one.desk.to_string(),
            kind: one.kind.as_str(),
            title: TitleBody {
                it: one.title.it.into_owned(),
                en: one.title.en.into_owned(),
            },
            body: AnnouncementWordsBody {
                it: one.body.it.into_owned(),
                en: one.body.en.into_owned(),
            },
            audience: AudienceBody {
                authorities: one
                    .readers
                    .authorities
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                roles: one
                    .readers
                    .roles
                    .iter()
                    .map(|role| role.code().to_owned())
                    .collect(),
                citizens: one.readers.citizens,
            },
            valid_from: one.valid_from.to_string(),
            valid_to: one.valid_to.to_string(),
            acknowledgement_required: one.acknowledgement_required,
            acknowledgements: view.acknowledgements,
            created_at: one.created_at.to_string(),
            updated_at: one.updated_at.to_string(),
        }
    }
}

/// An announcement as its readers see it, in their language.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownAnnouncementBody {
    id: Uuid,
    #[schema(value_type = KindCode)]
    kind: &'static str,
    #[schema(max_length = 200)]
    title: String,
    #[schema(max_length = 5000)]
    body: String,
    #[schema(format = DateTime)]
    valid_from: String,
    #[schema(format = DateTime)]
    valid_to: String,
}

impl ShownAnnouncementBody {
    pub(crate) fn new(one: &Announcement, lang: Lang) -> Self {
        ShownAnnouncementBody {
            id: one.id.uuid(),
            kind: one.kind.as_str(),
            title: one.title.to(lang).to_owned(),
            body: one.body.to(lang).to_owned(),
            valid_from: one.valid_from.to_string(),
            valid_to: one.valid_to.to_string(),
        }
    }
}

/// An announcement as staff see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnAnnouncementBody {
    #[serde(flatten)]
    shown: ShownAnnouncementBody,
    /// Whether I am to say that I have read it.
    acknowledgement_required: bool,
    /// Whether I said so.
    acknowledged: bool,
}

impl OwnAnnouncementBody {
    pub(crate) fn new(one: &ShownAnnouncement, lang: Lang) -> Self {
        OwnAnnouncementBody {
            shown: ShownAnnouncementBody::new(&one.announcement, lang),
            acknowledgement_required: one.announcement.acknowledgement_required,
            acknowledged: one.acknowledged,
        }
    }
}

/// A page of announcements.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct AnnouncementQuery {
    /// Announcements in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of announcements, the newest first.
#[derive(Serialize, ToSchema)]
struct AnnouncementPage {
    #[schema(max_items = 100)]
    items: Vec<AnnouncementBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-valid_from";

/// Lists announcements.
///
/// For those who write them: an authority's own, the region and the system administrator all, also
/// those that do not hold yet or any more. What is to be read now stands in `/v1/me`.
#[utoipa::path(tag = "administration", params(AnnouncementQuery),
    responses((status = 200, description = "A page of announcements", body = AnnouncementPage)))]
#[get("/v1/announcements")]
pub(crate) async fn list_announcements(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, AnnouncementId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_announcements(&operator.0, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(
            ORDER,
            last.announcement.valid_from,
            last.announcement.id.uuid(),
        )
    });
    Ok(HttpResponse::Ok().json(AnnouncementPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(AnnouncementBody::from).collect(),
        next_cursor,
    }))
}

/// An announcement to write.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AnnouncementForm {
    title: TitleBody,
    body: AnnouncementWordsBody,
    kind: KindCode,
    audience: AudienceForm,
    #[schema(format = DateTime)]
    valid_from: String,
    /// After `valid_from`, and not over yet.
    #[schema(format = DateTime)]
    valid_to: String,
    acknowledgement_required: bool,
}

/// Whom an announcement is for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AudienceForm {
    /// Codes of authorities and desks; none stands for all. Who writes for one authority names it.
    #[schema(max_items = 100)]
    authorities: Option<Vec<String>>,
    /// Roles at those desks; none stands for all.
    #[schema(value_type = Option<Vec<RoleCode>>, max_items = 8)]
    roles: Option<Vec<String>>,
    /// Whether citizens read it, too.
    citizens: bool,
}

/// Writes an announcement.
///
/// Supervisors and administrators of an authority write to its staff and its citizens; the regional
/// supervisor and the system administrator to all.
#[utoipa::path(tag = "administration", request_body(content = AnnouncementForm, description = "The announcement"),
    responses((status = 201, description = "The announcement", body = AnnouncementBody)))]
#[post("/v1/announcements")]
pub(crate) async fn create_announcement(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let title = body.needed("title", read_title);
    let words = body.needed("body", read_words);
    let kind = body.needed("kind", |body, name| {
        body.code(name, AnnouncementKind::from_code)
    });
    let readers = body.needed("audience", |body, name| body.object(name, read_readers));
    let from = body.needed("valid_from", Members::moment);
    let to = body.needed("valid_to", Members::moment);
    let now = desk.now();
    if let Some((from, to)) = from.zip(to)
        && (to <= from || to <= now)
    {
        body.refuse("valid_to", ends_too_early());
    }
    let acknowledgement_required = body.needed_flag("acknowledgement_required");
    let mut errors = body.finish();
    if let Some(readers) = &readers {
        let found = desk.check_authorities(&operator.0, &readers.authorities);
        errors = merge(errors, found);
    }
    let new = (|| {
        Some(NewAnnouncement {
            kind: kind?,
            title: title?,
            body: words?,
            readers: readers?,
            valid_from: from?,
            valid_to: to?,
            acknowledgement_required,
        })
    })();
    let new = match new {
        Some(new) if errors.is_empty() => new,
        _ => return Err(Problem::fields(errors)),
    };
    let answer = block(move || desk.announce(&operator.0, new, &once)).await?;
    let (id, version) = (
        answer.value.announcement.id,
        answer.value.announcement.version,
    );
    let mut response = HttpResponse::Created();
    response.insert_header(("location", format!("/v1/announcements/{id}")));
    response.insert_header(etag(version));
    Ok(replay_header(&mut response, answer.replayed).json(AnnouncementBody::from(answer.value)))
}

fn read_title(body: &mut Members, name: &str) -> Option<Text> {
    read_both(body, name, |text| {
        let line = Description::parse(text, TITLE_MAX_CHARS)?;
        match line.as_str().contains('\n') {
            true => Err(crate::body::forbidden_chars()),
            false => Ok(line.into_string()),
        }
    })
}

fn read_words(body: &mut Members, name: &str) -> Option<Text> {
    read_both(body, name, |text| {
        NoteBody::parse(text).map(NoteBody::into_string)
    })
}

fn read_both(
    body: &mut Members,
    name: &str,
    parse: impl Fn(&str) -> Result<String, domain::invalid::Invalid>,
) -> Option<Text> {
    body.object(name, |both| {
        let mut one = |name| both.needed(name, |both, name| both.words(name, &parse));
        let (it, en) = (one("it"), one("en"));
        Some(Text::owned(it?, en?))
    })
    .flatten()
}

fn read_readers(audience: &mut Members) -> Readers {
    let authorities = audience.list("authorities", MOST_AUTHORITIES, |code| {
        Some(AuthorityCode::from(code))
    });
    let roles = audience.list("roles", Role::ALL.len(), Role::from_code);
    Readers {
        authorities: authorities.unwrap_or_default(),
        roles: roles.unwrap_or_default(),
        citizens: audience.needed_flag("citizens"),
    }
}

/// Shows an announcement.
///
/// For those who keep it, and for the staff it is for while it holds.
#[utoipa::path(tag = "work", params(("announcement" = Uuid, Path, description = "The announcement's id")),
    responses((status = 200, description = "The announcement", body = AnnouncementBody)))]
#[get("/v1/announcements/{announcement}")]
pub(crate) async fn show_announcement(
    request: HttpRequest,
    operator: Operator,
    announcement: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = AnnouncementId::new(announcement.into_inner());
    let view = block(move || desk.show_announcement(&operator.0, id)).await?;
    let version = view.announcement.version;
    tagged(&request, Some(version), &AnnouncementBody::from(view))
}

/// What to change of an announcement.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AnnouncementChange {
    title: Option<TitleBody>,
    body: Option<AnnouncementWordsBody>,
    /// Not before `valid_from`; a time that has come ends it.
    #[schema(format = DateTime)]
    valid_to: Option<String>,
}

/// Changes an announcement's texts or its end.
///
/// A merge-patch (RFC 7396): members that are left out stay as they are.
#[utoipa::path(tag = "administration", params(("announcement" = Uuid, Path, description = "The announcement's id")),
    request_body(content = AnnouncementChange, content_type = "application/merge-patch+json", description = "Members to change"),
    responses((status = 200, description = "The announcement", body = AnnouncementBody)))]
#[patch("/v1/announcements/{announcement}")]
pub(crate) async fn edit_announcement(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    announcement: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::MergePatch).await?);
    let title = body.change("title", read_title);
    let words = body.change("body", read_words);
    let valid_to = body.change("valid_to", Members::moment);
    for (name, is_null) in [
        ("title", title == Some(None)),
        ("body", words == Some(None)),
        ("valid_to", valid_to == Some(None)),
    ] {
        if is_null {
            body.refuse(name, domain::invalid::Invalid::required());
        }
    }
    let errors = body.finish();
    let patch = AnnouncementPatch {
        title: title.flatten(),
        body: words.flatten(),
        valid_to: valid_to.flatten(),
    };
    let id = AnnouncementId::new(announcement.into_inner());
    let view = block(move || {
        // Out of reach is told before what is wrong with the patch.
        desk.show_announcement(&operator.0, id)?;
        match errors.is_empty() {
            true => desk.edit_announcement(&operator.0, id, seen.0, patch),
            false => Err(DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(view.announcement.version))
        .json(AnnouncementBody::from(view)))
}

/// That somebody has read an announcement.
#[derive(Serialize, ToSchema)]
struct AcknowledgementBody {
    announcement_id: Uuid,
    /// When I first said so.
    #[schema(format = DateTime)]
    acknowledged_at: String,
}

/// Says that I have read an announcement.
///
/// Once is enough; again changes nothing. Nothing needs to be said in the body.
#[utoipa::path(tag = "work", params(("announcement" = Uuid, Path, description = "The announcement's id")),
    responses((status = 201, description = "Acknowledged", body = AcknowledgementBody)))]
#[post("/v1/announcements/{announcement}/acknowledgements")]
pub(crate) async fn acknowledge_announcement(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    announcement: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    if !media_type(&request).is_empty() {
        let members = read_object(&request, payload, Expects::Json).await?;
        let errors = Members::of(members).finish();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
    }
    let once = repeatable.with(Vec::new());
    let id = AnnouncementId::new(announcement.into_inner());
    let answer = block(move || desk.acknowledge_announcement(&operator.0, id, &once)).await?;
    Ok(
        replay_header(&mut HttpResponse::Created(), answer.replayed).json(AcknowledgementBody {
            announcement_id: id.uuid(),
            acknowledged_at: answer.value.to_string(),
        }),
    )
}

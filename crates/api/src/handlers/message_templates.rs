//! The words of mails: the standard ones, and a desk's own.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use domain::ids::AccountId;
use domain::invalid::Lang;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Desk;
use service::message_templates::{Change, LanguageView, TemplateView};
use service::texts::{self, MailTemplate, Placeholder, Wording};
use utoipa::ToSchema;
use uuid::Uuid;

use super::email_proofs::replay_header;
use super::{Links, links};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::language::Language;
use crate::members::{Members, not_in_list};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_message_templates)
        .service(show_message_template)
        .service(override_message_template)
        .service(restore_message_template)
        .service(preview_message_template);
}

/// A language of mails.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "written for the description")]
enum MailLanguage {
    It,
    En,
}

/// A mail that the service sends, and its words.
#[derive(Serialize, ToSchema)]
struct MessageTemplateBody {
    /// Its code; never changes.
    #[schema(max_length = 64, pattern = "^[a-z]+(-[a-z]+)*$")]
    template: String,
    /// What people call it.
    #[schema(max_length = 250)]
    label: String,
    /// For `If-Match`. It counts the desk's changes in both languages; 1 before the first.
    #[schema(minimum = 1)]
    version: i64,
    /// Whether a desk may write it in its own words.
    may_override: bool,
    /// Whether the caller's desk has done so, in one of the languages.
    is_overridden: bool,
    #[schema(max_items = 50)]
    placeholders: Vec<PlaceholderBody>,
    #[schema(max_items = 2)]
    languages: Vec<MessageLanguageBody>,
}

/// A gap that a text may have, written `{{ code }}`.
#[derive(Serialize, ToSchema)]
struct PlaceholderBody {
    #[schema(max_length = 64, pattern = "^[a-z_]+$")]
    code: String,
    /// What fills it.
    #[schema(max_length = 250)]
    label: String,
    /// A value it could have.
    #[schema(max_length = 500)]
    example: String,
    /// Whether the body has to have it.
    is_required: bool,
    /// Whether the subject may have it: the number alone.
    in_subject: bool,
}

/// The words of a mail in one language.
#[derive(Serialize, ToSchema)]
struct MessageLanguageBody {
    #[schema(value_type = MailLanguage)]
    lang: String,
    standard: WordsBody,
    /// What the caller's desk says instead; null where it says the standard words.
    #[schema(required)]
    own: Option<TextChangeBody>,
    /// What stands under the body of every mail and cannot be changed.
    #[schema(max_length = 1000)]
    footer: String,
}

/// A subject and a body with placeholders.
#[derive(Serialize, Deserialize, ToSchema)]
struct WordsBody {
    /// One line: words, and `{{ number }}` if wanted.
    #[schema(min_length = 1, max_length = 78)]
    subject: String,
    /// Plain text: words, and placeholders. A blank line ends a paragraph.
    #[schema(min_length = 1, max_length = 4000)]
    body: String,
}

/// A desk's change of the words.
#[derive(Serialize, ToSchema)]
struct TextChangeBody {
    #[schema(minimum = 2)]
    version: i64,
    #[schema(value_type = MailLanguage)]
    lang: String,
    /// The words; null for going back to the standard ones.
    #[schema(required)]
    words: Option<WordsBody>,
    /// Who made it.
    author_id: Uuid,
    #[schema(format = DateTime)]
    at: String,
}

impl From<Wording> for WordsBody {
    fn from(words: Wording) -> Self {
        WordsBody {
            subject: words.subject,
            body: words.body,
        }
    }
}

impl From<Change> for TextChangeBody {
    fn from(change: Change) -> Self {
        TextChangeBody {
            version: change.version,
            lang: change.lang.code().to_owned(),
            words: change
                .words
                .map(|(subject, body)| WordsBody { subject, body }),
            author_id: AccountId::uuid(change.author),
            at: change.at.to_string(),
        }
    }
}

impl From<LanguageView> for MessageLanguageBody {
    fn from(view: LanguageView) -> Self {
        MessageLanguageBody {
            lang: view.lang.code().to_owned(),
            standard: view.standard.into(),
            own: view.own.map(TextChangeBody::from),
            footer: texts::footer(view.lang).to_owned(),
        }
    }
}

fn placeholder_body(template: MailTemplate, gap: Placeholder, lang: Lang) -> PlaceholderBody {
    PlaceholderBody {
        code: gap.code().to_owned(),
        label: gap.label().to(lang).to_owned(),
        example: gap.example().to(lang).to_owned(),
        is_required: template.needs().contains(&gap),
        in_subject: gap == Placeholder::Number,
    }
}

fn template_body(view: TemplateView, lang: Lang) -> MessageTemplateBody {
    let template = view.template;
    MessageTemplateBody {
        template: template.as_str().to_owned(),
        label: template.label().to(lang).to_owned(),
        version: view.version,
        may_override: template.may_be_reworded(),
        is_overridden: view.languages.iter().any(|one| one.own.is_some()),
        placeholders: template
            .placeholders()
            .map(|gap| placeholder_body(template, gap, lang))
            .collect(),
        languages: view.languages.into_iter().map(Into::into).collect(),
    }
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct MessageTemplateList {
    #[schema(max_items = 100)]
    items: Vec<MessageTemplateBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists the mails that the service sends.
///
/// Each with its placeholders, its standard words, and those the caller's desk put in their place; from
/// the region, the regional desk's.
#[utoipa::path(tag = "administration",
    responses((status = 200, description = "The templates", body = MessageTemplateList)))]
#[get("/v1/message-templates")]
pub(crate) async fn list_message_templates(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let views = block(move || desk.list_message_templates(&operator.0)).await?;
    let items = views.into_iter().map(|view| template_body(view, lang.0));
    Ok(HttpResponse::Ok().json(MessageTemplateList {
        items: items.collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

/// A template with its history.
#[derive(Serialize, ToSchema)]
struct MessageTemplateScreenBody {
    message_template: MessageTemplateBody,
    /// The desk's changes, the newest twenty first.
    #[schema(max_items = 20)]
    history: Vec<TextChangeBody>,
}

/// Shows a mail that the service sends.
///
/// With the changes of the caller's desk: which words, whose, and when. Send the `ETag` back as
/// `If-Match` with a change.
#[utoipa::path(tag = "administration", params(("template" = String, Path, description = "The template's code", max_length = 64, pattern = "^[a-z]+(-[a-z]+)*$")),
    responses((status = 200, description = "The template", body = MessageTemplateScreenBody)))]
#[get("/v1/message-templates/{template}")]
pub(crate) async fn show_message_template(
    request: HttpRequest,
    operator: Operator,
    template: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let shown = block(move || desk.show_message_template(&operator.0, &template)).await?;
    let (view, history) = shown;
    let version = view.version;
    let body = MessageTemplateScreenBody {
        message_template: template_body(view, lang.0),
        history: history.into_iter().map(TextChangeBody::from).collect(),
    };
    tagged(&request, Some(version), &body)
}

/// Puts a desk's own words in the place of the standard ones.
///
/// For the mails about the requests that the desk has in custody, from the next one sent. Placeholders
/// place values and nothing else: blocks, filters, calls, HTML and web addresses are refused. The
/// subject is fixed words and the number. What was written before is kept in the history.
#[utoipa::path(tag = "administration",
    params(
        ("template" = String, Path, description = "The template's code", max_length = 64, pattern = "^[a-z]+(-[a-z]+)*$"),
        ("language" = MailLanguage, Path, description = "The language"),
    ),
    request_body(content = WordsBody, description = "The words"),
    responses((status = 200, description = "The template", body = MessageTemplateBody)))]
#[put("/v1/message-templates/{template}/overrides/{language}")]
pub(crate) async fn override_message_template(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    path: web::Path<(String, String)>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let (template, language) = addressed(path.into_inner())?;
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let subject = body.needed_text("subject");
    let text = body.needed_text("body");
    let (subject, text) = match (subject, text, body.finish()) {
        (Some(subject), Some(text), errors) if errors.is_empty() => (subject, text),
        (_, _, errors) => return Err(Problem::fields(errors)),
    };
    let view = block(move || {
        let words = (subject.as_str(), text.as_str());
        desk.reword_message(&operator.0, (&template, language), seen.0, words)
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(view.version))
        .json(template_body(view, lang.0)))
}

/// Goes back to the standard words.
///
/// The desk's own ones are kept in the history; 404 where it has none.
#[utoipa::path(tag = "administration",
    params(
        ("template" = String, Path, description = "The template's code", max_length = 64, pattern = "^[a-z]+(-[a-z]+)*$"),
        ("language" = MailLanguage, Path, description = "The language"),
    ),
    responses((status = 200, description = "The template", body = MessageTemplateBody)))]
#[delete("/v1/message-templates/{template}/overrides/{language}")]
pub(crate) async fn restore_message_template(
    operator: Operator,
    path: web::Path<(String, String)>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let (template, language) = addressed(path.into_inner())?;
    let view =
        block(move || desk.restore_message(&operator.0, (&template, language), seen.0)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(view.version))
        .json(template_body(view, lang.0)))
}

/// A path that names a language mails have.
fn addressed((template, language): (String, String)) -> Result<(String, Lang), Problem> {
    let language = Lang::from_code(&language).ok_or_else(|| Problem::new("not-found"))?;
    Ok((template, language))
}

/// What to try out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read member by member")]
struct PreviewRequestBody {
    #[schema(value_type = MailLanguage)]
    lang: String,
    /// The one that holds now, if left out.
    #[schema(min_length = 1, max_length = 78)]
    subject: Option<String>,
    /// The one that holds now, if left out.
    #[schema(min_length = 1, max_length = 4000)]
    body: Option<String>,
}

/// A mail as it would be sent, with example values.
#[derive(Serialize, Deserialize, ToSchema)]
struct PreviewBody {
    #[schema(max_length = 998)]
    subject: String,
    /// The plain text.
    #[schema(max_length = 98304)]
    text: String,
    /// The same as an HTML document, which fetches nothing from anywhere.
    #[schema(max_length = 1048576)]
    html: String,
}

/// Shows a mail as it would be sent.
///
/// With example values and these words, or without any those that hold now. They are checked as if
/// they were to be kept, and nothing is.
#[utoipa::path(tag = "administration", params(("template" = String, Path, description = "The template's code", max_length = 64, pattern = "^[a-z]+(-[a-z]+)*$")),
    request_body(content = PreviewRequestBody, description = "The words"),
    responses((status = 200, description = "The mail", body = PreviewBody)))]
#[post("/v1/message-templates/{template}/previews")]
pub(crate) async fn preview_message_template(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    template: web::Path<String>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let content = serde_json::to_vec(&object).unwrap_or_default();
    let (lang, subject, body) = read_preview(object)?;
    let once = repeatable.with(content);
    let answer = block(move || {
        desk.answer_once(&once, || {
            let (subject, body) = (subject.as_deref(), body.as_deref());
            let mail = desk.preview_message(&operator.0, (&template, lang), subject, body)?;
            Ok(PreviewBody {
                subject: mail.subject,
                text: mail.body,
                html: mail.html,
            })
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

type Preview = (Lang, Option<String>, Option<String>);

fn read_preview(object: Map<String, Value>) -> Result<Preview, Problem> {
    let mut body = Members::of(object);
    let lang = body.needed_text("lang");
    let read = lang.as_deref().and_then(Lang::from_code);
    if lang.is_some() && read.is_none() {
        body.refuse("lang", not_in_list());
    }
    // How long they may be is judged with the rest of the rules.
    let subject = body.text("subject", usize::MAX);
    let text = body.text("body", usize::MAX);
    match (read, body.finish()) {
        (Some(lang), errors) if errors.is_empty() => Ok((lang, subject, text)),
        (_, errors) => Err(Problem::fields(errors)),
    }
}

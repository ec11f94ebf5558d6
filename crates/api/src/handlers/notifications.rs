//! How an authority tells its requesters, and what members of staff want by mail.

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use domain::invalid::Invalid;
use domain::notification::{Mode, QuietHours, Topic};
use jiff::civil::Time;
use serde::Serialize;
use service::Desk;
use service::notification_settings::NotificationSettings;
use utoipa::ToSchema;

use super::codes::NotificationMode;
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Seen, etag, tagged};
use crate::members::{Members, invalid_format};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(show_notification_settings)
        .service(change_notification_settings)
        .service(show_notification_preferences)
        .service(change_notification_preferences);
}

/// How an authority's requesters are told.
#[derive(Serialize, ToSchema)]
struct NotificationSettingsBody {
    /// Whether mails say only that there is something to read, and nothing of a note.
    pointer_only: bool,
    /// Whether requesters with a national identity get such pointers by mail, too.
    copy_to_citizens: bool,
    /// Whether requesters without one are told by mail that their request was closed.
    mail_on_close: bool,
    /// When no mail goes out that can wait; null: it goes out at any hour.
    #[schema(required)]
    quiet_hours: Option<QuietHoursBody>,
}

/// From when to when, in the installation's time zone; over midnight if it ends earlier.
#[derive(Serialize, ToSchema)]
struct QuietHoursBody {
    #[schema(
        min_length = 5,
        max_length = 5,
        pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        example = "21:00"
    )]
    from: String,
    #[schema(
        min_length = 5,
        max_length = 5,
        pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        example = "08:00"
    )]
    to: String,
}

impl From<NotificationSettings> for NotificationSettingsBody {
    fn from(settings: NotificationSettings) -> Self {
        let clock = |time: Time| time.strftime("%H:%M").to_string();
        NotificationSettingsBody {
            pointer_only: settings.pointer_only,
            copy_to_citizens: settings.copy_to_citizens,
            mail_on_close: settings.mail_on_close,
            quiet_hours: settings.quiet.map(|hours| QuietHoursBody {
                from: clock(hours.from),
                to: clock(hours.to),
            }),
        }
    }
}

/// Shows how an authority's requesters are told.
///
/// The authority's own settings, or those of the installation where it has none.
#[utoipa::path(tag = "administration",
    params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "The settings", body = NotificationSettingsBody)))]
#[get("/v1/notification-settings/{authority}")]
pub(crate) async fn show_notification_settings(
    request: HttpRequest,
    operator: Operator,
    authority: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let settings = block(move || desk.show_notification_settings(&operator.0, &authority)).await?;
    let version = settings.version;
    tagged(
        &request,
        Some(version),
        &NotificationSettingsBody::from(settings),
    )
}

/// Sets how an authority's requesters are told.
///
/// All of it at once; from the next message on.
#[utoipa::path(tag = "administration",
    params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = NotificationSettingsBody, description = "The settings"),
    responses((status = 200, description = "The settings", body = NotificationSettingsBody)))]
#[put("/v1/notification-settings/{authority}")]
pub(crate) async fn change_notification_settings(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    authority: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let [pointer_only, copy_to_citizens, mail_on_close] =
        ["pointer_only", "copy_to_citizens", "mail_on_close"].map(|name| body.needed_flag(name));
    let quiet = body.object("quiet_hours", read_quiet_hours).flatten();
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let wanted = NotificationSettings {
        version: seen.0,
        pointer_only,
        copy_to_citizens,
        mail_on_close,
        quiet,
    };
    let settings =
        block(move || desk.change_notification_settings(&operator.0, &authority, seen.0, wanted))
            .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(settings.version))
        .json(NotificationSettingsBody::from(settings)))
}

fn read_quiet_hours(hours: &mut Members) -> Option<QuietHours> {
    let mut clock = |name: &str| {
        let text = hours.needed_text(name)?;
        let time = Time::strptime("%H:%M", &text)
            .ok()
            .filter(|_| text.len() == 5);
        if time.is_none() {
            hours.refuse(name, invalid_format());
        }
        time
    };
    let (from, to) = (clock("from"), clock("to"));
    let (from, to) = (from?, to?);
    if from == to {
        let invalid = Invalid::new(
            "empty-interval",
            "Inizio e fine coincidono",
            "it ends when it begins",
        );
        hours.refuse("to", invalid);
    }
    Some(QuietHours { from, to })
}

/// What a member of staff wants by mail, topic by topic.
#[derive(Serialize, ToSchema)]
struct NotificationPreferencesBody {
    /// Something was given to me.
    #[schema(value_type = NotificationMode)]
    assigned: &'static str,
    /// The requester of something of mine wrote.
    #[schema(value_type = NotificationMode)]
    requester_wrote: &'static str,
    /// Something for everybody at my desk.
    #[schema(value_type = NotificationMode)]
    queue: &'static str,
}

impl From<Vec<(Topic, Mode)>> for NotificationPreferencesBody {
    fn from(preferences: Vec<(Topic, Mode)>) -> Self {
        let of = |topic: Topic| {
            let found = preferences.iter().find(|(one, _)| *one == topic);
            found.map_or(Mode::default(), |(_, mode)| *mode).as_str()
        };
        NotificationPreferencesBody {
            assigned: of(Topic::Assigned),
            requester_wrote: of(Topic::RequesterWrote),
            queue: of(Topic::Queue),
        }
    }
}

/// Shows what I want by mail.
///
/// `instant` at once, `digest` once a day, `off` not at all: then the screen alone tells.
#[utoipa::path(tag = "work",
    responses((status = 200, description = "The preferences", body = NotificationPreferencesBody)))]
#[get("/v1/me/notification-preferences")]
pub(crate) async fn show_notification_preferences(
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let preferences = block(move || desk.show_preferences(&operator.0)).await?;
    Ok(HttpResponse::Ok().json(NotificationPreferencesBody::from(preferences)))
}

/// Sets what I want by mail.
///
/// Topics that are left out stay as they are.
#[utoipa::path(tag = "work",
    request_body(content = NotificationPreferencesChange, description = "The preferences"),
    responses((status = 200, description = "The preferences", body = NotificationPreferencesBody)))]
#[put("/v1/me/notification-preferences")]
pub(crate) async fn change_notification_preferences(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let wanted = [
        (Topic::Assigned, "assigned"),
        (Topic::RequesterWrote, "requester_wrote"),
        (Topic::Queue, "queue"),
    ]
    .into_iter()
    .filter_map(|(topic, name)| Some((topic, body.code(name, Mode::from_code)?)))
    .collect();
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let preferences = block(move || desk.change_preferences(&operator.0, wanted)).await?;
    Ok(HttpResponse::Ok().json(NotificationPreferencesBody::from(preferences)))
}

/// Which preferences to change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read member by member")]
struct NotificationPreferencesChange {
    assigned: Option<NotificationMode>,
    requester_wrote: Option<NotificationMode>,
    queue: Option<NotificationMode>,
}

//! Working calendars: when desks are open, for people and for calendar programs.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::calendar::{WEEKDAYS, Week, day_name, day_of, is_national_holiday};
use domain::catalogue::CalendarEntry;
use domain::invalid::Lang;
use jiff::Timestamp;
use serde::Serialize;
use service::Desk;
use utoipa::ToSchema;

use super::catalogue::cacheable;
use super::codes::{HolidayKind, WeekdayCode};
use super::status::document;
use super::{Links, links};
use crate::app::Shared;
use crate::icalendar;
use crate::language::Language;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_calendars)
        .service(show_calendar)
        .service(export_calendar);
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct CalendarList {
    #[schema(max_items = 1000)]
    items: Vec<CalendarBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// When desks are open. Times are those of the clock on the wall in `time_zone`.
#[derive(Serialize, ToSchema)]
struct CalendarBody {
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    code: String,
    #[schema(max_length = 250)]
    label: String,
    #[schema(max_length = 64, pattern = "^[A-Za-z_/]+$")]
    time_zone: String,
    /// The town whose patron saint's day is a holiday in it.
    #[schema(required)]
    town: Option<TownBody>,
    /// Whether it is closed on holidays.
    closed_on_holidays: bool,
    /// Every day of an ordinary week.
    #[schema(max_items = 7)]
    week: Vec<DayBody>,
    /// The authorities and desks that work by it.
    #[schema(max_items = 1000)]
    used_by: Vec<super::CodeLabel>,
}

/// A town and its patron saint.
#[derive(Serialize, ToSchema)]
struct TownBody {
    #[schema(max_length = 128)]
    label: String,
    /// The saint.
    #[schema(max_length = 128)]
    patron: String,
}

/// The hours of a day.
#[derive(Serialize, ToSchema)]
struct DayBody {
    #[schema(value_type = WeekdayCode)]
    day: String,
    /// None: closed.
    #[schema(max_items = 50)]
    intervals: Vec<IntervalBody>,
}

/// From a time, which belongs to it, to a time, which does not.
#[derive(Serialize, ToSchema)]
struct IntervalBody {
    #[schema(max_length = 5, pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "08:30")]
    from: String,
    /// `24:00` is the midnight that ends the day.
    #[schema(max_length = 5, pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "17:30")]
    to: String,
}

/// A calendar with what changes by the day.
#[derive(Serialize, ToSchema)]
struct CalendarScreen {
    #[serde(flatten)]
    calendar: CalendarBody,
    /// Those of the year from today on, whether or not it is closed on them.
    #[schema(max_items = 100)]
    holidays: Vec<HolidayBody>,
    /// Periods with hours of their own that are not over.
    #[schema(max_items = 1000)]
    reductions: Vec<ReductionBody>,
    is_open_now: bool,
    /// When it opens next; now, if it is open. Null if it does not.
    #[schema(required, format = DateTime)]
    next_opening_at: Option<String>,
}

/// A holiday.
#[derive(Serialize, ToSchema)]
struct HolidayBody {
    #[schema(format = "date")]
    date: String,
    #[schema(value_type = HolidayKind)]
    kind: String,
}

/// Days with hours of their own.
#[derive(Serialize, ToSchema)]
struct ReductionBody {
    #[schema(max_length = 250)]
    label: String,
    #[schema(format = "date")]
    first: String,
    /// The last day of the period.
    #[schema(format = "date")]
    last: String,
    #[schema(max_items = 7)]
    week: Vec<DayBody>,
}

impl CalendarBody {
    fn new(desk: &Desk, entry: &CalendarEntry, lang: Lang) -> Self {
        let users = desk.reference().authorities().iter();
        CalendarBody {
            code: entry.code.to_string(),
            label: entry.label.to(lang).to_owned(),
            time_zone: domain::calendar::TIME_ZONE.to_owned(),
            town: entry.town.as_ref().map(|town| TownBody {
                label: town.label.clone(),
                patron: town.patron.clone(),
            }),
            closed_on_holidays: entry.calendar.closed_on_holidays(),
            week: days(entry.calendar.week()),
            used_by: users
                .filter(|authority| authority.calendar == entry.code)
                .filter(|authority| authority.validity.covers(desk.today()))
                .map(|authority| super::CodeLabel {
                    code: authority.code.to_string(),
                    label: authority.short_label.to(lang).to_owned(),
                })
                .collect(),
        }
    }
}

impl CalendarScreen {
    fn new(desk: &Desk, entry: &CalendarEntry, now: Timestamp, lang: Lang) -> Self {
        let (calendar, today) = (&entry.calendar, day_of(now));
        let days_ahead = today.series(jiff::Span::new().days(1)).take(365);
        let holiday = |kind: &str, date: jiff::civil::Date| HolidayBody {
            date: date.to_string(),
            kind: kind.to_owned(),
        };
        let labels = entry.reduction_labels.iter();
        CalendarScreen {
            calendar: CalendarBody::new(desk, entry, lang),
            holidays: days_ahead
                .filter(|day| calendar.is_holiday(*day))
                .map(|day| match is_national_holiday(day) {
                    true => holiday("national", day),
                    false => holiday("patron-saint", day),
                })
                .collect(),
            reductions: calendar
                .reductions()
                .iter()
                .zip(labels)
                .filter(|(reduction, _)| reduction.last >= today)
                .map(|(reduction, label)| ReductionBody {
                    label: label.to(lang).to_owned(),
                    first: reduction.first.to_string(),
                    last: reduction.last.to_string(),
                    week: days(&reduction.week),
                })
                .collect(),
            is_open_now: calendar.is_open(now),
            next_opening_at: calendar.next_opening(now).map(|at| at.to_string()),
        }
    }
}

fn days(week: &Week) -> Vec<DayBody> {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let hours = |day| {
        let intervals = week.on(day).iter();
        intervals.map(|one| IntervalBody {
            from: clock(one.from()),
            to: clock(one.to()),
        })
    };
    WEEKDAYS
        .into_iter()
        .map(|day| DayBody {
            day: day_name(day).to_owned(),
            intervals: hours(day).collect(),
        })
        .collect()
}

/// Lists the working calendars.
///
/// Those of the reference data, and the same in towns where authorities have their seat: there the patron
/// saint's day is a holiday, too. `used_by` says who works by which.
#[utoipa::path(tag = "catalogue", responses((status = 200, description = "The calendars", body = CalendarList)))]
#[get("/v1/calendars")]
pub(crate) async fn list_calendars(
    request: HttpRequest,
    desk: web::Data<Desk>,
    lang: Language,
) -> HttpResponse {
    let entries = desk.reference().calendars().iter();
    let items = entries
        .map(|entry| CalendarBody::new(&desk, entry, lang.0))
        .collect();
    cacheable(
        &request,
        &CalendarList {
            items,
            next_cursor: None,
            links: links(&request, None),
        },
    )
}

/// Shows a working calendar.
///
/// The hours of its week, the holidays of the year to come, the periods with other hours, and whether it
/// is open now.
#[utoipa::path(tag = "catalogue", params(("calendar" = String, Path, description = "The calendar's code", max_length = 128, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "The calendar", body = CalendarScreen)))]
#[get("/v1/calendars/{calendar}")]
pub(crate) async fn show_calendar(
    request: HttpRequest,
    calendar: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let entry = find(&desk, &calendar)?;
    let screen = CalendarScreen::new(&desk, entry, desk.now(), lang.0);
    Ok(cacheable(&request, &screen))
}

/// Exports a working calendar for calendar programs.
///
/// An iCalendar object (RFC 5545) of this year and the next, to subscribe to: weekly events for the
/// opening hours, without holidays, and events of their own for the periods with other hours.
#[utoipa::path(tag = "catalogue", params(("calendar" = String, Path, description = "The calendar's code", max_length = 128, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "The opening hours", body = String, content_type = "text/calendar")))]
#[get("/v1/calendars/{calendar}/openings")]
pub(crate) async fn export_calendar(
    calendar: web::Path<String>,
    request: HttpRequest,
    desk: web::Data<Desk>,
    shared: web::Data<Shared>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let entry = find(&desk, &calendar)?;
    let host = shared.public_url.split("://").last().unwrap_or_default();
    let host = host.split([':', '/']).next().unwrap_or_default();
    let text = icalendar::write(entry, day_of(desk.now()), host, lang.0);
    Ok(document(&request, text, "text/calendar; charset=utf-8"))
}

fn find<'a>(desk: &'a Desk, code: &str) -> Result<&'a CalendarEntry, Problem> {
    desk.reference()
        .calendar(code)
        .ok_or_else(|| Problem::new("not-found"))
}

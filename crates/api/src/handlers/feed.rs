//! What happened: a feed to read on from a place, and a stream for screens that stay open.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, get, web};
use bytes::Bytes;
use domain::actor::Staff;
use domain::ids::SessionId;
use domain::visibility::Scope;
use futures_util::stream;
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::Desk;
use service::feed::{Change, FeedGone, FeedPage, Headline, headline, is_seen_by};
use service::sign_in::staff_of;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::block;
use crate::live::{Listening, Live, News};
use crate::members::out_of_range;
use crate::principal::{Operator, SignedInStaff};
use crate::problem::Problem;
use crate::query::{Shape, page_size, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(list_changes).service(follow_events);
}

/// Something that happened, told by ids and codes.
#[derive(Serialize, ToSchema)]
struct ChangeBody {
    /// Its place in the feed; grows by one from row to row, over everybody's rows.
    #[schema(minimum = 1)]
    position: i64,
    #[schema(format = DateTime)]
    at: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(max_length = 64, pattern = "^[a-z_]+(\\.[a-z_]+)+$")]
    kind: String,
    /// The desk it concerns; null: all of them.
    #[schema(required, max_length = 64)]
    desk: Option<String>,
    /// The desk that had the ticket until then, where it went from one to the other.
    #[schema(required, max_length = 64)]
    former_desk: Option<String>,
    #[schema(required)]
    ticket_id: Option<Uuid>,
    /// The entry of the ticket's history.
    #[schema(required, minimum = 1)]
    seq: Option<i64>,
    /// The id of what else it is about.
    #[schema(required, max_length = 64)]
    subject: Option<String>,
    /// More codes and ids, by the type of what happened.
    data: Map<String, Value>,
}

impl From<&Change> for ChangeBody {
    fn from(change: &Change) -> Self {
        let news = &change.news;
        ChangeBody {
            position: change.position,
            at: change.at.to_string(),
            kind: news.kind.clone(),
            desk: news.desk.as_ref().map(ToString::to_string),
            former_desk: news.former_desk.as_ref().map(ToString::to_string),
            ticket_id: news.ticket.map(|id| id.uuid()),
            seq: news.seq,
            subject: news.subject.clone(),
            data: news.data.as_object().cloned().unwrap_or_default(),
        }
    }
}

/// Where to read on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ChangesQuery {
    /// The place after which to read; 0, or absent, is the beginning.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Rows in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

/// A page of the feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangesPage {
    #[schema(max_items = 100)]
    items: Vec<ChangeBody>,
    /// What to send as `after` next time.
    #[schema(minimum = 0)]
    next_after: i64,
    /// Nothing comes after these, for now.
    end_of_stream: bool,
}

const NUMBERS: Shape = Shape {
    numbers: &["after", "limit"],
    flags: &[],
    lists: &[],
};

/// Lists what happened after a place.
///
/// In an order that never changes: whoever reads on from `next_after` misses nothing, however late
/// it was committed. Rows that the caller's desk may not see are left out. Kept for 30 days; a place
/// from before that is answered with 410, and the lists are to be read anew.
#[utoipa::path(tag = "work", params(ChangesQuery),
    responses((status = 200, description = "A page of the feed", body = ChangesPage)))]
#[get("/v1/changes")]
pub(crate) async fn list_changes(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let (after, limit) = place_and_limit(&request)?;
    let page = block(move || desk.read_feed(&operator.0, after, limit)).await?;
    changes_page(page)
}

/// Where to read on, and how many rows.
pub(crate) fn place_and_limit(request: &HttpRequest) -> Result<(i64, i64), Problem> {
    let mut query = read_query(request, &NUMBERS)?;
    let limit = page_size(&mut query);
    let after = query.integer("after").unwrap_or(0);
    if after < 0 {
        query.refuse("after", out_of_range());
    }
    refuse_query(&query.finish())?;
    Ok((after, limit))
}

/// A page of the feed, or that it cannot be read on from there.
pub(crate) fn changes_page(page: Result<FeedPage, FeedGone>) -> Result<HttpResponse, Problem> {
    let page = page.map_err(|gone| Problem::new("feed-gone").with("first", gone.first))?;
    Ok(HttpResponse::Ok().json(ChangesPage {
        items: page.items.iter().map(ChangeBody::from).collect(),
        next_after: page.after,
        end_of_stream: page.end_of_stream,
    }))
}

/// Between two signs of life on a stream where nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// Rows read at once when a stream goes on where it was cut off.
const BACKLOG_PAGE: i64 = 100;
/// How long a stream waits before it reads the feed again that could not be read.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// How long a client waits before it comes back, in milliseconds.
const COME_BACK_MS: u32 = 3000;

/// Follows what happens at my placement's desk.
///
/// Server-sent events: `queue.new`, `queue.untouched` (to who leads the desk), `ticket.assigned` (to me),
/// `requester.wrote`, `requester.nudged`, `sla.warning`, `activity.overdue`, `message.undelivered`,
/// `announcement.published`. Each has the place in the feed for its id: send the last one as `Last-Event-ID`
/// to go on where a stream was cut off. The stream ends with the session, or with a change of the placement.
#[utoipa::path(tag = "work",
    params(("Last-Event-ID" = Option<i64>, Header, description = "The id of the last event that was received", minimum = 0)),
    responses((status = 200, description = "The events, as they happen", body = String, content_type = "text/event-stream")))]
#[get("/v1/events")]
pub(crate) async fn follow_events(
    request: HttpRequest,
    session: SignedInStaff,
    desk: web::Data<Desk>,
    live: web::Data<Arc<Live>>,
) -> Result<HttpResponse, Problem> {
    let session = session.0;
    let staff = staff_of(&session).ok_or_else(|| Problem::new("role-selection-required"))?;
    let last = match request.headers().get("last-event-id") {
        None => None,
        Some(value) => Some(read_place(value.to_str().unwrap_or_default())?),
    };
    let listening = live.listen(staff.account);
    let listening = listening.ok_or_else(|| Problem::new("quota-exceeded").retry_after(30))?;
    // After the place among the listeners is taken: what happens meanwhile is not missed.
    let reader = desk.clone();
    let after = match last {
        Some(last) => last,
        None => {
            block(move || {
                reader.place_changes()?;
                reader.feed_end()
            })
            .await?
        }
    };
    let follower = Follower {
        desk: desk.get_ref().clone(),
        scope: Scope::of(&staff),
        staff,
        session: session.id,
        listening,
        after,
        backlog_at: Some(Instant::now()),
        ready: VecDeque::from([Bytes::from(format!("retry: {COME_BACK_MS}\n\n"))]),
        signs: {
            let mut signs = interval(SIGN_OF_LIFE);
            signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
            signs.reset();
            signs
        },
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let bytes = follower.next().await?;
        Some((Ok::<_, actix_web::Error>(bytes), follower))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        // Proxies are not to collect what should arrive at once.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

fn read_place(text: &str) -> Result<i64, Problem> {
    let place = text.trim().parse::<i64>().ok().filter(|place| *place >= 0);
    place.ok_or_else(|| {
        Problem::malformed(
            "Last-Event-ID non è un identificativo di questo flusso.",
            "Last-Event-ID is no id of this stream",
        )
    })
}

/// One open stream.
struct Follower {
    desk: Desk,
    staff: Staff,
    scope: Scope,
    session: SessionId,
    listening: Listening,
    /// The last place that was looked at.
    after: i64,
    /// There may be rows before those that the listener gets: when they are read in the feed.
    backlog_at: Option<Instant>,
    ready: VecDeque<Bytes>,
    signs: Interval,
}

/// Why a stream that waits goes on.
enum Woken {
    End,
    Clock,
    Backlog,
    News(Result<News, RecvError>),
}

/// Waits until then; for ever if there is no such time.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

impl Follower {
    /// What to send next; nothing when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            let woken = {
                let Listening { closing, news, .. } = &mut self.listening;
                tokio::select! {
                    _ = closing.wait_for(|closing| *closing) => Woken::End,
                    _ = self.signs.tick() => Woken::Clock,
                    () = until(self.backlog_at) => Woken::Backlog,
                    news = news.recv() => Woken::News(news),
                }
            };
            match woken {
                Woken::Backlog => self.read_backlog().await,
                // Not before what is still to be read in the feed, where it is as well.
                Woken::News(Ok(News::Row(_))) if self.backlog_at.is_some() => {}
                Woken::News(Ok(News::Row(row))) => self.look_at(&row),
                Woken::News(Ok(News::Begun(place))) if place <= self.after => {}
                // What was missed, before the reader began or by being slow, is in the feed.
                Woken::News(Ok(News::Begun(_)) | Err(RecvError::Lagged(_))) => {
                    self.backlog_at.get_or_insert_with(Instant::now);
                }
                Woken::End | Woken::News(Err(RecvError::Closed)) => return None,
                Woken::Clock if self.is_allowed().await => {
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
                Woken::Clock => return None,
            }
        }
    }

    /// Reads what is in the feed. A database that is busy or away for a moment ends no stream.
    async fn read_backlog(&mut self) {
        let (desk, staff, after) = (self.desk.clone(), self.staff.clone(), self.after);
        let page = block(move || desk.read_feed(&staff, after, BACKLOG_PAGE)).await;
        match page {
            Ok(Ok(page)) => {
                for row in &page.items {
                    self.look_at(row);
                }
                self.after = self.after.max(page.after);
                self.backlog_at = (!page.end_of_stream).then(Instant::now);
            }
            // Rows that are gone are told as such, and the client reads its lists anew.
            Ok(Err(gone)) => {
                let data = json!({"first": gone.first});
                self.ready
                    .push_back(Bytes::from(format!("event: feed.gone\ndata: {data}\n\n")));
                self.after = gone.first.saturating_sub(1);
            }
            Err(_) => self.backlog_at = Some(Instant::now() + TRY_AGAIN),
        }
    }

    fn look_at(&mut self, row: &Change) {
        if row.position <= self.after || !is_seen_by(&self.scope, &row.news) {
            return;
        }
        self.after = row.position;
        if let Some(headline) = headline(&self.staff, &row.news) {
            self.ready.push_back(written(headline, row));
        }
    }

    /// Whether the session still lives and is where it was.
    async fn is_allowed(&self) -> bool {
        let (desk, session) = (self.desk.clone(), self.session);
        let found = block(move || desk.find_session(session)).await;
        // A database that is away for a moment ends no stream.
        found.map_or(true, |session| {
            let staff = session.as_ref().and_then(staff_of);
            staff.is_some_and(|staff| {
                (staff.role, &staff.authority) == (self.staff.role, &self.staff.authority)
            })
        })
    }
}

/// An event as it goes over the line. The JSON has no line breaks.
fn written(headline: Headline, row: &Change) -> Bytes {
    let body = serde_json::to_string(&ChangeBody::from(row)).unwrap_or_default();
    Bytes::from(format!(
        "id: {}\nevent: {}\ndata: {body}\n\n",
        row.position,
        headline.as_str()
    ))
}

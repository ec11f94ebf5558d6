//! Bodies on their way in: bounded in size, in time, and in how many large ones there are at once,
//! of one caller and of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::body::MAX_BODY_BYTES;
use crate::gate::Network;
use crate::principal::Principal;
use crate::problem::Problem;

/// Large bodies on their way in at once.
const PLACES: usize = 32;
/// How many of them one caller may send.
const PLACES_OF_A_CALLER: usize = 4;
/// A body beyond this needs a place; before, it holds none, so that idle ones keep nobody out.
const FREE_BYTES: usize = 64 * 1024;
/// How long a body waits for its place before it hears 503.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest time until a body begins.
const FIRST_BYTE: Duration = Duration::from_secs(5);
/// Longest time a body may take to arrive.
const WHOLE_BODY: Duration = Duration::from_secs(30);

/// The places of large bodies.
#[derive(Clone)]
pub(crate) struct Uploads(Arc<Places>);

struct Places {
    all: Arc<Semaphore>,
    by_caller: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place taken, given back when dropped.
struct Place {
    _own: OwnedSemaphorePermit,
    _shared: OwnedSemaphorePermit,
}

impl Uploads {
    /// All places free.
    pub(crate) fn new() -> Self {
        Uploads(Arc::new(Places {
            all: Arc::new(Semaphore::new(PLACES)),
            by_caller: Mutex::new(HashMap::new()),
        }))
    }

    async fn place_for(&self, caller: &str) -> Result<Place, Problem> {
        let own = self.places_of(caller);
        let both = async {
            // The caller's own first: who waits for those takes none from others.
            let own = own.acquire_owned().await.ok()?;
            let shared = self.0.all.clone().acquire_owned().await.ok()?;
            Some(Place {
                _own: own,
                _shared: shared,
            })
        };
        let place = timeout(PATIENCE, both).await.ok().flatten();
        place.ok_or_else(|| Problem::new("temporarily-unavailable").retry_after(2))
    }

    fn places_of(&self, caller: &str) -> Arc<Semaphore> {
        let by_caller = self.0.by_caller.lock();
        let mut by_caller = by_caller.unwrap_or_else(PoisonError::into_inner);
        // Only those that somebody holds or waits for are known.
        by_caller.retain(|_, places| Arc::strong_count(places) > 1);
        by_caller
            .entry(caller.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(PLACES_OF_A_CALLER)))
            .clone()
    }
}

/// A body on its way in.
pub(crate) struct Arriving {
    payload: web::Payload,
    uploads: Option<Uploads>,
    caller: String,
    place: Option<Place>,
    received: usize,
    deadline: Instant,
}

impl Arriving {
    /// The body of this request; the clock runs from now.
    pub(crate) fn new(request: &HttpRequest, payload: web::Payload) -> Self {
        let extensions = request.extensions();
        let network = extensions.get::<Network>().map_or("", |network| &network.0);
        let caller = extensions.get::<Principal>().unwrap_or(&Principal::Nobody);
        Arriving {
            payload,
            uploads: request
                .app_data::<web::Data<Uploads>>()
                .map(|uploads| uploads.get_ref().clone()),
            caller: caller.key(network),
            place: None,
            received: 0,
            deadline: Instant::now() + WHOLE_BODY,
        }
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        let until = match self.received {
            0 => self.deadline.min(Instant::now() + FIRST_BYTE),
            _ => self.deadline,
        };
        let chunk = match timeout_at(until, self.payload.next()).await {
            Err(_) => return Some(Err(Problem::new("request-timeout"))),
            Ok(None) => return None,
            Ok(Some(Err(_))) => {
                let (it, en) = ("Il corpo si interrompe.", "the body breaks off");
                return Some(Err(Problem::malformed(it, en)));
            }
            Ok(Some(Ok(chunk))) => chunk,
        };
        self.received = self.received.saturating_add(chunk.len());
        if self.received > MAX_BODY_BYTES {
            return Some(Err(Problem::new("payload-too-large")));
        }
        if self.received > FREE_BYTES
            && self.place.is_none()
            && let Some(uploads) = &self.uploads
        {
            match uploads.place_for(&self.caller).await {
                Ok(place) => self.place = Some(place),
                Err(problem) => return Some(Err(problem)),
            }
        }
        Some(Ok(chunk))
    }

    /// The whole body.
    pub(crate) async fn collect(mut self) -> Result<Bytes, Problem> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.next().await {
            body.extend_from_slice(&chunk?);
        }
        Ok(body.freeze())
    }

    /// multer wants a stream that can change threads, which the framework's is not: a task on this
    /// worker forwards it through a channel of two chunks, which keeps the back-pressure.
    pub(crate) fn into_stream(
        mut self,
    ) -> impl futures_util::Stream<Item = Result<Bytes, Problem>> + Send + 'static {
        let (send, receive) = tokio::sync::mpsc::channel(2);
        actix_web::rt::spawn(async move {
            while let Some(chunk) = self.next().await {
                let is_over = chunk.is_err();
                if send.send(chunk).await.is_err() || is_over {
                    return;
                }
            }
        });
        futures_util::stream::unfold(receive, |mut receive| async {
            receive.recv().await.map(|chunk| (chunk, receive))
        })
    }
}

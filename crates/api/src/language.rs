//! The language of titles, details and labels: Italian unless English is asked for first.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use domain::invalid::Lang;

/// The caller's language.
pub(crate) struct Language(pub Lang);

impl FromRequest for Language {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Language(language_of(request.headers()))))
    }
}

/// The better liked of the two languages (RFC 9110 §12.5.4); a tie is Italian.
pub(crate) fn language_of(headers: &HeaderMap) -> Lang {
    let text = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let liking = |wanted: &str| {
        text.split(',')
            .filter_map(|range| {
                let mut parts = range.split(';');
                let tag = parts.next()?.trim().to_ascii_lowercase();
                let quality = parts
                    .find_map(|part| {
                        part.trim()
                            .strip_prefix("q=")
                            .and_then(|q| q.parse::<f32>().ok())
                    })
                    .unwrap_or(1.0);
                (tag == wanted || tag.starts_with(&format!("{wanted}-"))).then_some(quality)
            })
            .fold(0.0_f32, f32::max)
    };
    if liking("en") > liking("it") {
        Lang::En
    } else {
        Lang::It
    }
}

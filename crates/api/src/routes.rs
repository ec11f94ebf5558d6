//! Where handlers are registered: to be served, or to be described.
//!
//! Serving takes no description along: one for each worker costs several megabytes.

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use utoipa_actix_web::OpenApiFactory;
use utoipa_actix_web::service_config::ServiceConfig;

/// Takes handlers.
pub(crate) enum Routes<'a, 'b> {
    /// They answer.
    Served(&'a mut web::ServiceConfig),
    /// Their annotations are read.
    Described(&'a mut ServiceConfig<'b>),
}

impl Routes<'_, '_> {
    /// Registers a handler.
    pub(crate) fn service(
        &mut self,
        handler: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        match self {
            Routes::Served(config) => {
                config.service(handler);
            }
            Routes::Described(config) => {
                config.service(handler);
            }
        }
        self
    }
}

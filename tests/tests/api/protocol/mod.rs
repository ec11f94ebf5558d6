//! The protocol: bodies, routes, methods, representations, and what is no HTTP at all.

mod bodies;
mod representations;
mod routes;
mod wire;

use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{TestApp, forms};

async fn file(app: &TestApp) -> tests::Filed {
    app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await
}

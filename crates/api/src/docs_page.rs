//! `/docs`: the API description for people, without a word to another host.
//!
//! Swagger UI is compiled in. Only the files its page needs are served: the wildcard service of
//! `utoipa-swagger-ui` also ships an OAuth redirect page and source bundles, and answers unknown
//! names with an empty 404 where we promise problem+json.

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, serve};

/// Scripts, styles and pictures from here and nowhere else, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All files of the page; an empty name is the page itself.
const FILES: &str = "/docs/{file:|index\\.css|swagger-ui\\.css|swagger-ui-bundle\\.js|\
    swagger-ui-standalone-preset\\.js|swagger-initializer\\.js|favicon-16x16\\.png|favicon-32x32\\.png}";

/// Serves the page under `/docs/`; it reads `/openapi.json`.
pub(crate) fn docs_service() -> impl HttpServiceFactory + 'static {
    let config = web::Data::new(config());
    let redirect = web::resource("/docs").route(web::get().to(to_the_page));
    let files = web::resource(FILES)
        .app_data(config)
        .route(web::get().to(file));
    (redirect, files)
}

/// The address is relative, so that the page also works behind a gateway's prefix. The page cannot
/// send requests ("try it out"): the servers it would send them to are other hosts.
fn config() -> Config<'static> {
    Config::from("../openapi.json")
        .use_base_layout()
        .validator_url("none")
        .supported_submit_methods::<[&str; 0], &str>([])
        .display_operation_id(true)
        .deep_linking(true)
}

async fn to_the_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "docs/"))
        .finish()
}

async fn file(name: web::Path<String>, config: web::Data<Config<'static>>) -> HttpResponse {
    match serve(&name, config.into_inner()) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header(header::ContentEncoding::Gzip);
            }
            response
                .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((header::CACHE_CONTROL, "no-cache"))
                .content_type(file.content_type)
                .body(file.bytes.into_owned())
        }
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(error) => {
            tracing::error!(%error, "the documentation page cannot be made");
            HttpResponse::InternalServerError().finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
    use actix_web::{App, test};

    async fn get(path: &str) -> (StatusCode, String) {
        let app = test::init_service(App::new().service(docs_service())).await;
        let answer =
            test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
        let status = answer.status();
        (
            status,
            String::from_utf8_lossy(&test::read_body(answer).await).into_owned(),
        )
    }

    #[actix_web::test]
    async fn the_page_and_its_files_are_served() {
        assert_eq!(get("/docs").await.0, StatusCode::PERMANENT_REDIRECT);
        let (status, page) = get("/docs/").await;
        assert_eq!(status, StatusCode::OK);
        for file in page.split(['"']).filter_map(|part| part.strip_prefix("./")) {
            assert_eq!(
                get(&format!("/docs/{file}")).await.0,
                StatusCode::OK,
                "{file}"
            );
        }
        let (_, script) = get("/docs/swagger-initializer.js").await;
        assert!(script.contains("../openapi.json"), "{script}");
        assert!(script.contains("\"validatorUrl\": \"none\""), "{script}");
    }

    #[actix_web::test]
    async fn nothing_else_is_served() {
        assert_eq!(
            get("/docs/oauth2-redirect.html").await.0,
            StatusCode::NOT_FOUND
        );
        assert_eq!(get("/docs/../openapi.json").await.0, StatusCode::NOT_FOUND);
    }
}

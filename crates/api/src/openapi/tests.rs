//! The whole way, over a small API.

use serde_json::{Value, json};
use utoipa::OpenApi;

use super::*;

#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Thing {
    label: String,
    count: Option<u32>,
}

/// Shows one thing.
#[utoipa::path(get, path = "/v1/things/{thing}", tag = "tickets", params(("thing" = String, Path, description = "Its id")),
    responses((status = 200, description = "The thing", body = Thing), (status = 410, description = "It is over")))]
#[expect(dead_code, reason = "only its annotation is used")]
fn show_thing() {}

/// Makes a thing.
#[utoipa::path(post, path = "/v1/things", tag = "tickets", request_body = Thing,
    responses((status = 201, description = "Made", body = Thing)))]
#[expect(dead_code, reason = "only its annotation is used")]
fn make_thing() {}

#[derive(OpenApi)]
#[openapi(paths(show_thing, make_thing))]
struct Api;

const FACTS: [OperationFacts; 2] = [
    OperationFacts {
        etag: true,
        ..OperationFacts::bearer("show_thing")
    },
    OperationFacts {
        location: true,
        no_store: true,
        ..OperationFacts::public("make_thing")
    },
];

fn published() -> Value {
    publish(Api::openapi(), &FACTS).unwrap()
}

fn at(pointer: &str) -> Value {
    published().pointer(pointer).cloned().unwrap_or_default()
}

#[test]
fn a_read_says_what_the_policy_says() {
    let read = "/paths/~1v1~1things~1{thing}/get";
    assert_eq!(at(&format!("{read}/security")), json!([{ "bearer": [] }]));
    assert_eq!(at(&format!("{read}/description")), "Shows one thing.");
    assert_eq!(
        at(&format!("{read}/responses/304/$ref")),
        "#/components/responses/NotModified"
    );
    assert_eq!(
        at(&format!("{read}/responses/404/$ref")),
        "#/components/responses/NotFound"
    );
    assert_eq!(
        at(&format!("{read}/responses/410/description")),
        "It is over"
    );
    assert!(at(&format!("{read}/responses/200/headers/ETag")).is_object());
    assert!(at(&format!("{read}/responses/409")).is_null());
}

#[test]
fn a_public_post_takes_a_key_and_no_token() {
    let post = "/paths/~1v1~1things/post";
    assert_eq!(at(&format!("{post}/security")), json!([]));
    assert_eq!(
        at(&format!("{post}/parameters/0/$ref")),
        "#/components/parameters/IdempotencyKey"
    );
    assert!(at(&format!("{post}/responses/201/headers/Location")).is_object());
    assert!(at(&format!("{post}/responses/401")).is_null());
    assert!(at(&format!("{post}/responses/415")).is_object());
}

#[test]
fn no_type_list_is_left_and_objects_are_closed() {
    assert_eq!(
        at("/components/schemas/Thing/properties/count/nullable"),
        true
    );
    assert_eq!(at("/components/schemas/Thing/additionalProperties"), false);
    assert_eq!(
        at("/components/schemas/Problem/additionalProperties"),
        false
    );
    assert_eq!(at("/openapi"), "3.0.3");
}

#[test]
fn facts_and_operations_name_each_other() {
    let missing = publish(Api::openapi(), FACTS.first_chunk::<1>().unwrap());
    assert!(matches!(missing, Err(SpecError::NoFacts(id)) if id == "make_thing"));
    let mut more = FACTS.to_vec();
    more.push(OperationFacts::public("gone"));
    assert!(
        matches!(publish(Api::openapi(), &more), Err(SpecError::UnknownOperation(id)) if id == "gone")
    );
}

#[test]
fn the_text_is_the_same_every_time() {
    assert_eq!(
        to_yaml(&published()).unwrap(),
        to_yaml(&published()).unwrap()
    );
}

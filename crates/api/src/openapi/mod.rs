//! From what `utoipa` generates (OpenAPI 3.1) to the document we publish (OpenAPI 3.0.3).
//!
//! The handlers say what is theirs: path, body, success answer. What all operations share (problem
//! answers, rate-limit headers, `Idempotency-Key`, …) is added here from the policy table, so that
//! it is written once and cannot be forgotten. The steps, in order:
//!
//! | step | module | does |
//! |---|---|---|
//! | 1 | `downgrade` | 3.1 schema keywords become 3.0 ones |
//! | 2 | `check` | refuses what 3.0 does not know |
//! | 3 | `refer` | copies of a named schema become references to it |
//! | 4 | `flatten` | `allOf` of objects becomes one object |
//! | 5 | `about` | title, servers, tags, security schemes |
//! | 6 | `operations`, `shared`, `problems` | shared parameters, headers and problem answers |
//! | 7 | `bodies`, `strict` | binary bodies; bounds for every string, number, array and object |
//! | 8 | `names`, `prune` | `PascalCase` schema names; unused components leave |

mod about;
mod bodies;
mod check;
mod downgrade;
mod flatten;
mod names;
mod operations;
mod problems;
mod prune;
mod refer;
mod shared;
mod strict;
mod walk;
mod yaml;

use serde_json::Value;

pub use self::yaml::to_yaml;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; a token is not looked at.
    Public,
    /// Anybody; a token, if there is one, is verified and changes what happens.
    Optional,
    /// Only with a bearer token.
    Bearer,
}

/// What the policy table knows of an operation and its handler's annotation does not say.
///
/// Everything else follows from the operation itself: a POST takes `Idempotency-Key`, a body may
/// be too large, a path parameter may lead to nothing.
#[derive(Debug, Clone, Copy)]
pub struct OperationFacts {
    /// The handler's name, which is the operation id.
    pub operation_id: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The answer must not be stored, because it may hold personal data.
    pub no_store: bool,
    /// Success answers carry an `ETag`; a GET then honours `If-None-Match` and may answer 304.
    pub etag: bool,
    /// The call must say which version it saw: `If-Match`, 428 without it, 412 when stale.
    pub needs_if_match: bool,
    /// 201 and 202 carry `Location`.
    pub location: bool,
    /// Problem statuses beyond those that follow from method, body and access.
    pub problem_statuses: &'static [u16],
}

impl OperationFacts {
    /// An operation for bearers of a token, whose answer is never stored.
    #[must_use]
    pub const fn bearer(operation_id: &'static str) -> OperationFacts {
        OperationFacts {
            operation_id,
            access: Access::Bearer,
            no_store: true,
            etag: false,
            needs_if_match: false,
            location: false,
            problem_statuses: &[],
        }
    }

    /// An operation for anybody, whose answer may be kept and asked for again.
    #[must_use]
    pub const fn public(operation_id: &'static str) -> OperationFacts {
        OperationFacts {
            access: Access::Public,
            no_store: false,
            ..OperationFacts::bearer(operation_id)
        }
    }
}

/// Why the document cannot be published. Each one is a mistake of ours, found by the first test run.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A keyword or value that OpenAPI 3.0 has not, and that we do not know how to express.
    #[error("{at}: `{keyword}` cannot be said in OpenAPI 3.0.3")]
    Unsupported {
        /// JSON pointer of the place.
        at: String,
        /// The keyword, or the value of `type`.
        keyword: String,
    },
    /// Something is not the kind of value OpenAPI says.
    #[error("{at}: not of the expected shape")]
    Shape {
        /// JSON pointer of the place.
        at: String,
    },
    /// An `allOf` whose members are not all objects, or disagree about a property.
    #[error("{at}: members of allOf cannot be merged: {why}")]
    NotMergeable {
        /// JSON pointer of the place.
        at: String,
        /// What stands against it.
        why: String,
    },
    /// A handler is missing in the policy table.
    #[error("operation `{0}` has no facts in the policy table")]
    NoFacts(String),
    /// The policy table names an operation that is not served.
    #[error("the policy table names `{0}`, which no handler has")]
    UnknownOperation(String),
    /// A handler uses a tag that `about` does not describe, or none.
    #[error("operation `{operation}` has the tag `{tag}`, which is not described")]
    UnknownTag {
        /// The operation.
        operation: String,
        /// Its tag; empty when it has none.
        tag: String,
    },
    /// A status without a shared problem answer.
    #[error("operation `{operation}`: no shared answer for status {status}")]
    UnknownStatus {
        /// The operation.
        operation: String,
        /// The status.
        status: String,
    },
    /// Two schemas get the same name once it is written in `PascalCase`.
    #[error("two schemas would be called `{0}`")]
    NameClash(String),
    /// Writing out failed.
    #[error("cannot write the document: {0}")]
    Json(#[from] serde_json::Error),
    /// Writing out failed.
    #[error("cannot write the document: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
}

/// Makes the published document.
///
/// # Errors
/// When the generated document uses something OpenAPI 3.0.3 cannot say, or when handlers and
/// `facts` do not name exactly the same operations.
pub fn publish(
    generated: utoipa::openapi::OpenApi,
    facts: &[OperationFacts],
) -> Result<Value, SpecError> {
    let mut document = serde_json::to_value(generated)?;
    walk::each_schema(&mut document, &mut downgrade::to_3_0)?;
    check::only_3_0(&mut document)?;
    refer::to_components(&mut document)?;
    flatten::all_of(&mut document)?;
    about::introduce(&mut document)?;
    operations::complete(&mut document, facts)?;
    bodies::describe(&mut document);
    walk::each_schema(&mut document, &mut strict::bound)?;
    names::pascal_case(&mut document)?;
    prune::unused_components(&mut document);
    Ok(document)
}

#[cfg(test)]
mod tests;

//! Adds to every operation what all of them share, after the policy table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::about::TAGS;
use super::problems;
use super::shared;
use super::walk::{self, Object};
use super::{Access, OperationFacts, SpecError};
use crate::policy;

/// Completes every operation; facts and operations must name each other one to one.
pub(super) fn complete(document: &mut Value, facts: &[OperationFacts]) -> Result<(), SpecError> {
    let components = walk::member(walk::object(document, "")?, "components")?;
    shared::add(components)?;
    problems::add(components)?;
    let mut left: BTreeMap<&str, &OperationFacts> =
        facts.iter().map(|fact| (fact.operation_id, fact)).collect();
    let mut tags = BTreeSet::new();
    walk::each_operation(document, &mut |path, method, operation| {
        let id = walk::text(operation, "operationId").to_owned();
        let facts = left
            .remove(id.as_str())
            .ok_or_else(|| SpecError::NoFacts(id.clone()))?;
        tags.extend(known_tags(operation, &id)?);
        Operation {
            id: &id,
            path,
            method,
            facts,
            operation,
        }
        .complete()
    })?;
    keep_used_tags(document, &tags);
    match left.keys().next() {
        Some(id) => Err(SpecError::UnknownOperation((*id).to_owned())),
        None => Ok(()),
    }
}

fn known_tags(operation: &Object, id: &str) -> Result<Vec<String>, SpecError> {
    let tags = operation.get("tags").and_then(Value::as_array);
    let tags: Vec<String> = tags
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let unknown = |tag: &str| SpecError::UnknownTag {
        operation: id.to_owned(),
        tag: tag.to_owned(),
    };
    if tags.is_empty() {
        return Err(unknown(""));
    }
    match tags
        .iter()
        .find(|tag| TAGS.iter().all(|(name, _)| name != tag))
    {
        Some(tag) => Err(unknown(tag)),
        None => Ok(tags),
    }
}

fn keep_used_tags(document: &mut Value, used: &BTreeSet<String>) {
    if let Some(Value::Array(tags)) = document.get_mut("tags") {
        tags.retain(|tag| {
            tag.get("name")
                .and_then(Value::as_str)
                .is_some_and(|name| used.contains(name))
        });
    }
}

struct Operation<'a> {
    id: &'a str,
    path: &'a str,
    method: &'a str,
    facts: &'a OperationFacts,
    operation: &'a mut Object,
}

impl Operation<'_> {
    fn complete(&mut self) -> Result<(), SpecError> {
        self.describe();
        self.secure();
        self.add_parameters()?;
        self.add_headers()?;
        self.add_not_modified()?;
        self.add_problems()
    }

    /// A one-line doc comment is both summary and description; who may call is added from the policy.
    fn describe(&mut self) {
        if let Some(summary) = self.operation.get("summary").cloned() {
            self.operation.entry("description").or_insert(summary);
        }
        if let Some(who) = policy::in_words(self.id) {
            let said = walk::text(self.operation, "description").to_owned();
            self.operation
                .insert("description".to_owned(), format!("{said}\n\n{who}").into());
        }
    }

    fn secure(&mut self) {
        let security = match self.facts.access {
            Access::Public => json!([]),
            Access::Optional => json!([{}, { "bearer": [] }]),
            Access::Bearer => json!([{ "bearer": [] }]),
        };
        self.operation.insert("security".to_owned(), security);
    }

    fn add_parameters(&mut self) -> Result<(), SpecError> {
        let mut wanted = Vec::new();
        if self.method == "post" {
            wanted.push(shared::IDEMPOTENCY_KEY);
        }
        if policy::takes_programs(self.id) {
            wanted.push(shared::CITIZEN_TOKEN);
        }
        if self.facts.needs_if_match {
            wanted.push(shared::IF_MATCH);
        }
        if self.is_conditional_read() {
            wanted.push(shared::IF_NONE_MATCH);
        }
        wanted.extend([
            shared::ACCEPT_LANGUAGE,
            shared::CORRELATION_ID,
            shared::TRACE_PARENT,
        ]);
        let parameters = walk::list(self.operation, "parameters")?;
        // The shared text is the only one: a handler's own header parameter of that name gives way.
        parameters.retain(|own| !wanted.iter().any(|(_, name)| is_header(own, name)));
        for (component, _) in wanted {
            parameters.push(json!({ "$ref": format!("#/components/parameters/{component}") }));
        }
        Ok(())
    }

    fn add_headers(&mut self) -> Result<(), SpecError> {
        let cache = if self.facts.no_store {
            "Cache-Control-No-Store"
        } else {
            "Cache-Control-Cached"
        };
        let mut common = shared::references(&shared::ON_EVERY_ANSWER);
        common.insert("Cache-Control".to_owned(), shared::header_reference(cache));
        if self.facts.etag {
            common.extend(shared::references(&["ETag"]));
        }
        if self.method == "post" {
            common.extend(shared::references(&["Idempotency-Replayed"]));
        }
        for (status, response) in walk::member(self.operation, "responses")? {
            if !status.starts_with(['2', '3']) {
                continue;
            }
            let headers = walk::member(walk::object(response, status)?, "headers")?;
            for (name, header) in &common {
                headers.entry(name).or_insert_with(|| header.clone());
            }
            if self.facts.location && matches!(status.as_str(), "201" | "202") {
                headers
                    .entry("Location")
                    .or_insert_with(|| shared::header_reference("Location"));
            }
        }
        Ok(())
    }

    fn add_not_modified(&mut self) -> Result<(), SpecError> {
        if self.is_conditional_read() {
            let reference = json!({ "$ref": "#/components/responses/NotModified" });
            walk::member(self.operation, "responses")?
                .entry("304")
                .or_insert(reference);
        }
        Ok(())
    }

    /// A handler's own description of a problem is kept; form and headers are always the shared ones.
    fn add_problems(&mut self) -> Result<(), SpecError> {
        let id = self.id.to_owned();
        let statuses = self.problem_statuses();
        let responses = walk::member(self.operation, "responses")?;
        let own: Vec<String> = responses
            .keys()
            .filter(|key| key.starts_with(['4', '5']))
            .cloned()
            .collect();
        for status in statuses.into_iter().chain(own) {
            let own = responses
                .get(&status)
                .and_then(|own| own.get("description"));
            let answer = problems::answer_for(&status, own.and_then(Value::as_str));
            let answer = answer.ok_or_else(|| SpecError::UnknownStatus {
                operation: id.clone(),
                status: status.clone(),
            })?;
            responses.insert(status, answer);
        }
        Ok(())
    }

    fn problem_statuses(&self) -> BTreeSet<String> {
        let mut statuses: BTreeSet<u16> = [400, 406, 429, 500, 503].into();
        statuses.extend(self.facts.problem_statuses);
        if self.facts.access != Access::Public {
            statuses.extend([401, 403]);
        }
        if self.path.contains('{') {
            statuses.insert(404);
        }
        if self.operation.contains_key("requestBody") {
            statuses.extend([408, 413, 415, 422]);
        }
        if self.method == "post" {
            statuses.extend([409, 422]);
        }
        if self.facts.needs_if_match {
            statuses.extend([412, 428]);
        }
        statuses
            .iter()
            .map(u16::to_string)
            .chain(["default".to_owned()])
            .collect()
    }

    fn is_conditional_read(&self) -> bool {
        self.facts.etag && self.method == "get"
    }
}

fn is_header(parameter: &Value, name: &str) -> bool {
    let is = |key: &str, value: &str| {
        parameter
            .get(key)
            .and_then(Value::as_str)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    is("in", "header") && is("name", name)
}

//! Query parameters: read by name, each refused by its name and in the caller's language.

use actix_web::{HttpRequest, web};
use domain::invalid::FieldError;
use serde_json::{Map, Value};

use crate::members::{Members, out_of_range};
use crate::problem::Problem;

/// The parameters as members of an object, so that a list and a search are read alike. Those in
/// `numbers` and `flags` are what they say when they look like it; `lists` are comma-separated.
pub(crate) struct Shape {
    /// Whole numbers.
    pub numbers: &'static [&'static str],
    /// True or false.
    pub flags: &'static [&'static str],
    /// Lists of values.
    pub lists: &'static [&'static str],
}

/// A page, and nothing else.
pub(crate) const PAGE: Shape = Shape {
    numbers: &["limit"],
    flags: &[],
    lists: &[],
};

/// Reads the parameters of a request. A parameter given twice is refused.
pub(crate) fn read_query(request: &HttpRequest, shape: &Shape) -> Result<Members, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|_| {
        Problem::malformed(
            "I parametri non sono leggibili.",
            "the query cannot be read",
        )
    })?;
    let mut members = Map::new();
    for (name, text) in pairs.into_inner() {
        if text.contains('\0') || members.contains_key(&name) {
            return Err(bad_query(&[&name]));
        }
        let value = shape.value_of(&name, text);
        members.insert(name, value);
    }
    Ok(Members::of(members))
}

impl Shape {
    fn value_of(&self, name: &str, text: String) -> Value {
        if self.lists.contains(&name) {
            let items = text.split(',').filter(|item| !item.is_empty());
            return items.map(Value::from).collect();
        }
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<i64>().ok();
        match (text.as_str(), number) {
            ("true", _) if self.flags.contains(&name) => true.into(),
            ("false", _) if self.flags.contains(&name) => false.into(),
            (_, Some(number)) if is_digits && self.numbers.contains(&name) => number.into(),
            _ => text.into(),
        }
    }
}

/// The size of a page: 1 to 100, 50 if absent.
pub(crate) fn page_size(members: &mut Members) -> i64 {
    let limit = members.integer("limit").unwrap_or(50);
    if !(1..=100).contains(&limit) {
        members.refuse("limit", out_of_range());
    }
    limit
}

/// Cuts what was asked for, which is one more than a page of `limit` holds, and makes the cursor of
/// the last item that stays, if there is a next page.
pub(crate) fn cut_page<T>(
    mut found: Vec<T>,
    limit: i64,
    cursor: impl FnOnce(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(cursor);
    (found, next)
}

/// The refusal of parameters, unless nothing is wrong with any.
pub(crate) fn refuse_query(errors: &[FieldError]) -> Result<(), Problem> {
    let mut names: Vec<&str> = Vec::new();
    for error in errors {
        let name = error.pointer.split('/').nth(1).unwrap_or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        Ok(())
    } else {
        Err(bad_query(&names))
    }
}

/// Most parameters named in a refusal.
const MOST_NAMED: usize = 10;
/// Most characters of a parameter's name in a refusal.
const LONGEST_NAME: usize = 64;

fn bad_query(names: &[&str]) -> Problem {
    let named: Vec<String> = names
        .iter()
        .take(MOST_NAMED)
        .map(|name| name.chars().take(LONGEST_NAME).collect())
        .collect();
    let list = named.join(", ");
    let (it, en) = match named.len() {
        1 => ("Parametro non valido", "bad query parameter"),
        _ => ("Parametri non validi", "bad query parameters"),
    };
    Problem::malformed(&format!("{it}: {list}."), &format!("{en}: {list}"))
}

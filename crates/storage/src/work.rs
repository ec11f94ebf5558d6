//! What callers hand to the database, without the types of their answers: whatever runs it is compiled
//! once, and not for each use case, which was 4 MB of the program (`docs/profiles.md`).
//!
//! Invariant: a closure's answer, and its own error, go past the machinery to whoever called; the
//! machinery hears only whether to keep what was written.

use crate::{DbConnection, StoreError};

/// Whether to keep what a closure wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Keep,
    /// It failed, and has told its caller why.
    Undo,
}

impl Wish {
    pub(crate) fn of<T, E>(answer: &Result<T, E>) -> Self {
        match answer {
            Ok(_) => Wish::Keep,
            Err(_) => Wish::Undo,
        }
    }
}

/// A closure for the database, to be run once. An error is that of what was put around it.
pub(crate) type Work<'a> = dyn FnMut(&mut DbConnection) -> Result<Wish, StoreError> + 'a;

/// Runs `f` through `machinery`, and gives its answer, or why that does not hold.
pub(crate) fn through<T, E: From<StoreError>>(
    f: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    machinery: impl FnOnce(&mut Work<'_>) -> Result<(), StoreError>,
) -> Result<T, E> {
    let mut f = Some(f);
    let mut answer = None;
    let ended = machinery(&mut |conn| {
        let f = f.take().ok_or(StoreError::Stopped)?;
        let answered = answer.insert(f(conn));
        Ok(Wish::of(answered))
    });
    outcome(answer, ended)
}

/// What the caller hears: their own error before that of the machinery, and an answer only if it was kept.
pub(crate) fn outcome<T, E: From<StoreError>>(
    answer: Option<Result<T, E>>,
    ended: Result<(), StoreError>,
) -> Result<T, E> {
    match (answer, ended) {
        (Some(Err(own)), _) => Err(own),
        (_, Err(error)) => Err(error.into()),
        (Some(Ok(value)), Ok(())) => Ok(value),
        (None, Ok(())) => Err(StoreError::Stopped.into()),
    }
}

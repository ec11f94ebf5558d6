//! Whether a request is answered from a replica (`docs/adr/0041`): found out at the gate, and carried to
//! the threads where use cases run.

use actix_web::{HttpMessage, HttpRequest};
use service::reading::Reading;

use crate::app::Shared;
use crate::policy::{self, Rule};
use crate::principal::Principal;

tokio::task_local! {
    static HERE: Option<Reading>;
}

/// Who asks in the request this task answers.
pub(crate) fn current() -> Option<Reading> {
    HERE.try_with(Clone::clone).ok().flatten()
}

/// Answers a request with who asks at hand.
pub(crate) async fn follow<F: Future>(reading: Option<Reading>, answering: F) -> F::Output {
    HERE.scope(reading, answering).await
}

/// Who asks, if it makes a difference. Programs are told of changes and ask at once, and nobody in
/// particular has no name to mark writes with: both are answered from where everything is written.
pub(crate) fn of(shared: &Shared, request: &HttpRequest, rule: Option<&Rule>) -> Option<Reading> {
    if !shared.desk.has_replica() {
        return None;
    }
    let extensions = request.extensions();
    let name = match extensions.get::<Principal>()? {
        Principal::Staff(session) => format!("staff:{}", session.account),
        // One person, whichever program carries their token.
        Principal::Citizen { identity, .. } => format!("citizen:{identity}"),
        Principal::Nobody | Principal::Client(_) | Principal::Tracking(_) => return None,
    };
    let name = shared.desk.reader_name(&name);
    Some(match policy::READ_FROM_REPLICA.contains(&rule?.operation) {
        true => Reading::Reader(name),
        false => Reading::Writer(name),
    })
}

#[cfg(test)]
mod tests {
    use super::policy::{READ_FROM_REPLICA, RULES};

    #[test]
    fn what_may_come_from_a_replica_are_operations_that_write_nothing() {
        for operation in READ_FROM_REPLICA {
            let rule = RULES.iter().find(|rule| rule.operation == *operation);
            let rule = rule.unwrap_or_else(|| panic!("no operation {operation}"));
            // A search is a question that is too private for an address.
            assert!(
                rule.method == "GET" || *operation == "find_tickets",
                "{operation}"
            );
        }
    }
}

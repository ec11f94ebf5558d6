//! The shipped data, changed here and there.

use domain::catalogue::{Reference, ReferenceFile};
use escalation::routing::{Flaw, Rules};
use jiff::Timestamp;

pub(crate) const SHIPPED: &str = include_str!("../../../../config/reference/routing.toml");
const SERVICES: &str = include_str!("../../../../config/reference/services.toml");
const AUTHORITIES: &str = include_str!("../../../../config/reference/authorities.toml");
const CODES: &str = include_str!("../../../../config/reference/codes.toml");
const CALENDARS: &str = include_str!("../../../../config/reference/calendars.toml");
const POLICIES: &str = include_str!("../../../../config/reference/sla-policies.toml");

/// Monday 2 March 2026, ten in the morning in Italy.
pub(crate) const MONDAY: Timestamp = Timestamp::constant(1_772_442_000, 0);

/// The shipped reference data, some of whose authorities are history.
pub(crate) fn reference(ended: &[(&str, &str, Option<&str>)]) -> Reference {
    let mut authorities = AUTHORITIES.to_owned();
    for (code, last, successor) in ended {
        let head = format!("code = \"{code}\"\n");
        let next = successor.map(|next| format!("successor = \"{next}\"\n"));
        let end = format!("{head}valid_to = \"{last}\"\n{}", next.unwrap_or_default());
        assert!(authorities.contains(&head), "{code}");
        authorities = authorities.replace(&head, &end);
    }
    let file = |name, text| ReferenceFile { name, text };
    let files = [
        file("services.toml", SERVICES),
        file("authorities.toml", authorities.as_str()),
        file("codes.toml", CODES),
        file("calendars.toml", CALENDARS),
        file("sla-policies.toml", POLICIES),
    ];
    Reference::parse(&files).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Rules as version 7.
pub(crate) fn parse(text: &str, reference: &Reference) -> Result<Rules, Vec<Flaw>> {
    let file = ReferenceFile {
        name: "routing.toml",
        text,
    };
    Rules::parse(7, &file, reference)
}

/// Rules that are right: these before the shipped ones.
pub(crate) fn rules(first: &str, reference: &Reference) -> Rules {
    parse(&format!("{first}\n{SHIPPED}"), reference).unwrap_or_else(|flaws| panic!("{flaws:#?}"))
}

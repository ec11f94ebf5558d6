//! The staff that every test database knows.

use domain::actor::Role;
use domain::codes::AuthorityCode;
use service::Desk;

/// Everybody's password.
pub const PASSWORD: &str = "una frase lunga per le prove";

/// ASL TO4.
pub const TO4: &str = "010204";
/// ASL CN1.
pub const CN1: &str = "010210";
/// The regional desk.
pub const REGION: &str = "REG010";
/// The technical desk.
pub const TECHNICAL: &str = "TEC010";

/// User names, and their roles at desks.
pub const STAFF: &[(&str, &[(Role, &str)])] = &[
    ("to4.operator", &[(Role::Operator, TO4)]),
    ("to4.colleague", &[(Role::Operator, TO4)]),
    ("to4.supervisor", &[(Role::Supervisor, TO4)]),
    ("to4.admin", &[(Role::Admin, TO4)]),
    ("cn1.operator", &[(Role::Operator, CN1)]),
    ("cn1.supervisor", &[(Role::Supervisor, CN1)]),
    ("cn1.admin", &[(Role::Admin, CN1)]),
    ("region.operator", &[(Role::RegionalOperator, REGION)]),
    ("region.supervisor", &[(Role::RegionalSupervisor, REGION)]),
    ("technician", &[(Role::Technician, TECHNICAL)]),
    ("system-admin", &[(Role::SystemAdmin, REGION)]),
    ("auditor", &[(Role::Auditor, REGION)]),
    ("two.hats", &[(Role::Operator, TO4), (Role::Operator, CN1)]),
];

/// Everybody who works or leads at a desk, one a role and desk.
pub const DESK_PEOPLE: &[&str] = &[
    "to4.operator",
    "to4.supervisor",
    "to4.admin",
    "cn1.operator",
    "cn1.supervisor",
    "region.operator",
    "region.supervisor",
];

/// Adds them all.
pub(crate) fn add_all(desk: &Desk) {
    for (username, placements) in STAFF {
        let placements: Vec<_> = placements
            .iter()
            .map(|(role, authority)| {
                let location = format!("{authority}-01");
                (
                    *role,
                    AuthorityCode::from(*authority),
                    location,
                    "Sportello di prova".to_owned(),
                )
            })
            .collect();
        desk.add_account(username, &label_of(username), PASSWORD, &placements)
            .expect("the account is added");
    }
}

/// The name colleagues read; no citizen may ever read it.
pub fn label_of(username: &str) -> String {
    format!("Persona {}", username.replace(['.', '-'], " "))
}

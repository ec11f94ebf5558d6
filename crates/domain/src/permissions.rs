//! Who may do what: the matrix of `domain.md` §2.2, as data.
//!
//! The only place that says so. The life cycle, the use cases, the API's policy and the published
//! description read it; none of them names a role to decide something. A right is about a kind of
//! operation; which single tickets or accounts it covers follows from its [`Reach`].

use crate::actor::Role;

/// A row of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// File a request.
    File,
    /// List and read requests, with the notes meant for the reader.
    ReadTickets,
    /// Take charge, assign, note.
    Work,
    /// Take a request from a colleague.
    Pull,
    /// Ask the citizen, resolve, reopen what is resolved.
    Answer,
    /// Hand over as not competent.
    HandOver,
    /// Answer the checks of a ticket's playbook.
    RunPlaybook,
    /// Read the playbooks, past versions included.
    ReadPlaybooks,
    /// Propose a version of a playbook.
    ProposePlaybooks,
    /// Approve, try out, put into force and retire versions of playbooks.
    KeepPlaybooks,
    /// Return or re-route; open and close a technical activity.
    Route,
    /// Reopen what is closed, remove, hand over against the playbook.
    Supervise,
    /// Create, place and steer accounts.
    KeepAccounts,
    /// Appoint the administrator of an authority.
    AppointAdmin,
    /// Confirm the authority's data and accept the terms.
    OpenAuthority,
    /// See how far the authorities are with that.
    ReadSetups,
    /// See the counters of a queue.
    ReadQueues,
    /// Read which rules for passwords hold, and where they fall short.
    ReadPolicies,
    /// Say which programs are told what happens, and where.
    KeepWebhooks,
    /// Read the SLA policies, past versions included.
    ReadSla,
    /// Enter a version of an SLA policy that its body approved.
    KeepSla,
    /// Read the routing rules, past versions included, and have them explained.
    ReadRouting,
    /// Enter a version of the routing rules.
    KeepRouting,
    /// Read the words of mails and try other ones out.
    ReadMailTexts,
    /// Put a desk's own words into the mails about its requests.
    EditMailTexts,
    /// See how an authority's people's data are kept.
    ReadPrivacy,
    /// Set how they are kept.
    KeepPrivacy,
    /// Set how requesters are told.
    KeepNotifications,
    /// See what could not be delivered, and try again or leave it.
    KeepDeliveries,
    /// See how due work fares, and let it go on after the clock leapt.
    KeepScheduler,
    /// Log contacts, and call people back.
    KeepContacts,
    /// See technical activities.
    ReadActivities,
    /// Change technical activities and comment on them.
    WorkActivities,
    /// See the reviews that requesters asked for.
    ReadReviews,
    /// Take a review and decide it, if not involved before.
    DecideReviews,
    /// Read the register of complaints.
    ReadComplaints,
    /// Enter complaints and prepare their replies.
    PrepareComplaints,
    /// Decide a reply and send it, extend a term, put a complaint away.
    DecideComplaints,
    /// Approve a scheme of replies that somebody else drafted.
    ApproveReplySchemes,
    /// Write announcements.
    KeepAnnouncements,
    /// Read announcements, and acknowledge them.
    ReadAnnouncements,
    /// Say how a desk gives out its requests, and who of it is away.
    KeepAssignment,
    /// Read counts over many requests, and lists for looking into.
    ReadReports,
    /// Write the words that a desk keeps ready for notes.
    KeepReplyTemplates,
    /// Ask the audit trail who saw and did what.
    ReadAudit,
    /// List and read the requests that a grant of theirs opens, as long as it is in force.
    ReadUnderGrant,
    /// Ask for the full identity of a requester, with a purpose and a reason.
    Disclose,
    /// Open a request to oneself for hours, with a purpose and a reason.
    Inspect,
    /// Read who asked for identities and inspections, and why.
    ReadDisclosures,
    /// Ask for a break-glass grant.
    AskBreakGlass,
    /// Agree to somebody else's break-glass grant.
    ApproveBreakGlass,
    /// See break-glass grants.
    ReadBreakGlass,
    /// Read how long data are kept, and what went when.
    ReadRetention,
    /// Set how long data are kept; the region proposes.
    KeepRetention,
    /// Keep data from going, and end that.
    KeepHolds,
    /// Keep the register of what people ask about their own data, and do it.
    KeepSubjectRequests,
    /// Read that register, and be the second person of what needs two (D-6).
    ApproveSubjectRequests,
}

/// How far a right goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Not at all.
    No,
    /// What the technical activities opened to them quote, and never the ticket itself.
    Activities,
    /// What their authority has in custody, or keeps.
    Desk,
    /// The regional desk and what passed through it.
    Region,
    /// Everything.
    All,
}

use Reach::{Activities, All, Desk, No, Region};

/// The staff columns, in the order of [`Role::ALL`]: operator, supervisor, admin, regional
/// operator, regional supervisor, technician, system administrator, auditor.
const MATRIX: &[(Right, [Reach; 8])] = &[
    (Right::File, [Desk, Desk, Desk, Region, All, No, No, No]),
    (
        Right::ReadTickets,
        [Desk, Desk, Desk, Region, All, Activities, No, No],
    ),
    (
        Right::Work,
        [Desk, Desk, No, Region, All, Activities, No, No],
    ),
    (Right::Pull, [No, Desk, No, No, All, No, No, No]),
    (Right::Answer, [Desk, Desk, No, Region, All, No, No, No]),
    (Right::HandOver, [Desk, Desk, No, No, No, No, No, No]),
    (
        Right::RunPlaybook,
        [Desk, Desk, No, Region, All, No, No, No],
    ),
    (Right::ReadPlaybooks, [All, All, No, All, All, No, All, No]),
    (Right::ProposePlaybooks, [No, All, No, No, All, No, All, No]),
    (Right::KeepPlaybooks, [No, No, No, No, All, No, All, No]),
    (Right::Route, [No, No, No, Region, All, No, No, No]),
    (Right::Supervise, [No, Desk, No, No, All, No, No, No]),
    (Right::KeepAccounts, [No, No, Desk, No, Region, No, All, No]),
    (Right::AppointAdmin, [No, No, Desk, No, Region, No, All, No]),
    (Right::OpenAuthority, [No, No, Desk, No, No, No, No, No]),
    (Right::ReadSetups, [No, No, Desk, No, Region, No, All, All]),
    (
        Right::ReadQueues,
        [Desk, Desk, Desk, Region, All, Activities, No, No],
    ),
    (
        Right::ReadPolicies,
        [No, No, Desk, No, Region, No, All, All],
    ),
    (Right::KeepWebhooks, [No, No, Desk, No, Region, No, All, No]),
    (Right::ReadSla, [No, All, All, No, All, No, All, All]),
    (Right::KeepSla, [No, No, No, No, All, No, All, No]),
    (Right::ReadRouting, [No, All, All, All, All, No, All, All]),
    (Right::KeepRouting, [No, No, No, No, All, No, All, No]),
    // §2.2 has one set of standard texts, which the region and the system administrator edit and a
    // supervisor proposes to. Those of an authority are its administrator's (docs/adr/0018).
    (
        Right::ReadMailTexts,
        [No, Desk, Desk, No, Region, No, Region, No],
    ),
    (
        Right::EditMailTexts,
        [No, No, Desk, No, Region, No, Region, No],
    ),
    (Right::ReadPrivacy, [No, No, Desk, No, All, No, All, All]),
    (Right::KeepPrivacy, [No, No, Desk, No, No, No, All, No]),
    (
        Right::KeepNotifications,
        [No, No, Desk, No, Region, No, All, No],
    ),
    (
        Right::KeepDeliveries,
        [Desk, Desk, Desk, Region, All, No, All, No],
    ),
    (Right::KeepScheduler, [No, No, No, No, All, No, All, No]),
    (
        Right::KeepContacts,
        [Desk, Desk, No, Region, All, No, No, No],
    ),
    // The technical desk has those that were opened to it.
    (
        Right::ReadActivities,
        [No, No, No, Region, All, Desk, No, No],
    ),
    (
        Right::WorkActivities,
        [No, No, No, Region, All, Desk, No, No],
    ),
    (
        Right::ReadReviews,
        [Desk, Desk, Desk, Region, All, No, No, No],
    ),
    (Right::DecideReviews, [No, Desk, No, No, All, No, No, No]),
    (
        Right::ReadComplaints,
        [Desk, Desk, Desk, Region, All, No, No, All],
    ),
    (
        Right::PrepareComplaints,
        [Desk, Desk, Desk, Region, All, No, No, No],
    ),
    (
        Right::DecideComplaints,
        [No, Desk, Desk, No, All, No, No, No],
    ),
    // The client, for whom the desk works: the person who answers for the authority.
    (
        Right::ApproveReplySchemes,
        [No, No, Desk, No, All, No, No, No],
    ),
    (
        Right::KeepAnnouncements,
        [No, Desk, Desk, No, All, No, All, No],
    ),
    // Their audience decides who of these reads which.
    (
        Right::ReadAnnouncements,
        [Desk, Desk, Desk, Desk, All, Desk, All, Desk],
    ),
    (
        Right::KeepAssignment,
        [No, Desk, Desk, No, Region, No, No, No],
    ),
    // The auditor's come with the audit trail: their scope reaches no request yet.
    (
        Right::ReadReports,
        [No, Desk, Desk, Region, All, No, No, All],
    ),
    (
        Right::KeepReplyTemplates,
        [No, Desk, No, No, Region, No, No, No],
    ),
    // The auditor in full, the others as far as it is about their own desk, and without whom it is about.
    (Right::ReadAudit, [No, No, Desk, No, Region, No, No, All]),
    // P-3, and A10 "with purpose": without a grant it opens nothing.
    (Right::ReadUnderGrant, [No, No, No, No, No, No, All, All]),
    // Of requests in their reach that they have not in custody: in the custodian's screen it is.
    (
        Right::Disclose,
        [Desk, Desk, Desk, Region, All, No, No, All],
    ),
    (Right::Inspect, [No, No, No, No, No, No, No, All]),
    (Right::ReadDisclosures, [No, No, No, No, No, No, No, All]),
    // P-3. Who approved or asked ends a grant, too.
    (Right::AskBreakGlass, [No, No, No, No, No, No, All, No]),
    (Right::ApproveBreakGlass, [No, No, No, No, All, No, All, No]),
    (Right::ReadBreakGlass, [No, No, No, No, All, No, All, All]),
    (Right::ReadRetention, [No, No, No, No, All, No, All, All]),
    (Right::KeepRetention, [No, No, No, No, Region, No, All, No]),
    (Right::KeepHolds, [No, No, No, No, All, No, No, All]),
    (
        Right::KeepSubjectRequests,
        [No, No, No, No, No, No, No, All],
    ),
    // The second person may be a second auditor or who leads the region (`threat-model.md` D-6).
    (
        Right::ApproveSubjectRequests,
        [No, No, No, No, All, No, No, All],
    ),
];

impl Right {
    /// Every right, in the order of the matrix.
    pub fn all() -> impl Iterator<Item = Right> {
        MATRIX.iter().map(|(right, _)| *right)
    }
}

/// How far a right goes for a role.
pub fn reach(role: Role, right: Right) -> Reach {
    let row = MATRIX.iter().find(|(one, _)| *one == right);
    let column = Role::ALL.iter().position(|one| *one == role);
    match (row, column) {
        (Some((_, reaches)), Some(column)) => reaches.get(column).copied().unwrap_or(No),
        _ => No,
    }
}

/// Whether a role has the right at all.
pub fn has(role: Role, right: Right) -> bool {
    !matches!(reach(role, right), No | Activities)
}

/// The roles that need a second factor (`domain.md` §11.3: A4 to A9): everybody but operators, who
/// lead nobody, and auditors, who change nothing.
pub const fn needs_second_factor(role: Role) -> bool {
    !matches!(role, Role::Operator | Role::Auditor)
}

/// What a machine client may be allowed (A11); never more than one of these lines says.
pub const SCOPES: [(&str, &str); 4] = [
    (
        "requests:create",
        "file requests, for the citizen whose token is carried or with a proved e-mail",
    ),
    (
        "requests:read",
        "read the requests of the citizen whose token is carried",
    ),
    (
        "requests:reply",
        "write and withdraw for the citizen whose token is carried",
    ),
    (
        "activities:sync",
        "keep technical activities in step with an external tool",
    ),
];

/// The scope with this code, as a name that lives for ever.
pub fn scope(code: &str) -> Option<&'static str> {
    SCOPES
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_somebodys_and_all_have_one_alone() {
        for right in Right::all() {
            assert!(Role::ALL.iter().any(|role| has(*role, right)), "{right:?}");
            let is_everybodys = Role::ALL.iter().all(|role| has(*role, right));
            assert_eq!(
                is_everybodys,
                right == Right::ReadAnnouncements,
                "{right:?}"
            );
        }
    }

    #[test]
    fn who_keeps_the_machine_sees_no_case() {
        for role in [Role::SystemAdmin, Role::Auditor, Role::Technician] {
            for right in [
                Right::ReadTickets,
                Right::Work,
                Right::Answer,
                Right::ReadQueues,
            ] {
                assert!(!has(role, right), "{role:?} {right:?}");
            }
        }
    }

    #[test]
    fn nobody_who_reads_by_role_needs_a_grant() {
        for role in Role::ALL {
            let by_grant = has(role, Right::ReadUnderGrant);
            assert!(!(by_grant && has(role, Right::ReadTickets)), "{role:?}");
            assert!(!(by_grant && has(role, Right::Work)), "{role:?}");
        }
    }

    #[test]
    fn one_right_stands_in_one_row() {
        let rights: Vec<Right> = Right::all().collect();
        let mut once = rights.clone();
        once.dedup();
        assert_eq!(rights.len(), MATRIX.len());
        assert_eq!(once, rights);
    }
}

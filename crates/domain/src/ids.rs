//! Identifiers: one type per kind of row for machines, and the ticket's number for people.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id_type {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID made by the caller (version 7, RFC 9562).
            pub const fn new(uuid: Uuid) -> Self {
                $name(uuid)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map($name)
            }
        }
    };
}

id_type!(
    TicketId,
    "A ticket, for machines; people use [`TicketNumber`]."
);
id_type!(AccountId, "A staff account.");
id_type!(
    PlacementId,
    "A staff account's role at an authority's location."
);
id_type!(
    SessionId,
    "A log-in and its refreshes: the family of its tokens."
);
id_type!(AttachmentId, "A stored file of a ticket.");
id_type!(ProofId, "A proof of an e-mail address in progress.");
id_type!(IssueId, "A pair of codes that starts an account.");
id_type!(ClientId, "A program that calls on its own.");
id_type!(CredentialId, "What a program proves itself with.");
id_type!(SlaPolicyId, "A version of an SLA policy.");
id_type!(DelegationId, "A delegation in the table of delegations.");
id_type!(
    EndpointId,
    "An address of a program that is told what happens."
);
id_type!(WebhookSecretId, "A secret that deliveries are signed with.");
id_type!(
    MessageId,
    "A message on its way out, stable over every attempt."
);

id_type!(ActivityId, "A technical activity.");
id_type!(
    ActivityCommentId,
    "What was written on a technical activity."
);
id_type!(ContactId, "A contact with somebody.");
id_type!(CallbackId, "Somebody who is to be called back.");
id_type!(ComplaintId, "A complaint in the register.");
id_type!(DispatchId, "What was sent to a complainant.");
id_type!(SchemeId, "A version of a scheme of replies.");
id_type!(
    SubjectRequestId,
    "What somebody asked about their own data."
);
id_type!(ExportId, "A copy of somebody's data.");
id_type!(ErasureId, "An erasure of somebody's data.");
id_type!(MentionId, "A place where a free text names somebody.");
id_type!(ReviewId, "A review of a decided ticket.");
id_type!(
    AnnouncementId,
    "What a desk, or all of them, and citizens are told."
);
id_type!(AbsenceId, "The days on which somebody is away.");
id_type!(
    AnswerId,
    "An answer to all tickets of an announcement at once."
);

id_type!(DisclosureId, "A stated look at personal data.");
id_type!(GrantId, "A break-glass grant.");
id_type!(HoldId, "A legal hold.");
id_type!(RetentionRunId, "A run of retention.");

id_type!(BulkJobId, "One action on many tickets.");
id_type!(ReplyTemplateId, "Words for notes, ready to be used.");

/// The number of a ticket, for people: `2026-0000417-S`.
///
/// Year of filing, a counter of at least seven digits, a check character that catches every
/// wrong digit and every swap of two neighbours. Numbers never repeat; they may skip.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketNumber(String);

/// 23 letters without I, O and Z: a prime count, none taken for a digit.
const CHECK_LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPQRSTUVWXY";

impl TicketNumber {
    /// The number of the `counter`-th ticket, filed in `year`.
    pub fn new(year: i16, counter: i64) -> Self {
        let body = format!("{year:04}-{counter:07}");
        let check = check_letter(&body);
        TicketNumber(format!("{body}-{check}"))
    }

    /// Reads a number as a person types it: any letter case, the last dash optional.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let letter = text.chars().last().filter(char::is_ascii_uppercase)?;
        let body = text.strip_suffix(letter)?;
        let body = body.strip_suffix('-').unwrap_or(body);
        let (year, counter) = body.split_once('-')?;
        let digits = |part: &str, range: std::ops::RangeInclusive<usize>| {
            range.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        (digits(year, 4..=4) && digits(counter, 7..=12) && check_letter(body) == letter)
            .then(|| TicketNumber(format!("{body}-{letter}")))
    }

    /// The number as shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a number from a row of ours, without checking it again.
    pub fn from_stored(text: String) -> Self {
        TicketNumber(text)
    }
}

/// The number of a complaint, for people: `R-2026-000012-F`. A series of its own, and without holes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ComplaintNumber(String);

impl ComplaintNumber {
    /// The number of the `counter`-th complaint, received in `year`.
    pub fn new(year: i16, counter: i64) -> Self {
        let body = format!("{year:04}-{counter:06}");
        let check = check_letter(&body);
        ComplaintNumber(format!("R-{body}-{check}"))
    }

    /// Takes a number from a row of ours, without checking it again.
    pub fn from_stored(text: String) -> Self {
        ComplaintNumber(text)
    }

    /// The number as shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Weighted sum of the digits modulo 23, weights 2, 3, 4 … from the left.
fn check_letter(body: &str) -> char {
    let sum: usize = body
        .bytes()
        .filter(u8::is_ascii_digit)
        .zip(2_usize..)
        .map(|(digit, weight)| usize::from(digit - b'0') * weight)
        .sum();
    CHECK_LETTERS
        .get(sum % CHECK_LETTERS.len())
        .map_or('A', |letter| char::from(*letter))
}

/// What a path names a ticket by: its id or its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketRef {
    /// By id.
    Id(TicketId),
    /// By number.
    Number(TicketNumber),
}

impl TicketRef {
    /// Reads either form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match TicketId::from_str(text) {
            Ok(id) => Some(TicketRef::Id(id)),
            Err(_) => TicketNumber::parse(text).map(TicketRef::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back_in_any_case_and_without_its_last_dash() {
        let number = TicketNumber::new(2026, 417);
        assert_eq!(number.as_str(), "2026-0000417-S");
        assert_eq!(TicketNumber::parse("2026-0000417s"), Some(number.clone()));
        assert_eq!(
            TicketRef::parse(" 2026-0000417-s "),
            Some(TicketRef::Number(number))
        );
    }

    #[test]
    fn a_complaint_has_a_number_of_its_own_series() {
        assert_eq!(ComplaintNumber::new(2026, 12).as_str(), "R-2026-000012-F");
    }

    #[test]
    fn a_wrong_digit_and_a_swap_are_caught() {
        for text in [
            "2026-0000418-S",
            "2026-0000471-S",
            "2025-0000417-S",
            "2026-0000417",
            "2026-17-S",
            "",
        ] {
            assert_eq!(TicketNumber::parse(text), None, "{text}");
        }
    }
}

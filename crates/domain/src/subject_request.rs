//! What somebody asks about their own data (GDPR 15–21, `conventions.md` PR-4): where it stands, which
//! step leads where, and until when it is to be answered.
//!
//! Pure, and the only place that decides a step. Invariants: a term is extended once; what is done or
//! refused stays so, and a refusal has a reason.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::contact::codes;
use crate::invalid::Text;

codes! {
    /// What is asked.
    SubjectRequestKind {
        /// A copy of the data (GDPR 15 and 20).
        Access = "access",
        /// That the data be erased (GDPR 17).
        Erasure = "erasure",
        /// That the data be kept and not used (GDPR 18).
        Restriction = "restriction",
        /// That wrong data be put right (GDPR 16).
        Rectification = "rectification",
        /// That the data not be used for a purpose (GDPR 21).
        Objection = "objection",
    }
}

codes! {
    /// Where a request about one's data stands.
    SubjectRequestState {
        /// It came in.
        Received = "received",
        /// Somebody works on it.
        InProgress = "in-progress",
        /// It was done, and the person told.
        Done = "done",
        /// It was refused, and the person told why (GDPR 12(4)).
        Refused = "refused",
    }
}

codes! {
    /// What is done with it.
    SubjectRequestStep {
        /// It comes in.
        Receive = "receive",
        /// Begin to work on it.
        Start = "start",
        /// Take more time, once, and tell the person why (GDPR 12(3)).
        Extend = "extend",
        /// Say that it is done.
        Finish = "finish",
        /// Refuse it, and tell the person why.
        Refuse = "refuse",
        /// Its term ran out.
        Overdue = "overdue",
        /// A copy of the data is made.
        Export = "export",
        /// Data are erased.
        Erase = "erase",
        /// The processing is restricted.
        Restrict = "restrict",
        /// The restriction is lifted; it may outlive the request.
        LiftRestriction = "lift-restriction",
        /// Wrong data are put right.
        Rectify = "rectify",
    }
}

codes! {
    /// How a request about one's data came in.
    SubjectRequestChannel {
        /// By the person, with a national identity.
        Identity = "identity",
        /// By the holder of a tracking link.
        Tracking = "tracking",
        /// By letter.
        Letter = "letter",
        /// By e-mail.
        Mail = "mail",
        /// At the counter.
        Counter = "counter",
    }
}

codes! {
    /// Who gets a copy of the data.
    ExportDelivery {
        /// The person, by a link in a mail to their proved address.
        Mail = "mail",
        /// The person, with the token they asked with.
        Citizen = "citizen",
        /// The officer, who hands it over; a second person approves (D-6).
        Staff = "staff",
    }
}

codes! {
    /// How far a copy of the data is.
    ExportState {
        /// A second person has to approve it.
        AwaitingApproval = "awaiting-approval",
        /// It is being made.
        Preparing = "preparing",
        /// It can be fetched, once.
        Ready = "ready",
        /// It was fetched, and is gone.
        Fetched = "fetched",
        /// Its time ran out, and it is gone.
        Expired = "expired",
    }
}

codes! {
    /// How far an erasure is.
    ErasureState {
        /// A second person has to approve it.
        AwaitingApproval = "awaiting-approval",
        /// It is under way.
        Running = "running",
        /// It is over; texts that name the person may be left to look at.
        Done = "done",
    }
}

codes! {
    /// What an erasure did with a ticket.
    ErasureOutcome {
        /// What names the person is gone.
        Erased = "erased",
        /// It was kept, and why is on record.
        Kept = "kept",
    }
}

codes! {
    /// Why an erasure kept a ticket (GDPR 17(3)).
    KeptReason {
        /// It is worked on still.
        Open = "open",
        /// It is closed, and can be reopened or reviewed still.
        ReopeningWindow = "reopening-window",
        /// A legal hold is on it.
        LegalHold = "legal-hold",
        /// Its data are restricted (GDPR 18).
        Restricted = "restricted",
        /// A review or complaint about it is not over: a claim needs it (GDPR 17(3)(e)).
        Claim = "claim",
    }
}

codes! {
    /// Where a free text stands that names somebody.
    MentionPlace {
        /// What a requester wrote when filing.
        Description = "description",
        /// A message or note of a ticket.
        Note = "note",
        /// A technical activity.
        Activity = "activity",
        /// A comment on a technical activity.
        ActivityComment = "activity-comment",
        /// What a desk remembers of a contact.
        Contact = "contact",
        /// Why somebody is to be called back.
        Callback = "callback",
        /// A complaint.
        Complaint = "complaint",
    }
}

/// Why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectRequestRefused {
    /// It is not where this step begins.
    #[error("{} is not possible in state {}", step.as_str(), state.as_str())]
    NotNow {
        /// Which step.
        step: SubjectRequestStep,
        /// Where it stands.
        state: SubjectRequestState,
        /// What is possible instead.
        allowed: Vec<SubjectRequestStep>,
    },
    /// The term is extended once.
    #[error("extended before")]
    ExtendedBefore {
        /// Until when it was extended.
        due_at: Timestamp,
    },
    /// What is to be done belongs to another kind of request.
    #[error("the request asks for {}", kind.as_str())]
    OtherKind {
        /// What was asked.
        kind: SubjectRequestKind,
    },
    /// Nobody approves what they asked for (D-6).
    #[error("asked by the same person")]
    SamePerson,
    /// There is nobody it could be delivered to this way.
    #[error("cannot be delivered this way")]
    NoWay,
    /// It was approved before, or is over.
    #[error("not waiting for an approval")]
    NotWaiting,
}

impl SubjectRequestKind {
    /// What people call it.
    pub const fn label(self) -> Text {
        match self {
            SubjectRequestKind::Access => Text::new("Accesso ai dati", "Access to the data"),
            SubjectRequestKind::Erasure => Text::new("Cancellazione", "Erasure"),
            SubjectRequestKind::Restriction => {
                Text::new("Limitazione del trattamento", "Restriction of processing")
            }
            SubjectRequestKind::Rectification => Text::new("Rettifica", "Rectification"),
            SubjectRequestKind::Objection => Text::new("Opposizione", "Objection"),
        }
    }
}

impl SubjectRequestState {
    /// What people call it.
    pub const fn label(self) -> Text {
        match self {
            SubjectRequestState::Received => Text::new("Ricevuta", "Received"),
            SubjectRequestState::InProgress => Text::new("In lavorazione", "In progress"),
            SubjectRequestState::Done => Text::new("Evasa", "Done"),
            SubjectRequestState::Refused => Text::new("Respinta", "Refused"),
        }
    }

    /// Whether an answer is still owed.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            SubjectRequestState::Received | SubjectRequestState::InProgress
        )
    }

    const fn after(self, step: SubjectRequestStep) -> Option<SubjectRequestState> {
        use SubjectRequestState as S;
        use SubjectRequestStep as D;
        match (self, step) {
            (S::Received, D::Start) => Some(S::InProgress),
            (S::InProgress, D::Finish) => Some(S::Done),
            (S::Received | S::InProgress, D::Refuse) => Some(S::Refused),
            (S::Received | S::InProgress, D::Extend | D::Overdue) => Some(self),
            (S::InProgress, D::Export | D::Erase | D::Restrict | D::Rectify) => Some(self),
            (S::InProgress | S::Done, D::LiftRestriction) => Some(self),
            _ => None,
        }
    }

    /// Takes a step, or says why not.
    pub fn step(
        self,
        step: SubjectRequestStep,
    ) -> Result<SubjectRequestState, SubjectRequestRefused> {
        self.after(step)
            .ok_or_else(|| SubjectRequestRefused::NotNow {
                step,
                state: self,
                allowed: self.allowed(),
            })
    }

    /// The steps that people may take here.
    pub fn allowed(self) -> Vec<SubjectRequestStep> {
        let steps = SubjectRequestStep::ALL.iter().copied();
        steps
            .filter(|step| step.is_for_people() && self.after(*step).is_some())
            .collect()
    }
}

impl SubjectRequestStep {
    /// Whether people take it for itself; the others come with what they are about.
    pub const fn is_for_people(self) -> bool {
        matches!(
            self,
            SubjectRequestStep::Start
                | SubjectRequestStep::Extend
                | SubjectRequestStep::Finish
                | SubjectRequestStep::Refuse
        )
    }

    /// Whether it answers a request of this kind; what fits all fits each.
    pub const fn fits(self, kind: SubjectRequestKind) -> bool {
        use SubjectRequestKind as K;
        match self {
            SubjectRequestStep::Export => matches!(kind, K::Access),
            SubjectRequestStep::Erase => matches!(kind, K::Erasure | K::Objection),
            SubjectRequestStep::Restrict | SubjectRequestStep::LiftRestriction => {
                matches!(kind, K::Restriction | K::Objection)
            }
            SubjectRequestStep::Rectify => matches!(kind, K::Rectification),
            _ => true,
        }
    }

    /// Whether the person has to be told why.
    pub const fn needs_reason(self) -> bool {
        matches!(
            self,
            SubjectRequestStep::Extend | SubjectRequestStep::Refuse
        )
    }
}

/// The term of an answer: a month, which we count as 30 days of the calendar (GDPR 12(3)).
pub const TERM_DAYS: i32 = 30;
/// How much longer it gets, once: two months, which we count as 60 days (GDPR 12(3)).
pub const EXTENSION_DAYS: i32 = 60;

/// Until when what came in then is to be answered: the same time of day, so many days of the calendar
/// later, also across a change of the clocks.
pub fn due_at(received_at: Timestamp, zone: &TimeZone) -> Timestamp {
    days_after(received_at, TERM_DAYS, zone)
}

/// Until when, with more time.
pub fn extended(
    due_at: Timestamp,
    was_extended: bool,
    zone: &TimeZone,
) -> Result<Timestamp, SubjectRequestRefused> {
    match was_extended {
        true => Err(SubjectRequestRefused::ExtendedBefore { due_at }),
        false => Ok(days_after(due_at, EXTENSION_DAYS, zone)),
    }
}

fn days_after(at: Timestamp, days: i32, zone: &TimeZone) -> Timestamp {
    at.to_zoned(zone.clone())
        .checked_add(Span::new().days(days))
        .map_or(Timestamp::MAX, |end| end.timestamp())
}

/// Whether a text names somebody: one of these words stands in it, whatever the case, as a whole word.
pub fn names(text: &str, words: &[String]) -> bool {
    let folded = fold(text);
    words.iter().any(|word| {
        let word = fold(word);
        let is_word = |c: char| c.is_alphanumeric();
        !word.is_empty()
            && folded.match_indices(&word).any(|(at, found)| {
                let before = folded.get(..at).and_then(|text| text.chars().next_back());
                let after = folded
                    .get(at + found.len()..)
                    .and_then(|text| text.chars().next());
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            })
    })
}

/// Small letters, and one space where there are many.
fn fold(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use SubjectRequestState as S;
    use SubjectRequestStep as D;

    /// Rows of a state and what each step leads to, in the order of [`SubjectRequestStep::ALL`].
    const GRID: [(S, [Option<S>; 11]); 4] = [
        (
            S::Received,
            [
                None,
                Some(S::InProgress),
                Some(S::Received),
                None,
                Some(S::Refused),
                Some(S::Received),
                None,
                None,
                None,
                None,
                None,
            ],
        ),
        (
            S::InProgress,
            [
                None,
                None,
                Some(S::InProgress),
                Some(S::Done),
                Some(S::Refused),
                Some(S::InProgress),
                Some(S::InProgress),
                Some(S::InProgress),
                Some(S::InProgress),
                Some(S::InProgress),
                Some(S::InProgress),
            ],
        ),
        // A restriction outlives the request that asked for it.
        (
            S::Done,
            [
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                Some(S::Done),
                None,
            ],
        ),
        (S::Refused, [None; 11]),
    ];

    #[test]
    fn each_step_leads_where_the_table_says() {
        assert_eq!(GRID.len(), S::ALL.len());
        for (state, ends) in GRID {
            for (step, end) in D::ALL.iter().zip(ends) {
                assert_eq!(state.step(*step).ok(), end, "{state:?} {step:?}");
            }
        }
    }

    #[test]
    fn a_refused_step_says_what_is_possible() {
        let refused = S::Received.step(D::Finish);
        let allowed = vec![D::Start, D::Extend, D::Refuse];
        assert_eq!(
            refused,
            Err(SubjectRequestRefused::NotNow {
                step: D::Finish,
                state: S::Received,
                allowed
            })
        );
    }

    #[test]
    fn a_term_is_thirty_days_of_the_calendar_and_sixty_more_once() {
        let zone = TimeZone::get("Europe/Rome").unwrap();
        // The clocks change on 29 March 2026: the time of day stays.
        let received: Timestamp = "2026-03-02T09:00:00+01:00".parse().unwrap();
        let due = due_at(received, &zone);
        assert_eq!(due, "2026-04-01T09:00:00+02:00".parse().unwrap());
        let longer = extended(due, false, &zone).unwrap();
        assert_eq!(longer, "2026-05-31T09:00:00+02:00".parse().unwrap());
        assert_eq!(
            extended(longer, true, &zone),
            Err(SubjectRequestRefused::ExtendedBefore { due_at: longer })
        );
    }

    #[test]
    fn a_text_names_somebody_by_whole_words_in_any_case() {
        let words = ["Mario Rossi".to_owned(), "mario@example.org".to_owned()];
        for text in [
            "chiama MARIO  ROSSI domani",
            "(mario rossi)",
            "scrive a Mario@Example.org.",
        ] {
            assert!(names(text, &words), "{text}");
        }
        for text in ["Mario Rossini", "amario rossi", "Mario, Rossi", ""] {
            assert!(!names(text, &words), "{text}");
        }
        assert!(!names("qualcosa", &[String::new()]));
    }
}

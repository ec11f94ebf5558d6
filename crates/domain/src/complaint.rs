//! A complaint in the register (`domain.md` §10.4): where it stands, which step leads where, and who
//! may take it.
//!
//! Pure, and the only place that decides a step. Invariants: whoever prepares a reply need not be who
//! decides it, but only who decides sends it; a complaint is closed by the system alone.

use jiff::{SignedDuration, Timestamp};

use crate::actor::Role;
use crate::contact::codes;
use crate::invalid::Text;
use crate::permissions::{self, Right};

codes! {
    /// Where a complaint stands.
    ComplaintState {
        /// It came in.
        Received = "received",
        /// Somebody prepares the case.
        InPreparation = "in-preparation",
        /// The authority was asked for what is missing.
        AwaitingAuthority = "awaiting-authority",
        /// A reply is written and waits for whoever decides.
        ReplyPrepared = "reply-prepared",
        /// The complainant was answered.
        Sent = "sent",
        /// The complainant was not satisfied, and it is looked at again.
        UnderReexamination = "under-reexamination",
        /// It is over.
        Closed = "closed",
        /// It was put away without a reply, for a reason on record.
        Archived = "archived",
    }
}

codes! {
    /// What can be done with a complaint.
    ComplaintStep {
        /// Begin to prepare the case.
        Prepare = "prepare",
        /// Wait for what the authority has to say.
        AskAuthority = "ask-authority",
        /// Go on, with the authority's answer.
        Resume = "resume",
        /// Write an internal note.
        Note = "note",
        /// Classify it, or link requests to it.
        Describe = "describe",
        /// Prepare a reply, or another one in its place.
        DraftReply = "draft-reply",
        /// Give a prepared reply back.
        ReturnReply = "return-reply",
        /// Approve the prepared reply and send it.
        Send = "send",
        /// Look at it again after the reply.
        Reexamine = "reexamine",
        /// Take more time, once, and tell the complainant.
        Extend = "extend",
        /// Put it away without a reply.
        Archive = "archive",
        /// Close it after the reply.
        Close = "close",
    }
}

codes! {
    /// How a complaint came in.
    ComplaintChannel {
        /// On the web, by the complainant.
        Web = "web",
        /// By letter.
        Letter = "letter",
        /// By certified e-mail.
        CertifiedMail = "certified-mail",
        /// By e-mail.
        Mail = "mail",
        /// On the telephone.
        Phone = "phone",
        /// At the counter.
        Counter = "counter",
    }
}

codes! {
    /// Who complains.
    ComplainantKind {
        /// Somebody for themselves, or for somebody close.
        Person = "person",
        /// An association that speaks for people.
        Association = "association",
    }
}

codes! {
    /// How something was sent to a complainant.
    DispatchWay {
        /// By e-mail, through the outbox.
        Mail = "mail",
        /// On the complainant's own page, where they have one and gave no address.
        Web = "web",
        /// On paper, under a protocol number.
        Paper = "paper",
    }
}

codes! {
    /// What was sent to a complainant.
    DispatchKind {
        /// That the term was extended, and why.
        Extension = "extension",
        /// The reply.
        Reply = "reply",
    }
}

/// Who takes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// A member of staff.
    Staff(Role),
    /// The scheduler.
    System,
}

/// Why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComplaintRefused {
    /// The role never takes this step.
    #[error("the role may not {}", step.as_str())]
    Forbidden {
        /// Which step.
        step: ComplaintStep,
    },
    /// The complaint is not where this step begins.
    #[error("{} is not possible in state {}", step.as_str(), state.as_str())]
    NotNow {
        /// Which step.
        step: ComplaintStep,
        /// Where the complaint stands.
        state: ComplaintState,
        /// What the same hand may do instead.
        allowed: Vec<ComplaintStep>,
    },
    /// The term is extended once.
    #[error("extended before")]
    ExtendedBefore {
        /// Until when it was extended.
        due_at: Timestamp,
    },
    /// There is no address: the reply goes out on paper, under a protocol number.
    #[error("a protocol number is needed for a reply on paper")]
    ProtocolNeeded,
    /// A scheme that is not approved makes no replies.
    #[error("the scheme is not approved")]
    SchemeNotApproved,
    /// Whoever wrote a scheme does not approve it.
    #[error("drafted by the same person")]
    OwnScheme,
}

impl ComplaintState {
    /// What people call it (`domain.md` §10.4).
    pub const fn label(self) -> Text {
        match self {
            ComplaintState::Received => Text::new("Ricevuto", "Received"),
            ComplaintState::InPreparation => Text::new("In istruttoria", "In preparation"),
            ComplaintState::AwaitingAuthority => {
                Text::new("In attesa dell'ente", "Awaiting the authority")
            }
            ComplaintState::ReplyPrepared => Text::new("Risposta predisposta", "Reply prepared"),
            ComplaintState::Sent => Text::new("Risposta inviata", "Reply sent"),
            ComplaintState::UnderReexamination => Text::new("In riesame", "Under re-examination"),
            ComplaintState::Closed => Text::new("Chiuso", "Closed"),
            ComplaintState::Archived => Text::new("Archiviato", "Archived"),
        }
    }

    /// What its complainant is told: how the desk works inside is its own affair.
    pub const fn told(self) -> ComplaintState {
        match self {
            ComplaintState::AwaitingAuthority | ComplaintState::ReplyPrepared => {
                ComplaintState::InPreparation
            }
            state => state,
        }
    }

    /// Whether a reply is still owed.
    pub const fn is_open(self) -> bool {
        !matches!(
            self,
            ComplaintState::Sent | ComplaintState::Closed | ComplaintState::Archived
        )
    }

    /// Where a step leads, if it begins here.
    const fn after(self, step: ComplaintStep) -> Option<ComplaintState> {
        use ComplaintState as S;
        use ComplaintStep as D;
        match (self, step) {
            (S::Received, D::Prepare) => Some(S::InPreparation),
            (S::InPreparation | S::UnderReexamination, D::AskAuthority) => {
                Some(S::AwaitingAuthority)
            }
            (S::AwaitingAuthority, D::Resume) => Some(S::InPreparation),
            (S::InPreparation | S::UnderReexamination | S::ReplyPrepared, D::DraftReply) => {
                Some(S::ReplyPrepared)
            }
            (S::ReplyPrepared, D::ReturnReply) => Some(S::InPreparation),
            (S::ReplyPrepared, D::Send) => Some(S::Sent),
            (S::Sent, D::Reexamine) => Some(S::UnderReexamination),
            (S::Sent, D::Close) => Some(S::Closed),
            (
                S::Received | S::InPreparation | S::AwaitingAuthority | S::UnderReexamination,
                D::Archive,
            ) => Some(S::Archived),
            (S::Closed | S::Archived, _) => None,
            (state, D::Note | D::Describe) => Some(state),
            (state, D::Extend) if state.is_open() => Some(state),
            _ => None,
        }
    }

    /// Takes a step, or says why not.
    pub fn step(self, step: ComplaintStep, hand: Hand) -> Result<ComplaintState, ComplaintRefused> {
        if !may(hand, step) {
            return Err(ComplaintRefused::Forbidden { step });
        }
        self.after(step).ok_or_else(|| ComplaintRefused::NotNow {
            step,
            state: self,
            allowed: self.allowed(hand),
        })
    }

    /// The steps a hand may take here.
    pub fn allowed(self, hand: Hand) -> Vec<ComplaintStep> {
        let steps = ComplaintStep::ALL.iter().copied();
        steps
            .filter(|step| may(hand, *step) && self.after(*step).is_some())
            .collect()
    }
}

/// Whether somebody may ever take a step: operators prepare, whoever leads decides (`domain.md` §2.2).
pub fn may(hand: Hand, step: ComplaintStep) -> bool {
    use ComplaintStep as D;
    let right = match step {
        D::Close => return hand == Hand::System,
        D::Prepare | D::AskAuthority | D::Resume | D::Note | D::Describe | D::DraftReply => {
            Right::PrepareComplaints
        }
        D::ReturnReply | D::Send | D::Reexamine | D::Extend | D::Archive => Right::DecideComplaints,
    };
    matches!(hand, Hand::Staff(role) if permissions::has(role, right))
}

/// What an installation sets about complaints (`domain.md` §10.4: authorities' regulations differ).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComplaintRules {
    /// The term of the reply, from the receipt.
    pub reply_within: SignedDuration,
    /// How much longer it gets, once.
    pub extend_by: SignedDuration,
    /// Within what a complaint should be filed after the fact. Later ones are marked, never refused.
    pub file_within: SignedDuration,
    /// When a complaint that was answered closes.
    pub close_after: SignedDuration,
}

impl Default for ComplaintRules {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        ComplaintRules {
            reply_within: days(30),
            extend_by: days(30),
            file_within: days(15),
            close_after: days(30),
        }
    }
}

impl ComplaintRules {
    /// Until when a complaint that came in then is to be answered.
    pub fn due_at(&self, received_at: Timestamp) -> Timestamp {
        received_at
            .checked_add(self.reply_within)
            .unwrap_or(Timestamp::MAX)
    }

    /// Until when, with more time.
    pub fn extended(
        &self,
        due_at: Timestamp,
        was_extended: bool,
    ) -> Result<Timestamp, ComplaintRefused> {
        match was_extended {
            true => Err(ComplaintRefused::ExtendedBefore { due_at }),
            false => Ok(due_at.checked_add(self.extend_by).unwrap_or(Timestamp::MAX)),
        }
    }

    /// Whether it came in later after the fact than the rule has it.
    pub fn is_late(&self, happened_at: Option<Timestamp>, received_at: Timestamp) -> bool {
        happened_at.is_some_and(|fact| received_at.duration_since(fact) > self.file_within)
    }

    /// When a complaint closes that was answered then.
    pub fn close_at(&self, sent_at: Timestamp) -> Timestamp {
        sent_at
            .checked_add(self.close_after)
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `domain.md` §10.4 as a table, written by hand and apart from the match above: a line for each
    /// state, a column for each step in the order of [`ComplaintStep::ALL`]; `.` is refused.
    const GRID: &str = "
        received            in-preparation . . = = . . . . = archived .
        in-preparation      . awaiting-authority . = = reply-prepared . . . = archived .
        awaiting-authority  . . in-preparation = = . . . . = archived .
        reply-prepared      . . . = = = in-preparation sent . = . .
        sent                . . . = = . . . under-reexamination . . closed
        under-reexamination . awaiting-authority . = = reply-prepared . . . = archived .
        closed              . . . . . . . . . . . .
        archived            . . . . . . . . . . . .
    ";

    /// Who prepares, who decides as well, and who does neither.
    const HANDS: [(Hand, &str); 9] = [
        (Hand::Staff(Role::Operator), "prepares"),
        (Hand::Staff(Role::Supervisor), "decides"),
        (Hand::Staff(Role::Admin), "decides"),
        (Hand::Staff(Role::RegionalOperator), "prepares"),
        (Hand::Staff(Role::RegionalSupervisor), "decides"),
        (Hand::Staff(Role::Technician), "nothing"),
        (Hand::Staff(Role::SystemAdmin), "nothing"),
        (Hand::Staff(Role::Auditor), "nothing"),
        (Hand::System, "closes"),
    ];

    #[test]
    fn every_state_step_and_role_is_as_the_table_says() {
        let mut cells = 0;
        for line in GRID.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let state = ComplaintState::from_code(words.next().unwrap()).unwrap();
            let steps: Vec<_> = words.zip(ComplaintStep::ALL.iter().copied()).collect();
            assert_eq!(steps.len(), ComplaintStep::ALL.len(), "{state:?}");
            for (hand, does) in HANDS {
                for (to, step) in &steps {
                    use ComplaintStep as D;
                    let is_preparing = matches!(
                        step,
                        D::Prepare
                            | D::AskAuthority
                            | D::Resume
                            | D::Note
                            | D::Describe
                            | D::DraftReply
                    );
                    let may = match does {
                        "prepares" => is_preparing,
                        "decides" => *step != D::Close,
                        "closes" => *step == D::Close,
                        _ => false,
                    };
                    let got = state.step(*step, hand);
                    cells += 1;
                    match (may, *to) {
                        (false, _) => {
                            assert_eq!(got, Err(ComplaintRefused::Forbidden { step: *step }));
                        }
                        (true, ".") => assert!(
                            matches!(got, Err(ComplaintRefused::NotNow { .. })),
                            "{state:?} {step:?} {hand:?}: {got:?}"
                        ),
                        (true, "=") => assert_eq!(got, Ok(state), "{state:?} {step:?}"),
                        (true, to) => {
                            assert_eq!(got, Ok(ComplaintState::from_code(to).unwrap()), "{step:?}");
                        }
                    }
                }
            }
        }
        assert_eq!(cells, 8 * 12 * 9);
    }

    #[test]
    fn a_refusal_tells_what_is_possible_instead() {
        let hand = Hand::Staff(Role::Operator);
        let refused = ComplaintState::Received.step(ComplaintStep::DraftReply, hand);
        let Err(ComplaintRefused::NotNow { allowed, .. }) = refused else {
            panic!("{refused:?}")
        };
        use ComplaintStep as D;
        assert_eq!(allowed, [D::Prepare, D::Note, D::Describe]);
    }

    #[test]
    fn terms_run_from_the_receipt_and_are_extended_once() {
        let rules = ComplaintRules::default();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let received = at("2026-03-02T08:00:00Z");
        let due = rules.due_at(received);
        assert_eq!(due, at("2026-04-01T08:00:00Z"));
        assert_eq!(rules.extended(due, false), Ok(at("2026-05-01T08:00:00Z")));
        let again = rules.extended(due, true);
        assert_eq!(again, Err(ComplaintRefused::ExtendedBefore { due_at: due }));
        for (fact, late) in [
            (None, false),
            (Some("2026-02-15T08:00:00Z"), false),
            (Some("2026-02-15T07:59:59Z"), true),
        ] {
            assert_eq!(rules.is_late(fact.map(at), received), late, "{fact:?}");
        }
    }

    #[test]
    fn the_complainant_is_not_told_how_the_desk_works_inside() {
        for state in ComplaintState::ALL {
            let told = state.told();
            assert_eq!(told.told(), told);
            assert_eq!(told.is_open(), state.is_open());
        }
    }
}

//! The words the tests of the life cycle are written in: people, tickets and commands by name.

use domain::activity::{ActivityFact, ActivityState, ActivityStep};
use domain::actor::{Actor, Assignee, Pool, Role, Staff};
use domain::codes::AuthorityCode;
use domain::command::{Action, Command, Description, NewNote, PublishableNote, Survivor, Update};
use domain::event::Event;
use domain::ids::{AccountId, ActivityCommentId, ActivityId, PlacementId, TicketId, TicketNumber};
use domain::links::{LinkKind, MergeObstacle, NamedTicket};
use domain::note::Audience;
use domain::playbook::{PlaybookWord, Verdict, Waiting};
use domain::rejection::Rejection;
use domain::state::{
    HandOverReason, PlaybookDecision, Priority, RemovalReason, ResolutionCode, State,
    WaitingReason, Windows,
};
use domain::ticket::{Desk, NewTicket, Target, Ticket};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) const TO4: &str = "TO4";
pub(crate) const CN1: &str = "CN1";
pub(crate) const REGION: &str = "REGION";
pub(crate) const MICROSECOND: SignedDuration = SignedDuration::from_micros(1);
const FILED: Timestamp = Timestamp::constant(1_767_261_600, 0);

pub(crate) const PEOPLE: [(&str, Role, &str); 13] = [
    ("operator", Role::Operator, TO4),
    ("colleague", Role::Operator, TO4),
    ("supervisor", Role::Supervisor, TO4),
    ("admin", Role::Admin, TO4),
    ("cn1-operator", Role::Operator, CN1),
    ("cn1-colleague", Role::Operator, CN1),
    ("cn1-supervisor", Role::Supervisor, CN1),
    ("regional-operator", Role::RegionalOperator, REGION),
    ("regional-colleague", Role::RegionalOperator, REGION),
    ("regional-supervisor", Role::RegionalSupervisor, REGION),
    ("technician", Role::Technician, REGION),
    ("system-admin", Role::SystemAdmin, REGION),
    ("auditor", Role::Auditor, REGION),
];

/// The account of the person at this place of [`PEOPLE`].
pub(crate) fn account(place: usize) -> AccountId {
    let number = u128::try_from(place).unwrap_or(u128::MAX);
    AccountId::new(Uuid::from_u128(number))
}

fn person(name: &str) -> Staff {
    let found = PEOPLE
        .iter()
        .zip(0..)
        .find(|((known, ..), _)| *known == name);
    let Some(((_, role, desk), place)) = found else {
        panic!("nobody is called {name:?}")
    };
    Staff {
        account: account(place),
        placement: PlacementId::new(account(place).uuid()),
        role: *role,
        authority: AuthorityCode::from(*desk),
    }
}

pub(crate) fn actor(name: &str) -> Actor {
    match name {
        "requester" => Actor::Requester,
        "system" => Actor::System,
        name => Actor::Staff(person(name)),
    }
}

fn target(code: &str) -> Target {
    let desk = Desk {
        code: AuthorityCode::from(code),
        is_region: code == REGION,
    };
    Target {
        desk,
        accepts: true,
        predecessors: Vec::new(),
        route: None,
    }
}

/// Whoever took the place of a desk.
fn heir_of(desk: Target) -> Target {
    Target {
        predecessors: vec![desk.desk.code],
        ..target("TO5")
    }
}

/// A ticket brought to where its name says, by people of TO4 unless it is `at region`: the desk
/// that routing found, and the steps since.
pub(crate) fn ticket(name: &str) -> Ticket {
    let story = match name {
        "new" => "TO4",
        "in-progress" => "TO4; operator take",
        "awaiting-info" => "TO4; operator take; operator ask-info + published",
        "to be handed over" => "TO4; operator answer escalate",
        "held" => "TO4; operator answer hold",
        "held and looked at" => "TO4; operator answer hold; system review",
        "resolved" => "TO4; operator take; operator resolve + published",
        "withdrawn" => "TO4; requester withdraw",
        "auto-closed" => "TO4; operator resolve + published; system auto-close",
        "removed" => "TO4; supervisor remove + internal",
        "given by the system" => "TO4; system allot",
        "nudged" => "TO4; operator take; requester nudge",
        "nudged twice" => "TO4; operator take; requester nudge; requester nudge",
        "merged" => "TO4; operator take; supervisor merge",
        "merged at region" => "REGION; regional-operator take; regional-supervisor merge",
        "not-competent" => "TO4; operator hand-over + published",
        "given, not taken" => {
            "TO4; operator hand-over + published; regional-operator assign + to colleague"
        }
        "in-progress at region" => "TO4; operator hand-over + published; regional-operator take",
        "returned" => "TO4; operator hand-over + published; regional-operator return + published",
        "returned after checks" => {
            "TO4; operator answer escalate; operator hand-over + published + governed; \
             regional-operator return + published"
        }
        "handed over twice" => {
            "TO4; operator hand-over + published; regional-operator return + published; \
             operator hand-over + published"
        }
        "new at region" => "REGION",
        "started at region" => "REGION; regional-operator take",
        "awaiting-info at region" => "REGION; regional-operator ask-info + published",
        "external-work" => {
            "REGION; regional-operator take; regional-operator open-activity + published"
        }
        "resolved at region" => "REGION; regional-operator resolve + published",
        "auto-closed at region" => {
            "REGION; regional-operator resolve + published; system auto-close"
        }
        "removed at region" => "REGION; regional-supervisor remove + internal",
        name => panic!("no ticket is called {name:?}"),
    };
    let mut steps = story.split("; ");
    let mut ticket = filed(steps.next().unwrap_or_default());
    for step in steps {
        let now = match (step, ticket.state) {
            ("system auto-close", State::Resolved { closes_at, .. }) => closes_at + MICROSECOND,
            ("requester nudge", _) => ticket.updated_at + SignedDuration::from_hours(48),
            ("system review", _) => ticket.next_review().unwrap_or(ticket.updated_at),
            _ => ticket.updated_at,
        };
        let (who, what) = step.split_once(' ').unwrap_or((step, ""));
        if let Err(refusal) = apply(&mut ticket, &actor(who), what, now) {
            panic!("{name:?} cannot be set up: {step}: {refusal}");
        }
    }
    ticket
}

/// A ticket just filed (T01), meant for TO4.
pub(crate) fn filed(custodian: &str) -> Ticket {
    let new = NewTicket {
        id: TicketId::new(Uuid::from_u128(417)),
        number: TicketNumber::new(2026, 417),
        service: "FSE".into(),
        problem_type: "referto-non-trovato".into(),
        declared_authority: Some(TO4.into()),
        custodian: target(custodian).desk,
        route: None,
    };
    Ticket::file(new, FILED).0
}

/// Decides and absorbs, as a use case does.
pub(crate) fn apply(
    ticket: &mut Ticket,
    who: &Actor,
    what: &str,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let events = ticket.decide(&command(what, ticket), who, now, &Windows::default())?;
    ticket.absorb(&events);
    Ok(events)
}

/// A command in words, such as `hand-over other + published + short`. What follows the action
/// goes along with it: `internal` or `published` notes, `short` ones, `for` the audience the
/// writer expects, `to` an assignee.
pub(crate) fn command(words: &str, ticket: &Ticket) -> Command {
    let mut parts = words.split(" + ");
    let act = parts.next().unwrap_or_default();
    match act {
        "describe" => {
            let priority = Some(Priority::High);
            return Command::Describe(Description {
                priority,
                ..Description::default()
            });
        }
        "reply" => {
            return Command::Reply {
                body: "Eccolo.".to_owned(),
                attachment: None,
            };
        }
        "withdraw" => return Command::Withdraw,
        "remind" => return Command::Remind,
        "give-up" => return Command::GiveUp,
        "auto-close" => return Command::AutoClose,
        "place" => {
            let to = Assignee::Pool(Pool::Supervisors);
            return Command::Place { to };
        }
        "release" => return Command::Release,
        // Two days after filing or the nudge before, as if every hour were a working one.
        "nudge" => {
            let since = ticket.nudged_at.unwrap_or(ticket.created_at);
            return Command::Nudge {
                possible_from: since + SignedDuration::from_hours(48),
                most: 2,
            };
        }
        "allot" => {
            let to = assignee("colleague", ticket);
            return Command::Place { to };
        }
        "review" => return Command::ReviewHold,
        "activity-changed" => return Command::FollowActivity(ActivityStep::Changed(fact())),
        "activity-ended" => return Command::FollowActivity(ActivityStep::Ended(fact())),
        "activity-overdue" => {
            return Command::FollowActivity(ActivityStep::Overdue {
                activity: fact().activity,
            });
        }
        "activity-commented" | "activity-commented by region" => {
            return Command::FollowActivity(ActivityStep::Commented {
                activity: fact().activity,
                comment: ActivityCommentId::new(uuid::Uuid::from_u128(19)),
                by_region: act.ends_with("region"),
                origin: None,
            });
        }
        _ => {}
    }
    let (act, argument) = act.split_once(' ').unwrap_or((act, ""));
    if act == "answer" {
        return Command::AnswerPlaybook {
            word: word(argument, ticket),
        };
    }
    if let Some(command) = about_another(act, argument, ticket) {
        return command;
    }
    let mut update = Update {
        action: action(act, argument, ticket),
        note: None,
        assignee: None,
        expected_audience: None,
        playbook: Verdict::NotGoverned,
        override_reason: None,
    };
    for part in parts {
        match part.split_once(' ').unwrap_or((part, "")) {
            ("internal" | "published", _) => {
                let body = "Il referto non risulta nei sistemi aziendali.".to_owned();
                update.note = Some(NewNote {
                    body,
                    published: part == "published",
                    attachment: None,
                });
            }
            ("short", _) => {
                update.note = update.note.map(|note| NewNote {
                    body: "Non è mio.".into(),
                    ..note
                });
            }
            ("governed", _) => update.playbook = Verdict::Governed { unmet: vec![] },
            ("overridden", _) => {
                update.override_reason = Some("Il sistema aziendale è fermo da ieri.".to_owned());
            }
            ("for", audience) => update.expected_audience = Audience::from_code(audience),
            ("to", who) => update.assignee = Some(assignee(who, ticket)),
            _ => panic!("nothing goes along as {part:?}"),
        }
    }
    Command::Update(Box::new(update))
}

/// The word a playbook comes to; a hold is looked at again after three days.
fn word(decision: &str, ticket: &Ticket) -> PlaybookWord {
    let Some(decision) = PlaybookDecision::from_code(decision) else {
        panic!("no decision is called {decision:?}")
    };
    let is_hold = decision == PlaybookDecision::Hold;
    PlaybookWord {
        playbook: "PB-2".into(),
        version: 1,
        decision,
        reason: (decision == PlaybookDecision::Escalate).then_some(HandOverReason::ChecksPassed),
        waiting: is_hold.then(|| Waiting {
            reason: WaitingReason::SendingFix,
            review_at: ticket.updated_at + SignedDuration::from_hours(3 * 24),
            is_told: false,
        }),
    }
}

/// Something of the activity that `open-activity` opens.
fn fact() -> ActivityFact {
    ActivityFact {
        activity: ActivityId::new(uuid::Uuid::from_u128(18)),
        state: ActivityState::Resolved,
        origin: None,
    }
}

/// The other ticket, as the words after the action say: with another desk, over, or a stranger's.
fn about_another(act: &str, argument: &str, ticket: &Ticket) -> Option<Command> {
    let other = TicketId::new(Uuid::from_u128(416));
    let named = NamedTicket {
        id: match argument {
            "itself" => ticket.id,
            _ => other,
        },
        number: TicketNumber::new(2026, 416),
    };
    let survivor = Survivor {
        named,
        custodian: match argument {
            "elsewhere" => AuthorityCode::from("TO3"),
            _ => ticket.custodian.code.clone(),
        },
        is_over: argument == "that is over",
        obstacle: match argument {
            "of a stranger" => Some(MergeObstacle::OtherRequester),
            _ => None,
        },
    };
    let kind = match argument {
        "duplicate" => LinkKind::Duplicate,
        _ => LinkKind::Related,
    };
    Some(match act {
        "link" => Command::Link { other, kind },
        "unlink" => Command::Unlink { other, kind },
        "merge" => Command::Merge {
            into: survivor,
            note: None,
        },
        "undo-merge" => Command::UndoMerge {
            survivor,
            state: State::InProgress,
            needs_attention: true,
        },
        _ => return None,
    })
}

fn assignee(who: &str, ticket: &Ticket) -> Assignee {
    let colleague = match ticket.custodian.code.as_str() {
        CN1 => "cn1-colleague",
        REGION => "regional-colleague",
        _ => "colleague",
    };
    match who {
        "supervisors" => Assignee::Pool(Pool::Supervisors),
        "colleague" => Assignee::Operator(person(colleague).account),
        name => Assignee::Operator(person(name).account),
    }
}

fn action(act: &str, argument: &str, ticket: &Ticket) -> Action {
    match act {
        "take" => Action::Take,
        "assign" => Action::Assign,
        "note" => Action::Note,
        "ask-info" => Action::AskInfo,
        "cancel-question" => Action::CancelQuestion,
        "resolve" => {
            let code = ResolutionCode::from_code(argument);
            Action::Resolve {
                code: code.unwrap_or(ResolutionCode::InformationGiven),
            }
        }
        "hand-over" => {
            let reason = HandOverReason::from_code(argument);
            let reason = reason.unwrap_or(HandOverReason::ChecksPassed);
            Action::HandOver {
                reason,
                to: target(REGION),
            }
        }
        "return" => {
            let previous = ticket
                .previous_custodian()
                .map(|code| target(code.as_str()));
            Action::Return {
                to: previous.map(|to| match argument {
                    "heir" => heir_of(to),
                    "stranger" => target(CN1),
                    _ => Target {
                        accepts: argument != "inactive",
                        ..to
                    },
                }),
            }
        }
        "reroute" if argument == "heir" => {
            let previous = ticket.previous_custodian().cloned();
            let to = target(previous.unwrap_or(AuthorityCode::from(TO4)).as_str());
            Action::Reroute { to: heir_of(to) }
        }
        "reroute" => {
            let (code, rest) = argument.split_once(' ').unwrap_or((argument, ""));
            Action::Reroute {
                to: Target {
                    accepts: rest != "inactive",
                    ..target(code)
                },
            }
        }
        "open-activity" => Action::OpenActivity {
            activity: ActivityId::new(uuid::Uuid::from_u128(18)),
        },
        "close-activity" => Action::CloseActivity {
            activity: Some(ActivityId::new(uuid::Uuid::from_u128(18))),
        },
        "reopen" => Action::Reopen,
        "remove" => Action::Remove {
            reason: RemovalReason::from_code(argument.split(' ').next().unwrap_or_default())
                .unwrap_or(RemovalReason::Spam),
            duplicate_of: argument
                .contains(" of ")
                .then(|| TicketNumber::new(2026, 416)),
        },
        "publish-note" => {
            let (author, rest) = argument.split_once(' ').unwrap_or((argument, ""));
            let author = person(author);
            Action::PublishNote(PublishableNote {
                seq: 1,
                author: Some(author.account),
                team: Some(author.authority),
                audience: if rest == "published" {
                    Audience::Citizen
                } else {
                    Audience::Team
                },
                body: "Da rivedere.".to_owned(),
                attachment: None,
            })
        }
        "close" => Action::Close,
        act => panic!("no action is called {act:?}"),
    }
}

//! Rows: transition, ticket, wait since its last change, who, what, and what it leads to.
//! `event[audience] → state at desk of owner`, or the refusal.

/// Every transition, in the order of `domain.md` §4.2.
pub(crate) const TRANSITIONS: &str = "
T02 | new                    | 0    | operator            | take                                     | taken → in-progress at TO4 of operator
T02 | new                    | 0    | operator            | note + internal                          | taken, note.added[team] → in-progress at TO4 of operator
T02 | new                    | 0    | operator            | assign + to colleague                    | taken, assigned → in-progress at TO4 of colleague
T02 | returned               | 0    | operator            | publish-note operator                    | taken, note.published[citizen] → in-progress at TO4 of operator, bounces 1
T03 | in-progress            | 0    | operator            | assign + to colleague                    | assigned → in-progress at TO4 of colleague
T03 | in-progress            | 0    | operator            | assign + to supervisors                  | assigned → in-progress at TO4 of supervisors
T04 | new                    | 0    | operator            | ask-info + published                     | information_requested[citizen] → awaiting-info at TO4
T04 | in-progress            | 0    | operator            | ask-info + published                     | information_requested[citizen] → awaiting-info at TO4 of operator
T04 | in-progress at region  | 0    | regional-supervisor | ask-info + published                     | information_requested[citizen] → awaiting-info at REGION of regional-operator
T05 | awaiting-info          | 0    | requester           | reply                                    | information_received[citizen] → in-progress at TO4 of operator, attention
T06 | awaiting-info          | 0    | operator            | cancel-question + internal               | question_withdrawn[team] → in-progress at TO4 of operator
T07 | awaiting-info          | 5d   | system              | remind                                   | reminded → awaiting-info at TO4 of operator, reminders 1
T08 | awaiting-info          | 30d  | system              | give-up                                  | resolved no-answer → resolved at TO4 of operator
T09 | new                    | 0    | operator            | resolve + published                      | resolved information-given[citizen] → resolved at TO4
T09 | in-progress            | 0    | supervisor          | resolve payment-recorded + published     | resolved payment-recorded[citizen] → resolved at TO4 of operator
T09 | awaiting-info          | 0    | operator            | resolve + published                      | resolved information-given[citizen] → resolved at TO4 of operator
T10 | resolved               | 7d   | requester           | reply                                    | reopened[citizen] → in-progress at TO4 of operator, attention, reopens 1
T11 | resolved               | 0    | operator            | reopen + internal                        | reopened[team] → in-progress at TO4 of operator, reopens 1
T12 | resolved               | 7d+  | system              | auto-close                               | closed → auto-closed at TO4 of operator
T12 | withdrawn              | 7d+  | system              | auto-close                               | closed → auto-closed at TO4
T13 | new                    | 0    | operator            | hand-over + published                    | handed_over[region] → not-competent at REGION
T13 | in-progress            | 0    | supervisor          | hand-over other + published              | handed_over[region] → not-competent at REGION
T13 | returned               | 0    | operator            | hand-over + published                    | handed_over[region] → not-competent at REGION, bounces 1
T14 | not-competent          | 0    | regional-operator   | take                                     | taken → in-progress at REGION of regional-operator
T15 | not-competent          | 0    | regional-operator   | resolve resolved-by-region + published   | resolved resolved-by-region[citizen] → resolved at REGION
T15 | in-progress at region  | 0    | regional-operator   | resolve + published                      | resolved information-given[citizen] → resolved at REGION of regional-operator
T16 | not-competent          | 0    | regional-operator   | return + published                       | returned[authority TO4] → new at TO4, bounces 1
T16 | in-progress at region  | 0    | regional-operator   | return + published                       | returned[authority TO4] → new at TO4, bounces 1
T16 | handed over twice      | 0    | regional-supervisor | return + published                       | returned[authority TO4] → new at TO4, bounces 2
T17 | not-competent          | 0    | regional-operator   | reroute CN1 + published                  | rerouted[authority CN1] → new at CN1
T17 | in-progress at region  | 0    | regional-operator   | reroute CN1 + published                  | rerouted[authority CN1] → new at CN1
T17 | started at region      | 0    | regional-operator   | reroute TO4 + published                  | rerouted[authority TO4] → new at TO4
T18 | in-progress at region  | 0    | regional-operator   | open-activity + published                | activity.opened[technical] → external-work at REGION of regional-operator
T19 | external-work          | 0    | regional-operator   | close-activity                           | activity.closed → in-progress at REGION of regional-operator, attention
T19 | external-work          | 0    | regional-operator   | close-activity + published               | activity.closed[technical] → in-progress at REGION of regional-operator, attention
T19 | external-work          | 0    | system              | activity-ended                           | activity.closed → in-progress at REGION of regional-operator, attention
T19 | external-work          | 0    | technician          | activity-ended                           | activity.closed → in-progress at REGION of regional-operator, attention
T19 | external-work          | 0    | technician          | activity-changed                         | activity.changed → external-work at REGION of regional-operator, attention
T19 | external-work          | 0    | technician          | activity-commented                       | activity.commented → external-work at REGION of regional-operator, attention
T19 | external-work          | 0    | regional-operator   | activity-commented by region             | activity.commented → external-work at REGION of regional-operator
T19 | external-work          | 0    | system              | activity-overdue                         | activity.overdue → external-work at REGION of regional-operator, attention
T19 | in-progress at region  | 0    | system              | activity-ended                           | activity.changed → in-progress at REGION of regional-operator, attention
T19 | in-progress            | 0    | system              | activity-changed                         | NotDue
T19 | returned               | 0    | system              | activity-ended                           | NotDue
T19 | external-work          | 0    | operator            | activity-changed                         | Forbidden
T19 | external-work          | 0    | requester           | activity-changed                         | Forbidden
T20 | new                    | 0    | requester           | withdraw                                 | resolved withdrawn → resolved at TO4
T20 | in-progress            | 0    | requester           | withdraw                                 | resolved withdrawn → resolved at TO4 of operator, attention
T20 | awaiting-info          | 0    | requester           | withdraw                                 | resolved withdrawn → resolved at TO4 of operator, attention
T20 | not-competent          | 0    | requester           | withdraw                                 | resolved withdrawn → resolved at REGION
T20 | external-work          | 0    | requester           | withdraw                                 | resolved withdrawn → resolved at REGION of regional-operator, attention
T21 | auto-closed            | 30d  | supervisor          | reopen + internal                        | reopened[team] → in-progress at TO4, reopens 1
T21 | auto-closed            | 30d  | regional-supervisor | reopen + internal                        | reopened[team] → in-progress at TO4, reopens 1
T22 | in-progress            | 0    | supervisor          | remove spam + internal                   | removed[team] → removed at TO4 of operator
T22 | resolved               | 0    | regional-supervisor | remove test + internal                   | removed[team] → removed at TO4 of operator
T22 | new                    | 0    | supervisor          | remove duplicate of 416 + internal       | removed[team] → removed at TO4
T23 | new                    | 0    | requester           | reply                                    | message_received[citizen] → new at TO4, attention
T23 | in-progress            | 0    | requester           | reply                                    | message_received[citizen] → in-progress at TO4 of operator, attention
T23 | not-competent          | 0    | requester           | reply                                    | message_received[citizen] → not-competent at REGION, attention
T23 | external-work          | 0    | requester           | reply                                    | message_received[citizen] → external-work at REGION of regional-operator, attention
T24 | auto-closed            | 0    | requester           | reply                                    | Over
T24 | removed                | 0    | requester           | reply                                    | Over
";

/// Who must write, and who reads it (§4.2, §5.1).
pub(crate) const NOTES: &str = "
T04 | in-progress            | 0    | operator            | ask-info                                 | NoteRequired published
T04 | in-progress            | 0    | operator            | ask-info + internal                      | NoteRequired published
T06 | awaiting-info          | 0    | operator            | cancel-question                          | NoteRequired internal
T06 | awaiting-info          | 0    | operator            | cancel-question + published              | NoteRequired internal
T09 | in-progress            | 0    | operator            | resolve                                  | NoteRequired published
T09 | in-progress            | 0    | operator            | resolve + internal                       | NoteRequired published
T11 | resolved               | 0    | operator            | reopen                                   | NoteRequired internal
T13 | in-progress            | 0    | operator            | hand-over                                | NoteRequired published
T13 | in-progress            | 0    | operator            | hand-over + internal                     | NoteRequired published
T13 | in-progress            | 0    | operator            | hand-over other + published + short      | NoteTooShort
T13 | in-progress            | 0    | operator            | hand-over wrong-service + published + short | handed_over[region] → not-competent at REGION
T15 | not-competent          | 0    | regional-operator   | resolve + internal                       | NoteRequired published
T16 | not-competent          | 0    | regional-operator   | return + internal                        | NoteRequired published
T17 | not-competent          | 0    | regional-operator   | reroute CN1                              | NoteRequired published
T18 | in-progress at region  | 0    | regional-operator   | open-activity                            | NoteRequired published
T21 | auto-closed            | 0    | supervisor          | reopen                                   | NoteRequired internal
T22 | in-progress            | 0    | supervisor          | remove                                   | NoteRequired internal
§5  | in-progress            | 0    | operator            | note                                     | NoteRequired internal
§5  | in-progress            | 0    | operator            | note + internal                          | note.added[team] → in-progress at TO4 of operator
§5  | in-progress            | 0    | operator            | note + published                         | note.added[citizen] → in-progress at TO4 of operator
§5  | in-progress            | 0    | operator            | note + published + for citizen           | note.added[citizen] → in-progress at TO4 of operator
§5  | in-progress            | 0    | operator            | note + internal + for citizen            | AudienceMismatch team
§5  | in-progress            | 0    | operator            | hand-over + published + for citizen      | AudienceMismatch region
§5  | in-progress            | 0    | operator            | hand-over + published + for region       | handed_over[region] → not-competent at REGION
§5  | not-competent          | 0    | regional-operator   | return + published + for citizen         | AudienceMismatch authority
§5  | in-progress at region  | 0    | regional-operator   | open-activity + published + for citizen  | AudienceMismatch technical
§5  | in-progress            | 0    | operator            | publish-note operator                    | note.published[citizen] → in-progress at TO4 of operator
§5  | in-progress            | 0    | colleague           | publish-note operator                    | Forbidden
§5  | in-progress            | 0    | supervisor          | publish-note operator                    | note.published[citizen] → in-progress at TO4 of operator
§5  | in-progress            | 0    | supervisor          | publish-note cn1-operator                | NotPublishable
§5  | in-progress at region  | 0    | regional-supervisor | publish-note operator                    | NotPublishable
§5  | in-progress            | 0    | operator            | publish-note operator published          | NotPublishable
§5  | in-progress            | 0    | operator            | publish-note operator + for team         | AudienceMismatch citizen
";

/// Who may do it: custody, owners, roles (§2.2, I-5, I-6).
pub(crate) const DESKS: &str = "
I-5 | not-competent          | 0    | operator            | note + internal                          | NotInCustody
I-5 | not-competent          | 0    | supervisor          | remove + internal                        | NotInCustody
I-5 | in-progress            | 0    | regional-operator   | note + internal                          | NotInCustody
I-5 | in-progress            | 0    | cn1-supervisor      | take                                     | NotInCustody
T03 | in-progress            | 0    | colleague           | assign + to colleague                    | Forbidden
T03 | in-progress            | 0    | supervisor          | assign + to supervisor                   | assigned → in-progress at TO4 of supervisor
T03 | in-progress            | 0    | colleague           | note + internal + to colleague           | Forbidden
T03 | in-progress            | 0    | operator            | note + internal + to colleague           | note.added[team], assigned → in-progress at TO4 of colleague
T03 | in-progress            | 0    | operator            | assign                                   | AssigneeRequired
T03 | resolved               | 0    | operator            | note + internal + to colleague           | AssigneeNotAllowed
T09 | in-progress            | 0    | operator            | resolve + published + to colleague       | AssigneeNotAllowed
T09 | in-progress            | 0    | operator            | resolve withdrawn + published            | CodeNotForPeople
T09 | in-progress            | 0    | operator            | resolve no-answer + published            | CodeNotForPeople
T13 | in-progress            | 0    | operator            | hand-over + published + to colleague     | AssigneeNotAllowed
T13 | awaiting-info          | 0    | operator            | hand-over + published                    | TransitionNotAllowed
T13 | in-progress at region  | 0    | regional-operator   | hand-over + published                    | Forbidden
T14 | not-competent          | 0    | operator            | take                                     | NotInCustody
T14 | given, not taken       | 0    | regional-operator   | take                                     | Forbidden
T14 | given, not taken       | 0    | regional-colleague  | take                                     | taken → in-progress at REGION of regional-colleague
T14 | given, not taken       | 0    | regional-supervisor | take                                     | taken, assigned → in-progress at REGION of regional-supervisor
T16 | handed over twice      | 0    | regional-operator   | return + published                       | Forbidden
T16 | not-competent          | 0    | regional-operator   | return inactive + published              | AuthorityInactive
T16 | not-competent          | 0    | regional-operator   | return heir + published                  | returned[authority TO5] → new at TO5, bounces 1
T16 | not-competent          | 0    | regional-operator   | return stranger + published              | NoPreviousAuthority
T17 | not-competent          | 0    | regional-operator   | reroute heir + published                 | SameAuthority
T17 | started at region      | 0    | regional-operator   | reroute TO4 + published                  | rerouted[authority TO4] → new at TO4
I-6 | new                    | 0    | system              | place                                    | assigned → new at TO4 of supervisors
I-6 | in-progress            | 0    | system              | place                                    | NotDue
I-6 | resolved               | 0    | system              | place                                    | NotDue
I-6 | new                    | 0    | supervisor          | place                                    | Forbidden
T16 | started at region      | 0    | regional-operator   | return + published                       | NoPreviousAuthority
T16 | in-progress            | 0    | supervisor          | return + published                       | Forbidden
T17 | not-competent          | 0    | regional-operator   | reroute TO4 + published                  | SameAuthority
T17 | not-competent          | 0    | regional-operator   | reroute CN1 inactive + published         | AuthorityInactive
T17 | not-competent          | 0    | regional-operator   | reroute REGION + published               | AuthorityInactive
T18 | not-competent          | 0    | regional-operator   | open-activity + published                | TransitionNotAllowed
T21 | auto-closed            | 0    | operator            | reopen + internal                        | Forbidden
T21 | auto-closed            | 30d+ | supervisor          | reopen + internal                        | TransitionNotAllowed
T21 | removed                | 0    | supervisor          | reopen + internal                        | TransitionNotAllowed
T22 | in-progress            | 0    | operator            | remove + internal                        | Forbidden
T22 | in-progress            | 0    | supervisor          | remove duplicate + internal              | SurvivorRequired
T22 | auto-closed            | 0    | supervisor          | remove + internal                        | TransitionNotAllowed
§5  | in-progress            | 0    | operator            | describe                                 | described → in-progress at TO4 of operator
§5  | in-progress            | 0    | admin               | describe                                 | Forbidden
§5  | in-progress at region  | 0    | auditor             | describe                                 | Forbidden
§5  | in-progress            | 0    | cn1-operator        | describe                                 | NotInCustody
§5  | auto-closed            | 0    | operator            | describe                                 | TransitionNotAllowed
";

/// What the system gives out (§4.2 T03, I-6), and what a colleague does to it then (T02).
pub(crate) const ALLOTTED: &str = "
T03 | new                    | 0    | system              | allot                                    | assigned → new at TO4 of colleague
T03 | not-competent          | 0    | system              | allot                                    | assigned → not-competent at REGION of regional-colleague
T03 | given by the system    | 0    | system              | allot                                    | NotDue
T03 | in-progress            | 0    | system              | allot                                    | NotDue
T03 | resolved               | 0    | system              | allot                                    | NotDue
T03 | auto-closed            | 0    | system              | allot                                    | NotDue
T03 | new                    | 0    | supervisor          | allot                                    | Forbidden
T03 | new                    | 0    | requester           | allot                                    | Forbidden
T02 | given by the system    | 0    | colleague           | take                                     | taken → in-progress at TO4 of colleague
T02 | given by the system    | 0    | operator            | take                                     | Forbidden
T02 | given by the system    | 0    | supervisor          | take                                     | taken, assigned → in-progress at TO4 of supervisor
T02 | given by the system    | 0    | operator            | note + internal                          | taken, note.added[team] → in-progress at TO4 of colleague
T02 | given by the system    | 0    | operator            | assign + to operator                     | Forbidden
T13 | given by the system    | 0    | operator            | hand-over + published                    | handed_over[region] → not-competent at REGION
I15 | given by the system    | 0    | system              | release                                  | released → new at TO4
";

/// When a requester may nudge: two days after filing or the nudge before, and twice, in these tests.
pub(crate) const NUDGES: &str = "
new | new                    | 2d-  | requester           | nudge                                    | NudgeTooEarly
new | new                    | 2d   | requester           | nudge                                    | nudged → new at TO4, attention, nudges 1
new | in-progress            | 2d   | requester           | nudge                                    | nudged → in-progress at TO4 of operator, attention, nudges 1
new | not-competent          | 2d   | requester           | nudge                                    | nudged → not-competent at REGION, attention, nudges 1
new | external-work          | 2d   | requester           | nudge                                    | nudged → external-work at REGION of regional-operator, attention, nudges 1
new | awaiting-info          | 2d   | requester           | nudge                                    | TransitionNotAllowed
new | resolved               | 2d   | requester           | nudge                                    | TransitionNotAllowed
new | auto-closed            | 2d   | requester           | nudge                                    | TransitionNotAllowed
new | removed                | 2d   | requester           | nudge                                    | TransitionNotAllowed
new | nudged                 | 2d-  | requester           | nudge                                    | NudgeTooEarly
new | nudged                 | 2d   | requester           | nudge                                    | nudged → in-progress at TO4 of operator, attention, nudges 2
new | nudged twice           | 2d   | requester           | nudge                                    | NudgesUsedUp
new | nudged twice           | 0    | requester           | nudge                                    | NudgesUsedUp
new | new                    | 2d   | operator            | nudge                                    | Forbidden
new | new                    | 2d   | system              | nudge                                    | Forbidden
new | nudged                 | 0    | operator            | note + published                         | note.added[citizen] → in-progress at TO4 of operator, nudges 1
";

/// What a playbook lets happen, and what its answers do (T02, T09, T13, A-7).
pub(crate) const PLAYBOOKS: &str = "
T02 | new                    | 0    | operator            | answer continue                          | taken, playbook.decided → in-progress at TO4 of operator
T02 | in-progress            | 0    | colleague           | answer escalate                          | playbook.decided → in-progress at TO4 of operator
T02 | to be handed over      | 0    | operator            | answer escalate                          | → in-progress at TO4 of operator
T02 | to be handed over      | 0    | operator            | answer continue                          | playbook.decided → in-progress at TO4 of operator
T02 | resolved               | 0    | operator            | answer escalate                          | TransitionNotAllowed
T02 | in-progress            | 0    | admin               | answer escalate                          | Forbidden
T02 | in-progress            | 0    | cn1-operator        | answer escalate                          | NotInCustody
T02 | not-competent          | 0    | operator            | answer escalate                          | NotInCustody
T13 | in-progress            | 0    | operator            | hand-over + published + governed         | PlaybookNotSatisfied
T13 | in-progress            | 0    | supervisor          | hand-over + published + governed         | PlaybookNotSatisfied
T13 | in-progress            | 0    | operator            | hand-over + governed                     | PlaybookNotSatisfied
T13 | in-progress            | 0    | operator            | hand-over + published + governed + overridden | Forbidden
T13 | in-progress            | 0    | supervisor          | hand-over + published + governed + overridden | playbook.overridden[team], handed_over[region] → not-competent at REGION
T13 | held                   | 0    | operator            | hand-over + published + governed         | PlaybookNotSatisfied
T13 | to be handed over      | 0    | operator            | hand-over + published + governed         | handed_over[region] → not-competent at REGION
T13 | to be handed over      | 0    | supervisor          | hand-over + published + governed + overridden | handed_over[region] → not-competent at REGION
T13 | to be handed over      | 0    | operator            | hand-over + published + governed + overridden | Forbidden
T13 | returned after checks  | 0    | operator            | hand-over + published + governed         | PlaybookNotSatisfied
T09 | held                   | 0    | operator            | resolve + published + governed           | PlaybookNotSatisfied
T09 | held                   | 0    | supervisor          | resolve + published + overridden         | PlaybookNotSatisfied
T09 | in-progress            | 0    | operator            | resolve + published + governed           | resolved information-given[citizen] → resolved at TO4 of operator
T20 | held                   | 0    | requester           | withdraw                                 | resolved withdrawn → resolved at TO4 of operator, attention
A-7 | held                   | 2d   | system              | review                                   | NotDue
A-7 | held                   | 3d   | system              | review                                   | playbook.review_due → in-progress at TO4 of operator, attention
A-7 | held and looked at     | 9d   | system              | review                                   | NotDue
A-7 | held and looked at     | 0    | operator            | answer hold                              | playbook.decided → in-progress at TO4 of operator, attention
A-7 | held                   | 0    | operator            | answer hold                              | → in-progress at TO4 of operator
A-7 | in-progress            | 3d   | system              | review                                   | NotDue
";

/// When timers fire and windows end (§4.3).
pub(crate) const CLOCK: &str = "
T07 | awaiting-info          | 5d-  | system              | remind                                   | NotDue
T07 | in-progress            | 5d   | system              | remind                                   | NotDue
T07 | awaiting-info          | 5d   | operator            | remind                                   | Forbidden
T08 | awaiting-info          | 30d- | system              | give-up                                  | NotDue
T08 | awaiting-info          | 30d  | system              | remind                                   | NotDue
T08 | awaiting-info          | 30d  | supervisor          | give-up                                  | Forbidden
T10 | resolved               | 7d+  | requester           | reply                                    | Over
T12 | resolved               | 7d   | system              | auto-close                               | NotDue
T12 | resolved               | 7d+  | supervisor          | auto-close                               | Forbidden
T12 | auto-closed            | 7d+  | system              | auto-close                               | NotDue
T12 | in-progress            | 7d+  | system              | auto-close                               | NotDue
T20 | resolved               | 0    | requester           | withdraw                                 | TransitionNotAllowed
";

/// Linking, merging and undoing it (T22, `docs/adr/0027`).
pub(crate) const LINKS: &str = "
T22 | in-progress            | 0    | supervisor          | merge                                    | removed → removed at TO4 of operator
T22 | new                    | 0    | regional-supervisor | merge                                    | removed → removed at TO4
T22 | resolved               | 0    | supervisor          | merge                                    | removed → removed at TO4 of operator
T22 | in-progress            | 0    | operator            | merge                                    | Forbidden
T22 | in-progress            | 0    | cn1-supervisor      | merge                                    | NotInCustody
T22 | auto-closed            | 0    | supervisor          | merge                                    | TransitionNotAllowed
T22 | merged                 | 0    | supervisor          | merge                                    | TransitionNotAllowed
T22 | in-progress            | 0    | supervisor          | merge itself                             | MergeNotAllowed(Itself)
T22 | in-progress            | 0    | supervisor          | merge elsewhere                          | MergeNotAllowed(OtherCustody)
T22 | in-progress            | 0    | regional-supervisor | merge elsewhere                          | MergeNotAllowed(OtherCustody)
T22 | in-progress            | 0    | supervisor          | merge that is over                       | MergeNotAllowed(SurvivorOver)
T22 | in-progress            | 0    | supervisor          | merge of a stranger                      | MergeNotAllowed(OtherRequester)
T22 | merged                 | 1d   | supervisor          | undo-merge                               | restored → in-progress at TO4 of operator, attention
T22 | merged                 | 1d+  | supervisor          | undo-merge                               | MergeNotAllowed(TooLate)
T22 | merged                 | 0    | operator            | undo-merge                               | Forbidden
T22 | merged                 | 0    | cn1-supervisor      | undo-merge                               | NotInCustody
T22 | merged                 | 0    | supervisor          | undo-merge elsewhere                     | MergeNotAllowed(OtherCustody)
T22 | merged                 | 0    | supervisor          | undo-merge that is over                  | MergeNotAllowed(SurvivorOver)
T22 | removed                | 0    | supervisor          | undo-merge                               | TransitionNotAllowed
T22 | in-progress            | 0    | supervisor          | undo-merge                               | TransitionNotAllowed
T24 | merged                 | 0    | requester           | reply                                    | Over
§4  | new                    | 0    | operator            | link                                     | link.added → new at TO4
§4  | resolved               | 0    | operator            | unlink                                   | link.removed → resolved at TO4 of operator
§4  | auto-closed            | 0    | operator            | link                                     | TransitionNotAllowed
§4  | not-competent          | 0    | operator            | link                                     | NotInCustody
§4  | in-progress            | 0    | admin               | link                                     | Forbidden
§4  | in-progress            | 0    | operator            | link duplicate                           | Forbidden
§4  | in-progress            | 0    | regional-supervisor | link duplicate                           | link.added → in-progress at TO4 of operator
";

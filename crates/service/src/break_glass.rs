//! Break-glass (`domain.md` P-3): asking, agreeing, ending, and telling the data protection officer of
//! each. What a grant opens is read in `granted`; where it stands is `domain::break_glass`' affair.
//!
//! Invariant: each step is one transaction with the message that tells the officer of it. The message
//! about the end is put out when the grant is asked for, due when the grant would be over by itself, and
//! moved whenever that moves: so the officer hears of every end, and once.

use domain::actor::Staff;
use domain::break_glass::{Grant, GrantRefused, GrantState, Party};
use domain::ids::{GrantId, MessageId, TicketRef};
use domain::invalid::Lang;
use domain::purpose::{Purpose, Reason};
use domain::visibility::{Opened, Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::break_glass::{self, StoredGrant};
use storage::outbox::{self, Outgoing};
use storage::{DbConnection, accounts, dialect, lives, tickets};

use crate::action_form::not_in_list;
use crate::granted::LOOKED_BACK;
use crate::labels::Labelled;
use crate::once::{Answer, Once};
use crate::texts::MailTemplate;
use crate::{Desk, DeskError};

/// A grant to ask for, checked but for what it names.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// The authority whose requests it opens.
    pub authority: Option<String>,
    /// Or the id or number of the one request.
    pub ticket: Option<String>,
    /// Why.
    pub purpose: Purpose,
    /// Why, in the asker's own words.
    pub reason: Reason,
    /// For how many hours.
    pub hours: i32,
}

/// A grant as those see it who ask, agree and audit.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct GrantView {
    pub id: GrantId,
    pub state: GrantState,
    pub authority: Option<Labelled>,
    pub ticket: Option<uuid::Uuid>,
    pub purpose: Purpose,
    pub reason: String,
    pub hours: i32,
    pub asked_by: GrantParty,
    pub asked_at: Timestamp,
    pub approved_by: Option<GrantParty>,
    pub approved_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub first_used_at: Option<Timestamp>,
    pub ended_by: Option<GrantParty>,
    pub ended_at: Option<Timestamp>,
}

/// Somebody who took a step with a grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GrantParty {
    /// The account.
    pub id: uuid::Uuid,
    /// Its holder's name.
    pub label: Option<String>,
}

/// What the officer is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Asked,
    Approved,
    FirstUsed,
    Over,
}

impl Step {
    const ALL: [Step; 4] = [Step::Asked, Step::Approved, Step::FirstUsed, Step::Over];

    const fn as_str(self) -> &'static str {
        match self {
            Step::Asked => "asked",
            Step::Approved => "approved",
            Step::FirstUsed => "first-used",
            Step::Over => "over",
        }
    }
}

impl Desk {
    /// Asks for a grant. Somebody else has to agree before it opens anything.
    pub fn ask_break_glass(
        &self,
        staff: &Staff,
        new: NewGrant,
        once: &Once,
    ) -> Result<Answer<GrantView>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            // What cannot be told of does not happen.
            if desk.settings.privacy.officer_email.is_none() {
                return Err(GrantRefused::NobodyToTell.into());
            }
            let opens = desk.named_by(conn, &new)?;
            let line = format!("break-glass:{account}");
            dialect::follow_each_other(conn, &line).map_err(storage::StoreError::from)?;
            let since = now.checked_sub(LOOKED_BACK).unwrap_or(now);
            let before = break_glass::list_unended_of(conn, account, since)?;
            if before.iter().any(|one| one.grant.state(now).is_open()) {
                return Err(GrantRefused::AnotherOpen.into());
            }
            let end_message = MessageId::new(desk.ids.uuid());
            let stored = StoredGrant {
                grant: Grant {
                    id: GrantId::new(desk.ids.uuid()),
                    asked_by: account,
                    asked_at: now,
                    opens,
                    purpose: new.purpose,
                    hours: new.hours,
                    approved: None,
                    first_used_at: None,
                    ended: None,
                },
                reason: new.reason.as_str().to_owned(),
                end_message,
            };
            break_glass::insert(conn, &stored)?;
            desk.tell_officer(conn, stored.grant.id, Step::Asked, now)?;
            let over = desk.officer_message(stored.grant.id, Step::Over)?;
            let over = Outgoing {
                id: end_message,
                ..over
            };
            outbox::put_for(conn, &over, stored.grant.over_at(), now)?;
            desk.grant_view(conn, stored, now)
        })
    }

    /// Agrees to somebody else's grant, which then is in force.
    pub fn approve_break_glass(
        &self,
        staff: &Staff,
        id: GrantId,
        once: &Once,
    ) -> Result<Answer<GrantView>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let mut stored = break_glass::find(conn, id)?.ok_or(DeskError::NotFound)?;
            let asker = stored.grant.asked_by;
            let asker_print = lives::find(conn, asker)?.and_then(|life| life.person_print);
            let own_print = lives::find(conn, account)?.and_then(|life| life.person_print);
            let asker = Party {
                account: asker,
                person: asker_print.as_deref(),
            };
            let by = Party {
                account,
                person: own_print.as_deref(),
            };
            stored.grant.approve(asker, by, now)?;
            break_glass::save_approval(conn, id, account, now)?;
            outbox::reschedule(conn, stored.end_message, stored.grant.over_at())?;
            desk.tell_officer(conn, id, Step::Approved, now)?;
            desk.grant_view(conn, stored, now)
        })
    }

    /// Ends a grant before its time: who asked for it, and whoever could agree to it.
    pub fn end_break_glass(
        &self,
        staff: &Staff,
        id: GrantId,
        once: &Once,
    ) -> Result<Answer<GrantView>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let mut stored = break_glass::find(conn, id)?.ok_or(DeskError::NotFound)?;
            stored.grant.end(account, now)?;
            break_glass::save_end(conn, id, account, now)?;
            outbox::reschedule(conn, stored.end_message, now)?;
            desk.grant_view(conn, stored, now)
        })
    }

    /// A page of grants, the newest first.
    pub fn list_break_glass(
        &self,
        before: Option<(Timestamp, GrantId)>,
        limit: i64,
    ) -> Result<Vec<GrantView>, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let found = break_glass::list(conn, before, limit)?;
            let views = found.into_iter();
            views.map(|one| self.grant_view(conn, one, now)).collect()
        })
    }

    pub(crate) fn note_first_use(&self, id: GrantId) -> Result<(), DeskError> {
        let desk = self.clone();
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            if break_glass::save_first_use(conn, id, now)? {
                desk.tell_officer(conn, id, Step::FirstUsed, now)?;
            }
            Ok(())
        })
    }

    /// What a grant is for: an authority, or a ticket, and not both.
    fn named_by(&self, conn: &mut DbConnection, new: &NewGrant) -> Result<Opened, DeskError> {
        let unknown = |pointer| DeskError::field(not_in_list().at(pointer));
        match (&new.authority, &new.ticket) {
            (Some(code), _) => {
                let found = self.reference.authority_any(code);
                let found = found.ok_or_else(|| unknown("/authority_code"))?;
                Ok(Opened::Authority(found.code.clone()))
            }
            (None, named) => {
                let wanted = named.as_deref().and_then(TicketRef::parse);
                let wanted = wanted.ok_or_else(|| unknown("/ticket"))?;
                let found = tickets::find_id(conn, &wanted)?;
                Ok(Opened::Ticket(found.ok_or_else(|| unknown("/ticket"))?))
            }
        }
    }

    fn tell_officer(
        &self,
        conn: &mut DbConnection,
        id: GrantId,
        step: Step,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let message = self.officer_message(id, step)?;
        Ok(outbox::put(conn, &message, now)?)
    }

    fn officer_message(&self, id: GrantId, step: Step) -> Result<Outgoing, DeskError> {
        // Unset after the grant was asked for: the rest of its steps cannot be told of, either.
        let officer = self.settings.privacy.officer_email.as_ref();
        let officer = officer.ok_or(DeskError::Grant(GrantRefused::NobodyToTell))?;
        let recipient = officer.as_str().to_owned();
        Ok(Outgoing {
            payload: Some(format!("{} {id}", step.as_str())),
            ..self.message(MailTemplate::BreakGlass, recipient, Lang::It)
        })
    }

    /// What the officer reads: codes, times and labels, and nobody's name.
    pub(crate) fn grant_lines(
        &self,
        conn: &mut DbConnection,
        payload: &str,
        lang: Lang,
    ) -> Result<String, DeskError> {
        let nothing = || DeskError::Broken("a message is about no grant", None);
        let (step, id) = payload.split_once(' ').ok_or_else(nothing)?;
        let step = Step::ALL.into_iter().find(|one| one.as_str() == step);
        let step = step.ok_or_else(nothing)?;
        let id: GrantId = id.parse().map_err(|_| nothing())?;
        let stored = break_glass::find(conn, id)?.ok_or(DeskError::NotFound)?;
        let grant = stored.grant;
        let at = |at: Timestamp| self.moment_for_people(at);
        let opens = match &grant.opens {
            Opened::Authority(code) => self.authority_label(code).label.to(lang).to_owned(),
            Opened::Ticket(_) | Opened::Inspected(_) => {
                in_words(lang, "una sola richiesta", "one single request").to_owned()
            }
        };
        let headline = match step {
            Step::Asked => in_words(lang, "Accesso chiesto", "Access asked for"),
            Step::Approved => in_words(lang, "Accesso approvato", "Access approved"),
            Step::FirstUsed => in_words(lang, "Primo utilizzo", "First use"),
            Step::Over => in_words(lang, "Accesso terminato", "Access over"),
        };
        let mut lines = vec![
            format!("{headline}: {id}"),
            format!("{}: {opens}", in_words(lang, "Su", "On")),
            format!(
                "{}: {}",
                in_words(lang, "Finalità", "Purpose"),
                grant.purpose.label().to(lang)
            ),
            format!(
                "{}: {}",
                in_words(lang, "Chiesto il", "Asked on"),
                at(grant.asked_at)
            ),
        ];
        let mut more = |it, en, moment: Option<Timestamp>| {
            let line = moment.map(|moment| format!("{}: {}", in_words(lang, it, en), at(moment)));
            lines.extend(line);
        };
        more(
            "Approvato il",
            "Approved on",
            grant.approved.map(|(_, at)| at),
        );
        more("Primo utilizzo il", "First used on", grant.first_used_at);
        more("In vigore fino al", "In force until", grant.ends_at());
        more("Terminato il", "Ended on", grant.ended.map(|(_, at)| at));
        Ok(lines.join("\n"))
    }

    /// An instant as mails write it, where the installation is.
    pub(crate) fn moment_for_people(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.settings.time_zone.clone());
        local.strftime("%d/%m/%Y %H:%M").to_string()
    }

    fn grant_view(
        &self,
        conn: &mut DbConnection,
        stored: StoredGrant,
        now: Timestamp,
    ) -> Result<GrantView, DeskError> {
        let grant = stored.grant;
        let mut party = |one: Option<domain::ids::AccountId>| match one {
            None => Ok::<_, DeskError>(None),
            Some(id) => Ok(Some(GrantParty {
                id: id.uuid(),
                label: accounts::find_label(conn, id)?,
            })),
        };
        let asked_by = party(Some(grant.asked_by))?;
        let (authority, ticket) = match &grant.opens {
            Opened::Authority(code) => (Some(self.authority_label(code)), None),
            Opened::Ticket(id) | Opened::Inspected(id) => (None, Some(id.uuid())),
        };
        Ok(GrantView {
            id: grant.id,
            state: grant.state(now),
            authority,
            ticket,
            purpose: grant.purpose,
            reason: stored.reason,
            hours: grant.hours,
            asked_by: asked_by.ok_or(DeskError::Broken("a grant nobody asked for", None))?,
            asked_at: grant.asked_at,
            approved_by: party(grant.approved.map(|(by, _)| by))?,
            approved_at: grant.approved.map(|(_, at)| at),
            ends_at: grant.ends_at(),
            first_used_at: grant.first_used_at,
            ended_by: party(grant.ended.map(|(by, _)| by))?,
            ended_at: grant.ended.map(|(_, at)| at),
        })
    }
}

const fn in_words(lang: Lang, it: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::It => it,
        Lang::En => en,
    }
}

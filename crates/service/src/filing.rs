//! Filing a ticket (T01), and the follow-up of a closed one (T24).

use domain::actor::{Actor, Staff};
use domain::codes::AuthorityCode;
use domain::filing::{CitizenIdentity, Filer, Filing, FilingForm, check};
use domain::ids::{TicketId, TicketNumber};
use domain::invalid::{FieldError, Invalid, Lang};
use domain::links::{Traits, overlaps};
use domain::note::Attachment;
use domain::notification::Before;
use domain::permissions::{self, Right};
use domain::rejection::Rejection;
use domain::state::Channel;
use domain::tax_code::TaxCode;
use domain::ticket::{NewTicket, Target, Ticket};
use domain::visibility::Scope;
use escalation::routing::{Case, CustodyChange};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::links::{self, EXAM_DATE, Filed};
use storage::sla::Kept;
use storage::tickets::{self, Details, Dossier, Following, RequesterKind};
use storage::{DbConnection, counters, dialect, email_proofs, trail};

use crate::attachments::{CheckedFile, RawFile};
use crate::clock::lock;
use crate::links::AlikeTicket;
use crate::once::{Answer, Once};
use crate::own_screen::RequesterTicket;
use crate::{Desk, DeskError, sla};

/// Who files.
#[derive(Clone)]
pub enum FiledBy {
    /// Somebody who proved an e-mail address.
    Anonymous {
        /// The proof they show.
        email_proof: Option<String>,
    },
    /// A citizen with a national identity.
    Citizen {
        /// What the identity says of them.
        person: CitizenIdentity,
        /// Issuer and subject, joined.
        identity: String,
    },
    /// A member of staff, on a caller's behalf.
    Staff(Staff),
}

impl FiledBy {
    fn filer<'a>(&'a self, delegators: Option<&'a [TaxCode]>) -> Filer<'a> {
        match (self, delegators) {
            (FiledBy::Anonymous { .. }, _) => Filer::Anonymous,
            (FiledBy::Citizen { person, .. }, None) => Filer::Citizen(person),
            (FiledBy::Citizen { person, .. }, Some(delegators)) => Filer::Delegate {
                identity: person,
                delegators,
            },
            (FiledBy::Staff(_), _) => Filer::Staff,
        }
    }

    /// Where the filer may write: a requester without an identity, around the new ticket alone.
    fn scope(&self, new: TicketId) -> Scope {
        match self {
            FiledBy::Anonymous { .. } => Scope::Tracking(new),
            FiledBy::Citizen { identity, person } => Scope::Citizen {
                identity: identity.clone(),
                tax_code: person.tax_code.clone(),
                // Whomever it is about: what they file is found by their identity.
                delegators: Vec::new(),
            },
            FiledBy::Staff(staff) => Scope::of(staff),
        }
    }

    /// The way it comes in, and from what sort of requester.
    fn way_in(&self) -> (Channel, RequesterKind) {
        match self {
            FiledBy::Anonymous { .. } => (Channel::Portal, RequesterKind::Anonymous),
            FiledBy::Citizen { .. } => (Channel::Portal, RequesterKind::Citizen),
            FiledBy::Staff(_) => (Channel::OperatorForm, RequesterKind::Staff),
        }
    }

    /// The national identity, or the account.
    fn identity(&self) -> Option<String> {
        match self {
            FiledBy::Anonymous { .. } => None,
            FiledBy::Citizen { identity, .. } => Some(identity.clone()),
            FiledBy::Staff(staff) => Some(staff.account.to_string()),
        }
    }

    /// Whether a ticket about the person with this tax code is one that a delegate filed.
    fn is_for_another(&self, person: &str) -> bool {
        matches!(self, FiledBy::Citizen { person: own, .. } if own.tax_code.as_str() != person)
    }

    fn actor(&self) -> Actor {
        match self {
            FiledBy::Staff(staff) => Actor::Staff(staff.clone()),
            FiledBy::Anonymous { .. } | FiledBy::Citizen { .. } => Actor::Requester,
        }
    }
}

/// A form that passed every check.
pub struct CheckedFiling {
    filing: Filing,
    by: FiledBy,
    proof: Option<domain::ids::ProofId>,
    lang: Lang,
    /// The file that goes along, to be kept before filing.
    pub file: Option<CheckedFile>,
}

/// A ticket just filed.
#[derive(Clone, Serialize, Deserialize)]
pub struct FiledTicket {
    /// As its requester sees it.
    #[serde(flatten)]
    pub ticket: RequesterTicket,
    /// What looks like it. Answers kept before there were hints do not say.
    #[serde(default)]
    pub possible_duplicates: Vec<AlikeTicket>,
}

/// Numbers taken from the database and not used yet.
#[derive(Debug, Default)]
pub struct NumberBlock {
    next: i64,
    end: i64,
}

/// What the rules never lead to: a new ticket has the region at least.
pub(crate) const NO_DESK: DeskError = DeskError::Broken("no desk for a new ticket", None);

/// How many numbers a node takes at a time: the most that a restart skips.
const NUMBER_BLOCK: i64 = 20;

impl Desk {
    /// Checks a form and its file, and names every bad field at once.
    pub fn check_filing(
        &self,
        form: &FilingForm,
        by: FiledBy,
        file: Option<RawFile>,
        lang: Lang,
    ) -> Result<CheckedFiling, DeskError> {
        if let FiledBy::Staff(staff) = &by
            && !permissions::has(staff.role, Right::File)
        {
            return Err(DeskError::Forbidden);
        }
        let delegators = self.delegators_for(form, &by)?;
        let mut errors = Vec::new();
        let filing = check(
            form,
            &by.filer(delegators.as_deref()),
            &self.reference,
            self.today(),
            &self.settings.text_limits,
        )
        .map_err(|found| errors.extend(found))
        .ok();
        let proof = self
            .read_proof(&by)
            .map_err(|found| errors.push(found))
            .ok()
            .flatten();
        let file = file
            .map(RawFile::check)
            .transpose()
            .map_err(|found| errors.push(found))
            .ok()
            .flatten();
        match filing {
            Some(filing) if errors.is_empty() => Ok(CheckedFiling {
                filing,
                by,
                proof,
                lang,
                file,
            }),
            _ => Err(DeskError::Invalid(errors)),
        }
    }

    /// Asks for the filer's delegations, if the form needs one.
    fn delegators_for(
        &self,
        form: &FilingForm,
        by: &FiledBy,
    ) -> Result<Option<Vec<TaxCode>>, DeskError> {
        match by {
            FiledBy::Citizen { person, .. } if form.is_for_another(&person.tax_code) => self
                .delegators_of(&person.tax_code)
                .map(Some)
                .map_err(DeskError::Outside),
            _ => Ok(None),
        }
    }

    fn read_proof(&self, by: &FiledBy) -> Result<Option<domain::ids::ProofId>, FieldError> {
        let FiledBy::Anonymous { email_proof } = by else {
            return Ok(None);
        };
        match email_proof {
            None => Err(Invalid::new(
                "otp-required",
                "Conferma prima il tuo indirizzo e-mail",
                "prove your e-mail address first",
            )
            .at("/email_proof")),
            Some(text) => self
                .secrets
                .read_email_proof(text)
                .map(Some)
                .ok_or_else(wrong_proof),
        }
    }

    /// Files a ticket: number, row, history, receipt, all or nothing.
    pub fn file(
        &self,
        checked: CheckedFiling,
        attachment: Option<Attachment>,
        once: &Once,
    ) -> Result<Answer<FiledTicket>, DeskError> {
        let now = self.clock.now();
        let number = self.next_number(now)?;
        let desk = self.clone();
        let id = TicketId::new(self.ids.uuid());
        let scope = checked.by.scope(id);
        self.write_once(&scope, once, move |conn| {
            if let Some(proof) = checked.proof
                && !email_proofs::take(conn, proof, &checked.filing.email.mailbox(), now)?
            {
                return Err(DeskError::field(wrong_proof()));
            }
            let possible_duplicates = desk.look_around(conn, &checked, now)?;
            let to = desk.first_desk(conn, &checked, now)?;
            let (dossier, actor) = desk.dossier(&checked, &to.desk.code, now);
            let new = NewTicket {
                id,
                number,
                service: checked.filing.service_code,
                problem_type: checked.filing.problem_type,
                declared_authority: checked.filing.declared_authority,
                custodian: to.desk,
                route: to.route,
            };
            let ticket = desk.insert(conn, new, &dossier, &actor, attachment.as_ref(), now)?;
            let is_for_another = checked.by.is_for_another(&dossier.tax_code);
            Ok(FiledTicket {
                ticket: desk.requester_ticket(&ticket, &dossier, is_for_another),
                possible_duplicates,
            })
        })
    }

    /// Who works a new ticket first. The authority that its requester named must have begun to receive
    /// requests, or the rules must send the ticket elsewhere anyway (`domain.md` §9.5).
    fn first_desk(
        &self,
        conn: &mut DbConnection,
        checked: &CheckedFiling,
        now: jiff::Timestamp,
    ) -> Result<Target, DeskError> {
        let filing = &checked.filing;
        let (channel, requester) = checked.by.way_in();
        let case = Case {
            change: CustodyChange::Filing,
            service: &filing.service_code,
            problem_type: &filing.problem_type,
            declared: filing.declared_authority.as_ref(),
            requester,
            channel,
            reason: None,
            previous: None,
            named: None,
        };
        let decision = self.route(conn, &case, now)?;
        let declared = filing.declared_authority.as_ref();
        if declared.is_some_and(|code| decision.passed_over(code)) {
            return Err(Rejection::AuthorityInactive.into());
        }
        decision.target.ok_or(NO_DESK)
    }

    /// What looks like the new ticket among those that its filer may see anyway, and whether they file too
    /// many. Who has no identity is told nothing: the answer would say what others filed (A2).
    fn look_around(
        &self,
        conn: &mut DbConnection,
        checked: &CheckedFiling,
        now: jiff::Timestamp,
    ) -> Result<Vec<AlikeTicket>, DeskError> {
        let filing = &checked.filing;
        let service = filing.service_code.as_str();
        let settled_since = self.hint_since(now);
        let new = Traits {
            service,
            problem_type: filing.problem_type.as_str(),
            exam_date: filing.extra.get(EXAM_DATE).and_then(Value::as_str),
        };
        match &checked.by {
            FiledBy::Anonymous { .. } => Ok(Vec::new()),
            FiledBy::Citizen { identity, .. } => {
                let day = SignedDuration::from_hours(24);
                let since = now.checked_sub(day).unwrap_or(now);
                let quota = self.settings.quotas.filings_per_day;
                let about = (filing.tax_code.as_str(), service);
                let filed =
                    links::list_filed_by(conn, identity, about, (since, settled_since), quota)?;
                let recent = filed.iter().filter(|one| one.neighbour.created_at >= since);
                if i64::try_from(recent.count()).unwrap_or(i64::MAX) >= quota {
                    return Err(DeskError::Quota { retry_after: day });
                }
                let lasts = |one: &Filed| {
                    let (state, at) = (one.neighbour.state, one.settled_at);
                    one.tax_code == filing.tax_code.as_str()
                        && overlaps(state, at, now, self.settings.duplicate_hint)
                };
                let alike = filed.into_iter().filter(lasts).map(|one| one.neighbour);
                Ok(self.alike(new, alike, None))
            }
            FiledBy::Staff(staff) => {
                let scope = Scope::of(staff);
                let tax_code = &filing.tax_code;
                let found = links::list_alike(conn, &scope, tax_code, service, settled_since)?;
                let alike = found.into_iter().map(|one| one.neighbour);
                Ok(self.alike(new, alike, Some(&scope)))
            }
        }
    }

    fn dossier(
        &self,
        checked: &CheckedFiling,
        filed_at: &AuthorityCode,
        now: jiff::Timestamp,
    ) -> (Dossier, Actor) {
        let filing = &checked.filing;
        let (channel, requester) = checked.by.way_in();
        let dossier = Dossier {
            key_desk: filed_at.clone(),
            channel,
            requester,
            identity: checked.by.identity(),
            tax_code: filing.tax_code.as_str().to_owned(),
            given_name: filing.given_name.as_str().to_owned(),
            family_name: filing.family_name.as_str().to_owned(),
            email: filing.email.as_str().to_owned(),
            phone: filing.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            description: filing
                .description
                .as_ref()
                .map(|text| text.as_str().to_owned()),
            details: Details {
                extra: filing.extra.clone().into_iter().collect(),
                requester_role: filing.requester_role.clone(),
                recall_phone: filing
                    .recall_phone
                    .as_ref()
                    .map(|phone| phone.as_str().to_owned()),
                notification_email: filing
                    .notification_email
                    .as_ref()
                    .map(|email| email.as_str().to_owned()),
                lang: checked.lang,
                privacy_notice: filing.privacy_notice_version.clone(),
                self_help_path: filing.self_help_path.clone(),
                is_delegated: checked.by.is_for_another(filing.tax_code.as_str()),
            },
            follow_up_of: None,
            due_at: self.due_at(now),
        };
        (dossier, checked.by.actor())
    }

    /// When a ticket should be resolved for which no SLA policy says so.
    pub(crate) fn due_at(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        now.checked_add(self.settings.resolution_target)
            .unwrap_or(now)
    }

    /// Writes a new ticket with its history and the mails it causes.
    pub(crate) fn insert(
        &self,
        conn: &mut DbConnection,
        new: NewTicket,
        dossier: &Dossier,
        actor: &Actor,
        attachment: Option<&Attachment>,
        now: jiff::Timestamp,
    ) -> Result<Ticket, DeskError> {
        let (mut ticket, filed) = Ticket::file(new, now);
        let clocks = self.first_clocks(conn, &ticket, &filed)?;
        let due_at = sla::present(&clocks, &ticket).map_or(dossier.due_at, |clock| clock.due_at);
        let dossier = &Dossier {
            key_desk: ticket.custodian.code.clone(),
            due_at,
            ..dossier.clone()
        };
        let desk = ticket.custodian.code.clone();
        let kept = Kept {
            clocks,
            told: Vec::new(),
        };
        let news = self.news_of(&ticket, &filed.change, Some(filed.seq), &desk);
        let following = Following {
            subject: &self.labels_of(&ticket),
            clocks: sla::present(&kept.clocks, &ticket).map(|present| (&kept, present)),
            work: &self.first_work(&ticket, &kept.clocks, now),
            news: std::slice::from_ref(&news),
        };
        tickets::insert_with(
            conn, &ticket, dossier, &filed, actor, attachment, &following,
        )?;
        let is_of_another_desk = matches!(actor, Actor::Staff(staff) if staff.authority != desk);
        let events = std::slice::from_ref(&filed);
        let mut follow = |conn: &mut DbConnection| {
            self.tell(conn, &ticket, dossier, events, Before::of(&ticket), actor)?;
            self.tell_endpoints(conn, &news, now)?;
            self.on_arrival(conn, &mut ticket, dossier, events, now)
        };
        // Who files for another desk does not see what follows there.
        match is_of_another_desk {
            true => dialect::beyond_fence(conn, follow)?,
            false => follow(conn)?,
        }
        Ok(ticket)
    }

    /// The next number. Taken in blocks outside the filing's transaction, so that no filing waits
    /// for another's commit; unique over all nodes, and never used twice.
    pub(crate) fn next_number(&self, now: jiff::Timestamp) -> Result<TicketNumber, DeskError> {
        let mut block = lock(&self.numbers);
        if block.next >= block.end {
            let first = trail::apart(|| {
                self.db.write(|conn| {
                    Ok::<_, DeskError>(counters::take_block(conn, "tickets", NUMBER_BLOCK)?)
                })
            })?;
            *block = NumberBlock {
                next: first,
                end: first + NUMBER_BLOCK,
            };
        }
        let counter = block.next;
        block.next += 1;
        Ok(TicketNumber::new(self.day_of(now).year(), counter))
    }
}

fn wrong_proof() -> FieldError {
    Invalid::new(
        "otp-wrong",
        "Codice errato o già usato: conferma di nuovo il tuo indirizzo e-mail",
        "the proof is not valid for this address, or was used: prove your e-mail address again",
    )
    .at("/email_proof")
}

//! Which mails there are, what each is for, and its standard words.
//!
//! A new mail is a variant, two files under `templates/mail`, and an arm in each `match` here.

use domain::invalid::{Lang, Text};

use super::TextError;
use super::placeholders::Placeholder::{
    self, AuthorityLabel, ClosesOn, Code, Items, Link, Minutes, Note, Number, ServiceLabel,
    SurvivorNumber, TrackingLink,
};
use super::wording::Wording;

/// A mail to a requester (`domain.md` §3.6, §5.3) or to a member of staff (§11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailTemplate {
    /// Proves the address of an anonymous requester.
    OneTimeCode,
    /// The request was filed.
    Receipt,
    /// An operator asks.
    InfoRequested,
    /// The answer is still missing.
    InfoReminder,
    /// No answer came in time.
    AutoResolved,
    /// An operator resolved it.
    Resolved,
    /// Another authority has it now.
    Rerouted,
    /// The requester took it back.
    Withdrawn,
    /// It was closed and is worked again.
    Reopened,
    /// It goes on as another one. No link, because a removed request is no longer shown to its
    /// requester.
    Duplicate,
    /// The code that starts an account, to staff.
    SecurityCode,
    /// A password ends soon, to staff.
    CredentialExpiring,
    /// A program ends soon, to its contact.
    ClientExpiring,
    /// A review was asked for.
    ReviewRequested,
    /// A review was decided.
    ReviewDecided,
    /// A complaint came in.
    ComplaintReceived,
    /// The reply to a complaint takes longer.
    ComplaintExtended,
    /// The reply to a complaint.
    ComplaintReply,
    /// What somebody asked about their own data takes longer.
    RightsExtended,
    /// What somebody asked about their own data is answered.
    RightsAnswered,
    /// A copy of somebody's data can be fetched, once.
    ExportReady,
    /// It was closed after its reply window.
    Closed,
    /// There is something to read, and nothing of it.
    Pointer,
    /// A request is theirs now, to staff.
    StaffAssigned,
    /// The requester wrote, to the owner.
    StaffRequesterWrote,
    /// There is news in the queue, to those who work there.
    StaffQueue,
    /// The day's news, to a member of staff.
    StaffDigest,
    /// A step with a break-glass grant, to the data protection officer.
    BreakGlass,
}

impl MailTemplate {
    /// Every template.
    pub const ALL: [MailTemplate; 28] = [
        MailTemplate::OneTimeCode,
        MailTemplate::Receipt,
        MailTemplate::InfoRequested,
        MailTemplate::InfoReminder,
        MailTemplate::AutoResolved,
        MailTemplate::Resolved,
        MailTemplate::Rerouted,
        MailTemplate::Withdrawn,
        MailTemplate::Reopened,
        MailTemplate::Duplicate,
        MailTemplate::SecurityCode,
        MailTemplate::CredentialExpiring,
        MailTemplate::ClientExpiring,
        MailTemplate::ReviewRequested,
        MailTemplate::ReviewDecided,
        MailTemplate::ComplaintReceived,
        MailTemplate::ComplaintExtended,
        MailTemplate::ComplaintReply,
        MailTemplate::RightsExtended,
        MailTemplate::RightsAnswered,
        MailTemplate::ExportReady,
        MailTemplate::Closed,
        MailTemplate::Pointer,
        MailTemplate::StaffAssigned,
        MailTemplate::StaffRequesterWrote,
        MailTemplate::StaffQueue,
        MailTemplate::StaffDigest,
        MailTemplate::BreakGlass,
    ];

    /// The code kept in the outbox.
    pub const fn as_str(self) -> &'static str {
        match self {
            MailTemplate::OneTimeCode => "one-time-code",
            MailTemplate::Receipt => "receipt",
            MailTemplate::InfoRequested => "info-requested",
            MailTemplate::InfoReminder => "info-reminder",
            MailTemplate::AutoResolved => "auto-resolved",
            MailTemplate::Resolved => "resolved",
            MailTemplate::Rerouted => "rerouted",
            MailTemplate::Withdrawn => "withdrawn",
            MailTemplate::Reopened => "reopened",
            MailTemplate::Duplicate => "duplicate",
            MailTemplate::SecurityCode => "security-code",
            MailTemplate::CredentialExpiring => "credential-expiring",
            MailTemplate::ClientExpiring => "client-expiring",
            MailTemplate::ReviewRequested => "review-requested",
            MailTemplate::ReviewDecided => "review-decided",
            MailTemplate::ComplaintReceived => "complaint-received",
            MailTemplate::ComplaintExtended => "complaint-extended",
            MailTemplate::ComplaintReply => "complaint-reply",
            MailTemplate::RightsExtended => "rights-extended",
            MailTemplate::RightsAnswered => "rights-answered",
            MailTemplate::ExportReady => "export-ready",
            MailTemplate::Closed => "closed",
            MailTemplate::Pointer => "pointer",
            MailTemplate::StaffAssigned => "staff-assigned",
            MailTemplate::StaffRequesterWrote => "staff-requester-wrote",
            MailTemplate::StaffQueue => "staff-queue",
            MailTemplate::StaffDigest => "staff-digest",
            MailTemplate::BreakGlass => "break-glass",
        }
    }

    /// The template with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        MailTemplate::ALL
            .into_iter()
            .find(|template| template.as_str() == code)
    }

    /// What people call it.
    pub const fn label(self) -> Text {
        match self {
            MailTemplate::OneTimeCode => Text::new(
                "Codice per l'indirizzo e-mail",
                "Code for the e-mail address",
            ),
            MailTemplate::Receipt => Text::new("Richiesta ricevuta", "Request received"),
            MailTemplate::InfoRequested => {
                Text::new("Domanda al cittadino", "Question to the citizen")
            }
            MailTemplate::InfoReminder => {
                Text::new("Promemoria della domanda", "Reminder of the question")
            }
            MailTemplate::AutoResolved => {
                Text::new("Risolta senza risposta", "Resolved without an answer")
            }
            MailTemplate::Resolved => Text::new("Richiesta risolta", "Request resolved"),
            MailTemplate::Rerouted => {
                Text::new("Passata a un altro ente", "Passed to another authority")
            }
            MailTemplate::Withdrawn => Text::new("Richiesta annullata", "Request withdrawn"),
            MailTemplate::Reopened => Text::new("Richiesta riaperta", "Request reopened"),
            MailTemplate::Duplicate => Text::new(
                "Prosegue con un altro numero",
                "Goes on under another number",
            ),
            MailTemplate::SecurityCode => Text::new("Codice di sicurezza", "Security code"),
            MailTemplate::CredentialExpiring => {
                Text::new("Password in scadenza", "Password about to expire")
            }
            MailTemplate::ClientExpiring => Text::new(
                "Credenziali di un programma in scadenza",
                "Credentials of a program about to expire",
            ),
            MailTemplate::ReviewRequested => Text::new("Revisione richiesta", "Review asked for"),
            MailTemplate::ReviewDecided => Text::new("Revisione decisa", "Review decided"),
            MailTemplate::ComplaintReceived => Text::new("Reclamo ricevuto", "Complaint received"),
            MailTemplate::ComplaintExtended => {
                Text::new("Reclamo: proroga del termine", "Complaint: term extended")
            }
            MailTemplate::ComplaintReply => {
                Text::new("Risposta a un reclamo", "Reply to a complaint")
            }
            MailTemplate::RightsExtended => Text::new(
                "Dati personali: proroga del termine",
                "Personal data: term extended",
            ),
            MailTemplate::RightsAnswered => {
                Text::new("Dati personali: risposta", "Personal data: answer")
            }
            MailTemplate::ExportReady => {
                Text::new("Dati personali: copia pronta", "Personal data: copy ready")
            }
            MailTemplate::Closed => Text::new("Richiesta chiusa", "Request closed"),
            MailTemplate::Pointer => Text::new("Avviso di novità", "Notice that there is news"),
            MailTemplate::StaffAssigned => {
                Text::new("Avviso di affidamento", "Notice of an assignment")
            }
            MailTemplate::StaffRequesterWrote => Text::new(
                "Avviso di un messaggio del cittadino",
                "Notice of a message from the citizen",
            ),
            MailTemplate::StaffQueue => Text::new("Avviso sulla coda", "Notice about the queue"),
            MailTemplate::StaffDigest => Text::new("Riepilogo del giorno", "The day's summary"),
            MailTemplate::BreakGlass => Text::new(
                "Avviso di accesso straordinario",
                "Notice of break-glass access",
            ),
        }
    }

    /// What the body has to say, whoever wrote it. Without one of these values there is no mail.
    pub const fn needs(self) -> &'static [Placeholder] {
        match self {
            MailTemplate::OneTimeCode => &[Code, Minutes],
            MailTemplate::Receipt => &[Number, ServiceLabel, TrackingLink],
            MailTemplate::InfoRequested => &[Number, Note, TrackingLink],
            MailTemplate::InfoReminder => &[Number, Note, TrackingLink],
            MailTemplate::AutoResolved => &[Number, TrackingLink, ClosesOn],
            MailTemplate::Resolved => &[Number, Note, TrackingLink, ClosesOn],
            MailTemplate::Rerouted => &[Number, AuthorityLabel, TrackingLink],
            MailTemplate::Withdrawn => &[Number, TrackingLink],
            MailTemplate::Reopened => &[Number, TrackingLink],
            MailTemplate::Duplicate => &[Number, SurvivorNumber],
            MailTemplate::SecurityCode => &[Code, Link, ClosesOn],
            MailTemplate::CredentialExpiring => &[ClosesOn],
            MailTemplate::ClientExpiring => &[ServiceLabel, ClosesOn],
            MailTemplate::ReviewRequested => &[Number, AuthorityLabel, TrackingLink, ClosesOn],
            MailTemplate::ReviewDecided => &[Number, Note, TrackingLink],
            MailTemplate::ComplaintReceived => &[Number, AuthorityLabel, ClosesOn],
            MailTemplate::ComplaintExtended => &[Number, Note, ClosesOn],
            MailTemplate::ComplaintReply => &[Number, Note],
            MailTemplate::RightsExtended => &[Note, ClosesOn],
            MailTemplate::RightsAnswered => &[Note],
            MailTemplate::ExportReady => &[Link, ClosesOn],
            MailTemplate::Closed => &[Number, TrackingLink],
            MailTemplate::Pointer => &[Number, TrackingLink],
            MailTemplate::StaffAssigned => &[Number, ServiceLabel],
            MailTemplate::StaffRequesterWrote => &[Number, ServiceLabel],
            MailTemplate::StaffQueue => &[Number, ServiceLabel],
            MailTemplate::StaffDigest => &[Items],
            MailTemplate::BreakGlass => &[Items],
        }
    }

    /// Whether an authority may write it in its own words: the mails about its requests. Codes and
    /// credentials belong to the installation, and their warnings are not to be worded away.
    pub const fn may_be_reworded(self) -> bool {
        match self {
            MailTemplate::Receipt
            | MailTemplate::InfoRequested
            | MailTemplate::InfoReminder
            | MailTemplate::AutoResolved
            | MailTemplate::Resolved
            | MailTemplate::Rerouted
            | MailTemplate::Withdrawn
            | MailTemplate::Reopened
            | MailTemplate::Duplicate
            | MailTemplate::ReviewRequested
            | MailTemplate::ReviewDecided
            | MailTemplate::Closed
            | MailTemplate::Pointer => true,
            MailTemplate::OneTimeCode
            | MailTemplate::SecurityCode
            | MailTemplate::CredentialExpiring
            | MailTemplate::ClientExpiring
            | MailTemplate::StaffAssigned
            | MailTemplate::StaffRequesterWrote
            | MailTemplate::StaffQueue
            | MailTemplate::ComplaintReceived
            | MailTemplate::ComplaintExtended
            | MailTemplate::ComplaintReply
            | MailTemplate::RightsExtended
            | MailTemplate::RightsAnswered
            | MailTemplate::ExportReady
            | MailTemplate::StaffDigest
            | MailTemplate::BreakGlass => false,
        }
    }

    /// Every gap the body may have: what it needs, and what is known of every request as well.
    pub fn placeholders(self) -> impl Iterator<Item = Placeholder> {
        let of_requests: &[Placeholder] = match self.may_be_reworded() {
            true => &[ServiceLabel],
            false => &[],
        };
        let needs = self.needs();
        let more = of_requests.iter().filter(|gap| !needs.contains(gap));
        needs.iter().chain(more).copied()
    }

    /// Whether it is about a complaint: its text was recorded as it is sent, and so is not cut short.
    pub const fn is_about_complaint(self) -> bool {
        matches!(
            self,
            MailTemplate::ComplaintReceived
                | MailTemplate::ComplaintExtended
                | MailTemplate::ComplaintReply
        )
    }

    /// Whether it is about what somebody asked about their own data.
    pub const fn is_about_rights(self) -> bool {
        matches!(
            self,
            MailTemplate::RightsExtended | MailTemplate::RightsAnswered | MailTemplate::ExportReady
        )
    }

    /// Whether it leaves at whatever hour: somebody waits in front of the screen for it, or has to hear
    /// of it at once.
    pub const fn is_awaited(self) -> bool {
        matches!(
            self,
            MailTemplate::OneTimeCode
                | MailTemplate::SecurityCode
                | MailTemplate::Receipt
                | MailTemplate::Withdrawn
                | MailTemplate::ReviewRequested
                | MailTemplate::ComplaintReceived
                | MailTemplate::BreakGlass
        )
    }

    /// The standard words.
    pub fn standard(self, lang: Lang) -> Result<Wording, TextError> {
        let template = self.as_str();
        let cut = self.source(lang).split_once("\n\n");
        let (subject, body) = cut.ok_or(TextError::NoSubject { template })?;
        Ok(Wording {
            subject: subject.to_owned(),
            body: body.trim_end().to_owned(),
        })
    }

    const fn source(self, lang: Lang) -> &'static str {
        let (it, en) = match self {
            MailTemplate::OneTimeCode => (
                include_str!("../../templates/mail/it/one-time-code.txt"),
                include_str!("../../templates/mail/en/one-time-code.txt"),
            ),
            MailTemplate::Receipt => (
                include_str!("../../templates/mail/it/receipt.txt"),
                include_str!("../../templates/mail/en/receipt.txt"),
            ),
            MailTemplate::InfoRequested => (
                include_str!("../../templates/mail/it/info-requested.txt"),
                include_str!("../../templates/mail/en/info-requested.txt"),
            ),
            MailTemplate::InfoReminder => (
                include_str!("../../templates/mail/it/info-reminder.txt"),
                include_str!("../../templates/mail/en/info-reminder.txt"),
            ),
            MailTemplate::AutoResolved => (
                include_str!("../../templates/mail/it/auto-resolved.txt"),
                include_str!("../../templates/mail/en/auto-resolved.txt"),
            ),
            MailTemplate::Resolved => (
                include_str!("../../templates/mail/it/resolved.txt"),
                include_str!("../../templates/mail/en/resolved.txt"),
            ),
            MailTemplate::Rerouted => (
                include_str!("../../templates/mail/it/rerouted.txt"),
                include_str!("../../templates/mail/en/rerouted.txt"),
            ),
            MailTemplate::Withdrawn => (
                include_str!("../../templates/mail/it/withdrawn.txt"),
                include_str!("../../templates/mail/en/withdrawn.txt"),
            ),
            MailTemplate::Reopened => (
                include_str!("../../templates/mail/it/reopened.txt"),
                include_str!("../../templates/mail/en/reopened.txt"),
            ),
            MailTemplate::Duplicate => (
                include_str!("../../templates/mail/it/duplicate.txt"),
                include_str!("../../templates/mail/en/duplicate.txt"),
            ),
            MailTemplate::SecurityCode => (
                include_str!("../../templates/mail/it/security-code.txt"),
                include_str!("../../templates/mail/en/security-code.txt"),
            ),
            MailTemplate::CredentialExpiring => (
                include_str!("../../templates/mail/it/credential-expiring.txt"),
                include_str!("../../templates/mail/en/credential-expiring.txt"),
            ),
            MailTemplate::ClientExpiring => (
                include_str!("../../templates/mail/it/client-expiring.txt"),
                include_str!("../../templates/mail/en/client-expiring.txt"),
            ),
            MailTemplate::ReviewRequested => (
                include_str!("../../templates/mail/it/review-requested.txt"),
                include_str!("../../templates/mail/en/review-requested.txt"),
            ),
            MailTemplate::ReviewDecided => (
                include_str!("../../templates/mail/it/review-decided.txt"),
                include_str!("../../templates/mail/en/review-decided.txt"),
            ),
            MailTemplate::ComplaintReceived => (
                include_str!("../../templates/mail/it/complaint-received.txt"),
                include_str!("../../templates/mail/en/complaint-received.txt"),
            ),
            MailTemplate::ComplaintExtended => (
                include_str!("../../templates/mail/it/complaint-extended.txt"),
                include_str!("../../templates/mail/en/complaint-extended.txt"),
            ),
            MailTemplate::ComplaintReply => (
                include_str!("../../templates/mail/it/complaint-reply.txt"),
                include_str!("../../templates/mail/en/complaint-reply.txt"),
            ),
            MailTemplate::RightsExtended => (
                include_str!("../../templates/mail/it/rights-extended.txt"),
                include_str!("../../templates/mail/en/rights-extended.txt"),
            ),
            MailTemplate::RightsAnswered => (
                include_str!("../../templates/mail/it/rights-answered.txt"),
                include_str!("../../templates/mail/en/rights-answered.txt"),
            ),
            MailTemplate::ExportReady => (
                include_str!("../../templates/mail/it/export-ready.txt"),
                include_str!("../../templates/mail/en/export-ready.txt"),
            ),
            MailTemplate::Closed => (
                include_str!("../../templates/mail/it/closed.txt"),
                include_str!("../../templates/mail/en/closed.txt"),
            ),
            MailTemplate::Pointer => (
                include_str!("../../templates/mail/it/pointer.txt"),
                include_str!("../../templates/mail/en/pointer.txt"),
            ),
            MailTemplate::StaffAssigned => (
                include_str!("../../templates/mail/it/staff-assigned.txt"),
                include_str!("../../templates/mail/en/staff-assigned.txt"),
            ),
            MailTemplate::StaffRequesterWrote => (
                include_str!("../../templates/mail/it/staff-requester-wrote.txt"),
                include_str!("../../templates/mail/en/staff-requester-wrote.txt"),
            ),
            MailTemplate::StaffQueue => (
                include_str!("../../templates/mail/it/staff-queue.txt"),
                include_str!("../../templates/mail/en/staff-queue.txt"),
            ),
            MailTemplate::StaffDigest => (
                include_str!("../../templates/mail/it/staff-digest.txt"),
                include_str!("../../templates/mail/en/staff-digest.txt"),
            ),
            MailTemplate::BreakGlass => (
                include_str!("../../templates/mail/it/break-glass.txt"),
                include_str!("../../templates/mail/en/break-glass.txt"),
            ),
        };
        match lang {
            Lang::It => it,
            Lang::En => en,
        }
    }
}

/// What stands under every mail, whoever wrote the words above: nobody reads answers, and nothing
/// about one's health goes by mail.
pub fn footer(lang: Lang) -> &'static str {
    match lang {
        Lang::It => include_str!("../../templates/mail/it/footer.txt").trim_end(),
        Lang::En => include_str!("../../templates/mail/en/footer.txt").trim_end(),
    }
}

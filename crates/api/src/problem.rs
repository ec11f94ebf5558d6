//! Problem documents (RFC 9457): the one place where an error meets a status.
//!
//! A slug is contract: listed in `docs/problems.md`, served under `/problems/{slug}`. A problem
//! travels inside the response and is written out by `gate`, which knows the caller's language
//! and the correlation id; so every error has one shape, whatever raised it.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use domain::activity::ActivityState;
use domain::break_glass::GrantRefused;
use domain::callback::CallbackRefused;
use domain::complaint::ComplaintRefused;
use domain::invalid::{FieldError, Invalid, Lang, Text};
use domain::rejection::Rejection;
use domain::review::ReviewRefused;
use domain::subject_request::SubjectRequestRefused;
use serde_json::{Map, Value, json};
use service::complaints::OwnComplaint;
use service::error::CodeRefusal;
use service::own_screen::RequesterScreen;
use service::playbooks::steps_from;
use service::{DeskError, Telling};

use crate::handlers::own_body::RequesterScreenBody;
use crate::handlers::own_complaints::OwnComplaintBody;

macro_rules! slugs {
    ($($slug:literal = $status:literal, $it:literal, $en:literal, $more_it:literal, $more_en:literal;)+) => {
        /// Every slug this program can answer with.
        pub const SLUGS: &[&str] = &[$($slug),+];

        /// The status and title of a slug, and what is said where nothing more is known.
        const fn known(slug: &str) -> Option<(u16, Text, Text)> {
            $(if is(slug, $slug) {
                return Some(($status, Text::new($it, $en), Text::new($more_it, $more_en)));
            })+
            None
        }
    };
}

slugs! {
    "account-step-not-allowed" = 409, "Passaggio non previsto per l'account", "Not possible for an account in this state",
        "Lo stato dell'account non consente il passaggio; allowed elenca quelli possibili.",
        "The account's state does not allow the step; allowed lists those it does.";
    "activity-open" = 409, "Attività tecnica già aperta", "A technical activity is open",
        "La richiesta ha già un'attività tecnica in corso: se ne apre una alla volta.",
        "The request has a technical activity that is not over: one at a time.";
    "activity-state-not-allowed" = 409, "Stato non previsto per l'attività", "Not possible for an activity in this state",
        "Lo stato dell'attività non consente la modifica; allowed elenca gli stati possibili.",
        "The activity's state does not allow the change; allowed lists the states it may go to.";
    "admin-exists" = 409, "L'ente ha già un responsabile", "The authority has an administrator",
        "Ogni ente ha un solo responsabile: il ruolo si cede, non si raddoppia.",
        "An authority has one administrator: the role is handed over, not doubled.";
    "approval-not-waiting" = 409, "Non c'è niente da approvare o da consegnare", "Nothing waits for this",
        "È già stato approvato, consegnato o è scaduto, oppure non è ancora pronto.",
        "It was approved, delivered or has run out, or is not ready yet.";
    "attachment-purged" = 410, "Il file non c'è più", "The file is gone",
        "La richiesta è stata rimossa: dopo i giorni previsti i suoi file si cancellano.",
        "The request was removed: some days later its files are deleted.";
    "audience-mismatch" = 409, "Destinatari diversi da quelli attesi", "The note would reach somebody else",
        "La nota sarebbe letta da qualcun altro rispetto a expected_audience. Niente è stato scritto.",
        "The note would be read by somebody else than expected_audience says; audience tells by whom. Nothing was written.";
    "authority-inactive" = 409, "Ente non attivo per questo servizio", "The authority cannot receive this request",
        "L'ente indicato non è attivo o non è abilitato per il servizio.",
        "The authority named is not active, or not enabled for the service.";
    "callback-not-waiting" = 409, "La richiamata è conclusa", "Nobody waits to be called",
        "La richiamata non attende più tentativi; state dice come si è conclusa.",
        "No attempt is waited for any more; state says how it ended.";
    "callback-same-half-day" = 409, "Tentativo già fatto in questa mezza giornata", "Already tried in this half-day",
        "I tentativi si fanno in mezze giornate diverse: il prossimo è possibile da next_allowed_at.",
        "Attempts are made on different half-days: the next one is possible from next_allowed_at on.";
    "certified-mail-not-allowed" = 422, "Casella PEC non ammessa", "Certified mail is not allowed",
        "Le prime credenziali del responsabile vanno a una casella ordinaria, mai a una PEC.",
        "An administrator's first credentials go to an ordinary mailbox, never to certified mail.";
    "complaint-extended-before" = 409, "Termine già prorogato", "The term was extended before",
        "Il termine si proroga una volta sola: due_at dice fino a quando.",
        "A term is extended once: due_at tells until when.";
    "complaint-protocol-needed" = 409, "Serve il numero di protocollo", "A protocol number is needed",
        "Chi reclama non ha un indirizzo e-mail: la risposta parte su carta, con il suo numero di protocollo.",
        "The complainant has no mail address: the reply goes out on paper, under its protocol number.";
    "complaint-step-not-allowed" = 409, "Passaggio non previsto per il reclamo", "Not possible for a complaint in this state",
        "Lo stato del reclamo non consente il passaggio; allowed elenca quelli possibili.",
        "The complaint's state does not allow the step; allowed lists those it does.";
    "delivery-not-parked" = 409, "Il messaggio non è tra quelli da guardare", "The message was not given up",
        "Solo un messaggio abbandonato si può ritentare o lasciare; state dice a che punto è.",
        "Only a message that was given up can be tried again or left; state says how far it is.";
    "endpoint-disabled" = 409, "Indirizzo disattivato", "The endpoint is disabled",
        "Un indirizzo disattivato non riceve niente: riattivalo prima.",
        "A disabled endpoint is sent nothing: enable it first.";
    "export-delivery-not-possible" = 409, "Consegna non possibile in questo modo", "It cannot be delivered this way",
        "Per posta si spedisce solo a un indirizzo confermato; con il proprio accesso ritira solo chi ha chiesto con quello.",
        "Mail goes to a proved address alone; with a token of their own only who asked with one can fetch it.";
    "external-id-taken" = 409, "Identificativo esterno già usato", "The external id is taken",
        "L'identificativo esterno è di un'altra attività, oppure l'attività ne ha già un altro. Niente è stato scritto.",
        "The external id is another activity's, or this one has another. Nothing was written.";
    "feed-gone" = 410, "Quella parte del flusso non c'è più", "That part of the feed is gone",
        "Il flusso conserva trenta giorni: rileggi gli elenchi e riparti da first.",
        "The feed is kept for thirty days: read the lists anew and go on from first.";
    "forbidden" = 403, "Operazione non consentita", "Not allowed",
        "Il ruolo non può fare questa operazione.",
        "The role may not do this.";
    "fresh-login-required" = 403, "Serve un accesso recente", "A fresh log-in is needed",
        "Questa operazione richiede un accesso appena fatto: entra di nuovo.",
        "This operation needs a log-in of just now: log in again.";
    "grant-open" = 409, "Un accesso straordinario è già aperto", "A break-glass grant is open already",
        "Hai già chiesto un accesso straordinario che attende o è in corso: uno alla volta.",
        "You asked for a break-glass grant that is pending or in force: one at a time.";
    "grant-step-not-allowed" = 409, "Passaggio non previsto per l'accesso straordinario", "Not possible for a grant in this state",
        "L'accesso straordinario non è dove questo passaggio comincia; state dice a che punto è.",
        "The break-glass grant is not where this step begins; state says how it stands.";
    "hold-ended" = 409, "Blocco già terminato", "The hold has ended",
        "Il blocco è già stato terminato.",
        "The hold was ended before.";
    "idempotency-in-progress" = 409, "Richiesta già in corso", "The first request is still running",
        "La prima richiesta con questa chiave è ancora in corso.",
        "The first request with this key is still running.";
    "idempotency-key-reused" = 422, "Chiave di idempotenza già usata", "Idempotency key used with another body",
        "La chiave di idempotenza è già stata usata con un altro contenuto.",
        "The idempotency key was used before with another content.";
    "internal-error" = 500, "Errore interno", "Internal error",
        "Un guasto nostro: il correlation_id lo ritrova nei log.",
        "A fault of ours: the correlation_id finds it in the logs.";
    "level-too-low" = 403, "Serve un'identità di livello 2", "An identity of level 2 is needed",
        "Serve un'identità SPID o CIE di livello 2 o superiore.",
        "A SPID or CIE identity of level 2 or above is needed.";
    "malformed-request" = 400, "Richiesta non leggibile", "Malformed request",
        "La richiesta non è leggibile: JSON, parametri o intestazioni non validi.",
        "The request cannot be read: JSON, query parameters or headers are not valid.";
    "manual-close-forbidden" = 409, "La chiusura è solo automatica", "Requests are closed by the system alone",
        "Nessuno chiude a mano: una richiesta risolta si chiude da sola.",
        "Nobody closes by hand: a resolved request closes by itself.";
    "merge-not-allowed" = 409, "Unione non possibile", "The requests cannot be merged",
        "reason dice perché le due richieste non si possono unire o separare.",
        "reason says why the two requests cannot be merged, or not be parted again.";
    "method-not-allowed" = 405, "Metodo non previsto", "Method not allowed",
        "Il metodo non è previsto per questo indirizzo; Allow elenca quelli previsti.",
        "The method is not known for this address; Allow lists those that are.";
    "not-acceptable" = 406, "Formato di risposta non disponibile", "Not acceptable",
        "Nessuno dei formati in Accept è disponibile.",
        "None of the formats in Accept is available.";
    "not-found" = 404, "Non trovato", "Not found",
        "Non esiste, oppure chi chiede non può saperne nulla.",
        "It does not exist, or the caller may not know of it.";
    "not-in-custody" = 403, "Richiesta non in carico", "Not in your custody",
        "La richiesta è in carico a un altro ufficio: si può leggere, non modificare.",
        "The request is with another desk: it can be read, not changed.";
    "note-required" = 422, "Nota mancante", "A note is required",
        "L'azione richiede una nota, pubblicata o interna come indicato in errors.",
        "The action needs a note, published or internal as errors says.";
    "nudge-too-early" = 429, "È presto per un sollecito", "Too early for a nudge",
        "Il prossimo sollecito è possibile da next_allowed_at, dopo i secondi in Retry-After.",
        "The next nudge is possible from next_allowed_at on, after the seconds in Retry-After.";
    "nudges-used-up" = 409, "Solleciti esauriti", "No more nudges",
        "Per questa richiesta sono già stati inviati tutti i solleciti possibili.",
        "As many nudges as there may be were sent for this request.";
    "otp-invalid" = 422, "Codice non valido", "Code refused",
        "Il codice è errato, scaduto o esaurito, come indicato in errors.",
        "The one-time code is wrong, expired or used up, as errors says.";
    "otp-required" = 401, "Serve il secondo fattore", "A second factor's code is missing",
        "La password è giusta: aggiungi in otp il codice del secondo fattore.",
        "The password is right: add the second factor's code as otp.";
    "own-account" = 409, "Nessuno gestisce il proprio account", "Nobody steers their own account",
        "Le operazioni sul proprio account le fa qualcun altro.",
        "What is done to one's own account is done by somebody else.";
    "own-proposal" = 409, "Nessuno approva la propria proposta", "Nobody approves their own proposal",
        "Una versione è approvata da una persona diversa da chi l'ha proposta.",
        "A version is approved by somebody else than who proposed it.";
    "password-change-required" = 403, "Cambia prima la password", "Change the password first",
        "La password è scaduta: prima di ogni altra chiamata va cambiata.",
        "The password has run out: it must be changed before any other call.";
    "payload-too-large" = 413, "Contenuto troppo grande", "Payload too large",
        "Il corpo supera 2 MiB, o l'allegato supera 1.048.576 byte.",
        "The body exceeds 2 MiB, or the attachment 1,048,576 bytes.";
    "playbook-in-use" = 409, "Percorso guidato in uso", "The playbook is in use",
        "Altri percorsi guidati in vigore proseguono con questo: prima vanno cambiati quelli.",
        "Other playbooks in force go on to this one: change those first.";
    "playbook-not-satisfied" = 409, "Verifiche incomplete", "The playbook is not satisfied",
        "Il percorso guidato non consente ancora l'azione; errors elenca le verifiche.",
        "The playbook does not allow the action yet; errors lists the checks.";
    "playbook-not-tried" = 409, "Versione non ancora provata", "The version was not tried yet",
        "Prima di entrare in vigore la versione va provata sulle richieste chiuse.",
        "Before it is in force the version must be tried on closed requests.";
    "playbook-step-not-allowed" = 409, "Passaggio non previsto per la versione", "Not possible for a version in this state",
        "Lo stato della versione non consente il passaggio; allowed elenca quelli possibili.",
        "The version's state does not allow the step; allowed lists those it does.";
    "precondition-failed" = 412, "Richiesta modificata nel frattempo", "Changed meanwhile",
        "La richiesta è cambiata: current_version è la versione attuale.",
        "The request changed meanwhile: current_version is the version now.";
    "precondition-required" = 428, "Versione mancante", "If-Match is required",
        "Manca If-Match con la versione letta.",
        "If-Match with the version that was read is missing.";
    "privacy-officer-missing" = 409, "Nessuno da avvisare", "Nobody to tell",
        "L'indirizzo del responsabile della protezione dei dati non è configurato: senza, non c'è accesso straordinario.",
        "The data protection officer's address is not configured: without it there is no break-glass access.";
    "purpose-required" = 403, "Serve una finalità", "A purpose is needed",
        "Per leggere la richiesta va prima aperta un'ispezione, con finalità e motivo.",
        "To read the request an inspection has to be opened first, with a purpose and a reason.";
    "quota-exceeded" = 429, "Troppe richieste", "Quota exceeded",
        "Troppe richieste: riprova dopo i secondi in Retry-After.",
        "Too many requests: try again after the seconds in Retry-After.";
    "reply-scheme-not-approved" = 409, "Schema non ancora approvato", "The scheme is not approved yet",
        "Una risposta si predispone solo con uno schema approvato.",
        "Replies are made by approved schemes alone.";
    "reply-scheme-own" = 409, "Chi scrive uno schema non lo approva", "One's own scheme",
        "Lo schema lo approva una persona diversa da chi lo ha scritto.",
        "A scheme is approved by somebody else than who drafted it.";
    "request-timeout" = 408, "Tempo scaduto", "The request took too long",
        "Il corpo non è arrivato in tempo.",
        "The body did not arrive in time.";
    "restricted" = 409, "Trattamento limitato", "Processing is restricted",
        "Il trattamento dei dati di questa richiesta è limitato su domanda dell'interessato: si può leggere, non modificare. since dice da quando.",
        "Processing of this request's data is restricted as the person asked: it can be read, not changed. since tells since when.";
    "review-involved-before" = 409, "Chi se ne è occupato non decide la revisione", "Involved before",
        "Hai già lavorato a questa richiesta: la revisione la decide qualcun altro.",
        "You had a hand in this request: somebody else decides its review.";
    "review-not-decided" = 409, "Non c'è ancora una decisione da rivedere", "Nothing was decided yet",
        "La revisione si può chiedere quando la richiesta è risolta, entro request_within; se è stata annullata non c'è niente da rivedere.",
        "A review can be asked for once the request is resolved, within request_within; of one that was withdrawn there is nothing to review.";
    "review-not-offered" = 409, "Revisione non disponibile", "Reviews are not offered",
        "Qui non si possono chiedere revisioni; puoi sempre aprire una nuova richiesta.",
        "No reviews can be asked for here; a new request can always be filed.";
    "review-requested-before" = 409, "Revisione già chiesta", "A review was asked for before",
        "Si può chiedere una sola revisione: requested_at dice quando è stata chiesta.",
        "A request is reviewed once: requested_at tells when that was asked for.";
    "review-step-not-allowed" = 409, "Passaggio non previsto per la revisione", "Not possible for a review in this state",
        "La revisione è nello stato indicato in state: prima la si prende in esame, poi la si decide, una volta sola.",
        "The review stands where state says: it is taken first and decided then, and once.";
    "review-too-late" = 409, "Termine scaduto", "Too late for a review",
        "La revisione si poteva chiedere fino a possible_until.",
        "A review could be asked for until possible_until.";
    "role-selection-required" = 403, "Scegli prima ruolo e collocazione", "Choose a placement first",
        "Prima di ogni altra chiamata va scelta una collocazione.",
        "A placement must be chosen before any other call.";
    "second-factor-exists" = 409, "Secondo fattore già attivo", "There is a second factor already",
        "L'account ha già un secondo fattore; chi lo ha perso chiede nuovi codici.",
        "The account has a second factor already; whoever lost it asks for new codes.";
    "second-factor-required" = 403, "Serve il secondo fattore", "A second factor is needed",
        "Questo ruolo richiede un secondo fattore: attivalo, poi entra di nuovo.",
        "This role needs a second factor: set one up, then log in again.";
    "second-person-required" = 403, "Serve una seconda persona", "A second person is needed",
        "Chi chiede un accesso straordinario non lo approva, nemmeno con un altro account.",
        "Whoever asks for a break-glass grant does not approve it, under another account neither.";
    "second-person-needed" = 409, "Serve una seconda persona", "A second person is needed",
        "Chi chiede non approva: lo fa un'altra persona.",
        "Whoever asks does not approve: somebody else does.";
    "subject-request-extended-before" = 409, "Termine già prorogato", "The term was extended before",
        "Il termine si proroga una volta sola: due_at dice fino a quando.",
        "A term is extended once: due_at tells until when.";
    "subject-request-other-kind" = 409, "La richiesta chiede altro", "The request asks for something else",
        "kind dice che cosa chiede la persona: questo non le risponde.",
        "kind says what the person asks for: this does not answer it.";
    "subject-request-step-not-allowed" = 409, "Passaggio non previsto", "Not possible for a request in this state",
        "Lo stato della richiesta non consente il passaggio; allowed elenca quelli possibili.",
        "The request's state does not allow the step; allowed lists those it does.";
    "temporarily-unavailable" = 503, "Servizio momentaneamente occupato", "Temporarily unavailable",
        "Il servizio è troppo occupato: riprova dopo i secondi in Retry-After.",
        "Too much to do at once: try again after the seconds in Retry-After.";
    "transition-not-allowed" = 409, "Passaggio non previsto", "Not possible in this state",
        "Lo stato non consente l'azione; allowed elenca quelle possibili.",
        "The state does not allow the action; allowed lists those it does.";
    "unauthenticated" = 401, "Autenticazione richiesta", "Authentication required",
        "Manca un token valido.",
        "A good token is missing.";
    "unsupported-media-type" = 415, "Formato non accettato", "Unsupported media type",
        "Il formato del corpo o del file non è tra quelli accettati.",
        "The format of the body or of the file is not among those accepted.";
    "validation-error" = 422, "Dati non validi", "Invalid input",
        "Uno o più campi non sono validi: errors li elenca tutti.",
        "One or more fields are not valid: errors lists them all.";
}

/// Whether two slugs are the same, at compile time as well.
const fn is(one: &str, other: &str) -> bool {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    loop {
        match (a, b) {
            ([], []) => return true,
            ([x, rest_a @ ..], [y, rest_b @ ..]) if *x == *y => (a, b) = (rest_a, rest_b),
            _ => return false,
        }
    }
}

/// Most bad fields an answer names.
const MAX_ERRORS: usize = 100;
/// Most characters of a pointer: names of unknown fields are the caller's.
const MAX_POINTER_CHARS: usize = 128;

/// An error on its way to a client. Boxed, because every answer may turn out to be one.
#[derive(Debug, Clone)]
pub struct Problem(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    status: u16,
    slug: &'static str,
    title: Text,
    detail: Text,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    retry_after: Option<u64>,
    allow: Option<String>,
    accept_patch: bool,
}

impl Problem {
    /// A problem of the table above.
    pub fn new(slug: &'static str) -> Self {
        let (status, title, detail) = known(slug).unwrap_or((
            500,
            Text::new("Errore interno", "Internal error"),
            Text::new("Un guasto nostro.", "A fault of ours."),
        ));
        Problem(Box::new(Content {
            status,
            slug,
            title,
            detail,
            errors: Vec::new(),
            members: Map::new(),
            retry_after: None,
            allow: None,
            accept_patch: false,
        }))
    }

    fn with_errors(mut self, mut errors: Vec<FieldError>) -> Self {
        // An answer is never much larger than what it answers.
        errors.truncate(MAX_ERRORS);
        for error in &mut errors {
            if let Some((cut, _)) = error.pointer.char_indices().nth(MAX_POINTER_CHARS) {
                error.pointer.truncate(cut);
            }
        }
        self.0.errors = errors;
        self
    }

    /// Says more, for the person who reads it.
    pub fn detail(mut self, it: impl Into<String>, en: impl Into<String>) -> Self {
        self.0.detail = Text::owned(it, en);
        self
    }

    /// Adds a member.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Says when to come back, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Says which methods there are.
    pub fn allow(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// Says which patches are taken (RFC 5789 §3.1), if it was a patch.
    pub fn accept(mut self, is_patch: bool) -> Self {
        self.0.accept_patch = is_patch;
        self
    }

    /// Wrong fields: 413 or 415 when the file alone is at fault, else 422 (`api.md` §4).
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let all = |codes: &[&str]| {
            !errors.is_empty() && errors.iter().all(|error| codes.contains(&error.code))
        };
        let slug = if all(&["file-too-large"]) {
            "payload-too-large"
        } else if all(&["file-type-not-allowed", "file-content-mismatch"]) {
            "unsupported-media-type"
        } else {
            "validation-error"
        };
        Problem::new(slug).with_errors(errors)
    }

    /// One wrong field.
    pub fn field(error: FieldError) -> Self {
        Problem::fields(vec![error])
    }

    /// A body that cannot be read at all.
    pub fn malformed(it: &str, en: &str) -> Self {
        Problem::new("malformed-request").detail(it, en)
    }

    /// The slug.
    pub fn slug(&self) -> &'static str {
        self.0.slug
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The problem of a bare status that the framework answered by itself.
    pub fn of_status(status: StatusCode) -> Self {
        Problem::new(match status.as_u16() {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not-found",
            405 => "method-not-allowed",
            406 => "not-acceptable",
            408 => "request-timeout",
            413 => "payload-too-large",
            415 => "unsupported-media-type",
            429 => "quota-exceeded",
            503 => "temporarily-unavailable",
            400..=499 => "malformed-request",
            _ => "internal-error",
        })
    }

    /// The document.
    pub fn document(&self, lang: Lang, instance: &str, correlation_id: &str) -> Value {
        let mut document = self.told(lang);
        document.insert("instance".to_owned(), instance.into());
        document.insert("correlation_id".to_owned(), correlation_id.into());
        Value::Object(document)
    }

    /// The document, but for which call it answers.
    fn told(&self, lang: Lang) -> Map<String, Value> {
        let mut document = self.0.members.clone();
        document.insert(
            "type".to_owned(),
            format!("/problems/{}", self.0.slug).into(),
        );
        document.insert("title".to_owned(), self.0.title.to(lang).into());
        document.insert("status".to_owned(), self.0.status.into());
        document.insert("detail".to_owned(), self.0.detail.to(lang).into());
        if !self.0.errors.is_empty() {
            let errors: Vec<Value> = self
                .0.errors
                .iter()
                .map(|e| json!({"pointer": e.pointer, "code": e.code, "message": e.message.to(lang)}))
                .collect();
            document.insert("errors".to_owned(), errors.into());
        }
        document
    }
}

/// What became of one of many tickets, kept as the document that the same call for it alone would
/// have been answered with.
pub struct Told;

impl Telling for Told {
    fn tell(&self, error: DeskError) -> String {
        let problem = Problem::from(error);
        json!({"it": problem.told(Lang::It), "en": problem.told(Lang::En)}).to_string()
    }

    fn show_ticket(&self, screen: RequesterScreen, lang: Lang) -> Value {
        written(&RequesterScreenBody::new(screen, lang))
    }

    fn show_complaint(&self, complaint: OwnComplaint, lang: Lang) -> Value {
        written(&OwnComplaintBody::new(complaint, lang))
    }
}

/// A body as the program it is answered to reads it. All of ours can be written.
fn written(body: &impl serde::Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

impl Told {
    /// Reads a kept document back, in one of its languages.
    pub(crate) fn read(kept: &str, lang: Lang) -> Option<Value> {
        let mut both: Map<String, Value> = serde_json::from_str(kept).ok()?;
        both.remove(lang.code())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.slug)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.0.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = &self.0.allow {
            response.insert_header((ALLOW, methods.as_str()));
        }
        if self.0.accept_patch {
            response.insert_header(("accept-patch", "application/merge-patch+json"));
        }
        let mut response = response.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound => Problem::new("not-found"),
            DeskError::Stale { current } => Problem::new("precondition-failed")
                .with("current_version", current)
                .detail(
                    "Qualcuno ha modificato nel frattempo: rileggi e riprova.",
                    "somebody changed it meanwhile: read it again and retry",
                ),
            DeskError::TooEarly { next, wait } => Problem::new("nudge-too-early")
                .with("next_allowed_at", next.to_string())
                .retry_after(u64::try_from(wait.as_secs()).unwrap_or(3600).max(1)),
            DeskError::Rejected(rejection) => Problem::from(rejection),
            DeskError::Invalid(fields) => Problem::fields(fields),
            DeskError::Forbidden => Problem::new("forbidden"),
            DeskError::KeyReused => Problem::new("idempotency-key-reused"),
            DeskError::KeyRunning => Problem::new("idempotency-in-progress").retry_after(1),
            DeskError::Quota { retry_after } => Problem::new("quota-exceeded")
                .retry_after(u64::try_from(retry_after.as_secs()).unwrap_or(3600)),
            DeskError::Credentials => Problem::new("unauthenticated")
                .detail("Credenziali non valide.", "the credentials are not good"),
            DeskError::OtpRequired => Problem::new("otp-required"),
            DeskError::Step(refused) => Problem::new("account-step-not-allowed")
                .with("state", refused.state.code())
                .with("allowed", refused.allowed()),
            DeskError::AdminExists => Problem::new("admin-exists"),
            DeskError::EndpointDisabled => Problem::new("endpoint-disabled"),
            DeskError::NotParked { state } => {
                Problem::new("delivery-not-parked").with("state", state.as_str())
            }
            DeskError::Callback(CallbackRefused::NotWaiting { state }) => {
                Problem::new("callback-not-waiting").with("state", state.as_str())
            }
            DeskError::Callback(CallbackRefused::SameHalfDay { next_allowed_at }) => {
                Problem::new("callback-same-half-day")
                    .with("next_allowed_at", next_allowed_at.to_string())
            }
            DeskError::Purged => Problem::new("attachment-purged"),
            DeskError::PlaybookStep { state } => Problem::new("playbook-step-not-allowed")
                .with("state", state.as_str())
                .with("allowed", steps_from(state).to_vec()),
            DeskError::OwnProposal => Problem::new("own-proposal"),
            DeskError::PlaybookNotTried => Problem::new("playbook-not-tried"),
            DeskError::PlaybookInUse => Problem::new("playbook-in-use"),
            DeskError::ActivityOpen => Problem::new("activity-open"),
            DeskError::ActivityState { state } => {
                let next = ActivityState::ALL.iter();
                let allowed: Vec<&str> = next
                    .filter(|next| state.may_become(**next))
                    .map(|next| next.as_str())
                    .collect();
                Problem::new("activity-state-not-allowed")
                    .with("state", state.as_str())
                    .with("allowed", allowed)
            }
            DeskError::ExternalIdTaken => Problem::new("external-id-taken"),
            DeskError::Complaint(refused) => complaint_refused(refused),
            DeskError::Review(refused) => review_refused(refused),
            DeskError::PurposeRequired => Problem::new("purpose-required"),
            DeskError::Grant(refused) => grant_refused(refused),
            DeskError::HoldEnded => Problem::new("hold-ended"),
            DeskError::SubjectRequest(refused) => subject_request_refused(refused),
            DeskError::OwnAccount => Problem::new("own-account"),
            DeskError::SecondFactorExists => Problem::new("second-factor-exists"),
            DeskError::CertifiedMail => {
                Problem::new("certified-mail-not-allowed").with_errors(vec![
                    Invalid::new(
                        "certified-mail-not-allowed",
                        "Serve una casella ordinaria",
                        "an ordinary mailbox is needed",
                    )
                    .at("/email"),
                ])
            }
            DeskError::NoAddress => Problem::field(
                Invalid::new(
                    "required",
                    "L'account non ha un indirizzo e-mail a cui mandare il codice",
                    "the account has no e-mail address to send a code to",
                )
                .at("/email"),
            ),
            DeskError::Code { refusal, pointer } => code_refused(refusal, pointer),
            DeskError::Busy => Problem::new("temporarily-unavailable").retry_after(2),
            DeskError::Outside(failure) => {
                tracing::warn!(%failure, "nothing could be filed for a delegator");
                Problem::new("temporarily-unavailable")
                    .retry_after(30)
                    .detail(
                        "Il servizio delle deleghe non risponde: riprova più tardi.",
                        "the service of delegations does not answer: try again later",
                    )
            }
            broken @ DeskError::Broken(..) => Problem::internal(&broken),
        }
    }
}

impl Problem {
    /// A fault: logged whole, told nothing.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let causes: Vec<String> = std::iter::successors(Some(cause), |error| error.source())
            .map(ToString::to_string)
            .collect();
        tracing::error!(error = causes.join(": "), "a request failed");
        Problem::new("internal-error")
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let problem = Problem::new(rejection.slug());
        let field = |pointer: &str, invalid: Invalid| {
            problem.clone().with_errors(vec![invalid.at(pointer)])
        };
        match &rejection {
            Rejection::TransitionNotAllowed { state, allowed, .. } => {
                let allowed: Vec<&str> = allowed.iter().map(|action| action.as_str()).collect();
                problem.with("state", state.as_str()).with("allowed", allowed)
            }
            Rejection::NudgeTooEarly { possible_from } => {
                problem.with("next_allowed_at", possible_from.to_string())
            }
            Rejection::NudgesUsedUp { .. } => problem,
            Rejection::Restricted { since } => problem.with("since", since.to_string()),
            Rejection::ManualCloseForbidden { state } => problem.with("state", state.as_str()).detail(
                "Una richiesta risolta si chiude da sola allo scadere dei termini: usa Risolto.",
                "a resolved request closes by itself when its window is over: use resolve",
            ),
            Rejection::Over | Rejection::NotDue | Rejection::RestrictedAsAsked => problem.with("allowed", Vec::<&str>::new()),
            Rejection::NoteRequired { published, .. } => {
                let (it, en) = if *published {
                    ("Serve una nota pubblicata", "a published note is required")
                } else {
                    ("Serve una nota interna", "an internal note is required")
                };
                field("/note", Invalid::new("note-required", it, en))
            }
            Rejection::NoteTooShort { .. } => field(
                "/note/body",
                Invalid::new("too-short", "Spiega il motivo in almeno 20 caratteri", "say why in 20 characters or more"),
            ),
            Rejection::AudienceMismatch { computed } => problem.with("audience", computed.as_str()),
            Rejection::MergeNotAllowed(obstacle) => problem.with("reason", obstacle.as_str()),
            Rejection::PlaybookNotSatisfied { unmet, .. } => {
                let check = |error: &FieldError| {
                    let check = error.pointer.strip_prefix("/playbook/answers/")?;
                    Some(check.to_owned())
                };
                let checks: Vec<String> = unmet.iter().filter_map(check).collect();
                problem.with("unmet", checks).with_errors(unmet.clone())
            }
            Rejection::NotInCustody | Rejection::Forbidden { .. } | Rejection::AuthorityInactive => problem,
            Rejection::SameAuthority => field(
                "/authority_code",
                Invalid::new("same-authority", "La richiesta viene da questo ente: usa la restituzione", "the request came from this authority: return it"),
            ),
            Rejection::NoPreviousAuthority => field(
                "/action",
                Invalid::new("no-previous-authority", "Nessun ente ha avuto in carico la richiesta", "no authority had this request before"),
            ),
            Rejection::CodeNotForPeople => field(
                "/resolution_code",
                Invalid::new("not-in-list", "Valore non disponibile", "this value is not in the list"),
            ),
            Rejection::SurvivorRequired => field("/duplicate_of", Invalid::required()),
            Rejection::AssigneeRequired => field("/assignee", Invalid::required()),
            Rejection::AssigneeNotAllowed => field(
                "/assignee",
                Invalid::new("not-allowed", "Qui non si può assegnare", "nobody can be assigned here"),
            ),
            Rejection::NoteNotAllowed => field(
                "/note",
                Invalid::new("not-allowed", "Qui non si può aggiungere una nota", "no note can be added here"),
            ),
            Rejection::NotPublishable => field(
                "/seq",
                Invalid::new("not-publishable", "Questa voce non può essere pubblicata", "this entry cannot be published"),
            ),
        }
    }
}

fn grant_refused(refused: GrantRefused) -> Problem {
    match refused {
        GrantRefused::SamePerson => Problem::new("second-person-required"),
        GrantRefused::NotNow { state } => {
            Problem::new("grant-step-not-allowed").with("state", state.as_str())
        }
        GrantRefused::AnotherOpen => Problem::new("grant-open"),
        GrantRefused::NobodyToTell => Problem::new("privacy-officer-missing"),
    }
}

fn complaint_refused(refused: ComplaintRefused) -> Problem {
    match refused {
        ComplaintRefused::Forbidden { .. } => Problem::new("forbidden"),
        ComplaintRefused::NotNow { state, allowed, .. } => {
            let allowed: Vec<&str> = allowed.iter().map(|step| step.as_str()).collect();
            Problem::new("complaint-step-not-allowed")
                .with("state", state.as_str())
                .with("allowed", allowed)
        }
        ComplaintRefused::ExtendedBefore { due_at } => {
            Problem::new("complaint-extended-before").with("due_at", due_at.to_string())
        }
        ComplaintRefused::ProtocolNeeded => Problem::new("complaint-protocol-needed"),
        ComplaintRefused::SchemeNotApproved => Problem::new("reply-scheme-not-approved"),
        ComplaintRefused::OwnScheme => Problem::new("reply-scheme-own"),
    }
}

fn review_refused(refused: ReviewRefused) -> Problem {
    match refused {
        ReviewRefused::NotOffered => Problem::new("review-not-offered"),
        ReviewRefused::NothingDecided { state, within } => Problem::new("review-not-decided")
            .with("state", state.as_str())
            .with("request_within", format!("P{}D", within.as_hours() / 24)),
        ReviewRefused::TooLate { until } => {
            Problem::new("review-too-late").with("possible_until", until.to_string())
        }
        ReviewRefused::Twice { requested_at } => {
            Problem::new("review-requested-before").with("requested_at", requested_at.to_string())
        }
        ReviewRefused::Involved => Problem::new("review-involved-before"),
        ReviewRefused::NotNow { state } => {
            Problem::new("review-step-not-allowed").with("state", state.as_str())
        }
    }
}

fn subject_request_refused(refused: SubjectRequestRefused) -> Problem {
    match refused {
        SubjectRequestRefused::NotNow { state, allowed, .. } => {
            let allowed: Vec<&str> = allowed.iter().map(|step| step.as_str()).collect();
            Problem::new("subject-request-step-not-allowed")
                .with("state", state.as_str())
                .with("allowed", allowed)
        }
        SubjectRequestRefused::ExtendedBefore { due_at } => {
            Problem::new("subject-request-extended-before").with("due_at", due_at.to_string())
        }
        SubjectRequestRefused::OtherKind { kind } => {
            Problem::new("subject-request-other-kind").with("kind", kind.as_str())
        }
        SubjectRequestRefused::SamePerson => Problem::new("second-person-needed"),
        SubjectRequestRefused::NoWay => Problem::new("export-delivery-not-possible"),
        SubjectRequestRefused::NotWaiting => Problem::new("approval-not-waiting"),
    }
}

fn code_refused(refusal: CodeRefusal, pointer: &str) -> Problem {
    let invalid = match refusal {
        CodeRefusal::Wrong => Invalid::new("otp-wrong", "Codice errato", "the code is wrong"),
        CodeRefusal::Expired => Invalid::new(
            "otp-expired",
            "Il codice OTP è scaduto",
            "the code has expired",
        ),
        CodeRefusal::Exhausted => Invalid::new(
            "otp-exhausted",
            "Troppi tentativi: chiedi un nuovo codice",
            "too many tries: ask for a new code",
        ),
        CodeRefusal::Used => Invalid::new(
            "otp-used",
            "Il codice è già stato usato",
            "the code was used before",
        ),
    };
    Problem::new("otp-invalid").with_errors(vec![invalid.at(pointer)])
}

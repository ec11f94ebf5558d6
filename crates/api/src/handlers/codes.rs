//! Codes that clients compare, as the published description lists them.
//!
//! For the description alone: what is written comes from the domain, whose lists these must equal
//! (see the tests below). A code that may grow without notice, such as an event's, is not here.
#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// Where an account stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AccountState {
    Requested,
    Identified,
    Issued,
    Activated,
    Active,
    MustChange,
    Locked,
    Suspended,
    Revoked,
    Expired,
}

/// A step of an account's life, taken by whoever keeps it.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AccountStep {
    Identify,
    Issue,
    Unlock,
    Suspend,
    Reactivate,
    Revoke,
}

/// How a person was identified.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Attestation {
    InPerson,
    Remote,
}

/// The document an officer saw.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum DocumentKind {
    IdentityCard,
    Passport,
    DrivingLicence,
    ServiceCard,
    DigitalIdentity,
}

/// Why an account is suspended or ended.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AccountReason {
    Absence,
    ChangeOfRole,
    Departure,
    Mistake,
    Security,
    Other,
}

/// A step of opening an authority.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SetupStep {
    ConfirmData,
    AcceptTerms,
}

/// Whether an endpoint is sent anything.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum EndpointState {
    Enabled,
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum EndpointDisabled {
    ByHand,
    Gone,
    Failing,
}

/// Where a delivery to an endpoint stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum WebhookDeliveryState {
    Pending,
    Delivered,
    Failed,
}

/// Why an endpoint did not answer.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AttemptFault {
    TimedOut,
    NotConnected,
    NotResolved,
    AddressRefused,
    UrlRefused,
    BrokenAnswer,
    NotSigned,
}

/// A state of a ticket.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum State {
    New,
    InProgress,
    AwaitingInfo,
    NotCompetent,
    ExternalWork,
    Resolved,
    AutoClosed,
    Removed,
}

/// How a desk gives out what comes to it.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AssignmentMode {
    None,
    LeastLoaded,
    RoundRobin,
}

/// How the clock of a promise stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ClockState {
    OnTrack,
    Warning,
    Breached,
    Paused,
    Met,
}

/// Why a search by words did not look everywhere.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SearchGap {
    Capped,
    Indexing,
}

/// What a clock measures.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ClockKind {
    TakeCharge,
    FirstResponse,
    Resolution,
}

/// Who has custody.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum DeskKind {
    Authority,
    Region,
}

/// A day of the week.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum WeekdayCode {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Who rests on a holiday.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum HolidayKind {
    National,
    PatronSaint,
}

/// How soon a ticket matters.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Priority {
    Critical,
    High,
    Medium,
    Low,
}

/// What sort of request it is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum TicketKind {
    GeneralInformation,
    ServiceQuestion,
    Malfunction,
}

/// How a ticket came in.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Channel {
    Portal,
    OperatorForm,
    Phone,
    Chat,
    Email,
    Counter,
    Import,
    Api,
}

/// How a ticket was resolved.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ResolutionCode {
    ResolvedByAuthority,
    ResolvedByRegion,
    InformationGiven,
    SendingErrorFixed,
    PaymentRecorded,
    NotReproducible,
    NotRelevant,
    Withdrawn,
    NoAnswer,
    Duplicate,
}

/// How an operator may resolve a ticket; the other codes follow from what happened.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ChosenResolution {
    ResolvedByAuthority,
    ResolvedByRegion,
    InformationGiven,
    SendingErrorFixed,
    PaymentRecorded,
    NotReproducible,
    NotRelevant,
    Duplicate,
}

/// Why an authority hands a ticket over to the region. `other` needs a note of 20 characters or more.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum HandOverReason {
    IssuedByOtherAuthority,
    ChecksPassed,
    PaymentNotFound,
    EasyAccessFailed,
    RegionalService,
    WrongService,
    Other,
}

/// Why a ticket needs a desk.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum CustodyChange {
    Filing,
    FollowUp,
    HandOver,
    Return,
    Reroute,
}

/// What a playbook tells its reader to do.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum PlaybookDecision {
    Escalate,
    Resolve,
    AnswerCitizen,
    AskCitizen,
    Hold,
    AuthorityActs,
    OpenActivity,
    Continue,
}

/// What an open ticket waits for without being paused.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum WaitingReason {
    SendingFix,
}

/// How far a version of a playbook is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum PlaybookVersionState {
    Draft,
    Approved,
    Active,
    Retired,
}

/// What a value of a playbook looks like.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum PlaybookValueKind {
    Text,
    Digits,
    Date,
    Amount,
    Authority,
}

/// Why a ticket is removed: unsolicited, the same as another one, a trial, a mistake.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum RemovalReason {
    Spam,
    Duplicate,
    #[schema(rename = "prova")]
    Test,
    #[schema(rename = "errore")]
    Mistake,
}

/// Who reads what is written.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Audience {
    Citizen,
    Region,
    Authority,
    Technical,
    Team,
}

/// What an operator can do with a ticket.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ActionCode {
    Take,
    Assign,
    Note,
    AskInfo,
    CancelQuestion,
    Resolve,
    HandOver,
    Return,
    Reroute,
    OpenActivity,
    CloseActivity,
    Reopen,
    Remove,
    PublishNote,
}

/// What a text is: a message of the requester, a note of staff, or the system's words.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum TextKind {
    Message,
    Note,
    System,
}

/// How a stretch of custody ended.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum LegOutcome {
    Resolved,
    NotCompetent,
    Returned,
    Rerouted,
    Withdrawn,
    Removed,
}

/// Who filed a ticket.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum RequesterKind {
    Anonymous,
    Citizen,
    Staff,
}

/// Who did something.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AuthorKind {
    Staff,
    Requester,
    System,
}

/// Whether an owner is a person or a group.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AssigneeKind {
    Operator,
    Pool,
}

/// How somebody is told.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum NotificationChannel {
    Web,
    Mail,
    Queue,
}

/// The id of an operation of this API, a step of a job or a command.
#[derive(ToSchema)]
#[schema(max_length = 64, pattern = "^[a-z][a-z_-]*$", example = "show_ticket")]
pub(crate) struct OperationId(String);

/// What was done with a request.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Look {
    Read,
    Changed,
    Downloaded,
}

/// How something that is in the audit trail went.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AuditOutcome {
    Done,
    Refused,
    Failed,
}

/// What sort of actor: the service itself, nobody we know, a member of staff, a citizen, who holds the link to
/// a request, a program, or somebody at the machine itself.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AuditActorKind {
    System,
    Nobody,
    Staff,
    Citizen,
    Tracking,
    Client,
    Operator,
}

/// A role of staff.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Role {
    Operator,
    Supervisor,
    Admin,
    RegionalOperator,
    RegionalSupervisor,
    Technician,
    SystemAdmin,
    Auditor,
}

/// Who works a service's requests first.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Route {
    Authority,
    Region,
}

/// What an authority is: local health authority, hospital, university hospital, or another one.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AuthorityKind {
    Asl,
    Ao,
    Aou,
    Other,
}

/// Whether a form asks for a field. A `hidden` one is refused when it is sent.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Presence {
    Required,
    Optional,
    Hidden,
    FromIdentity,
}

/// What the values of a field look like.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Datatype {
    Choice,
    PersonName,
    TaxCode,
    TaxCodeList,
    Email,
    Phone,
    MultilineText,
    Text,
    Digits,
    Date,
    Year,
    Acceptance,
    EmailProof,
    IdList,
}

/// How much a fault disturbs.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Impact {
    Minor,
    Moderate,
    Significant,
    Extensive,
}

/// How soon a technical activity is needed.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Urgency {
    Low,
    Medium,
    High,
    Critical,
}

/// What a technical activity restores.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ActivityKind {
    UserServiceRestoration,
    InfrastructureRestoration,
}

/// Where a technical activity stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ActivityState {
    New,
    Assigned,
    InProgress,
    Pending,
    Resolved,
    Closed,
    Cancelled,
}

/// What the report of an external tool led to.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ReportOutcome {
    Applied,
    Unchanged,
    Outdated,
    Over,
}

/// The order of a list; `-` is for descending.
#[derive(ToSchema)]
pub(crate) enum SortOrder {
    #[schema(rename = "created_at")]
    CreatedAt,
    #[schema(rename = "-created_at")]
    CreatedAtDescending,
    #[schema(rename = "updated_at")]
    UpdatedAt,
    #[schema(rename = "-updated_at")]
    UpdatedAtDescending,
    #[schema(rename = "due_at")]
    DueAt,
    #[schema(rename = "-due_at")]
    DueAtDescending,
    #[schema(rename = "priority")]
    Priority,
    #[schema(rename = "-priority")]
    PriorityDescending,
}

/// How the access token is sent.
#[derive(ToSchema)]
pub(crate) enum TokenType {
    Bearer,
}

/// A ticket's id, or its number for people.
#[derive(ToSchema)]
#[schema(
    max_length = 36,
    pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}-[0-9]{7,12}-[A-Y])$",
    example = "2026-0000417-S"
)]
pub(crate) struct TicketRef(String);

/// A ticket's number, for people.
#[derive(ToSchema)]
#[schema(
    max_length = 32,
    pattern = "^[0-9]{4}-[0-9]{7,12}-[A-Y]$",
    example = "2026-0000417-S"
)]
pub(crate) struct TicketNumber(String);

/// A service's code, from the catalogue.
#[derive(ToSchema)]
#[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
pub(crate) struct ServiceCode(String);

/// A problem type's code, from the catalogue.
#[derive(ToSchema)]
#[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
pub(crate) struct ProblemTypeCode(String);

/// How two tickets belong together.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum LinkKind {
    Related,
    FollowUp,
    Duplicate,
}

/// What the other ticket of a link is to this one.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum LinkRole {
    Peer,
    Earlier,
    Later,
    Survivor,
    Merged,
}

/// What makes a ticket look like another one.
#[derive(ToSchema)]
pub(crate) enum Resemblance {
    #[schema(rename = "same-exam-date")]
    ExamDate,
    #[schema(rename = "same-problem-type")]
    ProblemType,
    #[schema(rename = "same-service")]
    Service,
}

/// A tag: lower-case letters, digits and hyphens.
#[derive(ToSchema)]
#[schema(max_length = 30, pattern = "^[a-z0-9-]{1,30}$")]
pub(crate) struct Tag(String);

/// The extension of a file name, without its dot.
#[derive(ToSchema)]
#[schema(max_length = 16, pattern = "^[a-z0-9]+$")]
pub(crate) struct FileExtension(String);

/// Whose tickets: `me`, a colleague's id or a pool's code.
#[derive(ToSchema)]
#[schema(
    max_length = 36,
    pattern = "^(me|supervisors|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
    example = "me"
)]
pub(crate) struct AssigneeCode(String);

/// A note: plain text, not blank, without control characters but line breaks and tabs.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 5000,
    pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]*$"
)]
pub(crate) struct NoteText(String);

/// A message: plain text, not blank, without control characters but line breaks and tabs.
///
/// 500 characters, or as many as the form's `text_limits` say.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 4000,
    pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]*$"
)]
pub(crate) struct MessageText(String);

/// An answer in a self-help tree.
#[derive(ToSchema)]
#[schema(max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
pub(crate) struct StepId(String);

/// How a message leaves.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum MessageChannel {
    Mail,
    Webhook,
    Sms,
}

/// How far a message is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum DeliveryState {
    Pending,
    Sent,
    Parked,
    Discarded,
}

/// What can be done with a message that was given up.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum DeliveryStep {
    Retry,
    Discard,
}

/// When a member of staff gets mail about a topic.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum NotificationMode {
    Instant,
    Digest,
    Off,
}

/// How a contact came about.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ContactChannel {
    Phone,
    Chat,
    Counter,
    Mail,
    Remote,
}

/// Who sought whom.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ContactDirection {
    Inbound,
    Outbound,
}

/// What a contact led to.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ContactOutcome {
    Answered,
    RequestFiled,
    RequestFollowed,
    CallbackPlanned,
    Redirected,
    NoAnswer,
    Abandoned,
}

/// Where a call back stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum CallbackState {
    Waiting,
    Done,
    Unreachable,
    Cancelled,
}

/// How an attempt to reach somebody ended.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AttemptOutcome {
    Reached,
    NoAnswer,
    Busy,
    WrongNumber,
}

/// Why somebody looks at personal data.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    CitizenRequest,
    Complaint,
    AuthorityInspection,
    DataSubjectRight,
    SecurityIncident,
}

/// Where a break-glass grant stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum GrantState {
    Pending,
    InForce,
    Ended,
    Expired,
    Void,
}

/// Where the review of a decided request stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ReviewState {
    Requested,
    InReview,
    Upheld,
    Rejected,
}

/// How a review is decided.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ReviewOutcome {
    Upheld,
    Rejected,
}

/// What follows from a review that was upheld.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Remedy {
    Reopen,
    SettledOtherwise,
}

/// What somebody asks about their own data.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SubjectRequestKind {
    Access,
    Erasure,
    Restriction,
    Rectification,
    Objection,
}

/// Where what somebody asks about their own data stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SubjectRequestState {
    Received,
    InProgress,
    Done,
    Refused,
}

/// What was done with it.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SubjectRequestStep {
    Receive,
    Start,
    Extend,
    Finish,
    Refuse,
    Overdue,
    Export,
    Erase,
    Restrict,
    LiftRestriction,
    Rectify,
}

/// How what somebody asks about their own data came in.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SubjectRequestChannel {
    Identity,
    Tracking,
    Letter,
    Mail,
    Counter,
}

/// Who gets a copy of the data.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ExportDelivery {
    Mail,
    Citizen,
    Staff,
}

/// How far a copy of the data is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ExportState {
    AwaitingApproval,
    Preparing,
    Ready,
    Fetched,
    Expired,
}

/// How far an erasure is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ErasureState {
    AwaitingApproval,
    Running,
    Done,
}

/// What an erasure did with a request.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ErasureOutcome {
    Erased,
    Kept,
}

/// Why an erasure kept a request.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum KeptReason {
    Open,
    ReopeningWindow,
    LegalHold,
    Restricted,
    Claim,
}

/// Where a free text stands that names somebody.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum MentionPlace {
    Description,
    Note,
    Activity,
    ActivityComment,
    Contact,
    Callback,
    Complaint,
}

/// A step that is taken for itself.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum SubjectRequestMove {
    Start,
    Extend,
    Finish,
    Refuse,
}

/// How a request reached the officer.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum PaperChannel {
    Letter,
    Mail,
    Counter,
}

/// Where a complaint stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ComplaintState {
    Received,
    InPreparation,
    AwaitingAuthority,
    ReplyPrepared,
    Sent,
    UnderReexamination,
    Closed,
    Archived,
}

/// What can be done with a complaint.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ComplaintStep {
    Prepare,
    AskAuthority,
    Resume,
    Note,
    Describe,
    DraftReply,
    ReturnReply,
    Send,
    Reexamine,
    Extend,
    Archive,
    Close,
}

/// A step with a complaint that sends nothing.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum PlainStep {
    Prepare,
    AskAuthority,
    Resume,
    Note,
    ReturnReply,
    Reexamine,
    Archive,
}

/// How a complaint came in.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ComplaintChannel {
    Web,
    Letter,
    CertifiedMail,
    Mail,
    Phone,
    Counter,
}

/// Who complains.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ComplainantKind {
    Person,
    Association,
}

/// What was sent to a complainant.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum DispatchKind {
    Extension,
    Reply,
}

/// How something was sent to a complainant.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum DispatchWay {
    Mail,
    Web,
    Paper,
}

/// What a placeholder of a scheme takes.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum GapKind {
    Line,
    Lines,
    Date,
    Number,
}

/// What an announcement is about.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum AnnouncementKind {
    News,
    KnownIssue,
    Change,
}

/// How all tickets of an announcement are answered.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum BroadcastAction {
    Note,
    Resolve,
}

/// Where a bulk job stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum BulkJobState {
    Running,
    Done,
    Cancelled,
    Stopped,
}

/// A language.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum LanguageCode {
    It,
    En,
}

/// What a ticked check box of an HTML form sends.
#[derive(ToSchema)]
pub(crate) enum TickedBox {
    #[schema(rename = "true")]
    True,
    #[schema(rename = "on")]
    On,
    #[schema(rename = "1")]
    One,
}

#[cfg(test)]
mod tests {
    use domain::catalogue::{AuthorityKind as DomainAuthorityKind, Route as DomainRoute};
    use domain::webhook::Fault;
    use domain::{
        activity, actor, announcement, assignment, audit, break_glass, calendar, callback, command,
        complaint, contact, invalid, links, note, notification, purpose, review, sla, state,
        subject_request, ticket,
    };
    use service::playbooks::VersionState;
    use service::texts::letter;
    use service::webhooks::{self, DisabledReason};
    use service::{bulk, complaints, deliveries, keeping};
    use utoipa::PartialSchema;

    use super::*;

    fn listed<T: PartialSchema>() -> Vec<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        let codes = schema["enum"].as_array().unwrap();
        codes
            .iter()
            .map(|code| code.as_str().unwrap().to_owned())
            .collect()
    }

    fn codes<T: Copy>(all: &[T], code: impl Fn(T) -> &'static str) -> Vec<String> {
        all.iter().map(|one| code(*one).to_owned()).collect()
    }

    #[test]
    fn the_lists_are_those_of_the_domain() {
        let pairs = [
            (
                listed::<State>(),
                codes(&state::StateCode::ALL, state::StateCode::as_str),
            ),
            (
                listed::<AssignmentMode>(),
                codes(
                    &assignment::AssignmentMode::ALL,
                    assignment::AssignmentMode::as_str,
                ),
            ),
            (
                listed::<Priority>(),
                codes(state::Priority::ALL, state::Priority::as_str),
            ),
            (
                listed::<TicketKind>(),
                codes(state::TicketKind::ALL, state::TicketKind::as_str),
            ),
            (
                listed::<Channel>(),
                codes(state::Channel::ALL, state::Channel::as_str),
            ),
            (
                listed::<ResolutionCode>(),
                codes(state::ResolutionCode::ALL, state::ResolutionCode::as_str),
            ),
            (
                listed::<HandOverReason>(),
                codes(state::HandOverReason::ALL, state::HandOverReason::as_str),
            ),
            (
                listed::<PlaybookDecision>(),
                codes(
                    state::PlaybookDecision::ALL,
                    state::PlaybookDecision::as_str,
                ),
            ),
            (
                listed::<WaitingReason>(),
                codes(state::WaitingReason::ALL, state::WaitingReason::as_str),
            ),
            (
                listed::<PlaybookVersionState>(),
                codes(&VersionState::ALL, VersionState::as_str),
            ),
            (
                listed::<RemovalReason>(),
                codes(state::RemovalReason::ALL, state::RemovalReason::as_str),
            ),
            (
                listed::<Audience>(),
                codes(&note::Audience::ALL, note::Audience::as_str),
            ),
            (
                listed::<ActionCode>(),
                codes(&command::ActionCode::OFFERED, command::ActionCode::as_str),
            ),
            (
                listed::<BulkJobState>(),
                codes(&bulk::JobState::ALL, bulk::JobState::as_str),
            ),
            (
                listed::<SearchGap>(),
                codes(
                    &service::queue::SearchGap::ALL,
                    service::queue::SearchGap::as_str,
                ),
            ),
            (
                listed::<ClockState>(),
                codes(&sla::ClockState::ALL, sla::ClockState::as_str),
            ),
            (
                listed::<WeekdayCode>(),
                codes(&calendar::WEEKDAYS, calendar::day_name),
            ),
            (
                listed::<Look>(),
                codes(&audit::Look::ALL, audit::Look::as_str),
            ),
            (
                listed::<AuditOutcome>(),
                codes(&audit::AuditOutcome::ALL, audit::AuditOutcome::as_str),
            ),
            (
                listed::<AuditActorKind>(),
                codes(&audit::AuditActor::KINDS, |kind| kind),
            ),
            (
                listed::<Role>(),
                codes(&actor::Role::ALL, actor::Role::code),
            ),
            (
                listed::<EndpointDisabled>(),
                codes(&DisabledReason::ALL, DisabledReason::code),
            ),
            (
                listed::<WebhookDeliveryState>(),
                codes(&webhooks::DeliveryState::ALL, webhooks::DeliveryState::code),
            ),
            (listed::<AttemptFault>(), codes(&Fault::ALL, Fault::code)),
            (
                listed::<MessageChannel>(),
                codes(&deliveries::Channel::ALL, deliveries::Channel::as_str),
            ),
            (
                listed::<DeliveryState>(),
                codes(
                    &deliveries::DeliveryState::ALL,
                    deliveries::DeliveryState::as_str,
                ),
            ),
            (
                listed::<DeliveryStep>(),
                codes(
                    &deliveries::DeliveryStep::ALL,
                    deliveries::DeliveryStep::as_str,
                ),
            ),
            (
                listed::<NotificationMode>(),
                codes(&notification::Mode::ALL, notification::Mode::as_str),
            ),
            (
                listed::<ContactChannel>(),
                codes(
                    contact::ContactChannel::ALL,
                    contact::ContactChannel::as_str,
                ),
            ),
            (
                listed::<ContactDirection>(),
                codes(contact::Direction::ALL, contact::Direction::as_str),
            ),
            (
                listed::<ContactOutcome>(),
                codes(
                    contact::ContactOutcome::ALL,
                    contact::ContactOutcome::as_str,
                ),
            ),
            (
                listed::<CallbackState>(),
                codes(
                    callback::CallbackState::ALL,
                    callback::CallbackState::as_str,
                ),
            ),
            (
                listed::<AttemptOutcome>(),
                codes(
                    callback::AttemptOutcome::ALL,
                    callback::AttemptOutcome::as_str,
                ),
            ),
            (
                listed::<Purpose>(),
                codes(&purpose::Purpose::ALL, purpose::Purpose::as_str),
            ),
            (
                listed::<GrantState>(),
                codes(
                    &break_glass::GrantState::ALL,
                    break_glass::GrantState::as_str,
                ),
            ),
            (
                listed::<ReviewState>(),
                codes(&review::ReviewState::ALL, review::ReviewState::as_str),
            ),
            (
                listed::<ReviewOutcome>(),
                codes(&review::ReviewOutcome::ALL, review::ReviewOutcome::as_str),
            ),
            (
                listed::<Remedy>(),
                codes(&review::Remedy::ALL, review::Remedy::as_str),
            ),
            (
                listed::<SubjectRequestKind>(),
                codes(
                    subject_request::SubjectRequestKind::ALL,
                    subject_request::SubjectRequestKind::as_str,
                ),
            ),
            (
                listed::<SubjectRequestState>(),
                codes(
                    subject_request::SubjectRequestState::ALL,
                    subject_request::SubjectRequestState::as_str,
                ),
            ),
            (
                listed::<SubjectRequestStep>(),
                codes(
                    subject_request::SubjectRequestStep::ALL,
                    subject_request::SubjectRequestStep::as_str,
                ),
            ),
            (
                listed::<SubjectRequestChannel>(),
                codes(
                    subject_request::SubjectRequestChannel::ALL,
                    subject_request::SubjectRequestChannel::as_str,
                ),
            ),
            (
                listed::<ExportDelivery>(),
                codes(
                    subject_request::ExportDelivery::ALL,
                    subject_request::ExportDelivery::as_str,
                ),
            ),
            (
                listed::<ExportState>(),
                codes(
                    subject_request::ExportState::ALL,
                    subject_request::ExportState::as_str,
                ),
            ),
            (
                listed::<ErasureState>(),
                codes(
                    subject_request::ErasureState::ALL,
                    subject_request::ErasureState::as_str,
                ),
            ),
            (
                listed::<ErasureOutcome>(),
                codes(
                    subject_request::ErasureOutcome::ALL,
                    subject_request::ErasureOutcome::as_str,
                ),
            ),
            (
                listed::<KeptReason>(),
                codes(
                    subject_request::KeptReason::ALL,
                    subject_request::KeptReason::as_str,
                ),
            ),
            (
                listed::<MentionPlace>(),
                codes(
                    subject_request::MentionPlace::ALL,
                    subject_request::MentionPlace::as_str,
                ),
            ),
            (
                listed::<ComplaintState>(),
                codes(
                    complaint::ComplaintState::ALL,
                    complaint::ComplaintState::as_str,
                ),
            ),
            (
                listed::<ComplaintStep>(),
                codes(
                    complaint::ComplaintStep::ALL,
                    complaint::ComplaintStep::as_str,
                ),
            ),
            (
                listed::<PlainStep>(),
                codes(&complaints::PlainStep::ALL, complaints::PlainStep::as_str),
            ),
            (
                listed::<ComplaintChannel>(),
                codes(
                    complaint::ComplaintChannel::ALL,
                    complaint::ComplaintChannel::as_str,
                ),
            ),
            (
                listed::<ComplainantKind>(),
                codes(
                    complaint::ComplainantKind::ALL,
                    complaint::ComplainantKind::as_str,
                ),
            ),
            (
                listed::<DispatchKind>(),
                codes(
                    complaint::DispatchKind::ALL,
                    complaint::DispatchKind::as_str,
                ),
            ),
            (
                listed::<DispatchWay>(),
                codes(complaint::DispatchWay::ALL, complaint::DispatchWay::as_str),
            ),
            (
                listed::<GapKind>(),
                codes(&letter::GapKind::ALL, letter::GapKind::as_str),
            ),
            (
                listed::<AnnouncementKind>(),
                codes(
                    announcement::AnnouncementKind::ALL,
                    announcement::AnnouncementKind::as_str,
                ),
            ),
            (
                listed::<CustodyChange>(),
                codes(
                    &service::routing::CustodyChange::ALL,
                    service::routing::CustodyChange::as_str,
                ),
            ),
            (
                listed::<ActivityState>(),
                codes(
                    activity::ActivityState::ALL,
                    activity::ActivityState::as_str,
                ),
            ),
            (
                listed::<Impact>(),
                codes(activity::Impact::ALL, activity::Impact::as_str),
            ),
            (
                listed::<Urgency>(),
                codes(activity::Urgency::ALL, activity::Urgency::as_str),
            ),
            (
                listed::<ActivityKind>(),
                codes(activity::ActivityKind::ALL, activity::ActivityKind::as_str),
            ),
            (
                listed::<LinkKind>(),
                codes(links::LinkKind::ALL, links::LinkKind::as_str),
            ),
            (
                listed::<LinkRole>(),
                codes(links::LinkRole::ALL, links::LinkRole::as_str),
            ),
            (
                listed::<Resemblance>(),
                codes(links::Resemblance::ALL, links::Resemblance::as_str),
            ),
            (
                listed::<LanguageCode>(),
                codes(&invalid::Lang::ALL, invalid::Lang::code),
            ),
        ];
        for (published, known) in pairs {
            assert_eq!(published, known);
        }
    }

    #[test]
    fn the_shorter_lists_are_those_of_the_domain() {
        let for_people: Vec<_> = state::ResolutionCode::ALL
            .iter()
            .copied()
            .filter(|code| code.is_for_people())
            .collect();
        assert_eq!(
            listed::<ChosenResolution>(),
            codes(&for_people, state::ResolutionCode::as_str)
        );
        let outcomes = [
            ticket::LegOutcome::Resolved,
            ticket::LegOutcome::NotCompetent,
            ticket::LegOutcome::Returned,
            ticket::LegOutcome::Rerouted,
            ticket::LegOutcome::Withdrawn,
            ticket::LegOutcome::Removed,
        ];
        assert_eq!(
            listed::<LegOutcome>(),
            codes(&outcomes, ticket::LegOutcome::as_str)
        );
        let kinds = [
            note::NoteKind::Message,
            note::NoteKind::Note,
            note::NoteKind::System,
        ];
        assert_eq!(listed::<TextKind>(), codes(&kinds, note::NoteKind::as_str));
        let health = [
            DomainAuthorityKind::Asl,
            DomainAuthorityKind::Ao,
            DomainAuthorityKind::Aou,
            DomainAuthorityKind::Other,
        ];
        assert!(health.iter().all(|kind| kind.is_health()));
        assert_eq!(
            listed::<AuthorityKind>(),
            codes(&health, DomainAuthorityKind::as_str)
        );
        for (published, known) in [
            (listed::<Attestation>(), &keeping::ATTESTATIONS[..]),
            (listed::<DocumentKind>(), &keeping::DOCUMENT_KINDS),
            (listed::<AccountReason>(), &keeping::REASONS),
        ] {
            assert_eq!(published, known);
        }
        let routes = [DomainRoute::Authority, DomainRoute::Region];
        let written: Vec<_> = routes
            .iter()
            .map(|route| serde_json::to_value(route).unwrap())
            .collect();
        assert_eq!(listed::<Route>(), written);
    }
}

//! A few dozen requests with a history, filed and worked by the program itself: what the loader
//! multiplies. Each is a life that requests lead: just filed, being worked, waiting for an answer,
//! resolved, closed.

use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::filing::FilingForm;
use domain::ids::{TicketId, TicketRef};
use domain::invalid::Lang;
use domain::visibility::Scope;
use jiff::SignedDuration;
use serde_json::json;
use service::action_form::{ActionForm, NoteForm};
use service::attachments::RawFile;
use service::clock::ManualClock;
use service::filing::FiledBy;
use service::once::Once;
use service::{Clock, Desk};
use storage::{Db, StoreError, accounts};

use super::people::{Dice, Invented};
use crate::{File, files};

/// The desks that work what is filed, with who works there, and how many of ten requests go there.
const DESKS: &[(&str, &str, u64)] = &[
    (crate::people::TO4, "to4.operator", 6),
    (crate::people::CN1, "cn1.operator", 4),
];

/// What citizens write. The word "referto" is in most of them, as in real ones.
const DESCRIPTIONS: &[&str] = &[
    "Non trovo il referto della visita di controllo fatta il mese scorso.",
    "Il referto degli esami del sangue non compare nel fascicolo.",
    "Ho ritirato il referto allo sportello ma nel fascicolo non lo vedo ancora.",
    "Scaricando il referto della radiografia il file risulta vuoto.",
    "Il referto del laboratorio porta la data sbagliata e non riesco ad aprirlo.",
    "Cerco il referto della visita cardiologica prenotata dal medico di famiglia.",
    "La risonanza è stata fatta due settimane fa e il referto manca.",
    "Vorrei consultare le immagini della ecografia, non riesco a scaricarle.",
];

/// A word that one request in some thousands has.
pub const RARE_WORD: &str = "craniosacrale";
/// A word that most requests have.
pub const COMMON_WORD: &str = "referto";

/// How a request ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Nobody has touched it.
    New,
    /// Somebody works it; with so many notes.
    Worked(usize),
    /// A question to the citizen is open.
    Awaiting,
    /// Resolved, and can still be replied to.
    Resolved,
    /// Over; with so many notes on the way.
    Closed(usize),
}

impl Life {
    /// Whether nothing happens to it any more, so that it may be as old as the archive.
    pub const fn is_over(self) -> bool {
        matches!(self, Life::Closed(_))
    }
}

/// The lives, over and over: a tenth with files, one in twelve with a long history.
const LIVES: &[Life] = &[
    Life::Closed(1),
    Life::New,
    Life::Closed(2),
    Life::Worked(1),
    Life::Closed(0),
    Life::Awaiting,
    Life::Closed(18),
    Life::Resolved,
    Life::Closed(1),
    Life::Worked(20),
    Life::Closed(3),
    Life::New,
];

/// A request that was filed to be multiplied.
#[derive(Debug, Clone)]
pub struct Filed {
    /// Its id.
    pub id: TicketId,
    /// How it ended up.
    pub life: Life,
    /// Whether its text has [`RARE_WORD`].
    pub is_rare: bool,
    /// Whether it came with a file.
    pub has_file: bool,
    when: u64,
}

/// Days that a life takes from the filing to now, and hours between its steps.
const fn pace(life: Life) -> (i64, i64) {
    match life {
        Life::New => (6, 0),
        Life::Worked(_) => (12, 4),
        Life::Awaiting => (3, 5),
        Life::Resolved => (4, 8),
        Life::Closed(_) => (20, 3),
    }
}

/// How long [`file`] moves the clock.
pub const SPAN: SignedDuration = SignedDuration::from_hours(21 * 24);

/// Files `count` requests and lets each lead its life, moving the clock by [`SPAN`] on the way.
pub fn file(desk: &Desk, db: &Db, clock: &ManualClock, count: usize) -> Vec<Filed> {
    let begin = clock.now();
    let mut filed = Vec::new();
    let mut steps: Vec<(jiff::Timestamp, usize, Step)> = Vec::new();
    let end = begin.checked_add(SPAN).expect("a time");
    let at = |time: jiff::Timestamp, hours: i64| {
        time.checked_add(SignedDuration::from_hours(hours))
            .expect("a time")
    };
    for number in 0..count {
        let life = LIVES[number % LIVES.len()];
        let (days, between) = pace(life);
        let mut time = at(end, -24 * days);
        steps.push((time, number, Step::File));
        for step in life_of(life) {
            time = at(time, between);
            steps.push((time, number, step));
        }
    }
    steps.sort_by_key(|(time, number, _)| (*time, *number));
    let mut made: Vec<Option<Made>> = (0..count).map(|_| None).collect();
    for (time, number, step) in steps {
        move_to(desk, clock, time);
        match step {
            Step::File => made[number] = Some(Made::file(desk, db, number)),
            step => made[number]
                .as_mut()
                .expect("it was filed")
                .take(desk, step),
        }
    }
    move_to(desk, clock, end);
    for (number, made) in made.into_iter().enumerate() {
        let made = made.expect("it was filed");
        filed.push(Filed {
            id: made.id,
            life: LIVES[number % LIVES.len()],
            is_rare: made.is_rare,
            has_file: made.has_file,
            when: u64::try_from(number).unwrap_or(0),
        });
    }
    while desk.place_changes().expect("the feed gets its places") {}
    filed.sort_by_key(|one| one.when);
    filed
}

/// Moves the clock, and does what is due meanwhile.
fn move_to(desk: &Desk, clock: &ManualClock, time: jiff::Timestamp) {
    const STRIDE: SignedDuration = SignedDuration::from_hours(6);
    loop {
        let left = time.duration_since(clock.now());
        if left <= SignedDuration::ZERO {
            return;
        }
        clock.advance(left.min(STRIDE));
        let run = desk.run_due_work().expect("due work is done");
        assert_eq!(run.failed, 0, "due work failed");
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    File,
    Take,
    Note(usize),
    Ask,
    Resolve,
}

fn life_of(life: Life) -> Vec<Step> {
    let notes = |count: usize| (0..count).map(Step::Note);
    match life {
        Life::New => Vec::new(),
        Life::Worked(count) => std::iter::once(Step::Take).chain(notes(count)).collect(),
        Life::Awaiting => vec![Step::Take, Step::Ask],
        Life::Resolved => vec![Step::Take, Step::Note(0), Step::Resolve],
        Life::Closed(count) => std::iter::once(Step::Take)
            .chain(notes(count))
            .chain([Step::Resolve])
            .collect(),
    }
}

/// A request on its way.
struct Made {
    id: TicketId,
    staff: Staff,
    is_rare: bool,
    has_file: bool,
}

impl Made {
    fn file(desk: &Desk, db: &Db, number: usize) -> Self {
        let mut dice = Dice::new(u64::try_from(number).unwrap_or(0));
        let (authority, operator) = desk_of(&mut dice);
        let is_rare = number == 0;
        let has_file = number % 10 == 4;
        let mut description = (*dice.one(DESCRIPTIONS)).to_owned();
        if is_rare {
            description.push_str(&format!(" Era un trattamento {RARE_WORD}."));
        }
        let form = FilingForm {
            service_code: Some("FSE".to_owned()),
            problem_type: Some("referto-non-trovato".to_owned()),
            authority_code: Some(authority.to_owned()),
            description: Some(description),
            extra: serde_json::from_value(json!({
                "exam_date": "2026-02-10",
                "team_number": format!("8038000010{:010}", dice.below(10_000_000_000)),
            }))
            .expect("an object"),
            privacy_ack: Some(true),
            ..FilingForm::default()
        };
        let person = Invented::new(u64::MAX - u64::try_from(number).unwrap_or(0));
        let by = FiledBy::Citizen {
            identity: person.issuer_and_subject(),
            person: person.identity(),
        };
        let file = has_file.then(|| raw(files::pdf(20_000 + 1_000 * number)));
        let mut checked = desk
            .check_filing(&form, by, file, Lang::It)
            .unwrap_or_else(|error| panic!("{error:?}"));
        let file = checked.file.take().map(|file| kept(desk, file));
        let filed = desk.file(checked, file, &once()).expect("it is filed");
        Made {
            id: filed.value.ticket.id,
            staff: staff(db, operator, authority),
            is_rare,
            has_file,
        }
    }

    fn take(&mut self, desk: &Desk, step: Step) {
        let note = |body: String, published: bool| {
            Some(NoteForm {
                body: Some(body),
                published: Some(published),
            })
        };
        let action = |code: &str| Some(code.to_owned());
        let form = match step {
            Step::File => return,
            Step::Take => ActionForm {
                action: action("take"),
                ..ActionForm::default()
            },
            Step::Note(number) => ActionForm {
                action: action("note"),
                note: note(
                    format!(
                        "Verifica {number}: il laboratorio conferma l'invio, si ricontrolla domani."
                    ),
                    number % 3 == 2,
                ),
                ..ActionForm::default()
            },
            Step::Ask => ActionForm {
                action: action("ask-info"),
                note: note("In quale data è stato eseguito l'esame?".to_owned(), true),
                ..ActionForm::default()
            },
            Step::Resolve => ActionForm {
                action: action("resolve"),
                resolution_code: Some("resolved-by-authority".to_owned()),
                note: note(
                    "Il documento è di nuovo disponibile nel fascicolo.".to_owned(),
                    true,
                ),
                ..ActionForm::default()
            },
        };
        let wanted = TicketRef::Id(self.id);
        let seen = desk
            .show_ticket(&self.staff, &wanted)
            .expect("its screen")
            .ticket
            .version;
        let form = form.check().unwrap_or_else(|errors| panic!("{errors:?}"));
        let done = desk.record_update(&self.staff, wanted, seen, form, None, &once());
        done.unwrap_or_else(|error| panic!("{step:?}: {error:?}"));
    }
}

fn desk_of(dice: &mut Dice) -> (&'static str, &'static str) {
    let mut lot = dice.below(10);
    for (authority, operator, share) in DESKS {
        if lot < *share {
            return (authority, operator);
        }
        lot -= share;
    }
    unreachable!("the shares add up to ten")
}

/// Somebody who works at a desk.
pub fn staff(db: &Db, username: &str, authority: &str) -> Staff {
    let found = db.read(|conn| {
        let account = accounts::find_by_username(conn, username)?.expect("an account");
        let placements = accounts::list_placements(conn, account)?;
        Ok::<_, StoreError>((account, placements))
    });
    let (account, placements) = found.expect("the account is read");
    let placement = placements
        .into_iter()
        .find(|one| one.authority.as_str() == authority && one.role == Role::Operator)
        .expect("a placement");
    Staff {
        account,
        placement: placement.id,
        role: placement.role,
        authority: AuthorityCode::from(authority),
    }
}

/// The scope in which the loader reads: everything.
pub(super) const ALL: Scope = Scope::System;

fn once() -> Once {
    Once {
        key: None,
        content: Vec::new(),
    }
}

fn raw(file: File) -> RawFile {
    RawFile {
        name: file.name,
        bytes: file.bytes.into(),
    }
}

/// Keeps a file from wherever it is called, also inside another runtime.
fn kept(desk: &Desk, file: service::attachments::CheckedFile) -> domain::note::Attachment {
    let keep = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(desk.keep(file)).expect("the file is kept")
    };
    std::thread::scope(|scope| scope.spawn(keep).join().expect("the file is kept"))
}

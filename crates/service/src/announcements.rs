//! Announcements: written for a desk, for all of them or for citizens, read while they hold, and
//! acknowledged by staff (`domain.md` §9.7).

use domain::actor::Staff;
use domain::announcement::{AnnouncementKind, MOST_SHOWN, Readers, holds};
use domain::codes::AuthorityCode;
use domain::ids::AnnouncementId;
use domain::invalid::{FieldError, Invalid, Text};
use domain::permissions::{Reach, Right, has, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::announcements;
use storage::changes::News;
use storage::deliveries::Keeper;
use storage::{DbConnection, StoreError, list};

pub use storage::announcements::Announcement;

use crate::action_form::not_in_list;
use crate::contacts::keeper_of;
use crate::once::{Answer, Once};
use crate::work::{Kind, Next};
use crate::{Desk, DeskError};

/// An announcement to write, checked.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct NewAnnouncement {
    pub kind: AnnouncementKind,
    pub title: Text,
    pub body: Text,
    pub readers: Readers,
    pub valid_from: Timestamp,
    pub valid_to: Timestamp,
    pub acknowledgement_required: bool,
}

/// What is to change of an announcement.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AnnouncementPatch {
    pub title: Option<Text>,
    pub body: Option<Text>,
    pub valid_to: Option<Timestamp>,
}

/// An announcement, for whoever may see it whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnnouncementView {
    /// What is said, and to whom.
    pub announcement: Announcement,
    /// How many of the staff acknowledged it; for those alone who keep it.
    pub acknowledgements: Option<i64>,
}

/// An announcement as its readers see it.
#[derive(Debug, Clone)]
pub struct ShownAnnouncement {
    /// What is said.
    pub announcement: Announcement,
    /// Whether the reader acknowledged it.
    pub acknowledged: bool,
}

impl Desk {
    /// What is wrong with the authorities that somebody writes to: they must exist, and whoever
    /// writes for one authority writes to it alone.
    pub fn check_authorities(&self, staff: &Staff, codes: &[AuthorityCode]) -> Vec<FieldError> {
        let today = self.today();
        let is_own_alone = reach(staff.role, Right::KeepAnnouncements) == Reach::Desk;
        if is_own_alone && codes.is_empty() {
            let invalid = Invalid::new(
                "own-authority-only",
                "Indica il tuo ente: a tutti scrive la regione",
                "name your own authority: the region writes to all",
            );
            return vec![invalid.at("/audience/authorities")];
        }
        let is_good = |code: &AuthorityCode| match is_own_alone {
            true => *code == staff.authority,
            false => self.reference.authority(code.as_str(), today).is_some(),
        };
        let bad = codes.iter().enumerate().filter(|(_, code)| !is_good(code));
        bad.map(|(at, _)| not_in_list().at(format!("/audience/authorities/{at}")))
            .collect()
    }

    /// Writes an announcement; when it begins to hold, the feed tells.
    pub fn announce(
        &self,
        staff: &Staff,
        new: NewAnnouncement,
        once: &Once,
    ) -> Result<Answer<AnnouncementView>, DeskError> {
        let errors = self.check_authorities(staff, &new.readers.authorities);
        if !errors.is_empty() {
            return Err(DeskError::Invalid(errors));
        }
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let announcement = Announcement {
                id: AnnouncementId::new(desk.ids.uuid()),
                version: 1,
                desk: staff.authority,
                kind: new.kind,
                title: new.title,
                body: new.body,
                readers: new.readers,
                valid_from: new.valid_from,
                valid_to: new.valid_to,
                acknowledgement_required: new.acknowledgement_required,
                author: staff.account,
                created_at: now,
                updated_at: now,
            };
            announcements::insert(conn, &announcement)?;
            let (id, begins) = (announcement.id.uuid(), announcement.valid_from);
            desk.schedule(conn, Kind::Announcement, id, Some(begins))?;
            Ok(AnnouncementView {
                announcement,
                acknowledgements: Some(0),
            })
        })
    }

    /// A page of the announcements that somebody keeps, the newest first.
    pub fn list_announcements(
        &self,
        staff: &Staff,
        after: Option<(Timestamp, AnnouncementId)>,
        limit: i64,
    ) -> Result<Vec<AnnouncementView>, DeskError> {
        let keeper = keeper_of(staff, Right::KeepAnnouncements);
        self.db.read_snapshot(|conn| {
            let found = announcements::list(conn, &keeper, after, limit)?;
            let ids: Vec<AnnouncementId> = found.iter().map(|one| one.id).collect();
            let counts = announcements::count_acknowledged(conn, &ids)?;
            let of = |id| counts.iter().find(|(one, _)| *one == id);
            let views = found.into_iter().map(|announcement| AnnouncementView {
                acknowledgements: Some(of(announcement.id).map_or(0, |(_, count)| *count)),
                announcement,
            });
            Ok(views.collect())
        })
    }

    /// One announcement, for those who keep it and for those it is for while it holds.
    pub fn show_announcement(
        &self,
        staff: &Staff,
        id: AnnouncementId,
    ) -> Result<AnnouncementView, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot(|conn| {
            let announcement = reachable(conn, staff, id, now)?;
            view(conn, staff, announcement)
        })
    }

    /// Changes texts or the end of an announcement as its keeper saw it at version `seen`.
    pub fn edit_announcement(
        &self,
        staff: &Staff,
        id: AnnouncementId,
        seen: i64,
        patch: AnnouncementPatch,
    ) -> Result<AnnouncementView, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let mut announcement = reachable(conn, &staff, id, now)?;
            if !keeps(&staff, &announcement) {
                return Err(DeskError::Forbidden);
            }
            if announcement.version != seen {
                return Err(DeskError::Stale {
                    current: announcement.version,
                });
            }
            if let Some(title) = patch.title {
                announcement.title = title;
            }
            if let Some(body) = patch.body {
                announcement.body = body;
            }
            if let Some(end) = patch.valid_to {
                announcement.valid_to = end;
            }
            if announcement.valid_to < announcement.valid_from {
                return Err(DeskError::field(ends_too_early().at("/valid_to")));
            }
            announcement.version += 1;
            announcement.updated_at = now;
            match announcements::save(conn, &announcement, seen) {
                Err(StoreError::Stale) => {
                    let found = announcements::find(conn, id)?.ok_or(DeskError::NotFound)?;
                    Err(DeskError::Stale {
                        current: found.version,
                    })
                }
                Err(other) => Err(other.into()),
                Ok(()) => view(conn, &staff, announcement),
            }
        })
    }

    /// Notes that somebody has read an announcement that is for them; the answer is when they first
    /// said so.
    pub fn acknowledge_announcement(
        &self,
        staff: &Staff,
        id: AnnouncementId,
        once: &Once,
    ) -> Result<Answer<Timestamp>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let found = announcements::find(conn, id)?.filter(|one| reads(&staff, one, now));
            found.ok_or(DeskError::NotFound)?;
            Ok(announcements::acknowledge(conn, id, staff.account, now)?)
        })
    }

    /// What a member of staff is to read now, the newest first.
    pub fn list_shown(&self, staff: &Staff) -> Result<Vec<ShownAnnouncement>, DeskError> {
        if !has(staff.role, Right::ReadAnnouncements) {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        self.db.read_snapshot(|conn| {
            let mut found = announcements::list_holding(conn, now)?;
            found.retain(|one| one.readers.has(staff));
            found.truncate(MOST_SHOWN);
            let ids: Vec<AnnouncementId> = found.iter().map(|one| one.id).collect();
            let acknowledged = match ids.is_empty() {
                true => Vec::new(),
                false => announcements::list_acknowledged(conn, staff.account, &ids)?,
            };
            let shown = found.into_iter().map(|announcement| ShownAnnouncement {
                acknowledged: acknowledged.contains(&announcement.id),
                announcement,
            });
            Ok(shown.collect())
        })
    }

    /// What a requester is to read now, the newest first.
    pub fn list_shown_to_requester(&self, scope: &Scope) -> Result<Vec<Announcement>, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot_in(scope, |conn| {
            let mut found = announcements::list_holding(conn, now)?;
            found.retain(|one| one.readers.citizens);
            // Most are for all: only the others need to know whose requests these are.
            let own = match found.iter().all(|one| one.readers.authorities.is_empty()) {
                true => Vec::new(),
                false => list::list_declared(conn, scope)?,
            };
            found.retain(|one| one.readers.has_requester_of(&own));
            found.truncate(MOST_SHOWN);
            Ok(found)
        })
    }

    /// Tells the feed that an announcement begins to hold.
    pub(crate) fn publish_announcement(
        &self,
        conn: &mut DbConnection,
        id: AnnouncementId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        // Called off meanwhile, or late after downtime: nothing is to be told any more.
        let Some(one) = announcements::find(conn, id)?.filter(|one| now < one.valid_to) else {
            return Ok(Next::Done);
        };
        if now < one.valid_from {
            return Ok(Next::At(one.valid_from));
        }
        let mut desks: Vec<Option<AuthorityCode>> =
            one.readers.authorities.iter().cloned().map(Some).collect();
        if desks.is_empty() {
            desks.push(None);
        }
        for desk in desks {
            let news = News {
                kind: "announcement.published".to_owned(),
                desk,
                former_desk: None,
                ticket: None,
                seq: None,
                subject: Some(id.to_string()),
                data: json!({"kind": one.kind.as_str()}),
            };
            self.publish(conn, &news, now)?;
        }
        Ok(Next::Done)
    }
}

/// The refusal of an end before the beginning.
pub const fn ends_too_early() -> Invalid {
    Invalid::new(
        "empty-interval",
        "La fine precede l'inizio",
        "it ends before it begins",
    )
}

fn keeps(staff: &Staff, one: &Announcement) -> bool {
    has(staff.role, Right::KeepAnnouncements)
        && match keeper_of(staff, Right::KeepAnnouncements) {
            Keeper::Everything => true,
            Keeper::Desk(code) => one.desk == code,
        }
}

fn reads(staff: &Staff, one: &Announcement, now: Timestamp) -> bool {
    holds(one.valid_from, one.valid_to, now) && one.readers.has(staff)
}

/// The announcement, if somebody keeps it or it is for them now.
pub(crate) fn reachable(
    conn: &mut DbConnection,
    staff: &Staff,
    id: AnnouncementId,
    now: Timestamp,
) -> Result<Announcement, DeskError> {
    let found = announcements::find(conn, id)?;
    found
        .filter(|one| keeps(staff, one) || reads(staff, one, now))
        .ok_or(DeskError::NotFound)
}

fn view(
    conn: &mut DbConnection,
    staff: &Staff,
    announcement: Announcement,
) -> Result<AnnouncementView, DeskError> {
    let count = match keeps(staff, &announcement) {
        false => None,
        true => {
            let counts = announcements::count_acknowledged(conn, &[announcement.id])?;
            Some(counts.first().map_or(0, |(_, count)| *count))
        }
    };
    Ok(AnnouncementView {
        announcement,
        acknowledgements: count,
    })
}

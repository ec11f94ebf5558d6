//! Free texts of others that name somebody whose data are erased: found page by page, kept as places
//! alone, and looked at by a person. Only texts that the region may read are searched.

use domain::ids::{MentionId, TicketId};
use domain::subject_request::{MentionPlace, names};
use domain::visibility::{EntryFacts, View, may_read};
use jiff::Timestamp;
use storage::erasures::{self, Erasure, Mention};
use storage::subjects::{self, After, FreeText};
use storage::{DbConnection, StoreError};

use crate::{Desk, DeskError};

/// Texts read in one transaction.
const PAGE: i64 = 200;

impl Desk {
    /// Looks through the next page of texts. False when all were looked through.
    pub(super) fn look_for_mentions(
        &self,
        conn: &mut DbConnection,
        erasure: &mut Erasure,
        own: &[TicketId],
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let (place, after) = match erasure.scanned.as_deref() {
            None => (MentionPlace::ALL.first().copied(), None),
            Some(text) => read_cursor(text, erasure)?,
        };
        let Some(place) = place else { return Ok(false) };
        let words = erasure.words.clone().unwrap_or_default();
        let page = subjects::list_texts(conn, place, after, PAGE)?;
        for text in &page {
            let is_own = text.ticket.is_some_and(|ticket| own.contains(&ticket));
            if is_own || !self.region_may_read(text) || !names(&text.text, &words) {
                continue;
            }
            let mention = Mention {
                id: MentionId::new(self.ids.uuid()),
                place,
                subject: text.subject,
                seq: text.seq,
                ticket: text.ticket,
                found_at: now,
                reviewed: None,
            };
            erasures::add_mention(conn, erasure.id, &mention)?;
        }
        let is_full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        erasure.scanned = Some(match page.last().filter(|_| is_full) {
            Some(last) => format!("{}/{}/{}", place.as_str(), last.subject, last.seq),
            None => format!("{}/end", place.as_str()),
        });
        Ok(true)
    }

    fn region_may_read(&self, text: &FreeText) -> bool {
        let Some(audience) = text.audience else {
            return true;
        };
        let team = text.team.as_deref().map(domain::codes::AuthorityCode::from);
        let entry = EntryFacts {
            seq: text.seq,
            audience,
            team: team.as_ref(),
            party: None,
        };
        may_read(entry, View::Region, Some(self.reference.region()))
    }
}

/// Where the search goes on: behind a text, or with the next sort of texts.
fn read_cursor(
    text: &str,
    erasure: &Erasure,
) -> Result<(Option<MentionPlace>, Option<After>), StoreError> {
    let corrupt = || StoreError::Corrupt {
        table: "erasures",
        id: erasure.id.to_string(),
        column: "scanned",
    };
    let mut parts = text.split('/');
    let place = parts.next().and_then(MentionPlace::from_code);
    let place = place.ok_or_else(corrupt)?;
    match (parts.next(), parts.next()) {
        (Some("end"), None) => {
            let mut places = MentionPlace::ALL.iter().skip_while(|one| **one != place);
            Ok((places.nth(1).copied(), None))
        }
        (Some(id), Some(seq)) => {
            let id = id.parse().map_err(|_| corrupt())?;
            let seq = seq.parse().map_err(|_| corrupt())?;
            Ok((Some(place), Some((id, seq))))
        }
        _ => Err(corrupt()),
    }
}

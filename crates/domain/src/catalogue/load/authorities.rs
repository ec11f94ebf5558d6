//! Authorities: one active region, successions between authorities that exist, services that exist.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;

use super::Check;
use super::calendars::Calendars;
use crate::catalogue::authority::{Authority, AuthorityKind, EnabledServices};
use crate::catalogue::file::{AuthoritiesFile, RawAuthority, RawEnabled, Word};
use crate::catalogue::service::Service;
use crate::codes::{AuthorityCode, ServiceCode};

impl Check<'_> {
    /// The authorities and the region's code. `services` and `calendars` are `None` when their file
    /// could not be read: then what names them is not judged.
    pub(super) fn authorities(
        &mut self,
        file: AuthoritiesFile,
        services: Option<&Vec<Service>>,
        mut calendars: Option<&mut Calendars>,
    ) -> (Vec<Authority>, Option<AuthorityCode>) {
        self.codes_once("authority.code", file.authority.iter().map(|a| &a.code));
        let known: HashSet<_> = file
            .authority
            .iter()
            .map(|a| AuthorityCode::new(a.code.get_ref()))
            .collect();
        let places: Vec<_> = file
            .authority
            .iter()
            .map(|a| a.successor.as_ref().map(Spanned::span))
            .collect();
        let authorities: Vec<_> = file
            .authority
            .into_iter()
            .map(|raw| self.authority(raw, &known, services, calendars.as_deref_mut()))
            .collect();
        self.successions(&authorities, places);
        let mut regions = authorities
            .iter()
            .filter(|a| a.kind == AuthorityKind::Region && a.validity.valid_to.is_none())
            .map(|a| a.code.clone());
        let region = regions.next();
        if region.is_none() || regions.next().is_some() {
            self.say(
                0..0,
                "authority.kind",
                "exactly one authority without valid_to must be the region",
            );
        }
        (authorities, region)
    }

    /// What a health authority did is done by a health authority afterwards, and somebody does it.
    fn successions(&mut self, authorities: &[Authority], places: Vec<Option<Range<usize>>>) {
        let find = |code: &AuthorityCode| authorities.iter().find(|one| one.code == *code);
        for (authority, place) in authorities.iter().zip(places) {
            let (Some(place), Some(code)) = (place, &authority.successor) else {
                continue;
            };
            let Some(next) = find(code).filter(|next| next.code != authority.code) else {
                continue; // refused already
            };
            if next.kind.is_health() != authority.kind.is_health() {
                let message = "a health authority follows a health authority, and a desk a desk";
                self.say(place.clone(), "authority.successor", message);
            }
            let followers = std::iter::successors(Some(next), |one| find(one.successor.as_ref()?));
            // A chain that is longer than the list goes round in a circle that begins further on.
            let mut followers = followers.take(authorities.len());
            if followers.any(|one| one.code == authority.code) {
                let message = "the successors go round in a circle";
                self.say(place, "authority.successor", message);
            }
        }
    }

    fn authority(
        &mut self,
        raw: RawAuthority,
        known: &HashSet<AuthorityCode>,
        services: Option<&Vec<Service>>,
        calendars: Option<&mut Calendars>,
    ) -> Authority {
        let code = AuthorityCode::new(raw.code.get_ref());
        let mut related = |field, word: Word| {
            let span = word.span();
            let other = AuthorityCode::new(word.into_inner());
            if other == code {
                self.say(span, field, "an authority does not follow itself");
            } else if !known.contains(&other) {
                self.say(span, field, &format!("no authority `{other}`"));
            }
            other
        };
        let successor = raw
            .successor
            .map(|word| related("authority.successor", word));
        let predecessors = raw
            .predecessors
            .into_iter()
            .map(|word| related("authority.predecessors", word))
            .collect();
        if successor.is_some() && raw.valid_to.is_none() {
            self.say(
                raw.code.span(),
                "authority.valid_to",
                "an authority with a successor needs its last day",
            );
        }
        Authority {
            code,
            label: self.text("authority.label", raw.label),
            short_label: self.text("authority.short_label", raw.short_label),
            kind: raw.kind,
            services: match raw.services {
                RawEnabled::All => EnabledServices::All,
                RawEnabled::Except(list) => {
                    EnabledServices::Except(self.known_services(list, services))
                }
                RawEnabled::Only(list) => {
                    EnabledServices::Only(self.known_services(list, services))
                }
            },
            calendar: self.calendar_of(raw.calendar, raw.municipality.as_ref(), calendars),
            municipality: raw.municipality.map(Spanned::into_inner),
            validity: self.validity("authority.valid_to", raw.valid_from, raw.valid_to),
            successor,
            predecessors,
        }
    }

    fn known_services(
        &mut self,
        words: Vec<Word>,
        services: Option<&Vec<Service>>,
    ) -> Vec<ServiceCode> {
        let mut codes = Vec::new();
        for word in words {
            let span = word.span();
            let code = ServiceCode::new(word.into_inner());
            if services.is_some_and(|known| known.iter().all(|s| s.code != code)) {
                self.say(span, "authority.services", &format!("no service `{code}`"));
            }
            codes.push(code);
        }
        codes
    }
}

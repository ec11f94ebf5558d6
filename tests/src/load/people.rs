//! Invented people, each told by a number: the same number is the same person at every run.

use domain::email::EmailAddress;
use domain::filing::CitizenIdentity;
use domain::person_name::PersonName;
use domain::tax_code::TaxCode;
use jiff::Timestamp;
use uuid::Uuid;

use crate::citizens::ISSUER;

const GIVEN: &[&str] = &[
    "Ada", "Bruno", "Carla", "Dario", "Elena", "Fabio", "Gaia", "Ivo", "Livia", "Marco", "Nadia",
    "Oreste", "Paola", "Remo", "Silvia", "Tullio", "Ugo", "Vera", "Zoe", "Luca",
];
const FAMILY: &[&str] = &[
    "Alba", "Brero", "Conti", "Duranti", "Erba", "Ferrero", "Gallo", "Longo", "Moretti", "Negri",
    "Olmo", "Pautasso", "Quaglia", "Rinaldi", "Sacco", "Tosi", "Urso", "Viale", "Zanetti", "Bosco",
    "Castagno", "Derossi", "Fontana", "Giordano", "Lanteri", "Merlo", "Novarese", "Pozzo",
    "Ravera", "Serra",
];
/// The letters of the months in a tax code.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

/// Numbers that look like chance and are the same at every run (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Begins with a seed.
    pub const fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub const fn below(&mut self, end: u64) -> u64 {
        match end {
            0 => 0,
            end => self.next() % end,
        }
    }

    /// One of these.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(u64::try_from(of.len()).unwrap_or(1));
        &of[usize::try_from(at).unwrap_or(0)]
    }

    /// An id as the program makes them: its time, and chance.
    pub fn id(&mut self, at: Timestamp) -> Uuid {
        let mut chance = [0; 10];
        chance[..8].copy_from_slice(&self.next().to_be_bytes());
        chance[8..].copy_from_slice(&self.next().to_be_bytes()[..2]);
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
    }
}

/// Somebody who does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invented {
    /// Tax code, with the right check character.
    pub tax_code: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// An address that leads nowhere.
    pub email: String,
    /// A telephone number.
    pub phone: String,
}

impl Invented {
    /// The person with this number.
    pub fn new(number: u64) -> Self {
        let mut dice = Dice::new(number ^ 0x005e_ed0f_9e09_1e00);
        let given = *dice.one(GIVEN);
        let family = *dice.one(FAMILY);
        let mut letters = || char::from(b'A' + u8::try_from(dice.below(26)).unwrap_or(0));
        let name: String = (0..6).map(|_| letters()).collect();
        let year = dice.below(80) + 20;
        let month = char::from(*dice.one(MONTHS));
        let day = dice.below(28) + 1 + 40 * dice.below(2);
        let body = format!(
            "{name}{year:02}{month}{day:02}L{:03}",
            dice.below(900) + 100
        );
        Invented {
            tax_code: with_check_character(&body),
            given_name: given.to_owned(),
            family_name: family.to_owned(),
            email: format!(
                "{}.{}.{number}@example.net",
                given.to_lowercase(),
                family.to_lowercase()
            ),
            phone: format!("+39011{:07}", dice.below(10_000_000)),
        }
    }

    /// What a national identity says of them.
    pub fn identity(&self) -> CitizenIdentity {
        let name = |text: &str| PersonName::parse(text).expect("a name");
        CitizenIdentity {
            tax_code: TaxCode::parse(&self.tax_code, true).expect("a tax code"),
            given_name: name(&self.given_name),
            family_name: name(&self.family_name),
            email: EmailAddress::parse(&self.email).ok(),
        }
    }

    /// Issuer and subject, joined as the API joins those of [`crate::citizens::Issuer`]'s tokens.
    pub fn issuer_and_subject(&self) -> String {
        format!("{ISSUER}|subject-of-{}", self.tax_code)
    }
}

/// One letter of the alphabet is the check character: the one that the parser takes.
fn with_check_character(body: &str) -> String {
    let codes = ('A'..='Z').map(|letter| format!("{body}{letter}"));
    codes
        .into_iter()
        .find(|code| TaxCode::parse(code, false).is_ok())
        .expect("a check character")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_number_is_always_the_same_person_and_another_number_another_one() {
        let people: Vec<Invented> = (0..2_000).map(Invented::new).collect();
        let codes: HashSet<&str> = people.iter().map(|one| one.tax_code.as_str()).collect();
        assert_eq!(codes.len(), people.len());
        assert_eq!(people[77], Invented::new(77));
        assert_eq!(people[77].identity().tax_code.as_str(), people[77].tax_code);
    }
}

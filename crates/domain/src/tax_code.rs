//! Italian tax codes: personal, provisional and STP/ENI (`domain.md` §3.2).
//!
//! Not for deciding who may see what: access compares whole codes, [`TaxCode::hint_key`] only
//! feeds the hint "this may be a duplicate". Invariant: a parsed value is normalised (upper
//! case, no spaces). A tax code never prints itself: neither `Display` nor a telling `Debug`.

use std::fmt;

use serde::Serialize;

use crate::invalid::Invalid;
use crate::masking;

/// Month letters, January first, each with its longest day (the century is unknown, so
/// 29 February is always possible).
const MONTHS: [(u8, u8); 12] = [
    (b'A', 31),
    (b'B', 29),
    (b'C', 31),
    (b'D', 30),
    (b'E', 31),
    (b'H', 30),
    (b'L', 31),
    (b'M', 31),
    (b'P', 30),
    (b'R', 31),
    (b'S', 30),
    (b'T', 31),
];

/// Added to the day of birth of women.
const FEMALE_DAY_OFFSET: u8 = 40;

/// A checked tax code of a person, in upper case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TaxCode(String);

/// Which of the three shapes of `domain.md` §3.2 a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxCodeKind {
    /// 16 characters made from name, birth and place.
    Personal,
    /// 11 digits given before the personal code.
    Provisional,
    /// Regional code of a foreigner not enrolled with the health service.
    StpEni,
}

/// Whether the check character vouches for the code (`domain.md` §3.2, point 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxCodeQuality {
    /// The check character is right.
    Checked,
    /// The check digit is wrong, or the kind (STP/ENI) has none.
    Unchecked,
}

impl TaxCode {
    /// Reads a code as typed: spaces dropped, upper-cased, then checked (`domain.md` §3.2).
    ///
    /// A provisional code with a wrong check digit is accepted; see [`TaxCode::quality`].
    pub fn parse(input: &str, allow_stp_eni: bool) -> Result<TaxCode, Invalid> {
        let code: String = input.chars().filter(|c| !c.is_whitespace()).collect();
        // ASCII only: full Unicode upper-casing would turn "ß" into two letters.
        let code = code.to_ascii_uppercase();
        match code.chars().count() {
            0 => Err(Invalid::required()),
            11 => check_provisional(&code),
            16 => check_sixteen(&code, allow_stp_eni),
            _ => Err(Invalid::new(
                "length",
                "Deve essere di 11 o 16 caratteri",
                "must be 11 or 16 characters long",
            )),
        }?;
        Ok(TaxCode(code))
    }

    /// Takes back a code from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        TaxCode(value)
    }

    /// The whole code, upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What lists show. Of a personal code the six letters, which only repeat the names beside it, and
    /// the check character, which tells namesakes and twins apart and leads back to no day and place of
    /// birth; of the other kinds the prefix and the last digits.
    pub fn masked(&self) -> String {
        let shown: fn(usize) -> bool = match (self.kind(), self.0.len()) {
            (TaxCodeKind::Personal, 16) => |at| at < 6 || at == 15,
            (TaxCodeKind::StpEni, _) => |at| !(3..=13).contains(&at),
            (TaxCodeKind::Provisional, _) => |at| at > 7,
            // What is no code is hidden whole.
            (TaxCodeKind::Personal, _) => |_| false,
        };
        self.hidden_but(shown)
    }

    /// Where no name stands beside it, as in a register: the first three characters and the last, of
    /// whatever kind.
    pub fn masked_alone(&self) -> String {
        let count = self.0.chars().count();
        self.hidden_but(|at| at < 3 || at + 1 >= count)
    }

    fn hidden_but(&self, shown: impl Fn(usize) -> bool) -> String {
        let hide = |(at, one): (usize, char)| match shown(at) {
            true => one.to_string(),
            false => masking::words(one.encode_utf8(&mut [0; 4])),
        };
        self.0.chars().enumerate().map(hide).collect()
    }

    /// Which kind of code this is.
    pub fn kind(&self) -> TaxCodeKind {
        if self.0.len() == 11 {
            TaxCodeKind::Provisional
        } else if is_stp_eni(self.0.as_bytes()) {
            TaxCodeKind::StpEni
        } else {
            TaxCodeKind::Personal
        }
    }

    /// Whether the check character vouches for the code. Warn about a typing error only when
    /// [`TaxCode::kind`] is provisional: an STP/ENI code has nothing to check.
    pub fn quality(&self) -> TaxCodeQuality {
        let vouched = match self.kind() {
            TaxCodeKind::Personal => true,
            TaxCodeKind::Provisional => has_good_check_digit(self.0.as_bytes()),
            TaxCodeKind::StpEni => false,
        };
        if vouched {
            TaxCodeQuality::Checked
        } else {
            TaxCodeQuality::Unchecked
        }
    }

    /// The 15 characters before the check character with omocodia letters turned back into
    /// digits; other kinds whole. For duplicate hints only, never for access decisions: two
    /// omocodia variants are two different people (`domain.md` §3.2).
    pub fn hint_key(&self) -> String {
        match (self.kind(), <&[u8; 16]>::try_from(self.0.as_bytes())) {
            (TaxCodeKind::Personal, Ok(code)) => plain(code).chars().take(15).collect(),
            _ => self.0.clone(),
        }
    }
}

impl fmt::Debug for TaxCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaxCode(***)")
    }
}

fn check_provisional(code: &str) -> Result<(), Invalid> {
    if !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Invalid::new(
            "invalid-format",
            "Deve essere composto solo da numeri",
            "must hold digits only",
        ));
    }
    if code.bytes().all(|b| b == b'0') {
        return Err(bad_shape());
    }
    Ok(())
}

fn check_sixteen(code: &str, allow_stp_eni: bool) -> Result<(), Invalid> {
    let bytes = match <&[u8; 16]>::try_from(code.as_bytes()) {
        Ok(bytes) if bytes.iter().all(u8::is_ascii_alphanumeric) => bytes,
        _ => {
            return Err(Invalid::new(
                "invalid-format",
                "Deve essere composto solo da numeri o lettere",
                "must hold digits and letters only",
            ));
        }
    };
    if is_stp_eni(bytes) {
        return if allow_stp_eni {
            Ok(())
        } else {
            Err(Invalid::new(
                "invalid-format",
                "I codici STP ed ENI non sono accettati per questo servizio",
                "STP and ENI codes are not accepted for this service",
            ))
        };
    }
    if !has_personal_shape(bytes) {
        return Err(bad_shape());
    }
    if check_letter(bytes) != Some(bytes[15]) {
        return Err(Invalid::new(
            "checksum",
            "Il codice di controllo non è corretto, potrebbero esserci degli errori di battitura",
            "the check character is wrong, there may be a typing error",
        ));
    }
    Ok(())
}

const fn bad_shape() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Il codice fiscale non è scritto nel modo previsto",
        "this is not how a tax code is written",
    )
}

fn is_stp_eni(code: &[u8]) -> bool {
    let digits = code
        .strip_prefix(b"STP")
        .or_else(|| code.strip_prefix(b"ENI"));
    digits.is_some_and(|d| d.len() == 13 && d.iter().all(u8::is_ascii_digit))
}

fn has_personal_shape(code: &[u8; 16]) -> bool {
    let [.., m, d1, d2, _, p1, p2, p3, _] = *code;
    let letters = [0, 1, 2, 3, 4, 5, 8, 11, 15];
    let letters_in_place = letters
        .iter()
        .all(|&at| code.get(at).is_some_and(u8::is_ascii_uppercase));
    let digits_in_place = [code[6], code[7], d1, d2, p1, p2, p3]
        .iter()
        .all(|&b| digit(b).is_some());
    let day = match (digit(d1), digit(d2)) {
        (Some(tens), Some(units)) => tens * 10 + units,
        _ => return false,
    };
    let day = day.checked_sub(FEMALE_DAY_OFFSET).unwrap_or(day);
    let day_in_month = MONTHS
        .iter()
        .any(|&(letter, last)| letter == m && (1..=last).contains(&day));
    letters_in_place && digits_in_place && day_in_month
}

/// The value of a digit or of the omocodia letter standing for it.
fn digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'L'..=b'N' => Some(b - b'L'),
        b'P'..=b'V' => Some(b - b'P' + 3),
        _ => None,
    }
}

/// The code with omocodia letters in the digit places turned back into digits.
fn plain(code: &[u8; 16]) -> String {
    let undo = |(at, &b): (usize, &u8)| match (at, digit(b)) {
        (6 | 7 | 9 | 10 | 12 | 13 | 14, Some(value)) => char::from(b'0' + value),
        _ => char::from(b),
    };
    code.iter().enumerate().map(undo).collect()
}

/// The check letter that the first 15 characters ask for.
fn check_letter(code: &[u8; 16]) -> Option<u8> {
    let mut sum: u32 = 0;
    for (at, &b) in code.iter().take(15).enumerate() {
        // Counted from one, as the decree does: the first place is odd.
        sum += u32::from(if at % 2 == 0 {
            odd_value(b)?
        } else {
            even_value(b)?
        });
    }
    u8::try_from(sum % 26).ok().map(|value| b'A' + value)
}

fn even_value(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'Z' => Some(b - b'A'),
        _ => None,
    }
}

fn odd_value(b: u8) -> Option<u8> {
    const ODD: [u8; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    ODD.get(usize::from(even_value(b)?)).copied()
}

/// The mod-10 check shared with VAT numbers.
fn has_good_check_digit(digits: &[u8]) -> bool {
    let mut sum: u32 = 0;
    for (at, &b) in digits.iter().enumerate() {
        let Some(value) = even_value(b).map(u32::from) else {
            return false;
        };
        sum += match at % 2 {
            0 => value,
            _ if value > 4 => value * 2 - 9,
            _ => value * 2,
        };
    }
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome(input: &str) -> Result<String, &'static str> {
        TaxCode::parse(input, true)
            .map(|code| code.as_str().to_owned())
            .map_err(|refused| refused.code)
    }

    #[test]
    fn every_vector_of_the_specification_holds() {
        let valid = [
            "RSSMRA80A01H501U",
            "RSSMRA80A01H50MM",
            "RSSMRA80A01H5LMX",
            "RSSMRA80A01HRLMS",
            "RSSMRA80A0MHRLMK",
            "RSSMRA80ALMHRLMV",
            "RSSMRA8LALMHRLMG",
            "RSSMRAULALMHRLMD",
            "BNCLRA92C41L219D",
            "12345678903",
            "12345678901",
            "STP0100100000001",
            "ENI0100100000001",
        ];
        for code in valid {
            assert_eq!(outcome(code), Ok(code.to_owned()), "{code}");
        }
        let normalised = [" rssmra80a01h501u ", "RSS MRA 80A01 H501U"];
        for code in normalised {
            assert_eq!(outcome(code), Ok("RSSMRA80A01H501U".to_owned()), "{code}");
        }
        let refused = [
            ("", "required"),
            (" \t", "required"),
            ("RSSMRA80A01H501V", "checksum"),
            ("RSSMRA80A01H501", "length"),
            ("RSSMRA80A01H501UU", "length"),
            ("00000000000", "invalid-format"),
            ("1234567890A", "invalid-format"),
            ("RSSMRA80A01H50-U", "invalid-format"),
            ("RSSMRA80A01H50ßU", "invalid-format"),
            ("RSSMRA80A01H501ß", "invalid-format"),
            ("RSSMR180A01H501U", "invalid-format"),
            ("RSSMRA80A01H5A1U", "invalid-format"),
            ("STP010010000000A", "invalid-format"),
        ];
        for (input, code) in refused {
            assert_eq!(outcome(input), Err(code), "{input}");
        }
    }

    #[test]
    fn impossible_dates_are_a_wrong_format_whatever_the_check_letter() {
        for body in [
            "RSSMRA80A32H501",
            "RSSMRA80Z01H501",
            "RSSMRA80A00H501",
            "RSSMRA80A40H501",
            "RSSMRA80A72H501",
            "RSSMRA80B30H501",
            "RSSMRA80D71H501",
        ] {
            for check in 'A'..='Z' {
                let code = format!("{body}{check}");
                assert_eq!(outcome(&code), Err("invalid-format"), "{code}");
            }
        }
        assert!(TaxCode::parse(&with_check("RSSMRA81B29H501"), true).is_ok());
        assert!(TaxCode::parse(&with_check("RSSMRA81B69H501"), true).is_ok());
    }

    #[test]
    fn messages_tell_eleven_from_sixteen() {
        let words = |input| TaxCode::parse(input, true).unwrap_err().message.it;
        assert_eq!(words("1234567890A"), "Deve essere composto solo da numeri");
        assert_eq!(
            words("RSSMRA80A01H50.U"),
            "Deve essere composto solo da numeri o lettere"
        );
    }

    #[test]
    fn kind_quality_and_stp_switch() {
        let of = |input| {
            let code = TaxCode::parse(input, true).unwrap();
            (code.kind(), code.quality())
        };
        use TaxCodeKind::*;
        use TaxCodeQuality::*;
        assert_eq!(of("RSSMRA80A01H501U"), (Personal, Checked));
        assert_eq!(of("12345678903"), (Provisional, Checked));
        assert_eq!(of("12345678901"), (Provisional, Unchecked));
        assert_eq!(of("STP0100100000001"), (StpEni, Unchecked));
        let off = TaxCode::parse("STP0100100000001", false).unwrap_err();
        assert_eq!(off.code, "invalid-format");
    }

    #[test]
    fn omocodia_variants_share_a_hint_but_are_not_equal() {
        let a = TaxCode::parse("RSSMRA80A01H501U", true).unwrap();
        let b = TaxCode::parse("RSSMRAULALMHRLMD", true).unwrap();
        assert_ne!(a, b);
        assert_eq!(a.hint_key(), "RSSMRA80A01H501");
        assert_eq!(a.hint_key(), b.hint_key());
        let provisional = TaxCode::parse("12345678903", true).unwrap();
        assert_eq!(provisional.hint_key(), "12345678903");
    }

    #[test]
    fn a_mask_tells_people_apart_and_hides_birth_and_place() {
        for (code, masked) in [
            ("RSSMRA80A01H501U", "RSSMRA•••••••••U"),
            ("RSSMRAULALMHRLMD", "RSSMRA•••••••••D"),
            ("12345678903", "••••••••903"),
            ("STP0100100000001", "STP•••••••••••01"),
            ("ENI0100100000001", "ENI•••••••••••01"),
            ("—", "—"),
            ("whatever", "••••••••"),
        ] {
            assert_eq!(TaxCode::from_stored(code.to_owned()).masked(), masked);
        }
    }

    #[test]
    fn where_no_name_stands_beside_it_less_is_shown() {
        for (code, masked) in [
            ("RSSMRA80A01H501U", "RSS••••••••••••U"),
            ("12345678903", "123•••••••3"),
            ("STP0100100000001", "STP••••••••••••1"),
            ("—", "—"),
        ] {
            assert_eq!(TaxCode::from_stored(code.to_owned()).masked_alone(), masked);
        }
    }

    #[test]
    fn it_does_not_print_itself_but_is_stored_whole() {
        let code = TaxCode::parse("RSSMRA80A01H501U", true).unwrap();
        assert_eq!(format!("{code:?}"), "TaxCode(***)");
        let stored = serde_json::to_value(&code).unwrap();
        assert_eq!(stored, "RSSMRA80A01H501U");
        assert_eq!(TaxCode::from_stored("RSSMRA80A01H501U".into()), code);
    }

    fn with_check(body: &str) -> String {
        let padded: [u8; 16] = format!("{body}A").into_bytes().try_into().unwrap();
        format!("{body}{}", char::from(check_letter(&padded).unwrap()))
    }

    /// Replaces the digits chosen by `mask` with their omocodia letters.
    fn omocodia(body: &str, mask: u8) -> String {
        let letters = "LMNPQRSTUV".as_bytes();
        let mut bytes = body.as_bytes().to_vec();
        for (bit, at) in [6, 7, 9, 10, 12, 13, 14].into_iter().enumerate() {
            if mask & (1 << bit) != 0 {
                bytes[at] = letters[usize::from(bytes[at] - b'0')];
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn every_plain_code_and_its_variants_are_accepted(
            name in "[A-Z]{6}", year in 0..100u8, month in 0..12usize, day in 1..=31u8,
            female: bool, place in "[A-Z][0-9]{3}", mask in 0..128u8,
        ) {
            let (letter, last) = MONTHS[month];
            let day = day.min(last) + if female { 40 } else { 0 };
            let body = format!("{name}{year:02}{}{day:02}{place}", char::from(letter));
            let plain = TaxCode::parse(&with_check(&body), false).unwrap();
            let variant = TaxCode::parse(&with_check(&omocodia(&body, mask)), false).unwrap();
            prop_assert_eq!(plain.hint_key(), body);
            prop_assert_eq!(plain.hint_key(), variant.hint_key());
            prop_assert_eq!(plain == variant, mask == 0);
            let shown = plain.masked();
            prop_assert!(!shown.bytes().any(|one| one.is_ascii_digit()), "no digit of birth or place");
            prop_assert_eq!(shown.chars().count(), 16);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,20}", stored in "\\PC{0,20}") {
            let _ = TaxCode::parse(&text, true);
            let stored = TaxCode::from_stored(stored);
            let _ = (stored.kind(), stored.quality(), stored.hint_key());
            let _ = (stored.masked(), stored.masked_alone());
        }

        #[test]
        fn alphanumeric_text_never_panics(text in "[A-Z0-9]{16}") {
            let _ = TaxCode::parse(&text, true);
        }
    }
}

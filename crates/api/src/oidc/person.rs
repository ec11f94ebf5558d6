//! The tax code in a token of a person, citizen or staff.

use serde::Deserialize;

use crate::claims::filled;
use crate::tokens::TokenError;

/// What a tax code starts with in a token.
const PREFIX: &str = "TINIT-";

const WRONG: TokenError = TokenError::Claim("fiscal_number");

/// The claim under the two names it has; under both it must be the same.
#[derive(Deserialize)]
pub(super) struct TaxCode {
    #[serde(default, rename = "fiscal_number")]
    short: Option<String>,
    #[serde(default, rename = "https://attributes.eid.gov.it/fiscal_number")]
    long: Option<String>,
}

impl TaxCode {
    /// The code without its prefix, as the issuer wrote it.
    pub(super) fn read(self) -> Result<String, TokenError> {
        if let (Some(short), Some(long)) = (&self.short, &self.long)
            && short != long
        {
            return Err(WRONG);
        }
        let claim = self.long.or(self.short).ok_or(WRONG)?;
        let code = claim.strip_prefix(PREFIX).ok_or(WRONG)?;
        filled(Some(code.to_owned())).ok_or(WRONG)
    }
}

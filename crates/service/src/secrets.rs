//! What is derived from the installation's one secret: one-time codes, tracking secrets, proofs,
//! and the seal of kept answers. None of them is stored anywhere, so none can be stolen from the
//! database. HMAC-SHA256 (RFC 2104) with a label per use; AES-256-GCM for the seal.

use aws_lc_rs::{constant_time, hmac};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use domain::ids::{ExportId, IssueId, ProofId, TicketId};
use storage::keyring::{decrypt, encrypt, gcm};

/// The installation's secret. Prints nothing.
pub struct Secrets {
    key: hmac::Key,
}

impl Secrets {
    /// From the 32 bytes kept on disk.
    pub fn new(root: &[u8; 32]) -> Self {
        Secrets {
            key: hmac::Key::new(hmac::HMAC_SHA256, root),
        }
    }

    fn derive(&self, label: &str, data: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(label.as_bytes());
        context.update(&[0]);
        context.update(data);
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }

    /// The digits mailed for an e-mail proof.
    pub fn one_time_code(&self, proof: ProofId, digits: u32) -> String {
        let bytes = self.derive("one-time-code", proof.uuid().as_bytes());
        let number = bytes
            .iter()
            .take(8)
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let width = usize::try_from(digits).unwrap_or(6);
        format!("{:0width$}", number % 10_u64.pow(digits))
    }

    /// The code that goes hand to hand: 50 bits, on a channel of its own.
    pub fn identification_code(&self, issue: IssueId) -> String {
        let bytes = self.derive("identification-code", issue.uuid().as_bytes());
        look_alike_free(bytes.get(..10).unwrap_or(&bytes))
    }

    /// The code that goes by mail: 12 characters, 60 bits (`domain.md` §11.2).
    pub fn security_code(&self, issue: IssueId) -> String {
        let bytes = self.derive("security-code", issue.uuid().as_bytes());
        look_alike_free(bytes.get(..12).unwrap_or(&bytes))
    }

    /// The secret in a ticket's tracking link: 192 bits.
    pub fn tracking_secret(&self, ticket: TicketId) -> String {
        let bytes = self.derive("tracking", ticket.uuid().as_bytes());
        BASE64URL_NOPAD.encode(bytes.get(..24).unwrap_or(&bytes))
    }

    /// The secret in the link to a copy of somebody's data: 192 bits.
    pub fn export_secret(&self, export: ExportId) -> String {
        let bytes = self.derive("export", export.uuid().as_bytes());
        BASE64URL_NOPAD.encode(bytes.get(..24).unwrap_or(&bytes))
    }

    /// What a client shows at filing for a proved address.
    pub fn email_proof(&self, proof: ProofId) -> String {
        let mac = self.derive("email-proof", proof.uuid().as_bytes());
        format!("{}.{}", proof.uuid().simple(), BASE64URL_NOPAD.encode(&mac))
    }

    /// The proof such a text stands for, if it is one of ours.
    pub fn read_email_proof(&self, text: &str) -> Option<ProofId> {
        let (id, _) = text.split_once('.')?;
        let proof = id.parse::<ProofId>().ok()?;
        same(&self.email_proof(proof), text).then_some(proof)
    }

    /// A keyed fingerprint: tells equal things apart from others, and nothing else.
    pub fn fingerprint(&self, label: &str, data: &[u8]) -> String {
        HEXLOWER.encode(&self.derive(label, data))
    }

    /// Seals an answer that is kept for a repeated request.
    pub fn seal(&self, context: &str, plain: Vec<u8>) -> Option<Vec<u8>> {
        encrypt(&gcm(&self.sealing(context)), context.as_bytes(), plain)
    }

    /// Opens what [`Secrets::seal`] sealed under the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        decrypt(&gcm(&self.sealing(context)), context.as_bytes(), sealed)
    }

    fn sealing(&self, context: &str) -> [u8; 32] {
        self.derive("seal", context.as_bytes())
    }
}

/// 32 symbols, none taken for another: no 0 and O, no 1, I and L in small letters.
const LOOK_ALIKE_FREE: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A symbol for each byte, from five of its bits.
pub(crate) fn look_alike_free(bytes: &[u8]) -> String {
    let symbol = |byte: &u8| LOOK_ALIKE_FREE.get(usize::from(byte % 32)).copied();
    bytes.iter().filter_map(symbol).map(char::from).collect()
}

/// Compares secrets without telling by the time it takes how much was right.
pub fn same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_answer_opens_under_its_own_context_alone() {
        let secrets = Secrets::new(&[7; 32]);
        let sealed = secrets.seal("a", b"answer".to_vec()).unwrap();
        assert_eq!(secrets.open("a", &sealed).unwrap(), b"answer");
        assert_eq!(secrets.open("b", &sealed), None);
        assert_eq!(Secrets::new(&[8; 32]).open("a", &sealed), None);
        assert_eq!(secrets.open("a", b"short"), None);
    }

    #[test]
    fn codes_have_their_digits_and_proofs_are_read_back() {
        let secrets = Secrets::new(&[7; 32]);
        let proof = ProofId::new(uuid::Uuid::from_u128(5));
        assert_eq!(secrets.one_time_code(proof, 6).len(), 6);
        let text = secrets.email_proof(proof);
        assert_eq!(secrets.read_email_proof(&text), Some(proof));
        assert_eq!(secrets.read_email_proof(&text.replace('.', ".A")), None);
        assert_eq!(Secrets::new(&[8; 32]).read_email_proof(&text), None);
    }
}

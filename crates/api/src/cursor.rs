//! Where a list goes on: opaque to clients, and good for the order it was made in alone.

use data_encoding::BASE64URL_NOPAD;
use domain::ids::TicketId;
use jiff::Timestamp;
use service::queue::Key;

/// The cursor of the item with this key, in the list ordered by `sort`.
pub(crate) fn write(sort: &str, key: Key, id: TicketId) -> String {
    let key = match key {
        Key::At(at) => format!("t{}", at.as_microsecond()),
        Key::Rank(rank) => format!("r{rank}"),
    };
    BASE64URL_NOPAD.encode(format!("{sort} {key} {}", id.uuid().simple()).as_bytes())
}

/// Reads a cursor back; none of another order, and none that is not ours.
pub(crate) fn read(sort: &str, text: &str) -> Option<(Key, TicketId)> {
    let plain = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let mut parts = plain.split(' ');
    let (made_for, key, id) = (parts.next()?, parts.next()?, parts.next()?);
    if made_for != sort || parts.next().is_some() {
        return None;
    }
    let key = match key.split_at_checked(1)? {
        ("t", micros) => Key::At(Timestamp::from_microsecond(micros.parse().ok()?).ok()?),
        ("r", rank) => Key::Rank(rank.parse().ok()?),
        _ => return None,
    };
    Some((key, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_in_its_own_order_alone() {
        let id = TicketId::new(uuid::Uuid::from_u128(9));
        let key = Key::At(Timestamp::from_microsecond(1_700_000_000_000_001).unwrap());
        let text = write("-created_at", key, id);
        assert_eq!(read("-created_at", &text).unwrap(), (key, id));
        assert!(read("created_at", &text).is_none());
        assert!(read("-created_at", "nonsense!").is_none());
    }
}

//! Where a list goes on: opaque to clients, and good for the order it was made in alone.

use data_encoding::BASE64URL_NOPAD;
use domain::ids::TicketId;
use jiff::Timestamp;
use service::looks::Place;
use service::queue::Key;
use uuid::Uuid;

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

/// The cursor of the item with this time and id, in a list ordered by `sort`.
pub(crate) fn write_at(sort: &str, at: Timestamp, id: Uuid) -> String {
    write(sort, Key::At(at), TicketId::new(id))
}

/// The cursor of an entry of the audit trail.
pub(crate) fn write_entry(sort: &str, place: Place) -> String {
    let (at, id) = (place.at.as_microsecond(), place.id.simple());
    BASE64URL_NOPAD.encode(format!("{sort} {at} {id} {}", place.nth).as_bytes())
}

/// Reads the cursor of an entry back.
pub(crate) fn read_entry(sort: &str, text: &str) -> Option<Place> {
    let plain = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let mut parts = plain.split(' ');
    let (made_for, at, id, nth) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if made_for != sort || parts.next().is_some() {
        return None;
    }
    Some(Place {
        at: Timestamp::from_microsecond(at.parse().ok()?).ok()?,
        id: id.parse().ok()?,
        nth: nth.parse().ok()?,
    })
}

/// Reads the cursor of a list ordered by a time back.
pub(crate) fn read_at(sort: &str, text: &str) -> Option<(Timestamp, Uuid)> {
    match read(sort, text)? {
        (Key::At(at), id) => Some((at, id.uuid())),
        (Key::Rank(_), _) => None,
    }
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

    #[test]
    fn a_cursor_of_an_entry_is_read_back_and_nothing_else_is() {
        let at = Timestamp::from_microsecond(1_772_438_400_000_001).unwrap();
        let id = Uuid::from_u128(7);
        let place = Place { at, id, nth: 2 };
        assert_eq!(read_entry("-at", &write_entry("-at", place)), Some(place));
        for text in ["", "!", "AAAA", &write_at("-at", at, id)] {
            assert_eq!(read_entry("-at", text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_by_time_is_read_back_and_nothing_else_is() {
        let at = Timestamp::from_microsecond(1_772_438_400_000_001).unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(read_at("-at", &write_at("-at", at, id)), Some((at, id)));
        let by_rank = write("-at", Key::Rank(1), TicketId::new(id));
        for text in ["", "!", "AAAA", &BASE64URL_NOPAD.encode(b"1 2 3"), &by_rank] {
            assert_eq!(read_at("-at", text), None, "{text}");
        }
    }
}

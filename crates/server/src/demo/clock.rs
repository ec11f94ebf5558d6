//! The demo's clock: the system's, moved forward by an offset kept in a file, so that a person can
//! see in a minute what a week does.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use service::Clock;
use service::clock::SystemClock;

use crate::private_file;

/// How long an offset just read is believed.
const FRESH: Duration = Duration::from_secs(1);

/// Far enough for every window there is, and near enough for every date.
const FARTHEST: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

/// The system's clock plus the demo's offset.
pub(crate) struct DemoClock {
    file: PathBuf,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    offset: SignedDuration,
    at: Instant,
}

pub(super) fn offset_file(folder: &Path) -> PathBuf {
    folder.join("clock-offset")
}

impl DemoClock {
    pub(super) fn new(file: PathBuf) -> Self {
        DemoClock {
            file,
            seen: Mutex::new(None),
        }
    }

    fn offset(&self) -> SignedDuration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = *seen
            && seen.at.elapsed() < FRESH
        {
            return seen.offset;
        }
        let before = seen.map_or(SignedDuration::ZERO, |seen| seen.offset);
        // Time must not jump back because a file could not be read once.
        let offset = read(&self.file).unwrap_or(before);
        *seen = Some(Seen {
            offset,
            at: Instant::now(),
        });
        offset
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        now.checked_add(self.offset()).unwrap_or(now)
    }

    /// Who moves the demo's clock wants all that follows: it does not count as a leap.
    fn uptime(&self) -> SignedDuration {
        SystemClock.uptime().saturating_add(self.offset())
    }
}

/// Adds to the offset, and waits until every process has read it.
pub(super) fn forward(folder: &Path, by: SignedDuration) -> anyhow::Result<()> {
    ensure!(by.is_positive(), "a clock moves forward only");
    let file = offset_file(folder);
    let offset = read(&file)?.saturating_add(by);
    ensure!(
        offset <= FARTHEST,
        "the demo's clock would be more than ten years ahead"
    );
    private_file::replace(&file, &format!("{}\n", offset.as_secs()))?;
    std::thread::sleep(FRESH);
    Ok(())
}

/// Whole seconds; none if the clock was never moved.
fn read(file: &Path) -> anyhow::Result<SignedDuration> {
    let Some(text) = private_file::read(file)? else {
        return Ok(SignedDuration::ZERO);
    };
    let seconds: i64 = text
        .trim()
        .parse()
        .with_context(|| format!("{} is damaged", file.display()))?;
    Ok(SignedDuration::from_secs(
        seconds.clamp(0, FARTHEST.as_secs()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_forward_adds_up_and_stays_moved() {
        let folder = tempfile::tempdir().unwrap();
        let day = SignedDuration::from_hours(24);
        let ahead = || {
            let clock = DemoClock::new(offset_file(folder.path()));
            clock
                .now()
                .duration_since(SystemClock.now())
                .round(jiff::Unit::Minute)
                .unwrap()
        };
        assert_eq!(ahead(), SignedDuration::ZERO);
        forward(folder.path(), day).unwrap();
        forward(folder.path(), day).unwrap();
        assert_eq!(ahead(), SignedDuration::from_hours(48));
        assert!(forward(folder.path(), SignedDuration::ZERO).is_err());
        assert!(forward(folder.path(), SignedDuration::from_hours(-1)).is_err());
        assert!(forward(folder.path(), FARTHEST).is_err());
        assert_eq!(ahead(), SignedDuration::from_hours(48));
    }
}

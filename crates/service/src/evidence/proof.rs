//! Checks the trail: along every chain, against every anchor, and for entries without a chain. Goes page
//! by page, in constant memory, while others write.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use storage::audit::EntryName;
use storage::audit_anchors;
use storage::audit_links;
use storage::audit_proof::{self, Finding, Flaw, Page, Walk};
use uuid::Uuid;

use super::key::LineFault;
use super::{AnchorText, HeadText, PublicKey, print_of};
use crate::{Desk, DeskError};

/// Rows read at once.
const PAGE: i64 = 1_000;
/// Refused entries that are named.
const MOST_REFUSED: i64 = 100;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The database contradicts itself.
    Flaw(Flaw),
    /// The chain ends before a place that an anchor saw.
    Cut {
        /// The anchor.
        anchor: i64,
        /// When it was made.
        at: Timestamp,
        /// The place it saw.
        had: i64,
    },
    /// An anchor saw another hash at this place. What is wrong begins here or before, after the last
    /// place that an anchor confirms.
    Rewritten {
        /// The anchor.
        anchor: i64,
        /// When it was made.
        at: Timestamp,
        /// The last place that is confirmed; 0 if none is.
        after: i64,
    },
    /// An anchor is missing from the database, or is another one there.
    AnchorGone {
        /// Which.
        anchor: i64,
    },
    /// A line was not signed with the key.
    NoAnchor {
        /// Its number among the lines given, from 1.
        line: usize,
    },
}

/// The first thing wrong in a chain, or something wrong outside of the chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The chain.
    pub chain: Option<String>,
    /// The place.
    pub seq: Option<i64>,
    /// The entry.
    pub entry: Option<EntryName>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The chains, and how many places of each are good.
    pub chains: Vec<(String, i64)>,
    /// Anchors that were compared.
    pub anchors: usize,
    /// Lines that were cut off while they were written, and tell nothing.
    pub unreadable: usize,
    /// What is wrong; of each chain the first.
    pub doubts: Vec<Doubt>,
}

/// What the anchors say of a chain.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// The last head that was compared: an anchor often repeats the one before.
    last: Option<HeadText>,
    /// The last place that fits, before the first that does not.
    good: i64,
    /// The first place that does not fit: the entry there now, the anchor, and when it was made.
    bad: Option<(i64, Option<EntryName>, i64, Timestamp)>,
}

impl Desk {
    /// Checks all chains, or one: every place against the one before, every anchor of the database, and
    /// those in `outside`, a line each; each anchor signed with one of `keys`.
    pub fn prove_audit(
        &self,
        keys: &[PublicKey],
        only: Option<&str>,
        outside: impl Iterator<Item = String>,
    ) -> Result<Proof, DeskError> {
        let mut proof = Proof::default();
        let mut seen = BTreeMap::new();
        self.compare_own_anchors(keys, only, &mut seen, &mut proof)?;
        self.compare_outside(keys, only, outside, &mut seen, &mut proof)?;
        let mut chains = self.db.read(audit_links::chains)?;
        chains.extend(seen.keys().cloned());
        chains.retain(|chain| only.is_none_or(|only| only == chain));
        chains.sort_unstable();
        chains.dedup();
        for chain in chains {
            let of_anchors = seen.get(&chain).cloned().unwrap_or_default();
            let (good, doubt) = self.walk(&chain, &of_anchors)?;
            proof.chains.push((chain, good));
            proof.doubts.extend(doubt);
        }
        self.look_for_loose(only, &mut proof)?;
        Ok(proof)
    }

    /// Along one chain; of what the walk and the anchors find, what comes first.
    fn walk(&self, chain: &str, seen: &Seen) -> Result<(i64, Option<Doubt>), DeskError> {
        let mut walk = Walk::begin(chain);
        let found = loop {
            match self.db.read(|conn| walk.page(conn, PAGE))? {
                Page::Good(_) => {}
                Page::End => break None,
                Page::Bad(finding) => break Some(finding),
            }
        };
        let good = walk.good_until();
        if let Some(finding) = found {
            let is_first = seen.bad.is_none_or(|(seq, ..)| good < seq);
            if is_first {
                return Ok((good, Some(finding.into())));
            }
        }
        let doubt = seen.bad.map(|(had, entry, anchor, at)| {
            let (seq, wrong) = match entry {
                Some(_) => {
                    let after = seen.good;
                    (had, Wrong::Rewritten { anchor, at, after })
                }
                None => (good + 1, Wrong::Cut { anchor, at, had }),
            };
            Doubt {
                chain: Some(chain.to_owned()),
                seq: Some(seq),
                entry,
                wrong,
            }
        });
        Ok((good, doubt))
    }

    /// The anchors in the database: 1, 2, 3 …, each naming the one before.
    fn compare_own_anchors(
        &self,
        keys: &[PublicKey],
        only: Option<&str>,
        seen: &mut BTreeMap<String, Seen>,
        proof: &mut Proof,
    ) -> Result<(), DeskError> {
        let (mut number, mut previous) = (0, None);
        loop {
            let page = self
                .db
                .read(|conn| audit_anchors::list(conn, number, PAGE))?;
            if page.is_empty() {
                return Ok(());
            }
            for anchor in page {
                let text = super::text_of(keys, &anchor);
                let fits = |text: &AnchorText| {
                    text.number == anchor.number
                        && anchor.number == number + 1
                        && text.previous == previous
                };
                let Some(text) = text.filter(fits) else {
                    let anchor = number + 1;
                    proof.doubts.push(Doubt::of(Wrong::AnchorGone { anchor }));
                    return Ok(());
                };
                (number, previous) = (anchor.number, Some(print_of(&anchor.body)));
                self.compare(text, only, seen)?;
                proof.anchors += 1;
            }
        }
    }

    fn compare_outside(
        &self,
        keys: &[PublicKey],
        only: Option<&str>,
        outside: impl Iterator<Item = String>,
        seen: &mut BTreeMap<String, Seen>,
        proof: &mut Proof,
    ) -> Result<(), DeskError> {
        let mut is_gone = false;
        for (at, line) in outside.enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let text = match super::read(keys, line) {
                Ok(text) => serde_json::from_slice::<AnchorText>(&text).ok(),
                Err(LineFault::Unreadable) => {
                    proof.unreadable += 1;
                    continue;
                }
                Err(LineFault::BadSignature) => None,
            };
            let Some(text) = text else {
                let line = at + 1;
                proof.doubts.push(Doubt::of(Wrong::NoAnchor { line }));
                continue;
            };
            let anchor = text.number;
            let own = self
                .db
                .read(|conn| audit_anchors::list(conn, anchor - 1, 1))?;
            let is_own = own.first().is_some_and(|own| own.body == line);
            // One is enough to tell; what went with it shows in the chains.
            if !is_own && !is_gone {
                is_gone = true;
                proof.doubts.push(Doubt::of(Wrong::AnchorGone { anchor }));
            }
            self.compare(text, only, seen)?;
            proof.anchors += 1;
        }
        Ok(())
    }

    fn compare(
        &self,
        text: AnchorText,
        only: Option<&str>,
        seen: &mut BTreeMap<String, Seen>,
    ) -> Result<(), DeskError> {
        let (anchor, at) = (text.number, text.at);
        for head in text.heads {
            if only.is_some_and(|only| only != head.chain) {
                continue;
            }
            let of_chain = seen.entry(head.chain.clone()).or_default();
            if of_chain.last.as_ref() == Some(&head) {
                continue;
            }
            let found = self
                .db
                .read(|conn| audit_links::find(conn, &head.chain, head.seq))?;
            let entry = found.as_ref().map(|(_, entry)| *entry);
            let is_same =
                found.is_some_and(|(hash, _)| data_encoding::HEXLOWER.encode(&hash) == head.hash);
            let is_below = of_chain.bad.is_none_or(|(seq, ..)| head.seq < seq);
            if is_same && is_below {
                of_chain.good = of_chain.good.max(head.seq);
            } else if !is_same && is_below {
                of_chain.bad = Some((head.seq, entry, anchor, at));
                // A place that fits behind one that does not was anchored after the change.
                if of_chain.good >= head.seq {
                    of_chain.good = 0;
                }
            }
            of_chain.last = Some(head);
        }
        Ok(())
    }

    fn look_for_loose(&self, only: Option<&str>, proof: &mut Proof) -> Result<(), DeskError> {
        let is_asked =
            |finding: &Finding| only.is_none_or(|only| finding.chain.as_deref() == Some(only));
        let refused = self
            .db
            .read(|conn| audit_proof::list_refused(conn, MOST_REFUSED))?;
        let refused = refused.into_iter().filter(is_asked).map(Doubt::from);
        proof.doubts.extend(refused);
        let mut after = EntryName {
            id: Uuid::nil(),
            nth: 0,
        };
        loop {
            let (last, found) = self
                .db
                .read(|conn| audit_proof::loose_page(conn, after, PAGE))?;
            proof
                .doubts
                .extend(found.into_iter().filter(is_asked).map(Doubt::from));
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }
}

impl Doubt {
    fn of(wrong: Wrong) -> Self {
        Doubt {
            chain: None,
            seq: None,
            entry: None,
            wrong,
        }
    }
}

impl From<Finding> for Doubt {
    fn from(finding: Finding) -> Self {
        Doubt {
            chain: finding.chain,
            seq: finding.seq,
            entry: finding.entry,
            wrong: Wrong::Flaw(finding.flaw),
        }
    }
}

impl Proof {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.doubts.is_empty()
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(chain) = &self.chain {
            write!(f, "chain {chain:?}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, ", place {seq}")?;
        }
        if let Some(EntryName { id, nth }) = self.entry {
            write!(f, ", entry {id}/{nth}")?;
        }
        if self.chain.is_some() || self.entry.is_some() {
            f.write_str(": ")?;
        }
        self.wrong.fmt(f)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Flaw(flaw) => f.write_str(match flaw {
                Flaw::Gap => "the place is missing although later ones are there",
                Flaw::EntryGone => "the entry was deleted",
                Flaw::Changed => "the entry was changed, put in or swapped",
                Flaw::NotOurs => "the entry was not written by this installation",
                Flaw::NeverLinked => "the entry has no place, and waits for none",
                Flaw::Refused => {
                    "the entry was refused: not ours, linked before, or deleted before it was linked"
                }
            }),
            Wrong::Cut { anchor, at, had } => write!(
                f,
                "the end was cut off: anchor {anchor} of {at} saw places up to {had}"
            ),
            Wrong::Rewritten { anchor, at, after } => write!(
                f,
                "rewritten: anchor {anchor} of {at} saw another hash here; confirmed up to place {after}"
            ),
            Wrong::AnchorGone { anchor } => {
                write!(f, "anchor {anchor} is missing from the database, or another one there")
            }
            Wrong::NoAnchor { line } => {
                write!(f, "line {line} of the anchors was not signed with this key")
            }
        }
    }
}

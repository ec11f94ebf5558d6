//! Which columns hold sealed values, besides those of `tickets`: under whose key, and what prints
//! are made of them. Whoever seals rows anew, after an upgrade or with another key, goes by this list.
//!
//! Invariant: a column is here if and only if the module of its table seals it with the same place and
//! the same desk. What is kept by a print alone, made with the installation's secret, is not here: the
//! networks of `email_proofs` and `login_sources`, and the askers of `idempotency_keys`.

use crate::keyring::Field;

/// The sealed columns of one table.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumns {
    /// The table; the first part of the place of each value.
    pub table: &'static str,
    /// What tells a row from others; the second part of the place.
    pub key: Key,
    /// An SQL expression for the desk whose key seals the row, on both databases; `''` for what belongs
    /// to no desk.
    pub desk: &'static str,
    /// The columns. One that is null stays null.
    pub sealed: &'static [&'static str],
    /// What is kept beside them to find equal values.
    pub prints: &'static [Printed],
}

/// The columns a row is told by, in the order in which they make its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// An id: its 16 bytes.
    Id(&'static str),
    /// An id and a number, which may be an `INTEGER` or a `BIGINT`: 16 bytes, then 8 with the highest
    /// first.
    Seq(&'static str, &'static str),
    /// An id and a text: 16 bytes, then those of the text.
    Named(&'static str, &'static str),
}

impl Key {
    /// The column with the id.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Key::Id(id) | Key::Seq(id, _) | Key::Named(id, _) => id,
        }
    }
}

/// A print, and what it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Printed {
    /// The column with the print; null where the value is.
    pub column: &'static str,
    /// The sealed column with the value, as it is.
    pub of: &'static str,
    /// What sort of value it is.
    pub field: Field,
    /// Whether the key of the row's desk makes it, or the one of what belongs to no desk.
    pub maker: Maker,
}

/// Whose key makes a print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The desk's whose key seals the row.
    Desk,
    /// [`crate::keyring::INSTALLATION`]'s.
    Installation,
}

/// Every sealed column but those of `tickets`.
pub const ALL: &[SealedColumns] = &[
    SealedColumns {
        table: "delegations",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["delegate_tax_code", "delegator_tax_code"],
        prints: &[
            Printed {
                column: "delegate_print",
                of: "delegate_tax_code",
                field: Field::TaxCode,
                maker: Maker::Installation,
            },
            Printed {
                column: "delegator_print",
                of: "delegator_tax_code",
                field: Field::TaxCode,
                maker: Maker::Installation,
            },
        ],
    },
    SealedColumns {
        table: "email_proofs",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["email"],
        prints: &[Printed {
            column: "email_print",
            of: "email",
            field: Field::Email,
            maker: Maker::Installation,
        }],
    },
    SealedColumns {
        table: "outbox",
        key: Key::Id("id"),
        desk: "coalesce(outbox.desk, '')",
        sealed: &["recipient"],
        prints: &[],
    },
    SealedColumns {
        table: "callbacks",
        key: Key::Id("id"),
        desk: "callbacks.desk",
        sealed: &["phone", "reason"],
        prints: &[],
    },
    SealedColumns {
        table: "complaints",
        key: Key::Id("id"),
        desk: "complaints.desk",
        sealed: &[
            "complainant",
            "email",
            "postal_address",
            "identity",
            "subject",
            "body",
            "scheme_values",
            "reply",
        ],
        prints: &[Printed {
            column: "filed_by_identity",
            of: "identity",
            field: Field::Identity,
            maker: Maker::Installation,
        }],
    },
    SealedColumns {
        table: "complaint_dispatches",
        key: Key::Id("id"),
        desk: "(SELECT complaints.desk FROM complaints \
               WHERE complaints.id = complaint_dispatches.complaint_id)",
        sealed: &["recipient", "body"],
        prints: &[],
    },
    SealedColumns {
        table: "complaint_entries",
        key: Key::Seq("complaint_id", "seq"),
        desk: "(SELECT complaints.desk FROM complaints \
               WHERE complaints.id = complaint_entries.complaint_id)",
        sealed: &["note"],
        prints: &[],
    },
    SealedColumns {
        table: "callback_attempts",
        key: Key::Named("callback_id", "half_day"),
        desk: "(SELECT callbacks.desk FROM callbacks \
               WHERE callbacks.id = callback_attempts.callback_id)",
        sealed: &["note"],
        prints: &[],
    },
    SealedColumns {
        table: "contacts",
        key: Key::Id("id"),
        desk: "contacts.desk",
        sealed: &["note"],
        prints: &[],
    },
    SealedColumns {
        table: "activities",
        key: Key::Id("id"),
        desk: "activities.desk",
        sealed: &["summary", "detail"],
        prints: &[],
    },
    // A program has no desk.
    SealedColumns {
        table: "activity_comments",
        key: Key::Id("id"),
        desk: "coalesce(activity_comments.desk, '')",
        sealed: &["body"],
        prints: &[],
    },
    SealedColumns {
        table: "bulk_jobs",
        key: Key::Id("id"),
        desk: "bulk_jobs.desk",
        sealed: &["action"],
        prints: &[],
    },
    SealedColumns {
        table: "playbook_runs",
        key: Key::Id("id"),
        desk: "playbook_runs.desk",
        sealed: &["addition"],
        prints: &[],
    },
    SealedColumns {
        table: "playbook_answers",
        key: Key::Seq("run_id", "seq"),
        desk: "(SELECT playbook_runs.desk FROM playbook_runs \
               WHERE playbook_runs.id = playbook_answers.run_id)",
        sealed: &["evidence"],
        prints: &[],
    },
    SealedColumns {
        table: "playbook_values",
        key: Key::Named("run_id", "value_name"),
        desk: "(SELECT playbook_runs.desk FROM playbook_runs \
               WHERE playbook_runs.id = playbook_values.run_id)",
        sealed: &["value"],
        prints: &[],
    },
    SealedColumns {
        table: "account_lives",
        key: Key::Id("account_id"),
        desk: "''",
        sealed: &["email"],
        prints: &[Printed {
            column: "email_print",
            of: "email",
            field: Field::Email,
            maker: Maker::Installation,
        }],
    },
    SealedColumns {
        table: "clients",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["contact"],
        prints: &[],
    },
    // An account has one identity; its issuer is beside it and tells of nobody.
    SealedColumns {
        table: "federated_identities",
        key: Key::Id("account_id"),
        desk: "''",
        sealed: &["subject"],
        prints: &[Printed {
            column: "subject_print",
            of: "subject",
            field: Field::Identity,
            maker: Maker::Installation,
        }],
    },
    // `blob_secret` opens the blob: null where the blob is plain, from before blobs were sealed.
    SealedColumns {
        table: "attachments",
        key: Key::Id("id"),
        desk: "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = attachments.ticket_id)",
        sealed: &["file_name", "sha256", "blob_secret"],
        prints: &[],
    },
    SealedColumns {
        table: "legal_holds",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["person", "reason", "end_reason"],
        prints: &[Printed {
            column: "person_print",
            of: "person",
            field: Field::Person,
            maker: Maker::Installation,
        }],
    },
    SealedColumns {
        table: "disclosures",
        key: Key::Id("id"),
        desk: "disclosures.desk",
        sealed: &["reason"],
        prints: &[],
    },
    SealedColumns {
        table: "break_glass_grants",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["reason"],
        prints: &[],
    },
    SealedColumns {
        table: "subject_requests",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["person", "identity", "email"],
        prints: &[
            Printed {
                column: "person_print",
                of: "person",
                field: Field::Person,
                maker: Maker::Installation,
            },
            Printed {
                column: "identity_print",
                of: "identity",
                field: Field::Identity,
                maker: Maker::Installation,
            },
        ],
    },
    SealedColumns {
        table: "subject_request_steps",
        key: Key::Seq("request_id", "seq"),
        desk: "''",
        sealed: &["reason"],
        prints: &[],
    },
    SealedColumns {
        table: "subject_exports",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["blob_sha256", "blob_secret"],
        prints: &[],
    },
    SealedColumns {
        table: "erasures",
        key: Key::Id("id"),
        desk: "''",
        sealed: &["words"],
        prints: &[],
    },
];

/// Texts that are sealed or not as their authority wants (`crate::privacy`).
pub const TEXTS: &[SealedColumns] = &[
    SealedColumns {
        table: "tickets",
        key: Key::Id("id"),
        desk: "tickets.key_desk",
        sealed: &["description"],
        prints: &[],
    },
    SealedColumns {
        table: "notes",
        key: Key::Seq("ticket_id", "seq"),
        desk: "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = notes.ticket_id)",
        sealed: &["body"],
        prints: &[],
    },
];

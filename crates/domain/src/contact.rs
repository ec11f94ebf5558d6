//! Contacts: who rang, wrote or came by, logged beside the tickets (`domain.md` §10.2).

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$one:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$one])* $variant,)+
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The code used in rows and in the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)+
                }
            }

            /// The one with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                $name::ALL.iter().copied().find(|one| one.as_str() == code)
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// How a contact came about.
    ContactChannel {
        /// On the telephone.
        Phone = "phone",
        /// In a chat.
        Chat = "chat",
        /// At the counter.
        Counter = "counter",
        /// By letter or e-mail.
        Mail = "mail",
        /// By remote control of a workstation.
        Remote = "remote",
    }
}

codes! {
    /// Who sought whom.
    Direction {
        /// Somebody sought the desk.
        Inbound = "inbound",
        /// The desk sought somebody.
        Outbound = "outbound",
    }
}

codes! {
    /// What a contact led to.
    ContactOutcome {
        /// All was answered at once.
        Answered = "answered",
        /// A request was filed.
        RequestFiled = "request-filed",
        /// It was about a request that is there already.
        RequestFollowed = "request-followed",
        /// Somebody is to be called back.
        CallbackPlanned = "callback-planned",
        /// It is the affair of somebody else, who was named.
        Redirected = "redirected",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// It ended before anything was said.
        Abandoned = "abandoned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for one in ContactChannel::ALL {
            assert_eq!(ContactChannel::from_code(one.as_str()), Some(*one));
        }
        for one in Direction::ALL {
            assert_eq!(Direction::from_code(one.as_str()), Some(*one));
        }
        for one in ContactOutcome::ALL {
            assert_eq!(ContactOutcome::from_code(one.as_str()), Some(*one));
        }
        assert_eq!(ContactChannel::from_code("pigeon"), None);
    }
}

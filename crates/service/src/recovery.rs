//! Getting back in by answers to questions, where a contract's policy has it switched on
//! (`domain.md` §11.3; the modern one advises against it). Answers are hashed like passwords.

use std::collections::BTreeSet;

use domain::account::{AccountState, AccountStep};
use domain::ids::AccountId;
use domain::invalid::Invalid;
use serde_json::json;
use storage::lives::AccountEvent;
use storage::{credentials, federated, lives, login_sources};

use crate::action_form::not_in_list;
use crate::evidence::sign_ins::{Known, Step, Tried};
use crate::{Desk, DeskError};

/// Questions that must be answered.
pub const ANSWERS: usize = 3;
/// Fewest characters of an answer.
const MIN_ANSWER_CHARS: usize = 4;

impl Desk {
    /// Keeps the answers of an account to so many of the installation's questions.
    pub fn keep_answers(
        &self,
        account: AccountId,
        answers: &[(String, String)],
    ) -> Result<(), DeskError> {
        let (policy, is_federated) = self.db.read(|conn| {
            let life = lives::find(conn, account)?.ok_or(DeskError::NotFound)?;
            let is_federated = federated::is_federated(conn, account)?;
            Ok::<_, DeskError>((self.policy_of(conn, &life)?, is_federated))
        })?;
        if !policy.questions || is_federated {
            return Err(DeskError::Forbidden);
        }
        let hashes = self.check_answers(answers)?;
        let desk = self.clone();
        self.db.write(move |conn| {
            let mut life = lives::find(conn, account)?.ok_or(DeskError::NotFound)?;
            let event = AccountEvent {
                kind: "recovery.prepared".to_owned(),
                actor: Some(account),
                detail: json!({}),
            };
            lives::save(conn, &mut life, &event, desk.clock.now())?;
            Ok(credentials::replace_answers(conn, account, &hashes)?)
        })
    }

    fn check_answers(
        &self,
        answers: &[(String, String)],
    ) -> Result<Vec<(String, String)>, DeskError> {
        let mut errors = Vec::new();
        let known = &self.settings.accounts.questions;
        if answers.len() != ANSWERS || !are_distinct(answers) {
            let invalid = Invalid::new(
                "too-many-items",
                "Servono tre risposte a domande diverse",
                "three answers to different questions are needed",
            );
            errors.push(invalid.at("/answers"));
        }
        for (at, (question, answer)) in answers.iter().enumerate() {
            if !known.contains(question) {
                errors.push(not_in_list().at(format!("/answers/{at}/question")));
            }
            if plain(answer).chars().count() < MIN_ANSWER_CHARS {
                let invalid =
                    Invalid::new("too-short", "Almeno 4 caratteri", "at least 4 characters");
                errors.push(invalid.at(format!("/answers/{at}/answer")));
            }
        }
        if !errors.is_empty() {
            return Err(DeskError::Invalid(errors));
        }
        let hash = |(question, answer): &(String, String)| {
            Ok((question.clone(), self.hash_password(&plain(answer))?))
        };
        answers.iter().map(hash).collect()
    }

    /// Sets another password for whoever answers every question right. Wrong answers count like wrong
    /// passwords, and a locked account is not opened once the tries its policy allows are used up.
    pub fn recover(
        &self,
        username: &str,
        answers: &[(String, String)],
        new_password: &str,
        source: &str,
    ) -> Result<(), DeskError> {
        let recovered = self.set_recovered(username, answers, new_password, source);
        let tried = Tried::Username(username.to_owned());
        self.traced(Step::RecoverPassword, tried, source, recovered)
    }

    fn set_recovered(
        &self,
        username: &str,
        answers: &[(String, String)],
        new_password: &str,
        source: &str,
    ) -> Result<(), DeskError> {
        let tried = self.count_try(username, source)?;
        let kept = match &tried.life {
            Some(life) => self
                .db
                .read(|conn| credentials::list_answers(conn, life.id))?,
            None => Vec::new(),
        };
        let nobodys = self.nobodys_hash()?;
        // The same work for everybody: as many comparisons as there are answers to give.
        let mut right = 0;
        for (question, answer) in answers.iter().take(ANSWERS) {
            let hash = kept.iter().find(|(known, _)| known == question);
            let hash = hash.map_or(&nobodys, |(_, hash)| hash);
            right += usize::from(self.is_password(&plain(answer), hash)?);
        }
        let is_open = tried.policy.questions && tried.counts && kept.len() == ANSWERS;
        // One answer that is known, given three times, is still one.
        let is_whole = answers.len() == ANSWERS && are_distinct(answers);
        let life = match tried.life {
            Some(life) if is_open && is_whole && right == ANSWERS => life,
            _ => return Err(DeskError::Credentials),
        };
        let is_locked = life.state == AccountState::Locked;
        if is_locked || life.state.after(AccountStep::SetPassword).is_err() {
            return Err(DeskError::Credentials);
        }
        // The answers were right: a new password that is refused is no wrong try.
        self.forgive(life.id, &self.source_print(source))?;
        let policy = tried.policy;
        let earlier = self
            .db
            .read(|conn| self.earlier_passwords(conn, &life, &policy))?;
        let hash =
            self.check_new_password(&life, &policy, &earlier, new_password, "/new_password")?;
        let (desk, mut life) = (self.clone(), life);
        let source = self.source_print(source);
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let step = AccountStep::SetPassword;
            desk.write_password(conn, &mut life, &policy, hash, step, now)?;
            let known = Known {
                account: life.id,
                home: life.home.as_ref(),
                placement: None,
            };
            desk.trace(conn, Step::RecoverPassword, &known, &source, now)?;
            Ok(login_sources::forget(conn, life.id)?)
        })
    }
}

/// Whether no question comes twice.
fn are_distinct(answers: &[(String, String)]) -> bool {
    let questions: BTreeSet<&String> = answers.iter().map(|(question, _)| question).collect();
    questions.len() == answers.len()
}

/// An answer without what people type differently each time.
fn plain(answer: &str) -> String {
    answer
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

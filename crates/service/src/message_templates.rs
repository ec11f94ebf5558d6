//! The words of mails as staff read and write them (`docs/adr/0018`): the standard ones, and those a
//! desk puts in their place for the mails about the requests it has in custody.
//!
//! Invariants: what is stored passed [`Wording::check`], and passes it again before it is used; a
//! change is added and none is ever changed.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::invalid::Lang;
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use storage::{DbConnection, StoreError, wordings};

pub use storage::wordings::Wording as Change;

use crate::texts::{self, MailTemplate, RenderedMail, Wording};
use crate::{Desk, DeskError};

/// A template as a desk has it.
pub struct TemplateView {
    /// Which.
    pub template: MailTemplate,
    /// For change control.
    pub version: i64,
    /// Its words in each language.
    pub languages: Vec<LanguageView>,
}

/// The words of a template in one language.
pub struct LanguageView {
    /// The language.
    pub lang: Lang,
    /// The words everybody has.
    pub standard: Wording,
    /// The desk's own change that holds now, if there is one.
    pub own: Option<Change>,
}

/// The most changes a screen shows.
const HISTORY_SHOWN: i64 = 20;

impl Desk {
    /// Every template as the caller's desk has it.
    pub fn list_message_templates(&self, staff: &Staff) -> Result<Vec<TemplateView>, DeskError> {
        let desk = self.desk_of_words(staff, Right::ReadMailTexts)?;
        self.db.read_snapshot(|conn| {
            let views = MailTemplate::ALL.into_iter();
            views
                .map(|template| template_view(conn, &desk, template))
                .collect()
        })
    }

    /// One template as the caller's desk has it, and its newest changes, newest first.
    pub fn show_message_template(
        &self,
        staff: &Staff,
        template: &str,
    ) -> Result<(TemplateView, Vec<Change>), DeskError> {
        let desk = self.desk_of_words(staff, Right::ReadMailTexts)?;
        let template = known(template)?;
        self.db.read_snapshot(|conn| {
            let view = template_view(conn, &desk, template)?;
            let history = wordings::list(conn, &desk, template.as_str(), HISTORY_SHOWN)?;
            Ok((view, history))
        })
    }

    /// Puts the desk's own words in the place of the standard ones, seen at a version.
    pub fn reword_message(
        &self,
        staff: &Staff,
        (template, lang): (&str, Lang),
        seen: i64,
        (subject, body): (&str, &str),
    ) -> Result<TemplateView, DeskError> {
        let template = rewordable(template)?;
        let words = Wording::check(template, subject, body).map_err(DeskError::Invalid)?;
        let words = (words.subject, words.body);
        self.change_words(staff, template, lang, seen, Some(words))
    }

    /// Goes back to the standard words, seen at a version.
    pub fn restore_message(
        &self,
        staff: &Staff,
        (template, lang): (&str, Lang),
        seen: i64,
    ) -> Result<TemplateView, DeskError> {
        self.change_words(staff, rewordable(template)?, lang, seen, None)
    }

    fn change_words(
        &self,
        staff: &Staff,
        template: MailTemplate,
        lang: Lang,
        seen: i64,
        words: Option<(String, String)>,
    ) -> Result<TemplateView, DeskError> {
        let authority = self.desk_of_words(staff, Right::EditMailTexts)?;
        let (clock, author) = (self.clock.clone(), staff.account);
        self.db.write_in(&Scope::Nothing, move |conn| {
            let current = wordings::version_to_change(conn, &authority, template.as_str())?;
            if seen != current {
                return Err(DeskError::Stale { current });
            }
            let own = own_change(conn, &authority, template, lang)?;
            if words.is_none() && own.is_none() {
                return Err(DeskError::NotFound);
            }
            let change = Change {
                authority: authority.clone(),
                template: template.as_str().to_owned(),
                version: current + 1,
                lang,
                words,
                author,
                at: clock.now(),
            };
            wordings::insert(conn, &change)?;
            template_view(conn, &authority, template)
        })
    }

    /// The mail as it would be, with example values: of these words, or where one of them is left out
    /// of those that hold now. Nothing is stored.
    pub fn preview_message(
        &self,
        staff: &Staff,
        (template, lang): (&str, Lang),
        subject: Option<&str>,
        body: Option<&str>,
    ) -> Result<RenderedMail, DeskError> {
        let desk = self.desk_of_words(staff, Right::ReadMailTexts)?;
        let examples = texts::examples(lang);
        if subject.is_none() && body.is_none() {
            let template = known(template)?;
            let own = self
                .db
                .read(|conn| self.own_words(conn, template, lang, Some(&desk)))?;
            return texts::render_own_or_standard(template, lang, own, &examples).map_err(no_mail);
        }
        let template = rewordable(template)?;
        let own = self
            .db
            .read(|conn| self.own_words(conn, template, lang, Some(&desk)))?;
        let now = match own {
            Some(own) => own,
            None => template.standard(lang).map_err(no_mail)?,
        };
        let words = Wording::check(
            template,
            subject.unwrap_or(&now.subject),
            body.unwrap_or(&now.body),
        );
        let words = words.map_err(DeskError::Invalid)?;
        texts::render_with(template, lang, &words, &examples).map_err(no_mail)
    }

    /// The words a desk put in the place of the standard ones, if it did and they are still good: a
    /// later release may have taken a placeholder away, or need one more.
    pub(crate) fn own_words(
        &self,
        conn: &mut DbConnection,
        template: MailTemplate,
        lang: Lang,
        desk: Option<&AuthorityCode>,
    ) -> Result<Option<Wording>, StoreError> {
        let Some(desk) = desk.filter(|_| template.may_be_reworded()) else {
            return Ok(None);
        };
        let Some((subject, body)) =
            own_change(conn, desk, template, lang)?.and_then(|change| change.words)
        else {
            return Ok(None);
        };
        let words = Wording::check(template, &subject, &body).ok();
        if words.is_none() {
            tracing::warn!(
                authority.code = %desk,
                mail.template = template.as_str(),
                "a desk's own words are no longer good: the standard ones are used"
            );
        }
        Ok(words)
    }

    /// Whose words the caller reads and writes: their authority's, or from the region the regional
    /// desk's.
    fn desk_of_words(&self, staff: &Staff, right: Right) -> Result<AuthorityCode, DeskError> {
        match reach(staff.role, right) {
            Reach::Desk => Ok(staff.authority.clone()),
            Reach::Region | Reach::All => Ok(self.reference.region().clone()),
            Reach::No | Reach::Activities => Err(DeskError::Forbidden),
        }
    }
}

fn template_view(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    template: MailTemplate,
) -> Result<TemplateView, DeskError> {
    let language = |lang| {
        Ok::<_, DeskError>(LanguageView {
            lang,
            standard: template.standard(lang).map_err(no_mail)?,
            own: own_change(conn, desk, template, lang)?,
        })
    };
    Ok(TemplateView {
        template,
        languages: Lang::ALL
            .into_iter()
            .map(language)
            .collect::<Result<_, _>>()?,
        version: wordings::version(conn, desk, template.as_str())?,
    })
}

/// The change that holds now; going back to the standard words is none.
fn own_change(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    template: MailTemplate,
    lang: Lang,
) -> Result<Option<Change>, StoreError> {
    let newest = wordings::find_newest(conn, desk, template.as_str(), lang)?;
    Ok(newest.filter(|change| change.words.is_some()))
}

fn known(template: &str) -> Result<MailTemplate, DeskError> {
    MailTemplate::from_code(template).ok_or(DeskError::NotFound)
}

/// A template an authority may write itself; others can be read by it and not changed.
fn rewordable(template: &str) -> Result<MailTemplate, DeskError> {
    let template = known(template)?;
    match template.may_be_reworded() {
        true => Ok(template),
        false => Err(DeskError::Forbidden),
    }
}

fn no_mail(error: texts::TextError) -> DeskError {
    DeskError::broken("a mail text", error)
}

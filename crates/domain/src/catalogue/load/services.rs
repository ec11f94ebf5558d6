//! Services: problem types used once, required fields for types that exist, kinds with their
//! numbers.

use std::collections::HashSet;

use toml::Spanned;

use super::Check;
use crate::catalogue::extra::{Choice, ExtraField, ExtraKind};
use crate::catalogue::file::{
    RawChoice, RawExtraField, RawKind, RawProblemType, RawService, ServicesFile, Word,
};
use crate::catalogue::service::{AuthorityRule, FormKind, Presence, ProblemType, Service};
use crate::codes::{ProblemTypeCode, ServiceCode};

impl Check<'_> {
    pub(super) fn services(&mut self, file: ServicesFile) -> Vec<Service> {
        self.codes_once("service.code", file.service.iter().map(|s| &s.code));
        file.service
            .into_iter()
            .map(|raw| self.service(raw))
            .collect()
    }

    fn service(&mut self, raw: RawService) -> Service {
        if raw.problem_types.is_empty() {
            self.say(
                raw.code.span(),
                "service.problem_types",
                "a service needs a problem type",
            );
        }
        if raw.form == FormKind::Operator && raw.profiles.citizen {
            self.say(
                raw.code.span(),
                "service.profiles.citizen",
                "an operator form is not for citizens",
            );
        }
        if !raw.authority.required_for.is_empty() && raw.authority.presence != Presence::Optional {
            self.say(
                raw.code.span(),
                "service.authority.required_for",
                "only an optional field has required_for",
            );
        }
        self.codes_once(
            "service.problem_types.code",
            raw.problem_types.iter().map(|p| &p.code),
        );
        let mut numbers = HashSet::new();
        for number in raw.problem_types.iter().filter_map(|p| p.number.as_ref()) {
            if !numbers.insert(*number.get_ref()) {
                self.say(
                    number.span(),
                    "service.problem_types.number",
                    "the number is used twice",
                );
            }
        }
        self.codes_once(
            "service.extra_fields.name",
            raw.extra_fields.iter().map(|f| &f.name),
        );

        let problem_types: Vec<_> = raw
            .problem_types
            .into_iter()
            .map(|p| self.problem_type(p))
            .collect();
        let authority = AuthorityRule {
            presence: raw.authority.presence,
            label: self.text("service.authority.label", raw.authority.label),
            required_for: self.known_types(
                "service.authority.required_for",
                raw.authority.required_for,
                &problem_types,
            ),
        };
        let extra_fields = raw
            .extra_fields
            .into_iter()
            .map(|field| self.extra_field(field, &problem_types))
            .collect();
        Service {
            code: ServiceCode::new(raw.code.into_inner()),
            label: self.text("service.label", raw.label),
            route: raw.route,
            form: raw.form,
            profiles: raw.profiles,
            authority,
            description: raw.description,
            phone: raw.phone,
            allow_stp_eni: raw.allow_stp_eni,
            problem_types,
            extra_fields,
            validity: self.validity("service.valid_to", raw.valid_from, raw.valid_to),
        }
    }

    fn problem_type(&mut self, raw: RawProblemType) -> ProblemType {
        ProblemType {
            code: ProblemTypeCode::new(raw.code.into_inner()),
            number: raw.number.map(Spanned::into_inner),
            label: self.text("service.problem_types.label", raw.label),
            citizen_only: raw.citizen_only,
            validity: self.validity(
                "service.problem_types.valid_to",
                raw.valid_from,
                raw.valid_to,
            ),
        }
    }

    fn extra_field(&mut self, raw: RawExtraField, types: &[ProblemType]) -> ExtraField {
        if raw.required && !raw.required_for.is_empty() {
            self.say(
                raw.name.span(),
                "service.extra_fields.required_for",
                "the field is required already",
            );
        }
        ExtraField {
            required_for: self.known_types(
                "service.extra_fields.required_for",
                raw.required_for,
                types,
            ),
            kind: self.kind(
                raw.kind,
                raw.length,
                raw.max_length,
                raw.max_items,
                raw.choices,
            ),
            name: raw.name.into_inner(),
            label: self.text("service.extra_fields.label", raw.label),
            required: raw.required,
            hint: raw
                .hint
                .map(|hint| self.text("service.extra_fields.hint", hint)),
        }
    }

    /// Joins the word for a kind with its number or list; each kind has exactly one of them, or
    /// none.
    fn kind(
        &mut self,
        kind: Spanned<RawKind>,
        length: Option<Spanned<usize>>,
        max_length: Option<Spanned<usize>>,
        max_items: Option<Spanned<usize>>,
        choices: Vec<RawChoice>,
    ) -> ExtraKind {
        use RawKind::{
            Choice as OneOf, Date as Day, Digits, ExactText, TaxCode, TaxCodes, Text as Free, Year,
        };
        let at = kind.span();
        let kind = kind.into_inner();
        let mut size = |field, value: Option<Spanned<usize>>, wanted: bool| {
            let (span, number) =
                value.map_or((at.clone(), None), |v| (v.span(), Some(v.into_inner())));
            match (number, wanted) {
                (Some(0), _) => self.say(span, field, "must be at least 1"),
                (Some(_), false) => self.say(span, field, "does not belong to this kind"),
                (None, true) => self.say(span, field, "is missing for this kind"),
                (Some(_), true) | (None, false) => {}
            }
            number.unwrap_or(1)
        };
        let length = size(
            "service.extra_fields.length",
            length,
            matches!(kind, Digits | ExactText),
        );
        let max_length = size("service.extra_fields.max_length", max_length, kind == Free);
        let max_items = size(
            "service.extra_fields.max_items",
            max_items,
            kind == TaxCodes,
        );
        if choices.is_empty() == (kind == OneOf) {
            self.say(
                at,
                "service.extra_fields.choices",
                "belongs to the kind `choice`, and to it alone",
            );
        }
        self.codes_once(
            "service.extra_fields.choices.code",
            choices.iter().map(|c| &c.code),
        );
        match kind {
            Digits => ExtraKind::Digits(length),
            ExactText => ExtraKind::ExactText(length),
            Free => ExtraKind::Text(max_length),
            TaxCode => ExtraKind::TaxCode,
            TaxCodes => ExtraKind::TaxCodes(max_items),
            Day => ExtraKind::Date,
            Year => ExtraKind::Year,
            OneOf => ExtraKind::Choice(
                choices
                    .into_iter()
                    .map(|c| Choice {
                        code: c.code.into_inner(),
                        label: self.text("service.extra_fields.choices.label", c.label),
                    })
                    .collect(),
            ),
        }
    }

    fn known_types(
        &mut self,
        field: &str,
        words: Vec<Word>,
        types: &[ProblemType],
    ) -> Vec<ProblemTypeCode> {
        self.codes_once(field, words.iter());
        let mut known = Vec::new();
        for word in words {
            let span = word.span();
            let code = ProblemTypeCode::new(word.into_inner());
            match types.iter().any(|t| t.code == code) {
                true => known.push(code),
                false => self.say(
                    span,
                    field,
                    &format!("the service has no problem type `{code}`"),
                ),
            }
        }
        known
    }
}

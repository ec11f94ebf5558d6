//! Durations as settings write them.

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Reads an ISO 8601 duration of weeks, days, hours, minutes and seconds. Days have 24 hours: a
/// window that is an hour longer in October would surprise more people than it serves.
pub(crate) fn parse_period(text: &str) -> anyhow::Result<SignedDuration> {
    let wrong = || format!("{text:?} is no duration such as \"P7D\" or \"PT30M\"");
    // The library also reads spellings of its own, such as "7 days".
    ensure!(text.starts_with('P'), wrong());
    let span: Span = text.parse().with_context(wrong)?;
    ensure!(
        span.get_years() == 0 && span.get_months() == 0,
        "{text:?} has years or months, which are not always the same; write days"
    );
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .with_context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_iso_8601_and_days_have_24_hours() {
        let hours = |text: &str| parse_period(text).unwrap().as_hours();
        assert_eq!(hours("P7D"), 7 * 24);
        assert_eq!(hours("P1W"), 7 * 24);
        assert_eq!(hours("P1DT2H"), 26);
        assert_eq!(
            parse_period("PT30M").unwrap(),
            SignedDuration::from_mins(30)
        );
        assert_eq!(parse_period("PT0S").unwrap(), SignedDuration::ZERO);
    }

    #[test]
    fn what_is_no_duration_is_refused_by_name() {
        for text in [
            "",
            "7",
            "7 days",
            "7d",
            "P",
            "PT",
            "-P7D",
            "P7",
            "P7D ",
            "P1M",
            "P1Y",
            "P99999999999D",
        ] {
            let error = parse_period(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{text:?}: {error}");
        }
    }
}

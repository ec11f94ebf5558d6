//! Nobody closes a request by hand, at any point of the story.

use serde_json::json;
use tests::canaries;
use tests::people::DESK_PEOPLE;

use super::Teller;

impl Teller<'_> {
    /// Whoever works tickets and sees this one is told why not; the others are told as usual.
    pub(crate) async fn nobody_closes_by_hand(&self) {
        for who in DESK_PEOPLE {
            let member = self.app.as_(who).await;
            let seen = member.get(&self.filed.staff_path("")).await;
            for action in ["close", "auto-close", "auto-closed"] {
                let refused = member.act(&self.filed.id, &json!({"action": action})).await;
                match (seen.status, *who) {
                    (200, "to4.admin") => refused.is_problem(403, "forbidden"),
                    (200, _) => refused.is_problem(409, "manual-close-forbidden"),
                    _ => refused.is_problem(404, "not-found"),
                };
            }
            let again = member.get(&self.filed.staff_path("")).await;
            assert_eq!(again.json["version"], seen.json["version"]);
        }
    }

    /// Neither the person nor the file can be read in the metrics nor in what a backup keeps, and the
    /// request is in the latter.
    pub(crate) async fn metrics_and_a_dump_hold_nobody(&self) {
        let metrics = self.app.anonymous().get("/metrics").await;
        assert!(metrics.is(200).text().contains("sportello_"));
        canaries::assert_none("the metrics", metrics.text().as_bytes());
        if let Some(dump) = self.app.dump() {
            canaries::assert_none("a dump", &dump);
            let dump = String::from_utf8(dump).expect("SQL");
            assert!(dump.contains(&self.filed.id));
        }
    }
}

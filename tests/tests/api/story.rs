//! The main job, from the citizen's form to the automatic close.

use serde_json::json;
use tests::people::TO4;
use tests::{both, citizens::ANNA, files, forms};

both!(smoke, async |app| {
    let filed = app
        .file_anonymous(
            &forms::report_not_found(&ANNA, TO4),
            &[files::pdf(300 * 1024)],
        )
        .await;
    let operator = app.as_("to4.operator").await;
    operator
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
});

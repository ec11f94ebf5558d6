//! Running one test on each database.

use crate::{Options, Place, TestApp};

/// Makes a module of the test's name with a test `sqlite` and a test `postgres`; the second does
/// nothing when `TEST_DATABASE_URL` is not set.
///
/// `both!(name, async |app| { … });` or `both!(name, options(), async |app| { … });`
#[macro_export]
macro_rules! both {
    ($name:ident, $body:expr $(,)?) => {
        $crate::both!($name, $crate::Options::default(), $body);
    };
    ($name:ident, $options:expr, $body:expr $(,)?) => {
        mod $name {
            #[expect(unused_imports, reason = "a test may need nothing from around it")]
            use super::*;

            #[test]
            fn sqlite() {
                $crate::running::run($crate::Place::Sqlite, $options, $body);
            }

            #[test]
            fn postgres() {
                $crate::running::run($crate::Place::Postgres, $options, $body);
            }
        }
    };
}

/// Runs a test on one database, if that database is there.
pub fn run(place: Place, options: Options, test: impl AsyncFnOnce(&TestApp)) {
    if !place.is_there() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let app = TestApp::spawn_with(place, options);
        test(&app).await;
    });
}

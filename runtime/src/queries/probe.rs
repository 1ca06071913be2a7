//! Whether the database answers and has this version's schema. Deliberately absent: details, which go to the log;
//! the probes are answered to everybody.

use super::rows::failed;
use crate::store::{Connections, migrator};
use campaigns_http::wire::Check;

pub(super) async fn checks(pool: &Connections) -> Vec<Check> {
    let check = |name: &str, ok: bool, detail: &str| Check {
        name: name.to_owned(),
        ok,
        detail: if ok { String::new() } else { detail.to_owned() },
    };
    let newest: Result<Option<i64>, _> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(pool).await;
    let known = migrator().iter().map(|migration| migration.version).max();
    match newest {
        Ok(found) => vec![
            check("database", true, ""),
            // A newer schema is no harm: every version works on the next one's.
            check(
                "migrations",
                found >= known,
                "the schema is older than this version: restart it to migrate",
            ),
        ],
        Err(error) => {
            tracing::warn!(error = %failed(error), "the database does not answer a probe");
            vec![check("database", false, "it does not answer; the log says why")]
        }
    }
}

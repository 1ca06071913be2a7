//! Migrations: each is replayed over rows that the versions before it wrote.

use campaigns_runtime::{embedded::testing::fresh_database, store::migrator};
use sqlx::AssertSqlSafe;
use std::{fs, path::Path};

fn sample(version: i64) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../migrations/samples/{version:04}.sql"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_is_replayed_over_the_rows_of_those_before() {
    let database = fresh_database().await.expect("a database");
    let pool = database.pool().await.expect("connections");
    for migration in migrator().iter() {
        migrator().run_to(migration.version, &pool).await.expect("a migration");
        sqlx::raw_sql(AssertSqlSafe(sample(migration.version)))
            .execute(&pool)
            .await
            .unwrap_or_else(|error| panic!("the sample rows of migration {}: {error}", migration.version));
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&pool)
    .await
    .expect("the tables");
    assert!(tables.len() > 15, "{tables:?}");
    for table in tables {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&pool)
            .await
            .expect("a count");
        assert!(rows > 0, "the samples have no row of {table}");
    }
}

/// The columns that a migration adds to a table that may have rows, in a way that an older version of the program
/// could not go on inserting: NOT NULL without a DEFAULT.
fn unfilled(sql: &str) -> Vec<String> {
    let bare: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let upper = bare.to_ascii_uppercase();
    let alters = upper.split(';').filter(|statement| statement.contains("ALTER TABLE"));
    let added = alters.flat_map(|statement| statement.split("ADD COLUMN").skip(1));
    added
        .filter(|column| {
            column.contains("NOT NULL") && !column.contains("DEFAULT") && !column.contains("GENERATED")
        })
        .map(|column| column.trim().to_owned())
        .collect()
}

#[test]
fn no_migration_adds_a_column_that_existing_rows_cannot_fill() {
    for migration in migrator().iter() {
        let found = unfilled(migration.sql.as_str());
        assert!(found.is_empty(), "migration {}: {found:?}", migration.version);
    }
    let wrong = "ALTER TABLE a\n  ADD COLUMN b text NOT NULL DEFAULT '',\n  ADD COLUMN c text NOT NULL;";
    assert_eq!(unfilled(wrong), ["C TEXT NOT NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_only_grows() {
    let database = fresh_database().await.expect("a database");
    let pool = database.pool().await.expect("connections");
    migrator().run(&pool).await.expect("the migrations");
    for _ in 0..2 {
        sqlx::raw_sql(
            "INSERT INTO audit_log (actor, action, subject_kind, subject) VALUES ('ada', 'a', 'run', 'r')",
        )
        .execute(&pool)
        .await
        .expect("an entry");
    }
    for sql in ["UPDATE audit_log SET actor = 'eve'", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
        let refused = sqlx::raw_sql(sql).execute(&pool).await.expect_err(sql);
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE actor = 'ada'")
        .fetch_one(&pool)
        .await
        .expect("a count");
    assert_eq!(entries, 2);
}

//! Both forms of a line, what is taken out of it, and what chooses it.

use super::*;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// A place that keeps what is written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("paper").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn written(form: Form, asked: &str, say: impl FnOnce()) -> String {
    let paper = Paper::default();
    let copy = paper.clone();
    let (filter, _) = filter(Some(asked), SERVER);
    let subscriber = subscriber(Redacting(move || copy.clone()), form, filter);
    tracing::subscriber::with_default(subscriber, say);
    let bytes = paper.0.lock().expect("paper").clone();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn programs_read_one_object_a_line() {
    let text = written(Form::Json, "info", || {
        let _span = tracing::info_span!("target", run = "r1").entered();
        tracing::info!(repository = "acme/lamp", "the pull request is open");
        tracing::warn!("a second line");
    });
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["message"], "the pull request is open");
    assert_eq!(lines[0]["repository"], "acme/lamp");
    assert_eq!(lines[0]["span"]["run"], "r1");
}

#[test]
fn people_read_words() {
    let text = written(Form::Human, "info", || tracing::info!(repository = "acme/lamp", "it is open"));
    assert!(text.contains("it is open") && text.contains("acme/lamp"), "{text}");
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
}

#[test]
fn secrets_are_taken_out_of_messages_fields_and_spans() {
    let token = format!("ghp_{}", "q".repeat(36));
    for form in [Form::Human, Form::Json] {
        let text = written(form, "info", || {
            let _span =
                tracing::info_span!("call", url = %format!("https://x:{token}@host.example/a")).entered();
            tracing::error!(answer = %token, "the token {token} is bad");
            tracing::error!("no connection to postgresql://campaigns:canary@db.example/c");
        });
        assert!(!text.contains("qqqq") && !text.contains("canary"), "{text}");
        assert!(text.matches("[redacted]").count() >= 4, "{text}");
        assert!(text.contains("db.example"), "{text}");
    }
}

/// What took long is told in a line that can be read: what kind of statement, how long, how many rows.
#[test]
fn a_long_statement_is_told_in_short() {
    let statement = format!("\n\nWITH \"ü\" AS (SELECT '{}\\') UPDATE targets\n", "\"\u{1}é".repeat(2000));
    for form in [Form::Human, Form::Json] {
        let text = written(form, "warn", || {
            tracing::warn!(target: "sqlx::query", summary = "WITH ü AS", db.statement = statement, rows_affected = 7,
                elapsed_secs = 1.25, "slow statement");
            tracing::warn!(cause = "why ".repeat(500), "a cause may need words");
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].len() < 700, "{text}");
        assert!(["WITH", "rows_affected", "1.25", "…"].iter().all(|part| lines[0].contains(part)), "{text}");
        assert!(lines[1].matches("why").count() == 500, "{text}");
        if form == Form::Json {
            let read: serde_json::Value = serde_json::from_str(lines[0]).expect("an object still");
            assert_eq!(read["rows_affected"], 7);
            assert!(
                read["db.statement"].as_str().expect("a text").starts_with("\n\nWITH \"ü\" AS"),
                "{text}"
            );
        }
    }
    let broken = format!("an odd \" and {}", "\\u{1f}\\ü\\\\".repeat(2000));
    assert!(shortening::shorten(&broken).len() < 4100);
}

#[test]
fn what_is_said_is_chosen_by_level() {
    let say = || {
        tracing::info!("quiet");
        tracing::error!("loud");
    };
    let text = written(Form::Human, "error", say);
    assert!(text.contains("loud") && !text.contains("quiet"), "{text}");
}

#[test]
fn an_unreadable_choice_is_told_and_the_default_holds() {
    let (filter, refused) = super::filter(Some("campaigns=loud"), COMMAND);
    assert_eq!(filter.to_string(), COMMAND);
    assert!(refused.is_some());
    assert!(super::filter(None, COMMAND).1.is_none());
    assert!(super::filter(Some(" "), COMMAND).1.is_none());
}

#[test]
fn every_panic_has_words() {
    let words = |payload: Box<dyn std::any::Any + Send>| panics::words(payload.as_ref()).to_owned();
    assert_eq!(words(Box::new("plain")), "plain");
    assert_eq!(words(Box::new("formatted".to_owned())), "formatted");
    assert_eq!(words(Box::new(7)), "a panic without words");
}

#[test]
fn metrics_are_counted_and_timed() {
    let render = metrics();
    ::metrics::counter!("campaigns_test_total", "kind" => "a").increment(3);
    ::metrics::histogram!("campaigns_test_seconds").record(0.02);
    let text = metrics()();
    assert!(text.contains("campaigns_test_total{kind=\"a\"} 3"), "{text}");
    assert!(text.contains("campaigns_test_seconds_bucket{le=\"0.025\"} 1"), "{text}");
    assert!(text.contains("campaigns_test_seconds_bucket{le=\"0.01\"} 0"), "{text}");
    assert_eq!(render().lines().count(), text.lines().count());
}

//! Connections to the database every use of which ends.
//!
//! A network may fail without a word: what was sent is never answered, and nobody says so. The server ends a statement
//! that takes too long, but not the wait of whoever does not hear of it. So a statement is waited for only a little
//! longer than the server lets it run, a connection that rested is asked only for a moment whether it still answers, and
//! one that is given back is asked for no longer than a statement; what does not answer is closed, and its place in the
//! pool is free again. Deliberately absent: sending anything again, and a deadline for a transaction as a whole, which
//! is its caller's; what is borrowed for one ends as its user does.

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Connection as _, Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{
    io,
    ops::{Deref, DerefMut},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{error::Elapsed, timeout},
};

/// How long a connection rests before it is asked whether it still answers.
pub(super) const RESTED: Duration = Duration::from_secs(1);
/// How long it may take to answer that: whoever waits for it has most of the time for a connection left for another.
pub(super) const ASKED: Duration = Duration::from_secs(1);

/// A pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub struct Connections {
    pool: PgPool,
    answer_within: Duration,
}

impl Connections {
    /// Opens a pool of at most `most` connections, for one of which nobody waits longer than `acquire_within`, and whose
    /// statements nobody waits for longer than `answer_within`.
    pub(super) async fn open(
        to: PgConnectOptions,
        most: u32,
        acquire_within: Duration,
        answer_within: Duration,
    ) -> Result<Self, Error> {
        // Whether a connection still answers is asked where it has rested; asking each time would cost a commit
        // that is alone as much again as its way to the server and back.
        let options = PgPoolOptions::new()
            .acquire_timeout(acquire_within)
            .max_connections(most)
            .test_before_acquire(false)
            .before_acquire(|connection, rested| {
                Box::pin(async move {
                    if rested.idle_for >= RESTED {
                        timeout(ASKED, connection.ping()).await.unwrap_or_else(|_| Err(silent(ASKED)))?;
                    }
                    Ok(true)
                })
            });
        Ok(Self { pool: options.connect_with(to).await?, answer_within })
    }

    /// A connection for several statements, each of which is the caller's to wait for.
    ///
    /// # Errors
    /// Where none is free, or the database does not answer, within the time for that.
    pub async fn acquire(&self) -> Result<Borrowed, Error> {
        Ok(Borrowed {
            connection: self.pool.acquire().await?,
            answer_within: self.answer_within,
            spent: false,
        })
    }

    /// A connection that is the caller's from now on and counts here no more.
    pub(crate) async fn take(&self) -> Result<PgConnection, Error> {
        Ok(self.pool.acquire().await?.detach())
    }

    /// Begins a transaction. One that is not committed ends with its connection.
    ///
    /// # Errors
    /// As [`Connections::acquire`].
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let mut borrowed = self.acquire().await?;
        borrowed.spent = true;
        let begun = timeout(self.answer_within, borrowed.execute("BEGIN")).await;
        borrowed.answered(begun)?;
        Ok(Transaction(borrowed))
    }

    /// Closes every connection; those that are borrowed are waited for.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The ways to send one statement that wait for all of its answer.
macro_rules! in_time {
    ($($way:ident -> $answer:ty;)*) => {$(
        fn $way<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<$answer, Error>>
        where
            'c: 'e,
            E: 'q + Execute<'q, Postgres>,
        {
            Box::pin(async move {
                let mut borrowed = self.acquire().await?;
                let answered = timeout(self.answer_within, borrowed.$way(query)).await;
                borrowed.answered(answered)
            })
        }
    )*};
}

impl<'c> Executor<'c> for &'c Connections {
    type Database = Postgres;

    in_time! {
        execute -> PgQueryResult;
        fetch_all -> Vec<PgRow>;
        fetch_optional -> Option<PgRow>;
    }

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let whole = async move {
            let mut borrowed = self.acquire().await?;
            let answered =
                timeout(self.answer_within, borrowed.fetch_many(query).try_collect::<Vec<_>>()).await;
            Ok::<_, Error>(stream::iter(borrowed.answered(answered)?).map(Ok))
        };
        stream::once(whole).try_flatten().boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut borrowed = self.acquire().await?;
            let answered = timeout(self.answer_within, borrowed.describe(sql)).await;
            borrowed.answered(answered)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut borrowed = self.acquire().await?;
            let answered = timeout(self.answer_within, borrowed.prepare_with(sql, parameters)).await;
            borrowed.answered(answered)
        })
    }
}

/// A connection that goes back to its pool, or is closed where it does not answer.
#[derive(Debug)]
pub struct Borrowed {
    connection: PoolConnection<Postgres>,
    answer_within: Duration,
    /// Whether nobody is to have it after this.
    spent: bool,
}

impl Borrowed {
    /// What became of a statement. Nobody may be given a connection on which an answer is still owed.
    pub(super) fn answered<T>(&mut self, answered: Result<Result<T, Error>, Elapsed>) -> Result<T, Error> {
        answered.unwrap_or_else(|_| {
            self.spent = true;
            Err(silent(self.answer_within))
        })
    }
}

impl Deref for Borrowed {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.spent {
            self.connection.close_on_drop();
            return;
        }
        // It is asked whether all that was sent on it is answered, by a task that nobody waits for: of an answer that
        // never comes its place would be lost for good.
        let back = self.connection.return_to_pool();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(timeout(self.answer_within, back))),
            // Without a runtime nobody can be asked: it is closed.
            Err(_) => drop(back),
        }
    }
}

/// A transaction that is undone where it is not committed.
#[derive(Debug)]
pub struct Transaction(Borrowed);

impl Transaction {
    /// Commits it.
    ///
    /// # Errors
    /// Where the database does not say that it has. It may have all the same.
    pub async fn commit(mut self) -> Result<(), Error> {
        let committed = timeout(self.0.answer_within, self.0.execute("COMMIT")).await;
        self.0.answered(committed)?;
        self.0.spent = false;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// That the database was not heard of within so long.
pub(super) fn silent(within: Duration) -> Error {
    let words = format!("the database did not answer within {} s", within.as_secs_f32());
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, words))
}

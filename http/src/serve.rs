//! Serving connections: a bound on how many, on how slowly a request may arrive, and on how long the last ones may
//! take when the server stops.
//!
//! Deliberately absent: TLS, which the ingress ends, and the choice of the address, which is the command line's.

use axum::{Extension, Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tower::ServiceExt;

/// How many connections are open at once; more wait to be accepted.
const CONNECTIONS: usize = 20_000;

/// How long the head of a request may take to arrive.
const HEAD: Duration = Duration::from_secs(15);

/// How long requests may go on after the server was told to stop. It has answered them all the while that it drained.
pub const LAST: Duration = Duration::from_secs(10);

/// Whether the server has been told to leave or to stop: probes say so, and live streams end.
#[derive(Debug, Clone)]
pub struct Draining(watch::Receiver<bool>);

impl Draining {
    /// Whether it has.
    pub fn is_draining(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it has; for ever where nothing will ever say so.
    pub async fn draining(&mut self) {
        if self.0.wait_for(|draining| *draining).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Serves until `shutdown` is done, then lets the requests in flight finish. From when `leaving` is done, if that is
/// earlier, the probes say that another server is to be asked, and live streams end; whoever asks all the same is answered.
///
/// # Errors
/// None so far; accepting goes on over errors of single connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    leaving: impl Future<Output = ()>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (drain, draining) = watch::channel(false);
    let (stop, stopping) = watch::channel(false);
    let router = router.layer(Extension(Draining(draining)));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let (mut leaving, mut shutdown) = (pin!(leaving), pin!(shutdown));
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            () = &mut leaving, if !*drain.borrow() => {
                drain.send_replace(true);
                continue;
            }
            accepted = accept(&listener, &places) => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok((stream, place)) => {
                let (router, stopping) = (router.clone(), stopping.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection(stream, router, stopping).await;
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    drain.send_replace(true);
    stop.send_replace(true);
    let finished =
        tokio::time::timeout(LAST, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(open = connections.len(), "connections were still open when the server stopped");
    }
    Ok(())
}

type Accepted = (tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn connection(stream: tokio::net::TcpStream, router: Router, mut stopping: watch::Receiver<bool>) {
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let stopped = async move {
        // An error means that nobody serves any more.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}

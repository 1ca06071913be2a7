//! The connections of a proxy: each is two flows of bytes, and each piece of bytes meets the weather of its moment.
//!
//! Deliberately absent: buffering more than one piece; where nothing gets through, the sender's own buffers fill up.

use super::{Upstream, Weather};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// One piece, at most.
const PIECE: usize = 16 * 1024;

/// Takes connections in for as long as it is polled.
pub(super) async fn accept(
    listener: std::net::TcpListener,
    upstream: Upstream,
    weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (near, _) = listener.accept().await?;
        tokio::spawn(connection(near, upstream.clone(), weather.clone()));
    }
}

async fn connection(mut near: TcpStream, upstream: Upstream, mut weather: watch::Receiver<Weather>) {
    let now = *weather.borrow_and_update();
    match now {
        Weather::Reset => return reset(near),
        // The handshake of a connection into a black hole gets no answer; here it gets nothing after it.
        Weather::BlackHole | Weather::HalfOpen => {
            if over(&mut weather, now).await == Weather::Reset {
                return reset(near);
            }
        }
        Weather::Clear | Weather::Late(_) => {}
    }
    let Ok(mut far) = Far::reach(&upstream).await else { return reset(near) };
    let _ = near.set_nodelay(true);
    let ended = {
        let (near_in, near_out) = tokio::io::split(&mut near);
        let (far_in, far_out) = match &mut far {
            Far::Tcp(far) => halves(far),
            Far::Unix(far) => halves(far),
        };
        let there = flow(near_in, far_out, weather.clone());
        let back = flow(far_in, near_out, weather.clone());
        tokio::select! {
            ended = async { tokio::join!(there, back) } => match ended {
                (Ok(()), Ok(())) => Ended::Whole,
                _ => Ended::Reset,
            },
            ended = broken(&mut weather) => ended,
        }
    };
    match ended {
        Ended::Whole => {}
        Ended::Reset => {
            reset(near);
            if let Far::Tcp(far) = far {
                reset(far);
            }
        }
        Ended::HalfOpen => {
            drop(far);
            swallow(near, weather).await;
        }
    }
}

/// The far side of a connection.
enum Far {
    Tcp(TcpStream),
    Unix(UnixStream),
}

type In<'a> = Box<dyn AsyncRead + Send + Unpin + 'a>;
type Out<'a> = Box<dyn AsyncWrite + Send + Unpin + 'a>;

impl Far {
    async fn reach(upstream: &Upstream) -> io::Result<Self> {
        match upstream {
            Upstream::Tcp(address) => {
                let far = TcpStream::connect(address).await?;
                far.set_nodelay(true)?;
                Ok(Self::Tcp(far))
            }
            Upstream::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
        }
    }
}

fn halves<'a>(stream: &'a mut (impl AsyncRead + AsyncWrite + Send + Unpin)) -> (In<'a>, Out<'a>) {
    let (reads, writes) = tokio::io::split(stream);
    (Box::new(reads), Box::new(writes))
}

/// How a connection ends.
enum Ended {
    /// Both sides are done.
    Whole,
    /// Both are reset.
    Reset,
    /// The far side is gone and the near one does not know.
    HalfOpen,
}

/// Waits for weather that breaks connections.
async fn broken(weather: &mut watch::Receiver<Weather>) -> Ended {
    loop {
        match *weather.borrow_and_update() {
            Weather::Reset => return Ended::Reset,
            Weather::HalfOpen => return Ended::HalfOpen,
            Weather::Clear | Weather::Late(_) | Weather::BlackHole => {}
        }
        if weather.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until the weather is another; what it is then.
async fn over(weather: &mut watch::Receiver<Weather>, now: Weather) -> Weather {
    match weather.wait_for(|weather| *weather != now).await.map(|weather| *weather) {
        Ok(weather) => weather,
        Err(_) => std::future::pending().await,
    }
}

/// Carries bytes one way until their sender is done.
async fn flow(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await?;
        let wait = match *weather.borrow_and_update() {
            Weather::Late(wait) => wait,
            _ => Duration::ZERO,
        };
        tokio::time::sleep(wait).await;
        if *weather.borrow_and_update() == Weather::BlackHole {
            over(&mut weather, Weather::BlackHole).await;
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..read]).await?;
    }
}

/// Reads and forgets, until the near side is done or the weather resets it.
async fn swallow(mut near: TcpStream, mut weather: watch::Receiver<Weather>) {
    let mut piece = vec![0; PIECE];
    let reads = async { while near.read(&mut piece).await.is_ok_and(|read| read > 0) {} };
    let resets = async { weather.wait_for(|weather| *weather == Weather::Reset).await.map(|_| ()) };
    let was_reset = tokio::select! {
        () = reads => false,
        told = resets => told.is_ok(),
    };
    if was_reset {
        reset(near);
    }
}

/// Closes a connection so that the other side hears a reset.
fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}

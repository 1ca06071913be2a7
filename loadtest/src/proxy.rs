//! A TCP proxy that makes a network bad on purpose: late, reset, a black hole, half open. It stands between a server and
//! what that server depends on, so that a scenario can take a dependency away without touching it.
//!
//! Deliberately absent: knowing what flows through it, and deciding when the weather changes (the scenarios).

mod flow;

use anyhow::{Context as _, Result};
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// What the network is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Weather {
    /// Everything gets through at once.
    #[default]
    Clear,
    /// Everything gets through, each piece so much later.
    Late(Duration),
    /// Connections are reset, old ones and new ones.
    Reset,
    /// Nothing gets through in either direction, and nobody is told: packets vanish.
    BlackHole,
    /// The far side of every connection is gone, and the near side is not told: what it sends vanishes.
    HalfOpen,
}

/// Where a proxy leads to.
#[derive(Debug, Clone)]
pub(crate) enum Upstream {
    /// A port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// A proxy; it ends with this value, and every connection through it does.
pub(crate) struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    over: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface for connections to `upstream`.
    pub(crate) fn start(upstream: Upstream) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the proxy has no port")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (weather, now) = watch::channel(Weather::Clear);
        let over = Arc::new(Notify::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ends = over.clone();
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = ends.notified() => {}
                    ended = flow::accept(listener, upstream, now) => {
                        if let Err(error) = ended {
                            eprintln!("the proxy at {address} has ended: {error}");
                        }
                    }
                }
            });
        })?;
        Ok(Self { address, weather, over, thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather, for the connections there are and those to come.
    pub(crate) fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{ErrorKind, Read as _, Write as _},
        net::TcpStream,
        sync::mpsc,
        time::Instant,
    };

    /// A server that sends back whatever it is sent.
    fn echo() -> SocketAddr {
        echo_until().0
    }

    /// The same, and word of every connection to it that has ended.
    fn echo_until() -> (SocketAddr, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, ends) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ended = ended.clone();
                std::thread::spawn(move || {
                    let mut back = stream.try_clone().unwrap();
                    let _ = std::io::copy(&mut &stream, &mut back);
                    // Nobody may want to know.
                    let _ = ended.send(());
                });
            }
        });
        (address, ends)
    }

    fn connect(proxy: &Proxy) -> TcpStream {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn says(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(text)?;
        let mut back = vec![0; text.len()];
        stream.read_exact(&mut back)?;
        Ok(back)
    }

    /// Nothing is heard for as long as that.
    fn silent(stream: &mut TcpStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let heard = stream.read(&mut [0; 16]);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    #[test]
    fn what_is_sent_comes_through_and_late_it_comes_later() {
        let proxy = Proxy::start(Upstream::Tcp(echo())).unwrap();
        let mut stream = connect(&proxy);
        assert_eq!(says(&mut stream, b"clear").unwrap(), b"clear");
        proxy.turn(Weather::Late(Duration::from_millis(120)));
        let begun = Instant::now();
        assert_eq!(says(&mut stream, b"late").unwrap(), b"late");
        assert!(begun.elapsed() >= Duration::from_millis(240), "there and back: {:?}", begun.elapsed());
    }

    #[test]
    fn a_reset_ends_what_is_there_and_lets_nothing_in_until_it_clears() {
        let proxy = Proxy::start(Upstream::Tcp(echo())).unwrap();
        let mut stream = connect(&proxy);
        assert_eq!(says(&mut stream, b"clear").unwrap(), b"clear");
        proxy.turn(Weather::Reset);
        let mut heard = [0; 1];
        assert_eq!(stream.read(&mut heard).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let mut another = connect(&proxy);
        assert!(says(&mut another, b"anybody?").is_err());
        proxy.turn(Weather::Clear);
        assert_eq!(says(&mut connect(&proxy), b"again").unwrap(), b"again");
    }

    #[test]
    fn a_black_hole_says_nothing_and_gives_back_what_waited() {
        let proxy = Proxy::start(Upstream::Tcp(echo())).unwrap();
        let mut stream = connect(&proxy);
        assert_eq!(says(&mut stream, b"clear").unwrap(), b"clear");
        proxy.turn(Weather::BlackHole);
        stream.write_all(b"late").unwrap();
        assert!(silent(&mut stream));
        proxy.turn(Weather::Clear);
        // As packets that are sent again do.
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"late");
    }

    #[test]
    fn half_open_the_near_side_is_not_told_and_stays_dead() {
        let (echo, ends) = echo_until();
        let proxy = Proxy::start(Upstream::Tcp(echo)).unwrap();
        let mut stream = connect(&proxy);
        assert_eq!(says(&mut stream, b"clear").unwrap(), b"clear");
        proxy.turn(Weather::HalfOpen);
        // The weather of a moment that nobody has seen would break nothing.
        ends.recv_timeout(Duration::from_secs(30)).unwrap();
        stream.write_all(b"into nothing").unwrap();
        assert!(silent(&mut stream));
        proxy.turn(Weather::Clear);
        assert!(silent(&mut stream), "a connection whose far side is gone does not come back");
        assert_eq!(says(&mut connect(&proxy), b"again").unwrap(), b"again");
    }
}

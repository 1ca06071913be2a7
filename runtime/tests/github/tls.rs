//! A server whose certificate comes from a CA of its own: with that CA's bundle it is spoken to, without it never.
//! The twin stands behind a TLS listener with certificates made here.

use crate::world::{self, token};
use bytes::Bytes;
use campaigns_actors::ports::{CodeHost, CodeHostError, Permit, ReadBudget};
use campaigns_domain::selection::Query;
use campaigns_runtime::github::{Endpoint, GitHub, GithubConfig, SetupError};
use campaigns_twin::Twin;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};
use uuid::Uuid;

/// A TLS listener before a twin, and the CA that signed its certificate.
struct Encrypted {
    url: String,
    ca: String,
    /// Whether those who come are answered; until then they stay connected and no handshake is begun.
    answers: watch::Sender<bool>,
}

impl Encrypted {
    async fn before(twin: &Twin) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let behind = twin.url().trim_start_matches("http://").to_owned();
        let (answers, answering) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind, mut answering) = (acceptor.clone(), behind.clone(), answering.clone());
                tokio::spawn(async move {
                    let Ok(_) = answering.wait_for(|answers| *answers).await else { return };
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(mut near) = acceptor.accept(stream).await else { return };
                    let Ok(mut far) = TcpStream::connect(behind).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { url, ca: ca.pem(), answers }
    }

    /// Its CA's certificate in a file, and the folder that goes with it.
    fn bundle(&self) -> (TempDir, PathBuf) {
        let room = tempfile::tempdir().unwrap();
        let bundle = room.path().join("ca.pem");
        std::fs::write(&bundle, &self.ca).unwrap();
        (room, bundle)
    }

    fn config(&self, twin: &Twin, ca_bundle: Option<PathBuf>) -> GithubConfig {
        let endpoint = Endpoint::resolve(&self.url, false).unwrap();
        GithubConfig { ca_bundle, ..world::patient(endpoint, token(twin)) }
    }
}

fn everything(twin: &Twin) -> Query {
    Query::Organization(twin.org())
}

#[tokio::test]
async fn a_server_with_a_ca_of_its_own_is_spoken_to_with_its_bundle_and_never_without() {
    let twin = world::twin().await;
    let encrypted = Encrypted::before(&twin).await;
    let (_room, bundle) = encrypted.bundle();

    let trusting = GitHub::new(encrypted.config(&twin, Some(bundle))).unwrap();
    assert!(!trusting.check().await.unwrap().name.is_empty());
    trusting.repositories(&everything(&twin), &ReadBudget::unlimited()).await.unwrap();

    let before = twin.log().unwrap().len();
    let strict = GitHub::new(encrypted.config(&twin, None)).unwrap();
    let answer = strict.repositories(&everything(&twin), &ReadBudget::unlimited()).await.unwrap_err();
    let CodeHostError::Unavailable(words) = &answer else { panic!("{answer:?}") };
    assert!(words.to_lowercase().contains("certificate"), "{words}");
    assert_eq!(twin.log().unwrap().len(), before, "nothing is sent to a server that is not trusted");
}

#[tokio::test]
async fn a_bundle_without_certificates_is_refused_in_words() {
    let twin = world::twin().await;
    let encrypted = Encrypted::before(&twin).await;
    let room = tempfile::tempdir().unwrap();
    let bundle = room.path().join("ca.pem");
    for content in ["", "no certificate\n"] {
        std::fs::write(&bundle, content).unwrap();
        let refused = GitHub::new(encrypted.config(&twin, Some(bundle.clone()))).unwrap_err();
        assert!(matches!(refused, SetupError::CaBundle { .. }), "{refused:?}");
        assert!(refused.to_string().contains("PEM"), "{refused}");
    }
    let missing = encrypted.config(&twin, Some(room.path().join("nowhere.pem")));
    assert!(matches!(GitHub::new(missing).unwrap_err(), SetupError::CaBundle { .. }));
}

/// It takes longer to be connected than the permit holds: nothing is sent any more, not even by a connection that comes
/// about after all.
#[tokio::test]
async fn a_write_whose_permit_expires_while_it_is_connected_is_not_sent() {
    let twin = world::twin().await;
    let encrypted = Encrypted::before(&twin).await;
    let (_room, bundle) = encrypted.bundle();
    let host = GitHub::new(encrypted.config(&twin, Some(bundle))).unwrap();
    let id = twin.repository("late").file("a", "1").create().await.unwrap();
    let repository = world::named(&twin, id, "late");
    encrypted.answers.send_replace(false);

    let permit = Permit::new(Uuid::new_v4(), Duration::from_secs(1));
    let expires = permit.expires;
    let release = async {
        let _ = tokio::time::timeout_at(expires, std::future::pending::<()>()).await;
        encrypted.answers.send_replace(true);
    };
    let blob = host.create_blob(&repository, Bytes::from_static(b"late"), permit);
    let (answer, ()) = tokio::join!(blob, release);
    assert_eq!(answer.unwrap_err(), CodeHostError::PermitExpired);
    let sent: Vec<_> = twin.log().unwrap().into_iter().filter(|entry| entry.writes).collect();
    assert!(sent.is_empty(), "{sent:?}");
    host.create_blob(&repository, Bytes::from_static(b"late"), world::permit()).await.unwrap();
}

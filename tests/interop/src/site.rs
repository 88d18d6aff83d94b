//! A server that is up, what it serves, and the origin behind it.
//!
//! Invariant: the port stays the same through every restart, and everything goes with the `Site`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use http::Uri;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use towline::{Netloc, Proxy, TransportBuilder};

use crate::{
    client::Client,
    files,
    pki::Pki,
    port::free_port,
    process::Process,
    software::{Layout, Protocol, Scheme, Software, origin_command},
};

/// A running server.
#[derive(Debug)]
pub struct Site {
    // The order matters: both processes end before the directory goes.
    front: Process,
    _origin: Option<Process>,
    software: Software,
    scheme: Scheme,
    protocol: Protocol,
    port: u16,
    origin_port: u16,
    pki: Pki,
    documents: PathBuf,
    scratch: TempDir,
}

impl Site {
    /// Starts the server, and the origin if it needs one.
    ///
    /// # Panics
    /// When the server is not installed or does not come up; its log is in the message.
    pub async fn start(software: Software, scheme: Scheme, protocol: Protocol) -> Self {
        tokio::task::spawn_blocking(move || Self::start_now(software, scheme, protocol))
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn start_now(software: Software, scheme: Scheme, protocol: Protocol) -> Self {
        let scratch = tempfile::tempdir().expect("the temporary directory is writable");
        // Workers that gave up root must be able to read the documents.
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))
            .expect("the directory is ours");
        let documents = scratch.path().join("documents");
        files::write(&documents);
        let pki = Pki::generate();
        pki.write(scratch.path());

        let origin_port = free_port();
        let origin = software.is_proxy().then(|| {
            let layout = Layout {
                scheme: Scheme::Cleartext,
                protocol: Protocol::Http1,
                port: origin_port,
                origin: origin_port,
                scratch: scratch.path(),
                documents: &documents,
            };
            Process::start(
                origin_command(&layout),
                origin_port,
                &scratch.path().join("origin.log"),
            )
        });
        let port = free_port();
        let layout = Layout {
            scheme,
            protocol,
            port,
            origin: origin_port,
            scratch: scratch.path(),
            documents: &documents,
        };
        let front = Process::start(
            software.command(&layout),
            port,
            &scratch.path().join("front.log"),
        );
        Self {
            front,
            _origin: origin,
            software,
            scheme,
            protocol,
            port,
            origin_port,
            pki,
            documents,
            scratch,
        }
    }

    /// Which server it is.
    pub fn software(&self) -> Software {
        self.software
    }

    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What is spoken.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its certificates.
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The URI of a path on it.
    ///
    /// # Panics
    /// When the path is none.
    pub fn uri(&self, path: &str) -> Uri {
        // By name over TLS, so that SNI is sent; by address otherwise.
        let start = match self.scheme {
            Scheme::Tls => "https://localhost",
            Scheme::Cleartext => "http://127.0.0.1",
        };
        format!("{start}:{}{path}", self.port)
            .parse()
            .expect("a path makes a URI")
    }

    /// The URI of a path on the origin behind it, as a forward proxy is asked for it. Where there is
    /// none behind it, nobody listens there.
    pub(crate) fn origin_uri(&self, path: &str) -> Uri {
        format!("http://127.0.0.1:{}{path}", self.origin_port)
            .parse()
            .expect("a path makes a URI")
    }

    /// A client with a transport of its own, which trusts the server's certificate.
    pub fn client(&self) -> Client {
        self.client_with(|builder| builder)
    }

    /// As [`client`](Self::client), with a setting of the case's own.
    pub(crate) fn client_with(
        &self,
        settings: impl FnOnce(TransportBuilder) -> TransportBuilder,
    ) -> Client {
        Client::new(&self.pki, self.protocol, settings)
    }

    /// The server as a proxy.
    pub(crate) fn as_proxy(&self) -> Proxy {
        let netloc = Netloc::from_uri(&self.uri("/")).expect("a URI of ours is absolute");
        Proxy::new(netloc)
    }

    /// Makes the server take its configuration anew, as its operators do.
    ///
    /// # Panics
    /// When it cannot.
    pub fn reload(&self) {
        self.front.signal(
            self.software
                .reload_signal()
                .expect("the matrix skips those without"),
        );
    }

    /// Asks the server to finish what it has begun and to end.
    ///
    /// # Panics
    /// When it cannot.
    pub fn stop_gracefully(&self) {
        self.front.signal(
            self.software
                .graceful_stop_signal()
                .expect("the matrix skips those without"),
        );
    }

    /// Waits for the end that [`stop_gracefully`](Self::stop_gracefully) asked for.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn wait_for_end(&mut self) {
        let ended = async {
            while !self.front.has_ended() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), ended)
            .await
            .expect("a graceful stop comes to its end");
    }

    /// Ends the server with no goodbye; the origin stays.
    pub fn kill(&mut self) {
        self.front.kill();
    }

    /// Starts the server again on the same port.
    pub fn start_again(&mut self) {
        let layout = Layout {
            scheme: self.scheme,
            protocol: self.protocol,
            port: self.port,
            origin: self.origin_port,
            scratch: self.scratch.path(),
            documents: &self.documents,
        };
        let log = self.scratch.path().join("front.log");
        self.front = Process::start(self.software.command(&layout), self.port, &log);
    }
}

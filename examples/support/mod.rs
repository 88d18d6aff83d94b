//! What the examples share: where they send requests, and how they say what went wrong.

mod failure;
mod server;

use std::path::PathBuf;

use http::Uri;
use tokio::fs;
use towline::{Protocols, connect::TlsConfig};

pub(crate) use self::failure::{Failure, While};

/// Where an example sends its requests, and whose certificates it accepts there.
pub(crate) struct Target {
    pub(crate) url: Uri,
    pub(crate) tls: TlsConfig,
}

impl Target {
    /// The server at `url`, or without one a server of our own that speaks `protocols`; the
    /// certificates of the file `cacert` (PEM) are trusted beside the built-in ones.
    pub(crate) async fn new(
        url: Option<Uri>,
        cacert: Option<PathBuf>,
        protocols: Protocols,
    ) -> Result<Self, Failure> {
        let mut tls = TlsConfig::builder();
        if let Some(file) = cacert {
            let certificates = fs::read(&file).await;
            let certificates = certificates.during(format!("reading {}", file.display()))?;
            tls = tls.add_root_certificates(certificates);
        }
        let url = match url {
            Some(url) => url,
            None => {
                let server = server::start(protocols).await.during("starting a server")?;
                println!("a server of our own listens at {}", server.url);
                tls = tls.add_root_certificates(server.certificate);
                server.url
            }
        };
        let tls = tls.build()?;
        Ok(Self { url, tls })
    }
}

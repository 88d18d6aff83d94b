//! What can be set for a transport and for a connection alike.
//!
//! Owns: the settings until they become a dialer, and what responses are treated by. The methods by
//! which callers set them are the builders'.

use std::sync::Arc;

use tower::{Service, ServiceExt, util::BoxCloneSyncService};

use super::{
    decoding::DecodeSettings,
    dialer::{BoxConnector, Dialer, DriverConfigs, PriorKnowledge},
    pending::ResponseSettings,
};
use crate::{
    config::Timeouts,
    connect::{Connected, Connector, Destination, TlsConfig},
    driver::{Http1Config, Http2Config},
    error::BoxError,
    http1,
    http2::{self, flow::Managers},
};

/// How connections are made, and how what they carry is treated.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) tls: TlsConfig,
    connector: Option<BoxConnector>,
    pub(super) timeouts: Timeouts,
    pub(super) http2: http2::Config,
    pub(super) http1: http1::Config,
    pub(super) decode: DecodeSettings,
    pub(super) keeps_fields: bool,
    /// Outweighs what `http2` says, as do those below.
    pub(super) push: Option<bool>,
    pub(super) stream_window_managers: Option<Managers>,
    pub(super) connection_window_managers: Option<Managers>,
}

/// The settings, put to use.
pub(super) struct Assembled {
    pub(super) dialer: Dialer,
    pub(super) responses: Arc<ResponseSettings>,
    pub(super) timeouts: Timeouts,
}

impl Settings {
    /// Connects by the caller's own service.
    pub(super) fn set_connector<C>(&mut self, connector: C)
    where
        C: Service<Destination, Response = Connected> + Clone + Send + Sync + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send + 'static,
    {
        let connector = connector.map_err(Into::into);
        self.connector = Some(BoxCloneSyncService::new(connector));
    }

    /// What the settings come to.
    pub(super) fn assemble(self, prior_knowledge: PriorKnowledge) -> Assembled {
        let connector = self.connector.unwrap_or_else(|| {
            let connector = Connector::new(self.tls, self.timeouts.connect);
            BoxCloneSyncService::new(connector.map_err(BoxError::from))
        });
        let mut http2 = self.http2;
        http2.enable_push = self.push.unwrap_or(http2.enable_push);
        let takes_pushes = http2.enable_push;
        let write_timeout = self.timeouts.write_progress;
        let mut http1 = self.http1;
        http1.raw_fields |= self.keeps_fields;
        if let Some(managers) = self.stream_window_managers {
            http2.stream_window_managers = managers;
        }
        if let Some(managers) = self.connection_window_managers {
            http2.connection_window_managers = managers;
        }
        let drivers = DriverConfigs {
            http2: Http2Config {
                engine: http2,
                write_timeout,
            },
            http1: Http1Config {
                engine: http1,
                write_timeout,
            },
        };
        Assembled {
            dialer: Dialer::new(connector, prior_knowledge, drivers),
            responses: Arc::new(ResponseSettings {
                decode: self.decode,
                body_idle: self.timeouts.body_idle,
                keeps_fields: self.keeps_fields,
                takes_pushes,
            }),
            timeouts: self.timeouts,
        }
    }
}

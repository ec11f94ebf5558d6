//! Text messages on their way out, and the two ways they can leave.

mod folder;
mod http;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use service::text_gateway::TextGateway;

/// The ways a text message can leave.
#[derive(Debug, Clone)]
pub enum TextTransport {
    /// To a folder of `.json` files, for trying things out.
    Folder(PathBuf),
    /// To a gateway.
    Http(HttpGatewayConfig),
}

/// The gateway to hand messages to.
#[derive(Clone)]
pub struct HttpGatewayConfig {
    /// Its address: `https`, or `http` on this machine.
    pub url: String,
    /// The bearer token it is asked with, if any.
    pub token: Option<String>,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for the whole answer.
    pub timeout: Duration,
}

impl fmt::Debug for HttpGatewayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpGatewayConfig")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Makes the gateway a configuration asks for. Connects to nothing yet.
pub fn open(transport: &TextTransport) -> anyhow::Result<Arc<dyn TextGateway>> {
    match transport {
        TextTransport::Folder(path) => Ok(Arc::new(folder::FolderGateway::open(path)?)),
        TextTransport::Http(config) => Ok(Arc::new(http::HttpGateway::open(config)?)),
    }
}

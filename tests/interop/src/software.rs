//! The servers we know: how each is configured, started, reloaded and stopped.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// nginx: static files, and a proxy to the origin.
    Nginx,
    /// Apache httpd: static files, a proxy to the origin, and a forward proxy.
    Apache,
    /// h2o: static files, and a proxy to the origin.
    H2o,
    /// haproxy: a proxy to the origin.
    Haproxy,
    /// nghttpd: static files and echoes, over HTTP/2 alone.
    Nghttpd,
    /// Node's http and http2 modules: the origin itself, and a forward proxy.
    Node,
}

/// How the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `https`: ALPN chooses what is spoken.
    Tls,
    /// `http`: what is spoken is known beforehand.
    Cleartext,
}

/// What is spoken, and who has settled it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2: both sides have it on. Without TLS by prior knowledge (RFC 9113 §3.3).
    Http2,
    /// HTTP/1.1: the transport would take HTTP/2, but the server has it off.
    Http1,
    /// HTTP/1.1: both sides have HTTP/2 on, and every request is pinned to HTTP/1.1.
    Http1Pinned,
}

/// What a server's configuration may name.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) origin: u16,
    pub(crate) scratch: &'a Path,
    pub(crate) documents: &'a Path,
}

impl Software {
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache2",
            Self::H2o => "h2o",
            Self::Haproxy => "haproxy",
            Self::Nghttpd => "nghttpd",
            Self::Node => "node",
        }
    }

    /// Whether it stands in front of the origin.
    pub(crate) fn is_proxy(self) -> bool {
        match self {
            Self::Nginx | Self::Apache | Self::H2o | Self::Haproxy => true,
            Self::Nghttpd | Self::Node => false,
        }
    }

    /// How an operator makes it take a new configuration without losing a request.
    pub(crate) fn reload_signal(self) -> Option<Signal> {
        match self {
            Self::Nginx | Self::H2o => Some(Signal::HUP),
            Self::Apache => Some(Signal::USR1),
            Self::Haproxy | Self::Node => Some(Signal::USR2),
            Self::Nghttpd => None,
        }
    }

    /// How an operator makes it finish what it has begun, and end.
    pub(crate) fn graceful_stop_signal(self) -> Option<Signal> {
        match self {
            Self::Nginx => Some(Signal::QUIT),
            Self::Apache => Some(Signal::WINCH),
            Self::H2o | Self::Node => Some(Signal::TERM),
            Self::Haproxy => Some(Signal::USR1),
            Self::Nghttpd => None,
        }
    }

    /// The command that starts it in the foreground; writes its configuration first.
    pub(crate) fn command(self, layout: &Layout<'_>) -> Command {
        let program = find(self.program());
        let mut command = Command::new(&program);
        match self {
            Self::Nginx => {
                let config = layout.configure("nginx.conf", include_str!("../servers/nginx.conf"));
                command
                    .arg("-e")
                    .arg("stderr")
                    .arg("-p")
                    .arg(layout.scratch)
                    .arg("-c")
                    .arg(config);
            }
            Self::Apache => {
                let config =
                    layout.configure("apache.conf", include_str!("../servers/apache.conf"));
                command.arg("-D").arg("FOREGROUND").arg("-f").arg(config);
            }
            Self::H2o => {
                let config = layout.configure("h2o.conf", include_str!("../servers/h2o.conf"));
                // In this mode a supervisor holds the socket and replaces the worker at SIGHUP.
                command.arg("-m").arg("master").arg("-c").arg(config);
            }
            Self::Haproxy => {
                let config =
                    layout.configure("haproxy.cfg", include_str!("../servers/haproxy.cfg"));
                // -W: a master that replaces its worker; -db: in the foreground.
                command.arg("-W").arg("-db").arg("-f").arg(config);
            }
            Self::Nghttpd => {
                command.args(["-a", "127.0.0.1", "-m", "1024", "--echo-upload"]);
                // Padded frames (RFC 9113 §6.1), and a table that our encoder must make smaller.
                command.args(["--padding", "64", "--header-table-size", "128"]);
                command
                    .args(["--trailer", "x-checksum: whole"])
                    .arg("--push=/push/page.txt=/static/hello.txt,/static/lines.txt")
                    .arg("--push=/push/large.txt=/static/large.bin")
                    .arg("-d")
                    .arg(layout.documents);
                match layout.scheme {
                    Scheme::Tls => command
                        .arg(layout.port.to_string())
                        .arg(layout.pem("key"))
                        .arg(layout.pem("certificate")),
                    Scheme::Cleartext => command.arg("--no-tls").arg(layout.port.to_string()),
                };
            }
            Self::Node => {
                layout.node(&mut command);
            }
        }
        command
    }
}

/// The command that starts the origin behind a proxy.
pub(crate) fn origin_command(layout: &Layout<'_>) -> Command {
    let mut command = Command::new(find(Software::Node.program()));
    layout.node(&mut command);
    command
}

impl Layout<'_> {
    fn pem(&self, name: &str) -> PathBuf {
        self.scratch.join(name).with_extension("pem")
    }

    fn node(&self, command: &mut Command) {
        let mode = match (self.scheme, self.protocol) {
            (Scheme::Tls, Protocol::Http2) => "h2",
            (Scheme::Tls, Protocol::Http1) => "https1",
            (Scheme::Tls, Protocol::Http1Pinned) => "both",
            (Scheme::Cleartext, Protocol::Http2) => "h2c",
            (Scheme::Cleartext, Protocol::Http1) => "http1",
            (Scheme::Cleartext, Protocol::Http1Pinned) => panic!("node has no port for both"),
        };
        let script = self.scratch.join("node.js");
        fs::write(&script, include_str!("../servers/node.js"))
            .expect("the scratch directory is writable");
        command
            .arg("--max-http-header-size=131072")
            .arg(script)
            .arg(mode)
            .arg(self.port.to_string())
            .arg(self.documents)
            .arg(self.pem("key"))
            .arg(self.pem("certificate"));
    }

    /// How nginx, Apache and haproxy each say what is spoken. h2o has no word for it: it speaks
    /// both, always.
    fn words(&self) -> Words {
        match (self.scheme, self.protocol) {
            (Scheme::Tls, Protocol::Http2) => Words {
                nginx: "ssl http2",
                apache: "h2 http/1.1",
                haproxy: "alpn h2",
            },
            // haproxy has no ALPN at all here, as old servers do not.
            (Scheme::Tls, Protocol::Http1) => Words {
                nginx: "ssl",
                apache: "http/1.1",
                haproxy: "",
            },
            (Scheme::Tls, Protocol::Http1Pinned) => Words {
                nginx: "ssl http2",
                apache: "h2 http/1.1",
                haproxy: "alpn h2,http/1.1",
            },
            (Scheme::Cleartext, Protocol::Http2) => Words {
                nginx: "http2",
                apache: "h2c http/1.1",
                haproxy: "proto h2",
            },
            (Scheme::Cleartext, Protocol::Http1) => Words {
                nginx: "",
                apache: "http/1.1",
                haproxy: "proto h1",
            },
            (Scheme::Cleartext, Protocol::Http1Pinned) => Words {
                nginx: "",
                apache: "h2c http/1.1",
                haproxy: "",
            },
        }
    }

    /// Fills the template's `{{names}}` in, and gives the path of what was written.
    fn configure(&self, name: &str, template: &str) -> PathBuf {
        let tls = self.scheme == Scheme::Tls;
        let words = self.words();
        let key = self.pem("key").display().to_string();
        let certificate = self.pem("certificate").display().to_string();
        let bundle = self.pem("bundle").display().to_string();
        let values = [
            ("port", self.port.to_string()),
            ("origin", self.origin.to_string()),
            ("scratch", self.scratch.display().to_string()),
            ("documents", self.documents.display().to_string()),
            ("listen", words.nginx.to_owned()),
            ("protocols", words.apache.to_owned()),
            ("ssl_engine", (if tls { "on" } else { "off" }).to_owned()),
            (
                "ssl",
                if tls {
                    h2o_ssl(&key, &certificate)
                } else {
                    String::new()
                },
            ),
            (
                "bind",
                if tls {
                    format!("ssl crt {bundle} {}", words.haproxy)
                } else {
                    words.haproxy.to_owned()
                },
            ),
            ("key", key),
            ("certificate", certificate),
            ("modules", apache_modules()),
        ];
        let text = values
            .iter()
            .fold(template.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{{{name}}}}}"), value)
            });
        assert!(
            !text.contains("{{"),
            "{name} has a name that nothing fills in"
        );
        let path = self.scratch.join(name);
        fs::write(&path, text).expect("the scratch directory is writable");
        path
    }
}

/// See [`Layout::words`].
struct Words {
    nginx: &'static str,
    apache: &'static str,
    haproxy: &'static str,
}

fn h2o_ssl(key: &str, certificate: &str) -> String {
    format!("  ssl:\n    key-file: {key}\n    certificate-file: {certificate}")
}

/// Where the distributions put Apache's modules.
fn apache_modules() -> String {
    ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules"]
        .into_iter()
        .find(|path| Path::new(path).is_dir())
        .unwrap_or("modules")
        .to_owned()
}

/// The program's path. Servers often live where only root's PATH leads.
fn find(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed; the interop tests need it"))
}

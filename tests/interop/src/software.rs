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
    /// Apache httpd with mod_http2: static files, and a proxy to the origin.
    Apache,
    /// h2o: static files, and a proxy to the origin.
    H2o,
    /// haproxy: a proxy to the origin.
    Haproxy,
    /// nghttpd: static files and echoes.
    Nghttpd,
    /// Node's http2 module: the origin itself.
    Node,
}

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `https`, HTTP/2 chosen by ALPN.
    Tls,
    /// `http`, HTTP/2 by prior knowledge (RFC 9113 §3.3).
    Cleartext,
}

/// What a server's configuration may name.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) scheme: Scheme,
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
                let mode = match layout.scheme {
                    Scheme::Tls => "h2",
                    Scheme::Cleartext => "h2c",
                };
                layout.node(&mut command, mode);
            }
        }
        command
    }
}

/// The command that starts the origin behind a proxy.
pub(crate) fn origin_command(layout: &Layout<'_>) -> Command {
    let mut command = Command::new(find(Software::Node.program()));
    layout.node(&mut command, "http1");
    command
}

impl Layout<'_> {
    fn pem(&self, name: &str) -> PathBuf {
        self.scratch.join(name).with_extension("pem")
    }

    fn node(&self, command: &mut Command, mode: &str) {
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

    /// Fills the template's `{{names}}` in, and gives the path of what was written.
    fn configure(&self, name: &str, template: &str) -> PathBuf {
        let tls = self.scheme == Scheme::Tls;
        let key = self.pem("key").display().to_string();
        let certificate = self.pem("certificate").display().to_string();
        let bundle = self.pem("bundle").display().to_string();
        let values = [
            ("port", self.port.to_string()),
            ("origin", self.origin.to_string()),
            ("scratch", self.scratch.display().to_string()),
            ("documents", self.documents.display().to_string()),
            // nginx, Apache, h2o and haproxy each say "TLS, and HTTP/2 on it" in their own way.
            (
                "listen",
                (if tls { "ssl http2" } else { "http2" }).to_owned(),
            ),
            (
                "protocols",
                (if tls { "h2 http/1.1" } else { "h2c http/1.1" }).to_owned(),
            ),
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
                    format!("ssl crt {bundle} alpn h2")
                } else {
                    "proto h2".to_owned()
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

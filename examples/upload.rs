//! Streams a file up: whatever its size, only a few pieces of it are in memory at a time.
//!
//! Without a file it makes one of 64 MiB; without a URL it starts a server of its own on the
//! loopback:
//!
//! ```text
//! cargo run --release --example upload
//! cargo run --release --example upload -- backup.tar
//! cargo run --release --example upload -- backup.tar --to https://localhost:8443/ --cacert ca.pem
//! ```

mod support;

use std::{
    env, io,
    path::{Path, PathBuf},
    process,
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use clap::Parser;
use futures_util::stream;
use http::{Request, Uri, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tokio::{
    fs::{self, File},
    io::AsyncReadExt,
};
use tower::ServiceExt;
use towline::{Protocols, Transport};

use self::support::{Failure, Target, While};

/// Streams a file up over HTTP/2, as the body of a POST request.
#[derive(Parser)]
struct Arguments {
    /// The file; without it, one of 64 MiB is made, and removed again.
    file: Option<PathBuf>,
    /// Where to send it; without it, a server of our own is started.
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,
    /// A file of certificates (PEM) to trust beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let (file, octets) = match arguments.file {
        Some(path) => open(&path).await?,
        None => make_file().await.during("making a file to send")?,
    };
    let target = Target::new(arguments.to, arguments.cacert, Protocols::Any).await?;
    println!("{} go to {}", HumanBytes(octets), target.url);

    let progress = progress_bar(octets);
    let request = Request::post(target.url)
        .header(header::CONTENT_LENGTH, octets)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .body(pieces(file, progress.clone()))?;
    let transport = Transport::builder().tls(target.tls).build();
    let began = Instant::now();
    let outcome = transport.oneshot(request).await;
    let took = began.elapsed();
    let sent = progress.position();
    progress.finish_and_clear();

    let response = outcome?;
    println!();
    println!("the server said {}:", response.status());
    let status = response.status();
    let said = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&said));
    if sent < octets {
        println!("It answered before it had been sent everything.");
    } else {
        let rate = sent as f64 / 1e6 / took.as_secs_f64();
        println!("{} in {took:.2?}: {rate:.0} MB a second", HumanBytes(sent));
    }
    if status.is_success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("the server did not take the file: {status}")).into())
    }
}

async fn open(path: &Path) -> Result<(File, u64), Failure> {
    let open = async || {
        let file = File::open(path).await?;
        let about = file.metadata().await?;
        if !about.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok((file, about.len()))
    };
    open().await.during(format!("opening {}", path.display()))
}

/// A file of zeros, whose name is gone as soon as it is open: it vanishes with this program.
async fn make_file() -> io::Result<(File, u64)> {
    let octets = 64 << 20;
    let path = env::temp_dir().join(format!("towline-upload-{}", process::id()));
    let mut options = File::options();
    let file = options.read(true).write(true).create_new(true);
    let file = file.open(&path).await?;
    fs::remove_file(&path).await?;
    file.set_len(octets).await?;
    Ok((file, octets))
}

/// A request body that reads a file piece by piece.
///
/// The transport asks for the next piece only when the server's window has room for it, so a slow
/// server slows the reading, and no more than a few pieces are ever in memory.
fn pieces(file: File, progress: ProgressBar) -> impl Body<Data = Bytes, Error = io::Error> + Send {
    const PIECE: usize = 64 * 1024;
    StreamBody::new(stream::try_unfold(file, move |mut file| {
        let progress = progress.clone();
        async move {
            let mut piece = BytesMut::with_capacity(PIECE);
            let octets = file.read_buf(&mut piece).await?;
            progress.inc(octets as u64);
            Ok((octets > 0).then(|| (Frame::data(piece.freeze()), file)))
        }
    }))
}

/// A bar on the standard error stream; it hides itself where that is not a terminal.
fn progress_bar(octets: u64) -> ProgressBar {
    let style = "{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(style).expect("a template that indicatif knows");
    ProgressBar::new(octets).with_style(style)
}

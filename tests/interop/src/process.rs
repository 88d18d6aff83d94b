//! One server process and its children, from start to death.
//!
//! Invariant: what was started here does not outlive its `Process`. Each is the leader of its own
//! process group, so that workers die with it; nothing outside that group is ever signalled.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

/// How long a server may take to listen. Slow machines and sanitizers included.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a server may take to stop when asked, before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    port: u16,
    log: PathBuf,
    /// Killed and reaped: its id may be another's by now.
    is_over: bool,
}

impl Process {
    /// Starts `command`, its output going to the file `log`, and waits until `port` accepts.
    pub(crate) fn start(mut command: Command, port: u16, log: &Path) -> Self {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the scratch directory is writable");
        let twin = file.try_clone().expect("a file handle can be cloned");
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(twin)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{} did not start: {error}", program.display()));
        let process = Self {
            child,
            port,
            log: log.to_owned(),
            is_over: false,
        };
        process.wait_until_listening();
        process
    }

    fn wait_until_listening(&self) {
        let deadline = Instant::now() + START_LIMIT;
        while !self.is_listening() {
            assert!(
                !self.has_ended(),
                "the server ended at once:\n{}",
                self.log()
            );
            let late = Instant::now() >= deadline;
            assert!(!late, "nothing listens on {}:\n{}", self.port, self.log());
            thread::sleep(POLL);
        }
    }

    fn is_listening(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    /// What the server has said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log)
            .map(|octets| String::from_utf8_lossy(&octets).into_owned())
            .unwrap_or_default()
    }

    /// Signals the leader only, as an operator would.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.is_over {
            return;
        }
        // An error means that it is gone already, which the caller's own checks will notice.
        let _ = kill_process(self.pid(), signal);
    }

    /// Ends the leader and its workers at once, with no goodbye.
    pub(crate) fn kill(&mut self) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
        // The workers are not ours to wait for, and the last of them closes the port.
        let deadline = Instant::now() + STOP_LIMIT;
        while self.is_listening() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }

    /// Whether the leader has ended. It is not reaped here: as long as it is not, its id belongs
    /// to it and its group, and a signal to them reaches nobody else.
    pub(crate) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.is_over || matches!(waitid(WaitId::Pid(self.pid()), options), Ok(Some(_)))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- {} ---\n{}", self.log.display(), self.log());
        }
        if !self.has_ended() {
            self.signal(Signal::TERM);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.kill();
    }
}

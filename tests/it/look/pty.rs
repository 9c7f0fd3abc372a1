//! A pseudo terminal with the program in it, and an emulator on its other side.

use std::{
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Instant,
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::world::{DEADLINE, World, wait_until};

/// Columns and rows.
pub type Size = (usize, usize);

/// A terminal in which the program runs.
pub struct Terminal {
    child: Child,
    controller: OwnedFd,
    bytes: Receiver<Vec<u8>>,
    all: Vec<u8>,
    /// Bytes of a character that has not ended.
    rest: Vec<u8>,
    emulator: avt::Terminal,
}

impl Terminal {
    /// Starts the program with its three streams on a terminal of this size.
    pub fn start(world: &World, args: &[&str], size: Size) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let controller = openpt(flags).expect("the system has pseudo terminals");
        grantpt(&controller).expect("it is ours");
        unlockpt(&controller).expect("it is ours");
        let name = ptsname(&controller, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).expect("it is there");
        set_size(&controller, size);
        let stream = || Stdio::from(terminal.try_clone().expect("a descriptor more"));
        let mut command = world.program(args);
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let child = command.spawn().expect("the program starts");
        // What holds the other side open keeps the reader waiting.
        drop((command, terminal));
        let mut reader = File::from(controller.try_clone().expect("a descriptor more"));
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux tells the end of the other side by an error.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            controller,
            bytes,
            all: Vec::new(),
            rest: Vec::new(),
            emulator: avt::Terminal::with_scrollback(size.0, size.1, None).expect("a size"),
        }
    }

    /// Waits until the screen is as a test wants it.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, is_it: impl Fn(&str) -> bool) {
        // A tree is drawn again and again, so bytes come for ever.
        let deadline = Instant::now() + DEADLINE;
        while !is_it(&self.screen()) {
            assert!(self.feed(), "it ended before {what}:\n{}", self.unwrapped());
            assert!(Instant::now() < deadline, "not {what}:\n{}", self.screen());
        }
    }

    /// Waits until the tree was taken away and drawn again.
    pub fn wait_for_next_drawing(&mut self) {
        for _ in 0..2 {
            let before = self.escapes().matches("[J").count();
            while self.escapes().matches("[J").count() == before {
                assert!(self.feed(), "it ended:\n{}", self.unwrapped());
            }
        }
    }

    /// Gives the terminal another size, and says so to the program as the system does to what runs in the foreground.
    pub fn resize(&mut self, size: Size) {
        self.emulator.resize(size.0, size.1);
        set_size(&self.controller, size);
        self.signal(Signal::WINCH);
    }

    pub fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.child.id()).expect("a process number");
        let pid = Pid::from_raw(number).expect("a process number");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits for the end of the program and of what it wrote.
    pub fn end(&mut self) -> Option<i32> {
        while self.feed() {}
        let status = wait_until("it ends", || self.child.try_wait().expect("it is ours"));
        status.code()
    }

    /// Takes what came; `false` when nothing more comes.
    fn feed(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        match self.bytes.recv_timeout(deadline - Instant::now()) {
            Ok(bytes) => {
                self.all.extend_from_slice(&bytes);
                self.rest.extend_from_slice(&bytes);
                let end = match std::str::from_utf8(&self.rest) {
                    Ok(text) => text.len(),
                    Err(cut) => cut.valid_up_to(),
                };
                let whole: Vec<u8> = self.rest.drain(..end).collect();
                let text = String::from_utf8(whole).expect("it is valid up to there");
                self.emulator.feed([text.as_str()]);
                true
            }
            Err(RecvTimeoutError::Timeout) => panic!("nothing came:\n{}", self.unwrapped()),
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// The rows of the screen.
    pub fn screen(&self) -> String {
        let lines = self.emulator.screen().visible_lines();
        let lines: Vec<String> = lines.map(avt::Line::text).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }

    /// Everything that was ever seen and stands, with broken lines made whole.
    pub fn unwrapped(&self) -> String {
        let text = self.emulator.screen().text().join("\n");
        format!("{}\n", text.trim_end())
    }

    /// Whether a row of the tree did not fit.
    pub fn has_broken_rows(&self) -> bool {
        let lines: Vec<&avt::Line> = self.emulator.screen().visible_lines().collect();
        let tree = lines
            .iter()
            .position(|line| line.text().contains("build  ") || line.text().contains("build …"));
        lines[tree.unwrap_or_default()..]
            .iter()
            .any(|line| line.is_wrapped())
    }

    /// All bytes as text, escape sequences included.
    pub fn escapes(&self) -> String {
        String::from_utf8_lossy(&self.all).into_owned()
    }

    /// Whether no mode of the terminal was changed, and the cursor is where a shell goes on.
    pub fn is_as_it_was(&self) -> bool {
        let escapes = self.escapes();
        let changes = ["\u{1b}[?", "\u{1b}7", "\u{1b}[s", "\u{1b}[r"];
        let column = self.emulator.cursor().col;
        column == 0 && !changes.iter().any(|change| escapes.contains(change))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn set_size(controller: &OwnedFd, (columns, rows): Size) {
    let size = Winsize {
        ws_col: u16::try_from(columns).expect("a small terminal"),
        ws_row: u16::try_from(rows).expect("a small terminal"),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(controller, size).expect("it is ours");
}

//! A connection with a deadline and a limit on what it may say.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

/// How long a peer may take to read the last words and hang up.
const FAREWELL: Duration = Duration::from_secs(1);

/// A stream that fails once its time is over or its peer has sent too much.
pub(crate) struct Bounded {
    stream: TcpStream,
    deadline: Instant,
    unread: usize,
}

impl Bounded {
    /// Bounds `stream` to `limit` bytes of input and to `time` from now for both directions.
    pub(crate) fn new(stream: TcpStream, limit: usize, time: Duration) -> Self {
        Self {
            stream,
            deadline: Instant::now() + time,
            unread: limit,
        }
    }

    /// Says goodbye so that the peer gets the last answer even when its own words were not all read.
    ///
    /// Closing with unread input would reset the connection and could take the answer with it.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.deadline = self.deadline.min(Instant::now() + FAREWELL);
        self.stream.shutdown(Shutdown::Write)?;
        let mut rest = [0; 4096];
        self.unread = 64 * rest.len();
        while self.read(&mut rest)? > 0 {}
        Ok(())
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unread == 0 {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the peer sent more than is read",
            ));
        }
        self.stream.set_read_timeout(Some(self.left()?))?;
        let room = buffer.len().min(self.unread);
        let n_read = self.stream.read(&mut buffer[..room])?;
        self.unread -= n_read;
        Ok(n_read)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

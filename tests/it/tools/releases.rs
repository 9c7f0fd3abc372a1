//! A server of releases on this machine, and the releases.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use sha2::{Digest as _, Sha256};

/// What the server says at a path.
pub enum Answer {
    /// The release.
    Whole(Vec<u8>),
    /// Half of it, and then the end of the connection; the second time the whole of it.
    CutOnce(Vec<u8>),
    /// The release, when the test says so.
    Held(Vec<u8>),
    /// That it is elsewhere.
    Leads(&'static str),
}

/// A server that counts what it is asked.
pub struct Releases {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answers: BTreeMap<String, Answer>,
    asked: Mutex<Vec<String>>,
    may_go_on: Mutex<bool>,
    goes_on: Condvar,
}

impl Releases {
    pub fn start<P: Into<String>>(answers: impl IntoIterator<Item = (P, Answer)>) -> Self {
        let answers = answers.into_iter();
        let shared = Arc::new(Shared {
            answers: answers
                .map(|(path, answer)| (path.into(), answer))
                .collect(),
            ..Shared::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let server = Arc::clone(&server);
                // A client that has gone away needs no answer.
                thread::spawn(move || drop(server.answer(&stream)));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths that were asked for, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("nobody panicked").clone()
    }

    /// Lets what is held go on.
    pub fn go_on(&self) {
        *self.shared.may_go_on.lock().expect("nobody panicked") = true;
        self.shared.goes_on.notify_all();
    }
}

impl Shared {
    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let before = {
            let mut asked = self.asked.lock().expect("nobody panicked");
            asked.push(path.clone());
            asked.iter().filter(|earlier| **earlier == path).count() - 1
        };
        let mut out = stream;
        match self.answers.get(&path) {
            Some(Answer::Whole(release)) => send(out, release, release.len()),
            Some(Answer::CutOnce(release)) if before == 0 => send(out, release, release.len() / 2),
            Some(Answer::CutOnce(release)) => send(out, release, release.len()),
            Some(Answer::Held(release)) => {
                let may_go_on = self.may_go_on.lock().expect("nobody panicked");
                drop(self.goes_on.wait_while(may_go_on, |may| !*may));
                send(out, release, release.len())
            }
            Some(Answer::Leads(to)) => write!(
                out,
                "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
            None => write!(
                out,
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
        }
    }
}

fn send(mut out: &TcpStream, release: &[u8], length: usize) -> std::io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        release.len()
    )?;
    out.write_all(&release[..length])
}

/// SHA-256 of a release, as its makers publish it.
pub fn digest(release: &[u8]) -> String {
    hex::encode(Sha256::digest(release))
}

/// Files with their modes, as most programs are released.
pub fn tar_gz(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(encoder);
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        archive
            .append_data(&mut header, path, *content)
            .expect("memory");
    }
    let encoder = archive.into_inner().expect("memory");
    encoder.finish().expect("memory")
}

/// Files with their modes as a zip archive that packs nothing.
pub fn zip(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let short = |number: usize| u16::try_from(number).expect("it is small").to_le_bytes();
    let long = |number: usize| u32::try_from(number).expect("it is small").to_le_bytes();
    for (path, mode, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let offset = archive.len();
        let mut common = [20, 0, 0, 0, 0].map(short).concat();
        common.extend(crc.sum().to_le_bytes());
        common.extend([content.len(), content.len()].map(long).concat());
        common.extend([path.len(), 0].map(short).concat());
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(path.as_bytes());
        archive.extend(*content);
        directory.extend(b"PK\x01\x02\x1e\x03");
        directory.extend(&common);
        directory.extend([0, 0, 0].map(short).concat());
        directory.extend(((*mode | 0o100_000) << 16).to_le_bytes());
        directory.extend(long(offset));
        directory.extend(path.as_bytes());
    }
    let (offset, size) = (archive.len(), directory.len());
    archive.extend(directory);
    archive.extend(b"PK\x05\x06");
    archive.extend([0, 0, files.len(), files.len()].map(short).concat());
    archive.extend([size, offset].map(long).concat());
    archive.extend(short(0));
    archive
}

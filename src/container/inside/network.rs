//! The container's network: an interface that works, and a way in from outside.
//!
//! Processes in the container see `lo` with 127.0.0.1 and, as under docker, one address that is not loopback.
//! What comes from outside arrives at that one: a server that listens on 127.0.0.1 alone is as unreachable here as
//! it would be when published by docker.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname, listen,
        netlink, recv, sendto, socket_with, sockopt,
    },
};

use crate::container::wire::Obstacle;

/// The container's own address.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 2);

/// How often the list of listening sockets is read until the container listens.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

const BACKLOG: i32 = 128;

/// Ports of 127.0.0.1 outside, taken but not yet listening, by port inside.
pub(super) struct Ways(BTreeMap<u16, OwnedFd>);

impl Ways {
    /// Takes a free port of 127.0.0.1 for each port; to be called before the network namespace is left.
    pub(super) fn take(ports: &BTreeSet<u16>) -> Result<Self, Obstacle> {
        let take = |port: &u16| {
            let socket = socket_with(
                AddressFamily::INET,
                SocketType::STREAM,
                SocketFlags::CLOEXEC,
                None,
            )?;
            bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
            Ok((*port, socket))
        };
        ports
            .iter()
            .map(take)
            .collect::<Result<_, Errno>>()
            .map(Self)
            .map_err(|error| Obstacle::step("a port of 127.0.0.1", &error.into()))
    }

    /// Returns the ports outside, by port inside.
    pub(super) fn ports(&self) -> Result<BTreeMap<u16, u16>, Obstacle> {
        let outside = |(inside, socket): (&u16, &OwnedFd)| {
            let address = SocketAddrV4::try_from(getsockname(socket)?)?;
            Ok((*inside, address.port()))
        };
        self.0
            .iter()
            .map(outside)
            .collect::<Result<_, Errno>>()
            .map_err(|error| Obstacle::step("a port of 127.0.0.1", &error.into()))
    }

    /// Leads what comes from outside into the container, in threads of their own, until this process ends.
    pub(super) fn open(self) -> io::Result<()> {
        for (inside, socket) in self.0 {
            thread::Builder::new()
                .name(format!("port {inside}"))
                .spawn(move || lead_in(inside, socket))?;
        }
        Ok(())
    }
}

/// Brings up the new network namespace.
pub(super) fn bring_up() -> Result<(), Obstacle> {
    let failed = |error: Errno| Obstacle::namespace("the container's network", &error.into());
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // `NETLINK_ROUTE`, which is protocol 0.
        None,
    )
    .map_err(failed)?;
    ask(&socket, &loopback_up()).map_err(failed)?;
    ask(&socket, &own_address()).map_err(failed)?;
    // As docker does: a server that is not root may take port 80. Where /proc/sys cannot be written it may not, and
    // says so itself.
    drop(fs::write(
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
        "0",
    ));
    Ok(())
}

fn ask(socket: &OwnedFd, message: &[u8]) -> Result<(), Errno> {
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(socket, message, SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 1024];
    let (length, _) = recv(socket, &mut answer[..], RecvFlags::empty())?;
    // An acknowledgement is `nlmsgerr`: the header's 16 bytes, then the error as a negative number, 0 for none.
    let code = answer
        .get(16..20)
        .filter(|_| length >= 20)
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes)
        .ok_or(Errno::PROTO)?;
    match code {
        0 => Ok(()),
        code => Err(Errno::from_raw_os_error(-code)),
    }
}

/// `RTM_NEWLINK` that sets `IFF_UP` on interface 1, which is `lo` in every network namespace (rtnetlink(7)).
fn loopback_up() -> Vec<u8> {
    const RTM_NEWLINK: u16 = 16;
    const IFF_UP: u32 = 1;
    let mut body = vec![0; 4]; // family, padding, type
    body.extend(1_i32.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    request(RTM_NEWLINK, &body)
}

/// `RTM_NEWADDR` that adds [`ADDRESS`] to `lo`.
fn own_address() -> Vec<u8> {
    const RTM_NEWADDR: u16 = 20;
    const AF_INET: u8 = 2;
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    let mut body = vec![AF_INET, 32, 0, 0]; // family, prefix, flags, scope
    body.extend(1_u32.to_ne_bytes());
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        body.extend(8_u16.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(ADDRESS.octets());
    }
    request(RTM_NEWADDR, &body)
}

fn request(kind: u16, body: &[u8]) -> Vec<u8> {
    const NLM_F_REQUEST: u16 = 1;
    const NLM_F_ACK: u16 = 4;
    let length = u32::try_from(16 + body.len()).expect("both messages are shorter than 64 bytes");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
    message.extend([0; 8]); // sequence number, port
    message.extend(body);
    message
}

/// Waits until the container listens on `inside`, and only then listens outside: before, a connection is refused, as
/// it would be by the server itself.
fn lead_in(inside: u16, socket: OwnedFd) {
    while !container_listens(inside) {
        thread::sleep(LOOK_AGAIN);
    }
    if listen(&socket, BACKLOG).is_err() {
        return;
    }
    for arrived in TcpListener::from(socket).incoming() {
        let Ok(outer) = arrived else {
            // Out of file descriptors, or a client that has gone: the others are served on.
            thread::sleep(LOOK_AGAIN);
            continue;
        };
        let led = thread::Builder::new().spawn(move || connect(inside, &outer));
        // Without a thread the connection is dropped, which its client sees.
        drop(led);
    }
}

fn connect(inside: u16, outer: &TcpStream) {
    match TcpStream::connect((ADDRESS, inside)) {
        Ok(inner) => exchange(outer, &inner),
        // The client gets a reset and not an end of file, as from a server that is gone.
        Err(_) => drop(sockopt::set_socket_linger(outer, Some(Duration::ZERO))),
    }
}

fn exchange(outer: &TcpStream, inner: &TcpStream) {
    thread::scope(|scope| {
        scope.spawn(|| copy(outer, inner));
        copy(inner, outer);
    });
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    if io::copy(&mut from, &mut to).is_err() {
        // One side is gone; what the other still wants to say reaches nobody.
        drop(from.shutdown(Shutdown::Both));
    }
    drop(to.shutdown(Shutdown::Write));
}

/// Whether a socket listens on `port` at an address that is reached from outside. The files are those of the network
/// namespace that this process is in.
fn container_listens(port: u16) -> bool {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .any(|table| listens(&table, port))
}

/// Reads a table of /proc/net/tcp (proc_pid_net(5)): the local address in hexadecimal, words in the machine's order.
fn listens(table: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let own = format!("{:08X}", u32::from_ne_bytes(ADDRESS.octets()));
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(local), Some(_), Some(state)) = (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        let Some((address, number)) = local.split_once(':') else {
            return false;
        };
        state == LISTEN
            && u16::from_str_radix(number, 16) == Ok(port)
            && (address.bytes().all(|digit| digit == b'0') || address == own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";

    #[test]
    fn a_server_is_seen_where_it_can_be_reached_from_outside() {
        let everywhere = format!("{HEAD}   0: 00000000:1F98 00000000:0000 0A 00000000:00000000\n");
        assert!(listens(&everywhere, 8088));
        assert!(!listens(&everywhere, 8089));
        let six = format!(
            "{HEAD}   0: 00000000000000000000000000000000:1F98 00000000000000000000000000000000:0000 0A\n"
        );
        assert!(listens(&six, 8088));
    }

    #[test]
    fn a_server_on_loopback_alone_is_not_seen() {
        let loopback = u32::from_ne_bytes([127, 0, 0, 1]);
        let table = format!("{HEAD}   0: {loopback:08X}:1F98 00000000:0000 0A 00000000:00000000\n");
        assert!(!listens(&table, 8088));
    }

    #[test]
    fn a_connection_is_not_a_server() {
        let table = format!("{HEAD}   0: 00000000:1F98 00000000:0000 01 00000000:00000000\n");
        assert!(!listens(&table, 8088));
    }

    #[test]
    fn both_ways_are_copied_to_their_ends() {
        use std::io::{Read as _, Write as _};
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut client = TcpStream::connect(address).expect("a connection");
        let (outer, _) = listener.accept().expect("the client");
        let inner_client = TcpStream::connect(address).expect("a connection");
        let (mut server, _) = listener.accept().expect("the forwarder");
        let forwarder = thread::spawn(move || exchange(&outer, &inner_client));
        client.write_all(b"question").expect("a write");
        client.shutdown(Shutdown::Write).expect("an end");
        let mut question = String::new();
        server.read_to_string(&mut question).expect("the question");
        server.write_all(b"answer").expect("a write");
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("the answer");
        forwarder.join().expect("the forwarder ends");
        assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
    }
}

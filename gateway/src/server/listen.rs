//! The listening sockets: one per I/O thread, all on one address.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Connections that may wait in the kernel for each thread; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Opens `count` sockets on one address; port 0 takes a free one for all of them.
pub(super) fn open(listen: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    refuse_taken_port(listen)?;
    let first = open_one(listen)?;
    let addr = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(open_one(addr)?);
    }
    Ok(sockets)
}

/// With SO_REUSEPORT alone a second server of the same user would quietly take half of the connections.
fn refuse_taken_port(listen: SocketAddr) -> io::Result<()> {
    if listen.port() == 0 {
        return Ok(());
    }
    let probe = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    probe.set_reuse_address(true)?;
    probe.bind(&listen.into())
}

fn open_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

//! A listener with a thread for each connection, which ends with the value that stands for it.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// A running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    /// The connections that are open, so that their threads can be made to end.
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl Listener {
    /// Answers each connection by `serve`, in a thread of its own.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &accepting, &Arc::new(serve)));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // It waits for a connection, so it gets one. Where that fails it has ended already.
        drop(TcpStream::connect(self.address));
        for stream in lock(&self.shared.open).values() {
            // A connection that has ended meanwhile needs no end.
            stream.shutdown(Shutdown::Both).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the listener does not panic");
        }
    }
}

fn accept<S: Fn(TcpStream) + Send + Sync + 'static>(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    serve: &Arc<S>,
) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        // Answers are small; none of them waits for more to send.
        stream.set_nodelay(true).ok();
        let Ok(kept) = stream.try_clone() else {
            continue;
        };
        lock(&shared.open).insert(number, kept);
        let (serve, shared) = (Arc::clone(serve), Arc::clone(shared));
        thread::spawn(move || {
            serve(stream);
            lock(&shared.open).remove(&number);
        });
    }
}

/// Locks; a test that panicked has said so already.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

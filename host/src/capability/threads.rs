//! Threads that may wait for a disk.
//!
//! A disk that is dead never answers, and a thread that waits for it can't be stopped. In the pool that
//! the whole host shares, the calls of one actor would take all threads in the end, and with them
//! everything else that waits for a disk: components, caches, other actors. So an actor to whom
//! folders are granted has a few of its own, for as long as its revision lives.

use std::future::poll_fn;
use std::pin::Pin;

use tokio::runtime::{Builder, Handle, Runtime};

/// How many of an actor's calls may be in a disk at once: enough for disks that work at many things at
/// once; what comes beyond waits, for its call's own time.
pub(crate) const THREADS_MAX: usize = 16;

/// The threads of one actor.
pub(super) struct Threads {
    /// Taken when it ends.
    runtime: Option<Runtime>,
    host: Handle,
}

impl Threads {
    /// Made in the host's own runtime. Until something waits for a disk there is one thread, which
    /// keeps the time.
    pub(super) fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(THREADS_MAX)
            .thread_name("actor-files")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            host: Handle::current(),
        })
    }

    /// Where a guest runs that waits for files: what it asks of a disk is done by these threads.
    pub(super) fn own(&self) -> Option<&Handle> {
        self.runtime.as_ref().map(Runtime::handle)
    }

    /// Where everything runs that leaves the guest: it may outlive the actor.
    pub(super) fn host(&self) -> &Handle {
        &self.host
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Nobody waits for those that a disk holds.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Has a future run as if it were in another runtime, if one is given.
pub(crate) fn within<F: Future + Unpin>(
    runtime: Option<&Handle>,
    mut future: F,
) -> impl Future<Output = F::Output> + Unpin {
    poll_fn(move |cx| {
        let _entered = runtime.map(Handle::enter);
        Pin::new(&mut future).poll(cx)
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, Mutex, mpsc};

    use tokio::task::spawn_blocking;

    use super::*;

    #[tokio::test]
    async fn what_hangs_takes_no_thread_of_the_host_and_no_more_than_its_own() {
        let threads = Threads::new().unwrap();
        let (enter, entered) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let hang = || {
            let (enter, released) = (enter.clone(), released.clone());
            spawn_blocking(move || {
                let thread = std::thread::current();
                enter.send(thread.name().unwrap().to_owned()).unwrap();
                // Until the test is over.
                let _ = released.lock().unwrap().recv();
            })
        };
        let hanging = async { (0..4 * THREADS_MAX).map(|_| hang()).collect::<Vec<_>>() };
        let hanging = within(threads.own(), pin!(hanging)).await;
        for _ in 0..THREADS_MAX {
            assert_eq!(entered.recv().unwrap(), "actor-files");
        }
        // The host's own go on, also from within.
        let work = async || spawn_blocking(|| ()).await.unwrap();
        work().await;
        within(threads.own(), within(Some(threads.host()), pin!(work()))).await;
        assert!(entered.try_recv().is_err());
        drop((hanging, threads));
        drop(release);
    }
}

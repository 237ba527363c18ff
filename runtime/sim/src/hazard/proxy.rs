//! Proxies: the ways to memory that an ordinary access does not take.
//!
//! What went through the generic proxy is seen by another one only where a fence of that proxy
//! stands between, on the writer's side, on the reader's, or with a thread in between. So each
//! thread keeps, next to what it knows to have happened, what of it was fenced so.

use std::sync::Arc;

use super::clock::Times;

/// The way that an access takes to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// Ordinary accesses.
    Generic,
    /// Asynchronous operations, in shared memory.
    AsyncShared,
    /// The same in global memory.
    AsyncGlobal,
    /// Reads of tensor maps by tensor copies.
    TensorMap,
    /// Not a proxy: accesses of mbarrier instructions to their object, to which
    /// `fence.mbarrier_init` shows its initialization and nothing else.
    Mbarrier,
    /// Not a proxy: the write of `tcgen05.alloc`. Shipped kernels let copies overwrite the address
    /// that they have read, without a fence.
    Allocation,
    /// Not a proxy: what `tcgen05.fence::before_thread_sync` has passed on.
    TensorBefore,
    /// What `tcgen05.fence::after_thread_sync` has taken from that.
    TensorAfter,
    /// Not a proxy: what had happened before a relaxed synchronization, which is as much order as
    /// tensor memory needs.
    TensorMemory,
}

/// Proxies that have fences.
const FENCED: usize = 7;

impl Proxy {
    /// Whether accesses go through the generic proxy.
    pub(super) fn is_generic(self) -> bool {
        matches!(self, Self::Generic | Self::Mbarrier | Self::Allocation)
    }

    /// Whether other proxies need a fence after its writes.
    pub(super) fn needs_fence(self) -> bool {
        self.is_generic() && self != Self::Allocation
    }

    fn index(self) -> Option<usize> {
        match self {
            Self::Generic | Self::Allocation => None,
            Self::AsyncShared => Some(0),
            Self::AsyncGlobal => Some(1),
            Self::TensorMap => Some(2),
            Self::Mbarrier => Some(3),
            Self::TensorBefore => Some(4),
            Self::TensorAfter => Some(5),
            Self::TensorMemory => Some(6),
        }
    }

    /// The fence that makes generic writes visible to it.
    pub(crate) fn fence(self) -> &'static str {
        match self {
            Self::TensorMap => "fence.proxy.tensormap",
            _ => "fence.proxy.async",
        }
    }
}

/// What each proxy may see.
#[derive(Clone, Debug, Default)]
pub(super) struct Views([Option<Arc<Times>>; FENCED]);

impl Views {
    pub(super) fn get(&self, proxy: Proxy) -> Option<&Times> {
        self.0[proxy.index()?].as_deref()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether two are the same object, which is a quick way to find them equal.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        })
    }

    /// Adds what others know to be visible.
    pub(super) fn join(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            match (own.as_mut(), other) {
                (_, None) => {}
                (None, Some(_)) => own.clone_from(other),
                (Some(own), Some(other)) if Arc::ptr_eq(own, other) => {}
                (Some(own), Some(other)) => Arc::make_mut(own).join(other),
            }
        }
    }

    /// What was passed on by fences before a synchronization, as fences after it take it.
    pub(super) fn take_passed_on(&mut self) {
        let mut passed = Self::default();
        let before = Proxy::TensorBefore.index().and_then(|index| self.0[index].clone());
        if let Some(index) = Proxy::TensorAfter.index() {
            passed.0[index] = before;
        }
        self.join(&passed);
    }

    /// What of it concerns tensor memory.
    pub(super) fn of_tensor_memory(&self) -> Self {
        let mut views = Self::default();
        for proxy in [Proxy::TensorBefore, Proxy::TensorMemory] {
            if let Some(index) = proxy.index() {
                views.0[index].clone_from(&self.0[index]);
            }
        }
        views
    }

    /// Lets proxies see more.
    pub(super) fn extend(&mut self, proxies: &[Proxy], seen: Times) {
        let seen = Arc::new(seen);
        let mut more = Self::default();
        for index in proxies.iter().filter_map(|proxy| proxy.index()) {
            more.0[index] = Some(seen.clone());
        }
        self.join(&more);
    }
}

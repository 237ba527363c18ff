//! Vector clocks: what each thread knows to have happened.
//!
//! A thread's time is its warp's clock, which advances whenever some lane publishes what it did. An
//! access happened before a point of another thread if that thread knows a time of the accessor
//! that is not before the access (Flanagan and Freund, *FastTrack*, 2009).
//!
//! Asynchronous operations have accessors of their own, numbered after the threads of the cluster:
//! see [`asynchronous`](super::asynchronous).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::proxy::{Proxy, Views};
use crate::exec::registers::{LANES, lanes};
use crate::program::code::Scope;

/// Times of the accessors of a cluster, by their index there. One that is missing is at time 0.
pub(super) type Vector = Arc<Vec<u32>>;

/// What every thread knows of every other from the start: nothing.
const NOTHING: u32 = 0;
/// The time of a thread that has started and done nothing.
const STARTED: u32 = 1;

/// Times of the accessors of clusters, by the index of the cluster in the grid. Of a cluster that
/// is missing nothing is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(BTreeMap<u32, Vector>);

impl Times {
    /// One time of one accessor.
    fn single(cluster: u32, accessor: u32, time: u32) -> Self {
        let mut vector = vec![NOTHING; accessor as usize + 1];
        vector[accessor as usize] = time;
        Self(BTreeMap::from([(cluster, Arc::new(vector))]))
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (&cluster, vector) in &other.0 {
            match self.0.get_mut(&cluster) {
                Some(known) => *known = join(known, vector),
                None => {
                    self.0.insert(cluster, vector.clone());
                }
            }
        }
    }

    /// What is known of one cluster.
    fn of(&self, cluster: u32) -> Self {
        let vector = self.0.get(&cluster);
        Self(vector.map(|vector| (cluster, vector.clone())).into_iter().collect())
    }

    pub(super) fn knows(&self, cluster: u32, accessor: u32, time: u32) -> bool {
        self.0.get(&cluster).is_some_and(|vector| at(vector, accessor) >= time)
    }
}

/// What was published: what had happened, and what of it other proxies may see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    happened: Times,
    views: Views,
}

impl Clocks {
    /// The completion of asynchronous operations.
    pub(crate) fn completion(cluster: u32, agent: u32, time: u32) -> Self {
        Self { happened: Times::single(cluster, agent, time), views: Views::default() }
    }

    /// The same of operations on tensor memory, fenced before those learn of it who synchronize.
    pub(crate) fn fenced_completion(cluster: u32, agent: u32, time: u32) -> Self {
        let happened = Times::single(cluster, agent, time);
        let mut views = Views::default();
        views.extend(&[Proxy::TensorBefore], happened.clone());
        Self { happened, views }
    }

    /// Adds what others know.
    pub(crate) fn join(&mut self, other: &Self) {
        self.happened.join(&other.happened);
        self.views.join(&other.views);
    }

    /// What of it a relaxed synchronization tells: only what concerns tensor memory.
    fn relaxed(&self) -> Self {
        let mut views = self.views.of_tensor_memory();
        views.extend(&[Proxy::TensorMemory], self.happened.clone());
        Self { happened: Times::default(), views }
    }

    /// What is known of one cluster.
    fn of(&self, cluster: u32) -> Self {
        Self { happened: self.happened.of(cluster), views: self.views.clone() }
    }

    /// Whether a time of an accessor is among it.
    pub(crate) fn knows(&self, cluster: u32, accessor: u32, time: u32) -> bool {
        self.happened.knows(cluster, accessor, time)
    }
}

#[inline]
fn at(vector: &[u32], accessor: u32) -> u32 {
    vector.get(accessor as usize).copied().unwrap_or(NOTHING)
}

/// The later of two times of each accessor; one of the two where it is later throughout.
fn join(a: &Vector, b: &Vector) -> Vector {
    let covers = |a: &[u32], b: &[u32]| {
        let common = a.iter().zip(b).all(|(a, b)| a >= b);
        common && b.iter().skip(a.len()).all(|&time| time == NOTHING)
    };
    if Arc::ptr_eq(a, b) || covers(a, b) {
        a.clone()
    } else if covers(b, a) {
        b.clone()
    } else {
        let (mut longer, shorter) =
            if a.len() >= b.len() { (a.to_vec(), b) } else { (b.to_vec(), a) };
        raise(&mut longer, shorter);
        Arc::new(longer)
    }
}

/// Raises times to those of others.
fn raise(times: &mut Vec<u32>, others: &[u32]) {
    if times.len() < others.len() {
        times.resize(others.len(), NOTHING);
    }
    times.iter_mut().zip(others).for_each(|(a, b)| *a = (*a).max(*b));
}

/// What the threads of a warp know.
#[derive(Clone, Debug)]
pub(crate) struct WarpClock {
    cluster: u32,
    /// Index in the cluster of the warp's first thread.
    first: usize,
    time: u32,
    /// Whether asynchronous writes must be fenced from ordinary reads too.
    pub(super) fences_reads: bool,
    lanes: Vec<LaneClock>,
}

#[derive(Clone, Debug)]
struct LaneClock {
    /// Of the threads of its own cluster, without itself.
    known: Vector,
    /// Of other clusters.
    foreign: Option<Arc<Times>>,
    /// What it knew at its last fence, which its strong writes since then publish at that scope.
    fenced: Option<(Arc<Clocks>, Scope)>,
    /// What its strong reads since its last fence saw published.
    observed: Option<Clocks>,
    /// What it knows that other proxies may see.
    views: Views,
}

impl WarpClock {
    /// The clock of a warp that has done nothing, in a cluster of `threads`.
    pub(crate) fn new(cluster: u32, first: usize, threads: usize) -> Self {
        let known = Arc::new(vec![0; threads]);
        let lane = LaneClock {
            known,
            foreign: None,
            fenced: None,
            observed: None,
            views: Views::default(),
        };
        let (time, lanes) = (STARTED + 1, vec![lane; LANES]);
        Self { cluster, first, time, fences_reads: false, lanes }
    }

    /// The same, where asynchronous writes must be fenced from ordinary reads too.
    pub(crate) fn with_fenced_reads(self, fences_reads: bool) -> Self {
        Self { fences_reads, ..self }
    }

    /// The index of its cluster in the grid.
    pub(crate) fn cluster(&self) -> u32 {
        self.cluster
    }

    /// The index of a lane's thread in the cluster.
    pub(crate) fn thread(&self, lane: usize) -> u32 {
        (self.first + lane) as u32
    }

    /// Its time now.
    pub(crate) fn time(&self) -> u32 {
        self.time
    }

    /// Whether an access of another thread happened before what `lane` does now.
    #[inline]
    pub(crate) fn knows(&self, lane: usize, cluster: u32, accessor: u32, time: u32) -> bool {
        let lane = &self.lanes[lane];
        if cluster == self.cluster {
            return at(&lane.known, accessor) >= time;
        }
        lane.foreign.as_ref().is_some_and(|foreign| foreign.knows(cluster, accessor, time))
    }

    /// Whether all of some lanes know a time of an accessor of their own cluster.
    pub(crate) fn all_know(&self, mask: u32, accessor: u32, time: u32) -> bool {
        let mut last: Option<&Vector> = None;
        lanes(mask).all(|lane| {
            let known = &self.lanes[lane].known;
            let same = last.is_some_and(|last| Arc::ptr_eq(last, known));
            last = Some(known);
            same || at(known, accessor) >= time
        })
    }

    /// Whether all of some lanes have what was fenced for a proxy.
    pub(crate) fn all_see(&self, mask: u32, proxy: Proxy, (agent, time): (u32, u32)) -> bool {
        lanes(mask).all(|lane| self.sees(lane, proxy, (self.cluster, agent, time)))
    }

    /// Whether some lane of a thread's warp is known to have published after an access of the
    /// thread. Compilers let one lane of a converged warp speak for all of them.
    pub(crate) fn knows_of_warp(&self, lane: usize, thread: u32, time: u32) -> bool {
        let first = thread as usize / LANES * LANES;
        let known = &self.lanes[lane].known;
        let own = thread == self.thread(lane) || first == self.first && time < self.time;
        own || (first..first + LANES).any(|other| at(known, other as u32) >= time)
    }

    /// Whether an access that happened before what `lane` does now was fenced towards a proxy in
    /// between.
    pub(crate) fn sees(
        &self,
        lane: usize,
        proxy: Proxy,
        (cluster, accessor, time): (u32, u32, u32),
    ) -> bool {
        self.lanes[lane].views.get(proxy).is_some_and(|view| view.knows(cluster, accessor, time))
    }

    /// Whether a lane knows that some thread of a range has started.
    pub(crate) fn knows_started(&self, lane: usize, mut threads: std::ops::Range<u32>) -> bool {
        threads.any(|thread| at(&self.lanes[lane].known, thread) >= STARTED)
    }

    /// What lanes know and did until now; what they do later is later.
    pub(crate) fn publish(&mut self, mask: u32) -> Clocks {
        let mut clocks = Clocks::default();
        let mut own: Option<(Vector, Vec<u32>)> = None;
        for lane in lanes(mask) {
            let clock = &self.lanes[lane];
            match &mut own {
                Some((base, _)) if Arc::ptr_eq(base, &clock.known) => {}
                Some((_, joined)) => raise(joined, &clock.known),
                None => own = Some((clock.known.clone(), clock.known.to_vec())),
            }
            if let Some(foreign) = &clock.foreign {
                clocks.happened.join(foreign);
            }
            clocks.views.join(&clock.views);
        }
        if let Some((_, mut joined)) = own {
            for lane in lanes(mask) {
                joined[self.first + lane] = self.time;
            }
            clocks.happened.join(&Times(BTreeMap::from([(self.cluster, Arc::new(joined))])));
        }
        self.time += 1;
        clocks
    }

    /// What a relaxed arrival of lanes publishes: that they have started, what they knew at their
    /// last fences of a scope, and for tensor memory all that happened.
    pub(crate) fn publish_relaxed(&mut self, mask: u32, least: Scope) -> Clocks {
        let mut clocks = self.publish(mask).relaxed();
        for lane in lanes(mask) {
            let thread = self.thread(lane);
            clocks.happened.join(&Times::single(self.cluster, thread, STARTED));
            let clock = &self.lanes[lane];
            clocks.views.join(&clock.views);
            if let Some((fenced, scope)) = &clock.fenced
                && *scope >= least
            {
                clocks.join(fenced);
            }
        }
        clocks
    }

    /// A fence that lets a proxy see what lanes know and did until now.
    pub(crate) fn fence_proxy(&mut self, mask: u32, proxies: &[Proxy]) {
        let mut last: Option<(LaneClock, Views)> = None;
        for lane in lanes(mask) {
            let clock = &self.lanes[lane];
            let views = match &last {
                Some((before, views)) if clock.knows_the_same(before) => views.clone(),
                _ => {
                    let mut known = clock.known.to_vec();
                    // That another lane executed its fence is true whoever knows it.
                    for lane in lanes(mask) {
                        known[self.first + lane] = self.time;
                    }
                    let mut seen = Times(BTreeMap::from([(self.cluster, Arc::new(known))]));
                    if let Some(foreign) = &clock.foreign {
                        seen.join(foreign);
                    }
                    let mut views = clock.views.clone();
                    views.extend(proxies, seen);
                    last = Some((clock.clone(), views.clone()));
                    views
                }
            };
            self.lanes[lane].views = views;
        }
        self.time += 1;
    }

    /// `tcgen05.fence::after_thread_sync`.
    pub(crate) fn fence_tensor_after(&mut self, mask: u32) {
        for lane in lanes(mask) {
            self.lanes[lane].views.take_passed_on();
        }
    }

    /// Lets lanes know what was published.
    pub(crate) fn learn(&mut self, mask: u32, clocks: &Clocks) {
        self.learn_from(mask, clocks, false);
    }

    /// A relaxed wait: lanes learn what concerns tensor memory, and the rest at their next fence.
    pub(crate) fn learn_relaxed(&mut self, mask: u32, clocks: &Clocks) {
        self.learn(mask, &clocks.relaxed());
        lanes(mask).for_each(|lane| self.observe(lane, clocks, false));
    }

    /// Lets lanes know what was published, only of their own cluster where `own_only`.
    pub(super) fn learn_from(&mut self, mask: u32, clocks: &Clocks, own_only: bool) {
        let mut last: Option<(Vector, Vector)> = None;
        let mut last_views: Option<(Views, Views)> = None;
        for lane in lanes(mask) {
            let lane = &mut self.lanes[lane];
            if !clocks.views.is_empty() {
                let views = match &last_views {
                    Some((before, after)) if before.is_same(&lane.views) => after.clone(),
                    _ => {
                        let mut views = lane.views.clone();
                        views.join(&clocks.views);
                        last_views = Some((lane.views.clone(), views.clone()));
                        views
                    }
                };
                lane.views = views;
            }
            for (&cluster, vector) in &clocks.happened.0 {
                if cluster == self.cluster {
                    let known = match &last {
                        Some((before, after)) if Arc::ptr_eq(before, &lane.known) => after.clone(),
                        _ => join(vector, &lane.known),
                    };
                    let before = std::mem::replace(&mut lane.known, known.clone());
                    last = Some((before, known));
                } else if !own_only {
                    let foreign = Times(BTreeMap::from([(cluster, vector.clone())]));
                    Arc::make_mut(lane.foreign.get_or_insert_default()).join(&foreign);
                }
            }
        }
    }

    /// A fence: lanes learn what their strong reads saw, and their strong writes from now on
    /// publish what they know now.
    pub(crate) fn fence(&mut self, mask: u32, scope: Scope) {
        for lane in lanes(mask) {
            if let Some(observed) = &self.lanes[lane].observed {
                let observed = observed.clone();
                self.learn_from(1 << lane, &observed, scope == Scope::Block);
            }
            let fenced = Arc::new(self.publish(1 << lane));
            self.lanes[lane].fenced = Some((fenced, scope));
        }
    }

    /// What a relaxed write of a lane publishes: what it knew at its last fence.
    pub(super) fn fenced(&self, lane: usize) -> Option<(Arc<Clocks>, Scope)> {
        self.lanes[lane].fenced.clone()
    }

    /// Notes what a relaxed read of a lane saw published.
    pub(super) fn observe(&mut self, lane: usize, clocks: &Clocks, own_only: bool) {
        let observed = self.lanes[lane].observed.get_or_insert_default();
        match own_only {
            true => observed.join(&clocks.of(self.cluster)),
            false => observed.join(clocks),
        }
    }
}

impl LaneClock {
    fn knows_the_same(&self, other: &Self) -> bool {
        let foreign = match (&self.foreign, &other.foreign) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        foreign && Arc::ptr_eq(&self.known, &other.known) && self.views.is_same(&other.views)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_known_to_who_learns_it() {
        let (mut a, mut b) = (WarpClock::new(0, 0, 64), WarpClock::new(0, 32, 64));
        let time = a.time();
        assert!(!b.knows(3, 0, 5, time));
        let published = a.publish(1 << 5);
        b.learn(1 << 3, &published);
        assert!(b.knows(3, 0, 5, time));
        assert!(!b.knows(4, 0, 5, time), "another lane did not learn it");
        assert!(!b.knows(3, 0, 6, time), "another lane did not publish it");
        assert!(!b.knows(3, 0, 5, a.time()), "it is about what came before");
    }

    #[test]
    fn a_proxy_sees_what_was_fenced_on_the_way() {
        let (mut writer, mut reader) = (WarpClock::new(0, 0, 64), WarpClock::new(0, 32, 64));
        let write = (0, 5, writer.time());
        let sees = |clock: &WarpClock| clock.sees(3, Proxy::AsyncShared, write);
        // On the reader's side.
        reader.learn(1 << 3, &writer.publish(1 << 5));
        assert!(!sees(&reader));
        let mut fenced = reader.clone();
        fenced.fence_proxy(1 << 3, &[Proxy::AsyncShared]);
        assert!(sees(&fenced) && !fenced.sees(3, Proxy::AsyncGlobal, write));
        // On the writer's side.
        writer.fence_proxy(1 << 5, &[Proxy::AsyncShared]);
        reader.learn(1 << 3, &writer.publish(1 << 5));
        assert!(sees(&reader));
    }

    #[test]
    fn a_completion_is_known_to_who_learns_it() {
        let (mut a, mut b) = (WarpClock::new(0, 0, 64), WarpClock::new(0, 32, 64));
        a.learn(1, &Clocks::completion(0, 70, 2));
        assert!(a.knows(0, 0, 70, 2) && !a.knows(0, 0, 70, 3) && !a.knows(1, 0, 70, 1));
        b.learn(2, &a.publish(1));
        assert!(b.knows(1, 0, 70, 2));
    }

    #[test]
    fn knowledge_travels_through_other_clusters() {
        let mut warps = [0, 1, 2].map(|cluster| WarpClock::new(cluster, 0, 32));
        let time = warps[0].time();
        for i in 1..3 {
            let published = warps[i - 1].publish(1);
            warps[i].learn(1, &published);
        }
        assert!(warps[2].knows(0, 0, 0, time));
        assert!(!warps[2].knows(1, 0, 0, time));
    }
}

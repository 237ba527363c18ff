//! Vector clocks: what each thread knows to have happened.
//!
//! A thread's time is its warp's clock, which advances whenever some lane publishes what it did. An
//! access happened before a point of another thread if that thread knows a time of the accessor
//! that is not before the access (Flanagan and Freund, *FastTrack*, 2009).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exec::registers::{LANES, lanes};
use crate::program::code::Scope;

/// Times of the threads of a cluster, by their index there.
pub(super) type Vector = Arc<Vec<u32>>;

/// Times of the threads of clusters, by the index of the cluster in the grid. Of a cluster that is
/// missing nothing is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks(BTreeMap<u32, Vector>);

impl Clocks {
    /// Adds what others know.
    pub(crate) fn join(&mut self, other: &Self) {
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

    fn knows(&self, cluster: u32, thread: usize, time: u32) -> bool {
        self.0.get(&cluster).is_some_and(|vector| vector[thread] >= time)
    }
}

/// The later of two times of each thread; one of the two where it is later throughout.
fn join(a: &Vector, b: &Vector) -> Vector {
    if Arc::ptr_eq(a, b) || a.iter().zip(b.iter()).all(|(a, b)| a >= b) {
        a.clone()
    } else if a.iter().zip(b.iter()).all(|(a, b)| a <= b) {
        b.clone()
    } else {
        Arc::new(a.iter().zip(b.iter()).map(|(a, b)| *a.max(b)).collect())
    }
}

/// What the threads of a warp know.
#[derive(Clone, Debug)]
pub(crate) struct WarpClock {
    cluster: u32,
    /// Index in the cluster of the warp's first thread.
    first: usize,
    time: u32,
    lanes: Vec<LaneClock>,
}

#[derive(Clone, Debug)]
struct LaneClock {
    /// Of the threads of its own cluster, without itself.
    known: Vector,
    /// Of other clusters.
    foreign: Option<Arc<Clocks>>,
    /// What it knew at its last fence, which its strong writes since then publish at that scope.
    fenced: Option<(Arc<Clocks>, Scope)>,
    /// What its strong reads since its last fence saw published.
    observed: Option<Clocks>,
}

impl WarpClock {
    /// The clock of a warp that has done nothing, in a cluster of `threads`.
    pub(crate) fn new(cluster: u32, first: usize, threads: usize) -> Self {
        let known = Arc::new(vec![0; threads]);
        let lane = LaneClock { known, foreign: None, fenced: None, observed: None };
        Self { cluster, first, time: 1, lanes: vec![lane; LANES] }
    }

    pub(super) fn cluster(&self) -> u32 {
        self.cluster
    }

    pub(super) fn thread(&self, lane: usize) -> usize {
        self.first + lane
    }

    pub(super) fn time(&self) -> u32 {
        self.time
    }

    /// Whether an access of another thread happened before what `lane` does now.
    #[inline]
    pub(super) fn knows(&self, lane: usize, cluster: u32, thread: usize, time: u32) -> bool {
        let lane = &self.lanes[lane];
        if cluster == self.cluster {
            return lane.known[thread] >= time;
        }
        lane.foreign.as_ref().is_some_and(|foreign| foreign.knows(cluster, thread, time))
    }

    /// What lanes know and did until now; what they do later is later.
    pub(crate) fn publish(&mut self, mask: u32) -> Clocks {
        let mut clocks = Clocks::default();
        let mut own: Option<(Vector, Vec<u32>)> = None;
        for lane in lanes(mask) {
            let clock = &self.lanes[lane];
            match &mut own {
                Some((base, _)) if Arc::ptr_eq(base, &clock.known) => {}
                Some((_, joined)) => {
                    joined.iter_mut().zip(clock.known.iter()).for_each(|(a, b)| *a = (*a).max(*b));
                }
                None => own = Some((clock.known.clone(), clock.known.to_vec())),
            }
            if let Some(foreign) = &clock.foreign {
                clocks.join(foreign);
            }
        }
        if let Some((_, mut joined)) = own {
            for lane in lanes(mask) {
                joined[self.first + lane] = self.time;
            }
            clocks.join(&Clocks(BTreeMap::from([(self.cluster, Arc::new(joined))])));
        }
        self.time += 1;
        clocks
    }

    /// Lets lanes know what was published.
    pub(crate) fn learn(&mut self, mask: u32, clocks: &Clocks) {
        self.learn_from(mask, clocks, false);
    }

    /// Lets lanes know what was published, only of their own cluster where `own_only`.
    pub(super) fn learn_from(&mut self, mask: u32, clocks: &Clocks, own_only: bool) {
        let mut last: Option<(Vector, Vector)> = None;
        for lane in lanes(mask) {
            let lane = &mut self.lanes[lane];
            for (&cluster, vector) in &clocks.0 {
                if cluster == self.cluster {
                    let known = match &last {
                        Some((before, after)) if Arc::ptr_eq(before, &lane.known) => after.clone(),
                        _ => join(vector, &lane.known),
                    };
                    let before = std::mem::replace(&mut lane.known, known.clone());
                    last = Some((before, known));
                } else if !own_only {
                    let foreign = Clocks(BTreeMap::from([(cluster, vector.clone())]));
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

//! The grid: clusters, and the host's threads that execute them.
//!
//! Clusters take turns, so that blocks may wait for each other through global memory. A worker
//! prefers a cluster that has begun and can go on, then one that has not begun. One that is stuck
//! gets another turn after some cluster has done something; where all that are left are stuck, the
//! kernel can never end.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use super::cluster::{Cluster, Turn};
use super::setup::Run;
use crate::fault::{Fault, FaultKind, Waiter};
use crate::stats::Tallies;

/// Instructions of a turn.
const TURN: u64 = 1 << 18;

/// A cluster between two turns.
struct Resident {
    /// Its place in the order of the launch.
    order: u64,
    cluster: Cluster,
    /// The generation in which it was stuck.
    stuck_in: Option<u64>,
}

/// Clusters by what can be done with them.
struct Queue {
    resident: VecDeque<Resident>,
    /// Clusters that workers have at the moment.
    running: usize,
    /// Clusters that may be resident before others get on.
    most: usize,
    /// Turns since a cluster was last done.
    turns: usize,
    /// Counts turns in which something happened.
    generation: u64,
    /// The fault of the earliest cluster that has one.
    fault: Option<(u64, Box<Fault>)>,
}

enum Task {
    Run(Box<Resident>),
    Begin { order: u64, index: u64 },
    Wait,
    Stop,
}

/// Executes every cluster; what was counted, or the fault of the earliest cluster that has one.
pub(super) fn execute(run: &Run<'_>, jobs: usize) -> Result<Vec<Tallies>, Box<Fault>> {
    let launch = run.launch;
    let clusters = launch.blocks() / launch.blocks_per_cluster();
    let grid = Grid {
        queue: Mutex::new(Queue {
            resident: VecDeque::new(),
            running: 0,
            most: jobs,
            turns: 0,
            generation: 0,
            fault: None,
        }),
        freed: Condvar::new(),
    };
    let tallies = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (1..clusters.min(jobs as u64)).map(|_| scope.spawn(|| grid.work(run))).collect();
        let mut tallies = vec![grid.work(run)];
        // A worker does not panic; if one did, its panic goes on here.
        tallies.extend(workers.into_iter().map(|worker| match worker.join() {
            Ok(tallies) => tallies,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        tallies
    });
    let queue = grid.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    match queue.fault {
        Some((_, fault)) => Err(fault),
        None => Ok(tallies),
    }
}

struct Grid {
    queue: Mutex<Queue>,
    freed: Condvar,
}

impl Grid {
    /// Takes clusters and executes them until none is left.
    fn work(&self, run: &Run<'_>) -> Tallies {
        let mut tallies = Tallies::new(run.program.code.len());
        loop {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let task = queue.take(run);
            let mut resident = match task {
                Task::Run(resident) => {
                    drop(queue);
                    resident
                }
                Task::Begin { order, index } => {
                    drop(queue);
                    let cluster = Cluster::new(run, index, order);
                    Box::new(Resident { order, cluster, stuck_in: None })
                }
                Task::Wait => {
                    drop(self.freed.wait(queue));
                    continue;
                }
                Task::Stop => {
                    self.freed.notify_all();
                    return tallies;
                }
            };
            let turn = resident.cluster.run(run, &mut tallies, TURN);
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).give_back(*resident, turn);
            self.freed.notify_all();
        }
    }
}

impl Queue {
    /// What a worker should do next.
    fn take(&mut self, run: &Run<'_>) -> Task {
        // Clusters after the one at fault cannot change which fault is the earliest.
        let last = self.fault.as_ref().map_or(u64::MAX, |(order, _)| *order);
        self.resident.retain(|resident| resident.order < last);
        let generation = self.generation;
        let can_go = |r: &Resident| r.stuck_in != Some(generation);
        let ready = self.resident.iter().position(|r| r.stuck_in.is_none());
        let room = self.resident.len() + self.running < self.most;
        if (room || ready.is_none())
            && let Some((order, index)) = run.unstarted.take(last)
        {
            self.running += 1;
            return Task::Begin { order, index };
        }
        if let Some(i) = ready {
            return self.resume(i);
        }
        if let Some(i) = self.resident.iter().position(can_go) {
            return self.resume(i);
        }
        if self.running > 0 {
            return Task::Wait;
        }
        if let Some(i) = self.resident.iter_mut().position(|r| r.cluster.finds_columns(run)) {
            return self.resume(i);
        }
        if let Some(first) = self.resident.iter().min_by_key(|r| r.order) {
            let mut waiting: Vec<Waiter> = Vec::new();
            for resident in &self.resident {
                waiting.extend(resident.cluster.waiting(run));
            }
            let fault = Fault::of(match self.resident.iter().any(|r| r.cluster.awaits_columns()) {
                true => FaultKind::Deadlock { waiting },
                false => FaultKind::Spin { waiting },
            });
            self.fault = Some((first.order, fault));
            self.resident.clear();
        }
        Task::Stop
    }

    fn resume(&mut self, i: usize) -> Task {
        match self.resident.remove(i) {
            Some(resident) => {
                self.running += 1;
                Task::Run(Box::new(resident))
            }
            None => Task::Wait,
        }
    }

    /// Takes a cluster back after a turn.
    fn give_back(&mut self, mut resident: Resident, turn: Result<Turn, Box<Fault>>) {
        self.running -= 1;
        match turn {
            Ok(Turn::Done) => {
                self.generation += 1;
                self.turns = 0;
            }
            Ok(Turn::Paused) => {
                self.generation += 1;
                self.turns += 1;
                // Those that have begun may all wait for one that has not.
                if self.turns > self.most {
                    self.most += 1;
                    self.turns = 0;
                }
                resident.stuck_in = None;
                self.resident.push_back(resident);
            }
            Ok(Turn::Stuck) => {
                resident.stuck_in = Some(self.generation);
                self.resident.push_back(resident);
            }
            Err(fault) => {
                let earlier = self.fault.as_ref().is_none_or(|(order, _)| resident.order < *order);
                if earlier {
                    self.fault = Some((resident.order, fault));
                }
            }
        }
    }
}

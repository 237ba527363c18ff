use super::Config;
use crate::dsl::{Builder, NamedBarrier, Value, WARPGROUP};

/// The turns in which consumers begin their products ([`Config::ping_pong`]): each waits until the
/// one before has passed the turn on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns<'k> {
    /// The barrier at which this consumer waits, and that of the next; none without turns.
    barriers: Option<[NamedBarrier<'k>; 2]>,
}

/// Number of the first consumer's barrier; 0 is that of the whole block.
const FIRST: u32 = 1;

impl<'k> Turns<'k> {
    /// The turns of consumer `number`. The last consumer gives the first its first one.
    pub(super) fn begin(k: &'k Builder, config: &Config, number: Value<'k, u32>) -> Self {
        let consumers = config.consumers();
        if !config.ping_pong {
            return Self { barriers: None };
        }
        let is_last = number.eq(consumers - 1);
        let next = is_last.select(0_u32, number + 1);
        let barriers = [number, next].map(|n| k.named_barrier(n + FIRST, 2 * WARPGROUP));
        k.if_(is_last, || barriers[1].arrive());
        Self { barriers: Some(barriers) }
    }

    /// The barrier of a consumer's own threads.
    pub(super) fn warpgroup_barrier(
        k: &'k Builder,
        consumers: u32,
        number: Value<'k, u32>,
    ) -> NamedBarrier<'k> {
        k.named_barrier(number + (FIRST + consumers), WARPGROUP)
    }

    /// Waits for this consumer's turn.
    pub(super) fn wait(&self) {
        if let Some([own, _]) = &self.barriers {
            own.wait();
        }
    }

    /// Gives the turn to the next consumer.
    pub(super) fn pass_on(&self) {
        if let Some([_, next]) = &self.barriers {
            next.arrive();
        }
    }
}

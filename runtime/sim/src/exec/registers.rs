//! The registers of a warp, and the loops over its lanes.

use std::marker::PhantomData;

/// Every lane of a warp.
pub(crate) const ALL: u32 = u32::MAX;

/// Lanes of a warp.
pub(crate) const LANES: usize = 32;

/// The lanes of a mask, from the lowest.
pub(crate) fn lanes(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (lane < 32).then_some(lane as usize)
    })
}

/// The value of a register in every lane. 64-bit registers have a file of their own; 8- and 16-bit
/// ones lie in words, zero-extended; predicates are masks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registers {
    pub(crate) words: Vec<[u32; LANES]>,
    pub(crate) doubles: Vec<[u64; LANES]>,
    pub(crate) predicates: Vec<u32>,
}

/// What one lane holds in a register: `u32` or `u64`.
pub(crate) trait Lane: Copy + Default + Send + Sync + 'static {
    fn file(registers: &Registers) -> &Vec<[Self; LANES]>;
    fn file_mut(registers: &mut Registers) -> &mut Vec<[Self; LANES]>;
    /// The low bits.
    fn from_bits(bits: u64) -> Self;
}

impl Lane for u32 {
    #[inline(always)]
    fn file(registers: &Registers) -> &Vec<[u32; LANES]> {
        &registers.words
    }
    #[inline(always)]
    fn file_mut(registers: &mut Registers) -> &mut Vec<[u32; LANES]> {
        &mut registers.words
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        bits as u32
    }
}

impl Lane for u64 {
    #[inline(always)]
    fn file(registers: &Registers) -> &Vec<[u64; LANES]> {
        &registers.doubles
    }
    #[inline(always)]
    fn file_mut(registers: &mut Registers) -> &mut Vec<[u64; LANES]> {
        &mut registers.doubles
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        bits
    }
}

/// Index of a register in the file of its lane type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot<T> {
    pub(crate) index: u32,
    lane: PhantomData<T>,
}

impl<T> Slot<T> {
    pub(crate) const fn new(index: u32) -> Self {
        Self { index, lane: PhantomData }
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<T> {}

/// A register of any lane type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AnySlot {
    Word(Slot<u32>),
    Double(Slot<u64>),
    /// 128 bits: this register and the next, low half first.
    Quad(Slot<u64>),
}

/// Index of a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PredicateSlot(pub(crate) u32);

/// A predicate as an operand, which may be negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) slot: PredicateSlot,
    pub(crate) negated: bool,
}

impl Registers {
    #[inline(always)]
    pub(crate) fn get<T: Lane>(&self, slot: Slot<T>) -> &[T; LANES] {
        &T::file(self)[slot.index as usize]
    }

    #[inline(always)]
    pub(crate) fn get_mut<T: Lane>(&mut self, slot: Slot<T>) -> &mut [T; LANES] {
        &mut T::file_mut(self)[slot.index as usize]
    }

    /// Writes the lanes of `mask`.
    #[inline(always)]
    pub(crate) fn set<T: Lane>(&mut self, slot: Slot<T>, value: &[T; LANES], mask: u32) {
        let register = self.get_mut(slot);
        if mask == ALL {
            *register = *value;
        } else {
            for lane in 0..LANES {
                register[lane] = if mask >> lane & 1 != 0 { value[lane] } else { register[lane] };
            }
        }
    }

    /// The lanes in which `condition` holds.
    #[inline(always)]
    pub(crate) fn holds(&self, condition: Condition) -> u32 {
        let mask = self.predicates[condition.slot.0 as usize];
        if condition.negated { !mask } else { mask }
    }

    /// Writes the lanes of `mask` of a predicate.
    #[inline(always)]
    pub(crate) fn set_predicate(&mut self, slot: PredicateSlot, value: u32, mask: u32) {
        let register = &mut self.predicates[slot.0 as usize];
        *register = *register & !mask | value & mask;
    }

    /// A lane of a register, zero-extended.
    pub(crate) fn lane(&self, slot: AnySlot, lane: usize) -> u64 {
        match slot {
            AnySlot::Word(slot) => u64::from(self.get(slot)[lane]),
            AnySlot::Double(slot) | AnySlot::Quad(slot) => self.get(slot)[lane],
        }
    }

    /// Every lane of a register, zero-extended.
    pub(crate) fn wide(&self, slot: AnySlot) -> [u64; LANES] {
        match slot {
            AnySlot::Word(slot) => self.get(slot).map(u64::from),
            AnySlot::Double(slot) | AnySlot::Quad(slot) => *self.get(slot),
        }
    }

    /// Whether the lanes of `mask` hold the same in every register.
    pub(crate) fn equal(&self, other: &Self, mask: u32) -> bool {
        fn all_equal<T: PartialEq>(a: &[[T; LANES]], b: &[[T; LANES]], mask: u32) -> bool {
            let mut pairs = a.iter().zip(b);
            pairs.all(|(a, b)| a == b || lanes(mask).all(|lane| a[lane] == b[lane]))
        }
        all_equal(&self.words, &other.words, mask)
            && all_equal(&self.doubles, &other.doubles, mask)
            && self.predicates.iter().zip(&other.predicates).all(|(a, b)| (a ^ b) & mask == 0)
    }

    /// Writes one lane; the upper bits are dropped where the register is narrower.
    pub(crate) fn set_lane(&mut self, slot: AnySlot, lane: usize, value: u64) {
        match slot {
            AnySlot::Word(slot) => self.get_mut(slot)[lane] = value as u32,
            AnySlot::Double(slot) | AnySlot::Quad(slot) => self.get_mut(slot)[lane] = value,
        }
    }
}

/// An instruction that reads and writes nothing but the registers of its own lane.
pub(crate) type Compute = Box<dyn Fn(&mut Registers, u32) + Send + Sync>;

/// An instruction that reads registers of other lanes too, those of the mask; the lanes that read
/// one that is not in it.
pub(crate) type Exchange = Box<dyn Fn(&mut Registers, u32) -> u32 + Send + Sync>;

/// `d = f(a)`, lane by lane.
pub(crate) fn unary<D: Lane, A: Lane>(
    d: Slot<D>,
    a: Slot<A>,
    f: impl Fn(A) -> D + Send + Sync + 'static,
) -> Compute {
    Box::new(move |registers, mask| {
        let a = registers.get(a);
        let mut result = [D::default(); LANES];
        for lane in 0..LANES {
            result[lane] = f(a[lane]);
        }
        registers.set(d, &result, mask);
    })
}

/// `d = f(a, b)`, lane by lane.
pub(crate) fn binary<D: Lane, A: Lane, B: Lane>(
    d: Slot<D>,
    (a, b): (Slot<A>, Slot<B>),
    f: impl Fn(A, B) -> D + Send + Sync + 'static,
) -> Compute {
    Box::new(move |registers, mask| {
        let (a, b) = (registers.get(a), registers.get(b));
        let mut result = [D::default(); LANES];
        for lane in 0..LANES {
            result[lane] = f(a[lane], b[lane]);
        }
        registers.set(d, &result, mask);
    })
}

/// `d = f(a, b, c)`, lane by lane.
pub(crate) fn ternary<D: Lane, A: Lane, B: Lane, C: Lane>(
    d: Slot<D>,
    (a, b, c): (Slot<A>, Slot<B>, Slot<C>),
    f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
) -> Compute {
    Box::new(move |registers, mask| {
        let (a, b, c) = (registers.get(a), registers.get(b), registers.get(c));
        let mut result = [D::default(); LANES];
        for lane in 0..LANES {
            result[lane] = f(a[lane], b[lane], c[lane]);
        }
        registers.set(d, &result, mask);
    })
}

/// The lanes in which `f(a, b)` holds.
#[inline(always)]
pub(crate) fn compare<T: Lane>(
    registers: &Registers,
    (a, b): (Slot<T>, Slot<T>),
    f: impl Fn(T, T) -> bool,
) -> u32 {
    let (a, b) = (registers.get(a), registers.get(b));
    let mut holds = 0;
    for lane in 0..LANES {
        holds |= u32::from(f(a[lane], b[lane])) << lane;
    }
    holds
}

/// `d = select(condition) ? a : b`.
pub(crate) fn select<T: Lane>(
    d: Slot<T>,
    (a, b): (Slot<T>, Slot<T>),
    condition: Condition,
) -> Compute {
    Box::new(move |registers, mask| {
        let holds = registers.holds(condition);
        let (a, b) = (registers.get(a), registers.get(b));
        let mut result = [T::default(); LANES];
        for lane in 0..LANES {
            result[lane] = if holds >> lane & 1 != 0 { a[lane] } else { b[lane] };
        }
        registers.set(d, &result, mask);
    })
}

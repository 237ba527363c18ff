//! What a kernel did wrong, and where.

mod tensor;

use std::fmt;

use thiserror::Error;
use tilewright_codegen::ptx::Space;

pub use tensor::TensorAccess;

use crate::program::Program;
use crate::program::code::Pc;

/// A mistake of the kernel, with the place where it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// Which instruction of which threads; none for a deadlock, which has many.
    pub site: Option<Site>,
}

/// An instruction as some lanes of a warp executed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Line of the PTX text, from 1; 0 where the module was built and not parsed.
    pub line: u32,
    /// The instruction's name and modifiers.
    pub instruction: String,
    /// The function it belongs to.
    pub function: String,
    /// `%ctaid` of the block.
    pub block: [u32; 3],
    /// The warp's index in its block.
    pub warp: u32,
    /// The lanes concerned, lane 0 in the lowest bit.
    pub lanes: u32,
}

impl Site {
    pub(crate) fn new(program: &Program, pc: Pc, block: [u32; 3], warp: usize, lanes: u32) -> Self {
        let detail = &program.details[pc as usize];
        let mnemonic = detail.mnemonic.as_ref();
        Self {
            line: detail.line,
            instruction: mnemonic.map_or("ret".into(), |m| m.text().into()),
            function: program.functions[detail.function as usize].name.clone(),
            block,
            warp: warp as u32,
            lanes,
        }
    }
}

/// The buffer, variable or window nearest to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Bytes from its beginning to the address; negative before it.
    pub offset: i64,
    /// Its size in bytes.
    pub size: u64,
}

/// What was done to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// A load.
    Read,
    /// A store.
    Write,
    /// A read-modify-write.
    Atomic,
    /// An asynchronous copy that reads here.
    CopyRead,
    /// An asynchronous copy that writes here.
    CopyWrite,
    /// An asynchronous reduction.
    CopyAtomic,
}

/// An access to memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// What was done.
    pub kind: AccessKind,
    /// The state space the address lies in.
    pub space: Space,
    /// The address, as an offset in its window for shared and local memory.
    pub address: u64,
    /// Bytes accessed.
    pub size: u32,
    /// What lies nearest.
    pub place: Option<Place>,
}

/// A warp that waits for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Where it waits.
    pub site: Site,
    /// What for.
    pub reason: String,
}

/// The kinds of faults.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FaultKind {
    /// An access outside every buffer, or outside the memory of the block or thread.
    #[error("{0} is outside of every allocation")]
    OutOfBounds(Access),
    /// An address that is no multiple of the access's size.
    #[error("{access} is misaligned: the address must be a multiple of {alignment}")]
    Misaligned {
        /// The access.
        access: Access,
        /// What the address must be a multiple of.
        alignment: u32,
    },
    /// A store to memory that cannot be written.
    #[error("{0} writes to read-only memory")]
    ReadOnly(Access),
    /// A register was read before anything was written to it.
    #[error("register {register} is read but nothing wrote it{}", dependent(used))]
    UninitializedRegister {
        /// Its name.
        register: String,
        /// What depends on it, where that is not the read itself.
        used: Option<Site>,
    },
    /// Memory was read before anything was written to it, or where something undefined was.
    #[error("{access} reads bytes that nothing wrote a defined value to{}", dependent(used))]
    UninitializedMemory {
        /// The read.
        access: Access,
        /// What depends on it, where that is not the read itself.
        used: Option<Site>,
    },
    /// Two accesses that nothing orders, at least one of them a write.
    #[error("data race: {access} is not ordered after the {} by {other}", AccessName(*other_kind))]
    Race {
        /// The access that was found to be unordered.
        access: Access,
        /// What the earlier access did.
        other_kind: AccessKind,
        /// Who did it.
        other: Site,
    },
    /// The bytes belong to an asynchronous operation, and no wait that covers it comes before.
    #[error(
        "{access} touches bytes of an asynchronous operation still in flight, issued by {copy}"
    )]
    InFlight {
        /// The access.
        access: Access,
        /// Who issued the operation.
        copy: Site,
    },
    /// A block has exited, and an asynchronous operation still accesses its shared memory.
    #[error(
        "block ({}, {}, {}) exits while the operation still accesses its shared memory: wait for it first",
        block[0], block[1], block[2]
    )]
    LeftInFlight {
        /// `%ctaid` of the block.
        block: [u32; 3],
    },
    /// An access to the shared memory of another block of the cluster that may not be there.
    #[error("access to the shared memory of block ({}, {}, {}): {problem}", block[0], block[1], block[2])]
    Peer {
        /// `%ctaid` of the block.
        block: [u32; 3],
        /// Why it may not be there.
        problem: &'static str,
    },
    /// A thread exits before its bulk copies have read their source in shared memory.
    #[error(
        "a thread of block ({}, {}, {}) exits while its bulk copies may still read shared memory: \
         wait for their groups first",
        block[0], block[1], block[2]
    )]
    BulkLeft {
        /// `%ctaid` of the block.
        block: [u32; 3],
    },
    /// What was written through the generic proxy is accessed through another one, without the
    /// fence that would show it there.
    #[error("{access} goes through another proxy than {write}, with no {fence} in between")]
    Proxy {
        /// The access.
        access: Access,
        /// The fence that is missing.
        fence: &'static str,
        /// The write.
        write: Site,
    },
    /// An `.aligned` or `.sync` instruction that some lanes do not reach.
    #[error(
        "lanes {missing:#010x} do not execute this instruction together with lanes {arrived:#010x}{}",
        elsewhere(other)
    )]
    Divergent {
        /// Lanes that arrived.
        arrived: u32,
        /// Live lanes that it needs and that are elsewhere.
        missing: u32,
        /// Where the missing lanes are, if they wait too or exit.
        other: Option<Site>,
    },
    /// A barrier used against its rules.
    #[error("barrier {barrier}: {problem}")]
    Barrier {
        /// Its number.
        barrier: u32,
        /// The rule that was broken.
        problem: String,
    },
    /// A tensor copy without a usable tensor map.
    #[error("{access}, which should be a tensor map: {problem}")]
    TensorMap {
        /// The access to the map.
        access: Access,
        /// What is wrong with it.
        problem: String,
    },
    /// `barrier.cluster` used against its rules.
    #[error("the barrier of the cluster: {0}")]
    ClusterBarrier(&'static str),
    /// An mbarrier used against its rules.
    #[error("mbarrier at {place}: {problem}")]
    Mbarrier {
        /// Where it is, with its state.
        place: String,
        /// The rule that was broken.
        problem: String,
    },
    /// A matrix descriptor that no hardware defines, or of a matrix that is not all there.
    #[error("matrix descriptor {descriptor:#018x} of {operand}: {problem}")]
    Descriptor {
        /// Which matrix: `A` or `B`.
        operand: char,
        /// The descriptor.
        descriptor: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// An instruction descriptor that no hardware defines.
    #[error("instruction descriptor {descriptor:#010x}: {problem}")]
    InstructionDescriptor {
        /// The descriptor.
        descriptor: u32,
        /// What is wrong with it.
        problem: String,
    },
    /// Warps of a warpgroup that do not act together.
    #[error("warpgroup: {0}")]
    Warpgroup(String),
    /// A register of a `wgmma` that was not waited for.
    #[error(
        "register {register} is {} while {} may still use it: wgmma.wait_group has to come first",
        if *written { "written" } else { "read" },
        Brief(product)
    )]
    FragmentInFlight {
        /// Its name.
        register: String,
        /// Whether it is written rather than read.
        written: bool,
        /// The `wgmma` in flight.
        product: Site,
    },
    /// A register that `wgmma` uses without a fence.
    #[error(
        "register {register} was used by {}: wgmma.fence has to come between that and wgmma",
        Brief(user)
    )]
    Unfenced {
        /// Its name.
        register: String,
        /// The other instruction that used it last.
        user: Site,
    },
    /// A warp's first `wgmma` has no fence before it.
    #[error("wgmma.fence has to come before a warp's first wgmma")]
    NeverFenced,
    /// An access to tensor memory that its rules do not allow.
    #[error("{access}: {problem}")]
    TensorMemory {
        /// The access.
        access: TensorAccess,
        /// The rule that was broken.
        problem: String,
    },
    /// Tensor memory was read before anything was written to it, or where something undefined was.
    #[error("{access}, reads cells that nothing wrote a defined value to{}", dependent(used))]
    UninitializedTensorMemory {
        /// The read.
        access: TensorAccess,
        /// What depends on it.
        used: Option<Site>,
    },
    /// An access to tensor memory while an operation that it conflicts with may not be complete.
    #[error("{access}, is not ordered after the {} by {other}: {wait} has to come first", AccessName(*other_kind))]
    TensorConflict {
        /// The access that was found to be unordered.
        access: TensorAccess,
        /// What the earlier operation did.
        other_kind: AccessKind,
        /// Who issued it.
        other: Site,
        /// How to wait for it.
        wait: &'static str,
    },
    /// A register is used that a load from tensor memory may yet write.
    #[error(
        "register {register} is {} while {} may still write it: tcgen05.wait::ld has to come first",
        if *writes { "written" } else { "read" },
        Brief(load)
    )]
    TensorRegister {
        /// Its name.
        register: String,
        /// The load.
        load: Site,
        /// Whether it is written; that it may not be read is a lint.
        writes: bool,
    },
    /// A block exits with tensor memory that it has allocated.
    #[error(
        "block ({}, {}, {}) exits without tcgen05.dealloc of the columns {first} to {last} that \
         this allocated",
        block[0], block[1], block[2]
    )]
    TensorLeak {
        /// `%ctaid` of the block.
        block: [u32; 3],
        /// The first column.
        first: u32,
        /// The last one.
        last: u32,
    },
    /// No thread can go on.
    #[error("deadlock: no thread can go on{}", listed(waiting))]
    Deadlock {
        /// Who waits for what.
        waiting: Vec<Waiter>,
    },
    /// Threads loop for something that cannot happen.
    #[error(
        "spin without progress: the loop repeats one state and nothing can change it{}",
        listed(waiting)
    )]
    Spin {
        /// Who spins or waits.
        waiting: Vec<Waiter>,
    },
    /// The budget of [`Limits::instructions`](crate::Limits) is spent.
    #[error(
        "{limit} warp instructions were executed and the cluster is not done{}",
        listed(waiting)
    )]
    Budget {
        /// The budget.
        limit: u64,
        /// Where the warps are.
        waiting: Vec<Waiter>,
    },
    /// Calls nest deeper than [`Limits::call_depth`](crate::Limits) or local memory is spent.
    #[error("{0}")]
    StackOverflow(String),
    /// `assert` found its condition not to hold.
    #[error("an assertion of the kernel failed")]
    AssertionFailed,
    /// `trap` was executed.
    #[error("the kernel executed `trap`")]
    Trap,
    /// Something that PTX leaves undefined.
    #[error("undefined behaviour: {0}")]
    Undefined(String),
}

impl std::error::Error for Fault {}

impl Fault {
    /// A fault of many threads.
    pub(crate) fn of(kind: FaultKind) -> Box<Self> {
        Box::new(Self { kind, site: None })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(site) = &self.site {
            write!(f, "{site}: ")?;
        }
        write!(f, "{}", self.kind)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.block;
        write!(
            f,
            "line {} `{}` in {}, block ({x}, {y}, {z}), warp {}, {}",
            self.line,
            self.instruction,
            self.function,
            self.warp,
            Lanes(self.lanes)
        )
    }
}

/// A site without the threads, where they are those of the fault's own site.
struct Brief<'a>(&'a Site);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} `{}`", self.0.line, self.0.instruction)
    }
}

/// A set of lanes as a person would write it: `lane 3`, `lanes 0-15, 31`.
struct Lanes(u32);

impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.count_ones() == 1 { "lane " } else { "lanes " })?;
        let mut lane = 0;
        let mut separator = "";
        while lane < 32 {
            let run = (self.0 >> lane).trailing_ones();
            match run {
                0 => {}
                1 => write!(f, "{separator}{lane}")?,
                _ => write!(f, "{separator}{lane}-{}", lane + run - 1)?,
            }
            if run > 0 {
                separator = ", ";
            }
            lane += run + 1;
        }
        Ok(())
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} of {} bytes at {} address {:#x}",
            AccessName(self.kind),
            self.size,
            self.space,
            self.address
        )?;
        match &self.place {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, offset, size } = self;
        if *offset < 0 {
            write!(f, "{} bytes before `{name}`", offset.unsigned_abs())
        } else if offset.unsigned_abs() >= *size {
            write!(f, "{} bytes past the end of `{name}`", offset.unsigned_abs() - size)
        } else {
            write!(f, "byte {offset} of {size} of `{name}`")
        }
    }
}

struct AccessName(AccessKind);

impl fmt::Display for AccessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            AccessKind::Read => "read",
            AccessKind::Write => "write",
            AccessKind::Atomic => "atomic access",
            AccessKind::CopyRead => "asynchronous read",
            AccessKind::CopyWrite => "asynchronous write",
            AccessKind::CopyAtomic => "asynchronous reduction",
        })
    }
}

fn dependent(used: &Option<Site>) -> String {
    used.as_ref()
        .map_or(String::new(), |site| format!(", and what {} does depends on it", Brief(site)))
}

fn elsewhere(other: &Option<Site>) -> String {
    other.as_ref().map_or(String::new(), |site| format!(", which are at {site}"))
}

fn listed(waiting: &[Waiter]) -> String {
    const SHOWN: usize = 16;
    let mut text = String::new();
    for waiter in waiting.iter().take(SHOWN) {
        text += &format!("\n  {}: {}", waiter.site, waiter.reason);
    }
    if waiting.len() > SHOWN {
        text += &format!("\n  and {} more", waiting.len() - SHOWN);
    }
    text
}

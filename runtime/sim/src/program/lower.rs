//! From one checked instruction to what it does.

use tilewright_codegen::ptx::{Opcode, ScalarType, TypeClass};

use super::code::{Action, Convergence, Pc};
use super::operands::{Lowered, Operands};
use super::{
    bulk, compare, control, convert, data, exchange, fence, float, integer, launch_control, matrix,
    mbarrier, memory, tcgen05, tensor, wgmma, wmma,
};

/// Lowers an instruction of the function whose first one is at `start`.
pub(super) fn lower(o: &mut Operands<'_>, start: Pc) -> Lowered<(Action, Convergence)> {
    use Opcode::*;
    let action = match o.instruction.opcode() {
        Mad if o.name.has("cc") => integer::lower_carry(o)?,
        Add | Sub | Mul | Mad | Fma | Div | Rem | Abs | Neg | Min | Max | Sad => arithmetic(o)?,
        AddCarryOut | AddCarry | SubBorrowOut | SubBorrow | MadCarry => integer::lower_carry(o)?,
        Mul24 | Mad24 | Dp4a | Dp2a | And | Or | Xor | Not | Cnot | Lop3 | Shl | Shr | Shf
        | Popc | Clz | Brev | Bfind | Bfe | Bfi | Fns | Prmt | Szext | Bmsk => integer::lower(o)?,
        Sqrt | Rsqrt | Rcp | Sin | Cos | Lg2 | Ex2 | Tanh | Testp | Copysign => float::lower(o)?,
        Setp => compare::setp(o)?,
        Set => compare::set(o)?,
        Selp => compare::selp(o)?,
        Slct => compare::slct(o)?,
        Mov => data::mov(o)?,
        Cvt => convert::lower(o)?,
        CvtPack => convert::lower_pack(o)?,
        Cvta => data::cvta(o)?,
        Mapa => data::mapa(o)?,
        Getctarank => data::getctarank(o)?,
        Isspacep => data::isspacep(o)?,
        Createpolicy => data::createpolicy(o)?,
        Ld | Ldu => memory::load(o)?,
        St => memory::store(o)?,
        Atom | Red => memory::atomic(o)?,
        Prefetch | Prefetchu | Applypriority | Discard | Pmevent => Action::Nothing,
        // A grid that runs alone has waited for all that it could wait for.
        Griddepcontrol => Action::Nothing,
        ClusterlaunchcontrolTryCancel => launch_control::try_cancel(o)?,
        ClusterlaunchcontrolQueryCancel => launch_control::query_cancel(o)?,
        Membar | Fence => fence::lower(o)?,
        CpAsync => memory::copy_async(o)?,
        CpAsyncCommitGroup => Action::CopyCommit,
        CpAsyncWaitGroup => memory::copy_wait_group(o)?,
        CpAsyncWaitAll => Action::CopyWait(None),
        CpAsyncMbarrierArrive => memory::copy_arrive(o)?,
        MbarrierInit | MbarrierInval | MbarrierExpectTx | MbarrierCompleteTx | MbarrierArrive
        | MbarrierArriveDrop | MbarrierTestWait | MbarrierTryWait | MbarrierPendingCount => {
            mbarrier::lower(o)?
        }
        CpAsyncBulk | CpReduceAsyncBulk => bulk::copy(o)?,
        StAsync | RedAsync => bulk::store(o)?,
        CpAsyncBulkPrefetch => Action::Nothing,
        CpAsyncBulkTensor | CpReduceAsyncBulkTensor | CpAsyncBulkPrefetchTensor => tensor::copy(o)?,
        TensormapReplace => tensor::replace(o)?,
        TensormapCpFenceproxy => return Ok((tensor::copy_map(o)?, Convergence::Aligned)),
        CpAsyncBulkCommitGroup => Action::BulkCommit,
        CpAsyncBulkWaitGroup => bulk::wait_group(o)?,
        Shfl | Vote | Match | Redux | Activemask | Elect => return exchange::lower(o),
        BarWarpSync => return Ok((Action::WarpSync, Convergence::Members(o.source(0)?))),
        BarSync | BarArrive | BarRed | BarrierSync | BarrierArrive | BarrierRed
        | BarrierCtaSync | BarrierCtaArrive | BarrierCtaRed | BarCtaSync | BarCtaArrive
        | BarCtaRed => {
            return control::barrier(o);
        }
        BarrierClusterArrive | BarrierClusterWait => return Ok(fence::cluster_barrier(o)),
        Ldmatrix => return Ok((matrix::load(o)?, Convergence::Whole)),
        Stmatrix => return Ok((matrix::store(o)?, Convergence::Whole)),
        Movmatrix => return Ok((matrix::move_matrix(o)?, Convergence::Whole)),
        WmmaLoad => return Ok((wmma::load(o)?, Convergence::Whole)),
        WmmaStore => return Ok((wmma::store(o)?, Convergence::Whole)),
        WmmaMma => return Ok((wmma::multiply(o)?, Convergence::Whole)),
        Mma => return Ok((matrix::mma(o)?, Convergence::Whole)),
        WgmmaMmaAsync => return Ok((wgmma::multiply(o)?, Convergence::Whole)),
        WgmmaFence => return Ok((Action::WgmmaFence, Convergence::Aligned)),
        WgmmaCommitGroup => return Ok((Action::WgmmaCommit, Convergence::Aligned)),
        WgmmaWaitGroup => {
            return Ok((Action::WgmmaWait(o.immediate(0)? as u32), Convergence::Aligned));
        }
        Tcgen05Alloc | Tcgen05Dealloc | Tcgen05Relinquish | Tcgen05Ld | Tcgen05St | Tcgen05Wait
        | Tcgen05Cp | Tcgen05Shift | Tcgen05Mma | Tcgen05Commit | Tcgen05Fence => {
            return tcgen05::lower(o);
        }
        Setmaxnreg => return Ok((control::set_registers(o)?, Convergence::Aligned)),
        Bra => control::branch(o, start)?,
        BrxIdx => control::branch_table(o, start)?,
        Call => control::call(o)?,
        Ret => Action::Return,
        Exit => Action::Exit,
        Trap | Brkpt => Action::Trap,
        Nanosleep => Action::Yield,
        _ => return Err(o.unsupported("")),
    };
    Ok((action, Convergence::Free))
}

/// Arithmetic that integers and floating-point numbers share names for.
fn arithmetic(o: &mut Operands<'_>) -> Lowered<Action> {
    let packed_integer = |scalar| matches!(scalar, ScalarType::U16x2 | ScalarType::S16x2);
    match o.name.scalar() {
        Some(scalar) if scalar.class() == TypeClass::Integer || packed_integer(scalar) => {
            integer::lower(o)
        }
        _ => float::lower(o),
    }
}

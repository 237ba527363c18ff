use crate::ptx::types::spelled;

spelled! {
    /// What an instruction does, named by the fixed first words of its name.
    #[allow(missing_docs)]
    Opcode {
        // Integer and floating-point arithmetic.
        Add "add", Sub "sub", Mul "mul", Mad "mad", Fma "fma", Div "div", Rem "rem",
        Abs "abs", Neg "neg", Min "min", Max "max", Sad "sad",
        AddCarryOut "add.cc", AddCarry "addc", SubBorrowOut "sub.cc", SubBorrow "subc",
        MadCarry "madc", Mul24 "mul24", Mad24 "mad24", Dp4a "dp4a", Dp2a "dp2a",
        Sqrt "sqrt", Rsqrt "rsqrt", Rcp "rcp", Sin "sin", Cos "cos", Lg2 "lg2", Ex2 "ex2",
        Tanh "tanh", Testp "testp", Copysign "copysign",
        // Bits.
        And "and", Or "or", Xor "xor", Not "not", Cnot "cnot", Lop3 "lop3", Shl "shl", Shr "shr",
        Shf "shf", Popc "popc", Clz "clz", Brev "brev", Bfind "bfind", Bfe "bfe", Bfi "bfi",
        Fns "fns", Prmt "prmt", Szext "szext", Bmsk "bmsk",
        // Comparison and selection.
        Setp "setp", Set "set", Selp "selp", Slct "slct",
        // Moves, conversions, addresses.
        Mov "mov", Cvt "cvt", CvtPack "cvt.pack", Cvta "cvta", Isspacep "isspacep", Mapa "mapa",
        Getctarank "getctarank",
        // Memory.
        Ld "ld", Ldu "ldu", St "st", Atom "atom", Red "red", Prefetch "prefetch",
        Prefetchu "prefetchu", Applypriority "applypriority", Discard "discard",
        Createpolicy "createpolicy", StAsync "st.async", RedAsync "red.async",
        MultimemLdReduce "multimem.ld_reduce", MultimemSt "multimem.st", MultimemRed "multimem.red",
        Membar "membar", Fence "fence",
        CpAsync "cp.async", CpAsyncCommitGroup "cp.async.commit_group",
        CpAsyncWaitGroup "cp.async.wait_group", CpAsyncWaitAll "cp.async.wait_all",
        CpAsyncMbarrierArrive "cp.async.mbarrier.arrive",
        CpAsyncBulk "cp.async.bulk", CpAsyncBulkPrefetch "cp.async.bulk.prefetch",
        CpAsyncBulkTensor "cp.async.bulk.tensor",
        CpAsyncBulkPrefetchTensor "cp.async.bulk.prefetch.tensor",
        CpReduceAsyncBulk "cp.reduce.async.bulk",
        CpReduceAsyncBulkTensor "cp.reduce.async.bulk.tensor",
        CpAsyncBulkCommitGroup "cp.async.bulk.commit_group",
        CpAsyncBulkWaitGroup "cp.async.bulk.wait_group",
        TensormapReplace "tensormap.replace", TensormapCpFenceproxy "tensormap.cp_fenceproxy",
        // Communication between threads.
        Shfl "shfl", Vote "vote", Match "match", Redux "redux", Activemask "activemask",
        Elect "elect", BarSync "bar.sync", BarArrive "bar.arrive", BarRed "bar.red",
        BarWarpSync "bar.warp.sync", BarrierSync "barrier.sync", BarrierArrive "barrier.arrive",
        BarrierRed "barrier.red", BarrierCtaSync "barrier.cta.sync",
        BarrierCtaArrive "barrier.cta.arrive", BarrierCtaRed "barrier.cta.red",
        BarCtaSync "bar.cta.sync", BarCtaArrive "bar.cta.arrive", BarCtaRed "bar.cta.red",
        BarrierClusterArrive "barrier.cluster.arrive", BarrierClusterWait "barrier.cluster.wait",
        MbarrierInit "mbarrier.init", MbarrierInval "mbarrier.inval",
        MbarrierExpectTx "mbarrier.expect_tx", MbarrierCompleteTx "mbarrier.complete_tx",
        MbarrierArrive "mbarrier.arrive", MbarrierArriveDrop "mbarrier.arrive_drop",
        MbarrierTestWait "mbarrier.test_wait", MbarrierTryWait "mbarrier.try_wait",
        MbarrierPendingCount "mbarrier.pending_count",
        ClusterlaunchcontrolTryCancel "clusterlaunchcontrol.try_cancel",
        ClusterlaunchcontrolQueryCancel "clusterlaunchcontrol.query_cancel",
        Griddepcontrol "griddepcontrol", Setmaxnreg "setmaxnreg",
        // Matrices.
        Ldmatrix "ldmatrix", Stmatrix "stmatrix", Movmatrix "movmatrix", Mma "mma", MmaSp "mma.sp",
        WmmaLoad "wmma.load", WmmaStore "wmma.store", WmmaMma "wmma.mma",
        WgmmaMmaAsync "wgmma.mma_async", WgmmaFence "wgmma.fence",
        WgmmaCommitGroup "wgmma.commit_group", WgmmaWaitGroup "wgmma.wait_group",
        Tcgen05Alloc "tcgen05.alloc", Tcgen05Dealloc "tcgen05.dealloc",
        Tcgen05Relinquish "tcgen05.relinquish_alloc_permit", Tcgen05Ld "tcgen05.ld",
        Tcgen05St "tcgen05.st", Tcgen05Wait "tcgen05.wait", Tcgen05Cp "tcgen05.cp",
        Tcgen05Shift "tcgen05.shift", Tcgen05Mma "tcgen05.mma", Tcgen05Commit "tcgen05.commit",
        Tcgen05Fence "tcgen05.fence",
        // Control flow.
        Bra "bra", BrxIdx "brx.idx", Call "call", Ret "ret", Exit "exit", Trap "trap",
        Brkpt "brkpt", Nanosleep "nanosleep", Pmevent "pmevent",
        Alloca "alloca", Stacksave "stacksave", Stackrestore "stackrestore",
    }
}

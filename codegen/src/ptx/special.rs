use super::types::{ScalarType, spelled};

spelled! {
    /// A special register, read with `mov`.
    #[allow(missing_docs)]
    SpecialRegister {
        TidX "%tid.x", TidY "%tid.y", TidZ "%tid.z",
        NtidX "%ntid.x", NtidY "%ntid.y", NtidZ "%ntid.z",
        CtaidX "%ctaid.x", CtaidY "%ctaid.y", CtaidZ "%ctaid.z",
        NctaidX "%nctaid.x", NctaidY "%nctaid.y", NctaidZ "%nctaid.z",
        LaneId "%laneid", WarpId "%warpid", NwarpId "%nwarpid",
        SmId "%smid", NsmId "%nsmid", GridId "%gridid",
        LanemaskEq "%lanemask_eq", LanemaskLe "%lanemask_le", LanemaskLt "%lanemask_lt",
        LanemaskGe "%lanemask_ge", LanemaskGt "%lanemask_gt",
        Clock "%clock", ClockHi "%clock_hi", Clock64 "%clock64",
        GlobalTimer "%globaltimer", GlobalTimerLo "%globaltimer_lo",
        GlobalTimerHi "%globaltimer_hi",
        IsExplicitCluster "%is_explicit_cluster",
        ClusterIdX "%clusterid.x", ClusterIdY "%clusterid.y", ClusterIdZ "%clusterid.z",
        NclusterIdX "%nclusterid.x", NclusterIdY "%nclusterid.y", NclusterIdZ "%nclusterid.z",
        ClusterCtaidX "%cluster_ctaid.x", ClusterCtaidY "%cluster_ctaid.y",
        ClusterCtaidZ "%cluster_ctaid.z",
        ClusterNctaidX "%cluster_nctaid.x", ClusterNctaidY "%cluster_nctaid.y",
        ClusterNctaidZ "%cluster_nctaid.z",
        ClusterCtarank "%cluster_ctarank", ClusterNctarank "%cluster_nctarank",
        TotalSharedSize "%total_smem_size", DynamicSharedSize "%dynamic_smem_size",
        AggregateSharedSize "%aggr_smem_size",
    }
}

impl SpecialRegister {
    /// The type it is read as.
    pub const fn scalar(self) -> ScalarType {
        match self {
            Self::Clock64 | Self::GlobalTimer | Self::GridId => ScalarType::U64,
            Self::IsExplicitCluster => ScalarType::Pred,
            _ => ScalarType::U32,
        }
    }
}

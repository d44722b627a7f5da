// The live-tensor counter, libtorch's generator and its thread count belong to the process: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

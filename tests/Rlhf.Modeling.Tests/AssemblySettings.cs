// Tests count live tensors, which is a figure of the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

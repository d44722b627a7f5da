[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

// Each test starts processes that train on all cores: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

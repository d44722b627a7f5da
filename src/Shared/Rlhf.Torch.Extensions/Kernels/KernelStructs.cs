using System.Runtime.InteropServices;

namespace Rlhf.Torch.Extensions.Kernels;

// The structures of native/rlhfkernels.h, field by field; that file says what each field means.
#pragma warning disable CS1591, CA1051, CA1815

/// <summary>rk_shadow: a copy of an activation in the type of the weights that read it.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct KernelShadow
{
    public void* Data;
    public float* Scales;
    public long Type;
}

/// <summary>rk_op: one operator of a decode program.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct KernelOperator
{
    public KernelKind Kind;
    public KernelFlags Flags;
    public float* X;
    public KernelShadow XShadow;
    public float* Y;
    public KernelShadow YShadow;
    public void* Weight;
    public void* Scales;
    public void* Weight2;
    public float* Bias;
    public long Type;
    public long Width;
    public long Inner;
    public long Activation;
    public float Epsilon;
    public float Scale;
    public float* Q;
    public float* K;
    public float* V;
    public long QStride;
    public long KStride;
    public long VStride;
    public long QStep;
    public long KStep;
    public long VStep;
    public long Heads;
    public long KeyValueHeads;
    public long HeadDim;
    public long RotaryDim;
    public float* Cos;
    public float* Sin;
    public float* QNorm;
    public float* KNorm;
    public void* KCache;
    public void* VCache;
    public long CacheType;
    public long Window;
    public float* Slopes;
}

/// <summary>rk_batch: the rows of one step.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct KernelBatch
{
    public long Rows;
    public int* Tokens;
    public int* Positions;
    public int* Slots;
    public int* Blocks;
    public long BlocksStride;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AttentionArguments
{
    public float* Q;
    public float* K;
    public float* V;
    public long QBatch;
    public long QStride;
    public long QStep;
    public long KBatch;
    public long KStride;
    public long KStep;
    public long VBatch;
    public long VStride;
    public long VStep;
    public float* Y;
    public float* Lse;
    public float* DY;
    public float* DQ;
    public float* DK;
    public float* DV;
    public int* Sequences;
    public float* Slopes;
    public long Batch;
    public long Length;
    public long Heads;
    public long KeyValueHeads;
    public long HeadDim;
    public long Window;
    public float Scale;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NormArguments
{
    public float* X;
    public float* Weight;
    public float* Bias;
    public float* Y;
    public float* Statistics;
    public float* DY;
    public float* DX;
    public float* DWeight;
    public float* DBias;
    public long Rows;
    public long Width;
    public float Epsilon;
    public int Layer;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ActivateArguments
{
    public float* Gate;
    public float* Up;
    public float* Y;
    public float* DY;
    public float* DGate;
    public float* DUp;
    public long Count;
    public long Activation;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RotaryArguments
{
    public float* X;
    public float* Y;
    public int* Positions;
    public float* Cos;
    public float* Sin;
    public long Rows;
    public long XStride;
    public long Heads;
    public long HeadDim;
    public long RotaryDim;
    public long Backward;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LogprobArguments
{
    public float* Logits;
    public long* Targets;
    public float* Logprobs;
    public float* Lse;
    public float* Entropies;
    public float* Gradients;
    public long Rows;
    public long Width;
    public float Scale;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AdamWArguments
{
    public float* Parameter;
    public float* Gradient;
    public float* First;
    public float* Second;
    public long Count;
    public float Beta1;
    public float Beta2;
    public float Decay;
    public float StepSize;
    public float Epsilon;
    public float GradientFactor;
}

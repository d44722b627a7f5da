using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", size, dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", size.ToArray(), dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [size], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [rows, columns], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [dim0, dim1, dim2], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [size], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [rows, columns], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [dim0, dim1, dim2], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape whose elements are whatever the memory holds.</summary>
    public static Tensor empty(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("empty.memory_format", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", size, dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", size.ToArray(), dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [size], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [rows, columns], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [dim0, dim1, dim2], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [size], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [rows, columns], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [dim0, dim1, dim2], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of zeros.</summary>
    public static Tensor zeros(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("zeros", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", size, dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", size.ToArray(), dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [size], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [rows, columns], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [dim0, dim1, dim2], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [size], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [rows, columns], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [dim0, dim1, dim2], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of ones.</summary>
    public static Tensor ones(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make("ones", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", size, dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", size.ToArray(), dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [size], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [rows, columns], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [dim0, dim1, dim2], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [size], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [rows, columns], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [dim0, dim1, dim2], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, uniform in [0, 1).</summary>
    public static Tensor rand(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("rand", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", size, dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", size.ToArray(), dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [size], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [rows, columns], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [dim0, dim1, dim2], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [size], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [rows, columns], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [dim0, dim1, dim2], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);

    /// <summary>Random numbers, normal with mean 0 and deviation 1.</summary>
    public static Tensor randn(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Random("randn", [dim0, dim1, dim2, dim3], dtype, device, requires_grad, generator, names);

    /// <summary>A tensor of that shape full of one value; without a dtype its type follows the value.</summary>
    public static Tensor full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Full(size, value, dtype, device, requires_grad, names);

    /// <summary>A tensor of that shape full of one value.</summary>
    public static Tensor full(ReadOnlySpan<long> size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Full(size.ToArray(), value, dtype, device, requires_grad, names);

    /// <summary>A tensor with one dimension, full of one value.</summary>
    public static Tensor full(long size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Full([size], value, dtype, device, requires_grad, names);

    /// <summary>A matrix full of one value.</summary>
    public static Tensor full(long rows, long columns, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Full([rows, columns], value, dtype, device, requires_grad, names);

    /// <summary>Zeros in the shape of another tensor.</summary>
    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Like("zeros_like", input, dtype, device, requires_grad, names);

    /// <summary>Ones in the shape of another tensor.</summary>
    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Like("ones_like", input, dtype, device, requires_grad, names);

    /// <summary>Memory in the shape of another tensor, not set.</summary>
    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Like("empty_like", input, dtype, device, requires_grad, names);

    /// <summary>Uniform random numbers in the shape of another tensor.</summary>
    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Like("rand_like", input, dtype, device, requires_grad, null);

    /// <summary>Normal random numbers in the shape of another tensor.</summary>
    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Like("randn_like", input, dtype, device, requires_grad, null);

    /// <summary>One value in the shape of another tensor.</summary>
    public static Tensor full_like(Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Finish(Aten.Call("full_like", input, value, dtype, Arg.None, device), requires_grad, names);

    /// <summary>start, start + step, ... below stop; integers give int64, others the default type.</summary>
    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Finish(Aten.Call("arange.start_step", start, stop, step, dtype, Arg.None, device), requires_grad);

    /// <summary>start, start + 1, ... below stop.</summary>
    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => arange(start, stop, 1, dtype, device, requires_grad);

    /// <summary>0, 1, ... below stop.</summary>
    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => arange(0, stop, 1, dtype, device, requires_grad);

    /// <summary>steps numbers from start to end, both included, equally spaced.</summary>
    public static Tensor linspace(double start, double end, long steps, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Finish(Aten.Call("linspace", start, end, steps, dtype ?? get_default_dtype(), Arg.None, device), requires_grad);

    /// <summary>The identity matrix.</summary>
    public static Tensor eye(long rows, long columns = -1L, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Finish(Aten.Call("eye.m", rows, columns < 0 ? rows : columns, dtype ?? get_default_dtype(), Arg.None, device), requires_grad, names);

    /// <summary>Random integers from 0 to high - 1.</summary>
    public static Tensor randint(long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => randint(0, high, size, dtype, device, requires_grad, generator, names);

    /// <summary>Random integers from low to high - 1.</summary>
    public static Tensor randint(long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Finish(Aten.Call("randint.low_generator", low, high, size, generator, dtype ?? ScalarType.Int64, Arg.None, device), requires_grad, names);

    /// <summary>0 to n - 1 in random order.</summary>
    public static Tensor randperm(long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) => Finish(Aten.Call("randperm.generator", n, generator, dtype ?? ScalarType.Int64, Arg.None, device), requires_grad);

    private static Tensor Make(string name, long[] size, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) =>
        Finish(Aten.Call(name, size, dtype ?? get_default_dtype(), Arg.None, device), requires_grad, names);

    private static Tensor Random(string name, long[] size, ScalarType? dtype, Device? device, bool requires_grad, Generator? generator, string[]? names) =>
        Finish(Aten.Call(name + ".generator", size, generator, dtype ?? get_default_dtype(), Arg.None, device), requires_grad, names);

    private static Tensor Full(long[] size, Scalar value, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) =>
        Finish(Aten.Call("full", size, value, dtype, Arg.None, device), requires_grad, names);

    private static Tensor Like(string name, Tensor input, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) =>
        Finish(Aten.Call(name, input, dtype, Arg.None, device), requires_grad, names);

    private static Tensor Finish(Tensor made, bool requires_grad, string[]? names = null)
    {
        if (names is not null)
        {
            throw new NotSupportedException("Named dimensions are not supported.");
        }

        return requires_grad ? made.requires_grad_() : made;
    }
}

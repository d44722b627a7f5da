namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Sets parameters to their first values, in place and without gradients.</summary>
        public static class init
        {
            /// <summary>Which of a matrix's sizes keeps the deviation.</summary>
            public enum FanInOut
            {
                /// <summary>The inputs: forward.</summary>
                FanIn,

                /// <summary>The outputs: backward.</summary>
                FanOut,
            }

            /// <summary>The function after the layer.</summary>
            public enum NonlinearityType
            {
                /// <summary>None.</summary>
                Linear = 0,

                /// <summary>1 / (1 + e^-x).</summary>
                Sigmoid = 7,

                /// <summary>tanh.</summary>
                Tanh = 8,

                /// <summary>max(x, 0).</summary>
                ReLU = 9,

                /// <summary>max(x, slope * x).</summary>
                LeakyReLU = 10,
            }

            /// <summary>Normal numbers.</summary>
            public static Tensor normal_(Tensor tensor, double mean = 0.0, double std = 1.0, Generator? generator = null) =>
                WithoutGradients(tensor, x => x.normal_(mean, std, generator));

            /// <summary>Uniform numbers.</summary>
            public static Tensor uniform_(Tensor tensor, double low = 0.0, double high = 1.0, Generator? generator = null) =>
                WithoutGradients(tensor, x => x.uniform_(low, high, generator));

            /// <summary>Zeros.</summary>
            public static Tensor zeros_(Tensor tensor) => WithoutGradients(tensor, x => x.zero_());

            /// <summary>Ones.</summary>
            public static Tensor ones_(Tensor tensor) => WithoutGradients(tensor, x => x.fill_(1));

            /// <summary>One value.</summary>
            public static Tensor constant_(Tensor tensor, Scalar val) => WithoutGradients(tensor, x => x.fill_(val));

            /// <summary>Uniform numbers within gain * sqrt(6 / (inputs + outputs)) of zero.</summary>
            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1.0)
            {
                var (inputs, outputs) = Fans(tensor);
                var bound = gain * Math.Sqrt(6.0 / (inputs + outputs));
                return uniform_(tensor, -bound, bound);
            }

            /// <summary>Uniform numbers within gain * sqrt(3 / fan) of zero, the gain being that of the nonlinearity.</summary>
            public static Tensor kaiming_uniform_(
                Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU)
            {
                var (inputs, outputs) = Fans(tensor);
                var bound = calculate_gain(nonlinearity, a) * Math.Sqrt(3.0 / (mode == FanInOut.FanIn ? inputs : outputs));
                return uniform_(tensor, -bound, bound);
            }

            /// <summary>Orthogonal rows or columns (whichever are fewer), times gain.</summary>
            public static Tensor orthogonal_(Tensor tensor, double gain = 1.0)
            {
                using var guard = no_grad();
                using var scope = NewDisposeScope();
                var rows = tensor.shape[0];
                var columns = tensor.numel() / rows;
                var random = randn(Math.Max(rows, columns), Math.Min(rows, columns), tensor.dtype, tensor.device);
                var (q, r) = Native.Aten.CallPair("linalg_qr", random);

                // The signs make the result uniform over all orthogonal matrices.
                q = q * r.diagonal().sign();
                tensor.copy_((rows < columns ? q.t() : q).mul(gain).reshape(tensor.shape));
                return tensor;
            }

            /// <summary>What a nonlinearity does to the deviation, turned around.</summary>
            public static double calculate_gain(NonlinearityType nonlinearity, double param = 0.0) => nonlinearity switch
            {
                NonlinearityType.Linear or NonlinearityType.Sigmoid => 1,
                NonlinearityType.Tanh => 5.0 / 3,
                NonlinearityType.ReLU => Math.Sqrt(2),
                NonlinearityType.LeakyReLU => Math.Sqrt(2 / (1 + (param * param))),
                _ => throw new ArgumentOutOfRangeException(nameof(nonlinearity), nonlinearity, "no such nonlinearity"),
            };

            private static (long Inputs, long Outputs) Fans(Tensor tensor)
            {
                var shape = tensor.shape;
                if (shape.Length < 2)
                {
                    throw new ArgumentException($"Fan in and fan out are those of a matrix, not of a tensor with {shape.Length} dimensions.");
                }

                var field = tensor.numel() / shape[0] / shape[1];
                return (shape[1] * field, shape[0] * field);
            }

            private static Tensor WithoutGradients(Tensor tensor, Action<Tensor> change)
            {
                using var guard = no_grad();
                change(tensor);
                return tensor;
            }
        }
    }
}

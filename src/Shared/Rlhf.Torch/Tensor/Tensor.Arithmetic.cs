using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The elementwise sum (broadcast).</summary>
        public Tensor add(Tensor target) => Aten.Call("add.Tensor", this, target);

        /// <summary>The elementwise sum, the other tensor times alpha.</summary>
        public Tensor add(Tensor target, Scalar alpha) => Aten.Call("add.Tensor", this, target, alpha);

        /// <summary>The elementwise sum, the other tensor times alpha, in place.</summary>
        public Tensor add_(Tensor target, Scalar alpha) => Aten.CallInPlace(this, "add_.Tensor", this, target, alpha);

        /// <summary>The sum of every element and a number.</summary>
        public Tensor add(Scalar scalar) => Aten.Call("add.Scalar", this, scalar);

        /// <summary>The elementwise sum, in place.</summary>
        public Tensor add_(Tensor target) => Aten.CallInPlace(this, "add_.Tensor", this, target);

        /// <summary>The sum of every element and a number, in place.</summary>
        public Tensor add_(Scalar scalar) => Aten.CallInPlace(this, "add_.Scalar", this, scalar);

        /// <summary>The elementwise difference (broadcast).</summary>
        public Tensor sub(Tensor target) => Aten.Call("sub.Tensor", this, target);

        /// <summary>The difference of every element and a number.</summary>
        public Tensor sub(Scalar target) => Aten.Call("sub.Scalar", this, target);

        /// <summary>The elementwise difference, in place.</summary>
        public Tensor sub_(Tensor target) => Aten.CallInPlace(this, "sub_.Tensor", this, target);

        /// <summary>The difference of every element and a number, in place.</summary>
        public Tensor sub_(Scalar target) => Aten.CallInPlace(this, "sub_.Scalar", this, target);

        /// <summary>The elementwise product (broadcast).</summary>
        public Tensor mul(Tensor target) => Aten.Call("mul.Tensor", this, target);

        /// <summary>The product of every element and a number.</summary>
        public Tensor mul(Scalar target) => Aten.Call("mul.Scalar", this, target);

        /// <summary>The elementwise product, in place.</summary>
        public Tensor mul_(Tensor target) => Aten.CallInPlace(this, "mul_.Tensor", this, target);

        /// <summary>The product of every element and a number, in place.</summary>
        public Tensor mul_(Scalar target) => Aten.CallInPlace(this, "mul_.Scalar", this, target);

        /// <summary>The elementwise quotient (broadcast).</summary>
        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Aten.Call("div.Tensor", this, target)
            : Aten.Call("div.Tensor_mode", this, target, rounding_mode.ToString());

        /// <summary>Every element divided by a number.</summary>
        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Aten.Call("div.Scalar", this, target)
            : Aten.Call("div.Scalar_mode", this, target, rounding_mode.ToString());

        /// <summary>Every element to the power of a number.</summary>
        public Tensor pow(Scalar exponent) => Aten.Call("pow.Tensor_Scalar", this, exponent);

        /// <summary>Every element to the power of its partner.</summary>
        public Tensor pow(Tensor exponent) => Aten.Call("pow.Tensor_Tensor", this, exponent);

        /// <summary>The remainder of the elementwise division, with the sign of the divisor.</summary>
        public Tensor remainder(Tensor target) => Aten.Call("remainder.Tensor", this, target);

        /// <summary>The remainder of every element divided by a number, with the sign of the divisor.</summary>
        public Tensor remainder(Scalar scalar) => Aten.Call("remainder.Scalar", this, scalar);

        /// <summary>x + value * tensor1 * tensor2.</summary>
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.Call("addcmul", this, tensor1, tensor2, value);

        /// <summary>x + value * tensor1 / tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.Call("addcdiv", this, tensor1, tensor2, value);

        /// <summary>x + tensor1 / tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2) => Aten.Call("addcdiv", this, tensor1, tensor2);

        /// <summary>x + weight * (end - x), elementwise.</summary>
        public Tensor lerp(Tensor end, Tensor weight) => Aten.Call("lerp.Tensor", this, end, weight);

        /// <summary>Every element, at least min and at most max.</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.Call("clamp", this, min, max);

        /// <summary>Every element, at least its partner in min and at most that in max.</summary>
        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Aten.Call("clamp.Tensor", this, min, max);

        /// <summary>Every element, at least min.</summary>
        public Tensor clamp_min(Scalar min) => Aten.Call("clamp_min", this, min);

        /// <summary>Every element, at most max.</summary>
        public Tensor clamp_max(Scalar max) => Aten.Call("clamp_max", this, max);

        /// <summary>The elementwise quotient (broadcast), in place.</summary>
        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Aten.CallInPlace(this, "div_.Tensor", this, target)
            : Aten.CallInPlace(this, "div_.Tensor_mode", this, target, rounding_mode.ToString());

        /// <summary>Every element divided by a number, in place.</summary>
        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Aten.CallInPlace(this, "div_.Scalar", this, target)
            : Aten.CallInPlace(this, "div_.Scalar_mode", this, target, rounding_mode.ToString());

        /// <summary>Every element to the power of a number, in place.</summary>
        public Tensor pow_(Scalar exponent) => Aten.CallInPlace(this, "pow_.Scalar", this, exponent);

        /// <summary>Every element to the power of its partner, in place.</summary>
        public Tensor pow_(Tensor exponent) => Aten.CallInPlace(this, "pow_.Tensor", this, exponent);

        /// <summary>The remainder of the elementwise division, with the sign of the divisor, in place.</summary>
        public Tensor remainder_(Tensor target) => Aten.CallInPlace(this, "remainder_.Tensor", this, target);

        /// <summary>The remainder of every element divided by a number, with the sign of the divisor, in place.</summary>
        public Tensor remainder_(Scalar scalar) => Aten.CallInPlace(this, "remainder_.Scalar", this, scalar);

        /// <summary>x + value * tensor1 * tensor2, in place.</summary>
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.CallInPlace(this, "addcmul_", this, tensor1, tensor2, value);

        /// <summary>x + value * tensor1 / tensor2, in place.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.CallInPlace(this, "addcdiv_", this, tensor1, tensor2, value);

        /// <summary>x + tensor1 / tensor2, in place.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2) => Aten.CallInPlace(this, "addcdiv_", this, tensor1, tensor2);

        /// <summary>x + weight * (end - x), elementwise, in place.</summary>
        public Tensor lerp_(Tensor end, Tensor weight) => Aten.CallInPlace(this, "lerp_.Tensor", this, end, weight);

        /// <summary>Every element, at least min and at most max, in place.</summary>
        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Aten.CallInPlace(this, "clamp_", this, min, max);

        /// <summary>Every element, at least its partner in min and at most that in max, in place.</summary>
        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => Aten.CallInPlace(this, "clamp_.Tensor", this, min, max);

        /// <summary>Every element, at least min, in place.</summary>
        public Tensor clamp_min_(Scalar min) => Aten.CallInPlace(this, "clamp_min_", this, min);

        /// <summary>Every element, at most max, in place.</summary>
        public Tensor clamp_max_(Scalar max) => Aten.CallInPlace(this, "clamp_max_", this, max);

        /// <summary>The lesser of each pair of elements.</summary>
        public Tensor minimum(Tensor other) => Aten.Call("minimum", this, other);

        /// <summary>The greater of each pair of elements.</summary>
        public Tensor maximum(Tensor other) => Aten.Call("maximum", this, other);

        /// <summary>Every element set to the number; returns itself.</summary>
        public Tensor fill_(Scalar value) => Aten.CallInPlace(this, "fill_.Scalar", this, value);

        /// <summary>Every element set to zero; returns itself.</summary>
        public Tensor zero_() => Aten.CallInPlace(this, "zero_", this);
    }
}

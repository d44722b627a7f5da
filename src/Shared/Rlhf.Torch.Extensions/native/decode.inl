// The decode operators for one instruction set; included once for each, inside a namespace and a target region.

// ---- vectors of W floats
#if RK_ISA >= 2
using F = __m512;
constexpr int W = 16;
inline F Zero() { return _mm512_setzero_ps(); }
inline F Set(float x) { return _mm512_set1_ps(x); }
inline F Load(const float* p) { return _mm512_loadu_ps(p); }
inline F LoadPart(const float* p, int n) { return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p); }
inline void Store(float* p, F x) { _mm512_storeu_ps(p, x); }
inline void StorePart(float* p, F x, int n) { _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), x); }
inline F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
inline F Max(F a, F b) { return _mm512_max_ps(a, b); }
inline F Min(F a, F b) { return _mm512_min_ps(a, b); }
inline F Floor(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
inline float Sum(F x) { return _mm512_reduce_add_ps(x); }
inline float Largest(F x) { return _mm512_reduce_max_ps(x); }
// x * 2^n for whole n.
inline F Scale2(F x, F n) { return _mm512_scalef_ps(x, n); }
inline F FromBf16(const uint16_t* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
}
inline F FromBf16Part(const uint16_t* p, int n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1), p)), 16));
}
inline F FromInt8(const int8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))); }
// 2·W bf16 numbers: those at even places, and those at odd places.
inline void FromBf16Pairs(const uint16_t* p, F& even, F& odd) {
  const __m512i both = _mm512_loadu_si512(p);
  even = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
  odd = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
}
// The sums of four vectors.
inline __m128 Sum4(F a, F b, F c, F d) {
  const F ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const F cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const F all = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}
#else
using F = __m256;
constexpr int W = 8;
inline F Zero() { return _mm256_setzero_ps(); }
inline F Set(float x) { return _mm256_set1_ps(x); }
inline F Load(const float* p) { return _mm256_loadu_ps(p); }
inline __m256i PartMask(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline F LoadPart(const float* p, int n) { return _mm256_maskload_ps(p, PartMask(n)); }
inline void Store(float* p, F x) { _mm256_storeu_ps(p, x); }
inline void StorePart(float* p, F x, int n) { _mm256_maskstore_ps(p, PartMask(n), x); }
inline F Fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
inline F Max(F a, F b) { return _mm256_max_ps(a, b); }
inline F Min(F a, F b) { return _mm256_min_ps(a, b); }
inline F Floor(F a) { return _mm256_floor_ps(a); }
inline F Scale2(F x, F n) {
  // In two halves, so that neither exponent leaves the range of a float.
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i first = _mm256_srai_epi32(whole, 1);
  const __m256i second = _mm256_sub_epi32(whole, first);
  const __m256i bias = _mm256_set1_epi32(127);
  x = _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(first, bias), 23)));
  return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(second, bias), 23)));
}
inline float Sum(F x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
inline float Largest(F x) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}
inline F FromBf16(const uint16_t* p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
}
inline F FromBf16Part(const uint16_t* p, int n) {
  alignas(16) uint16_t part[8] = {};
  for (int i = 0; i < n; i++) part[i] = p[i];
  return FromBf16(part);
}
inline F FromInt8(const int8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))); }
inline void FromBf16Pairs(const uint16_t* p, F& even, F& odd) {
  const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
  odd = _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
}
inline __m128 Sum4(F a, F b, F c, F d) {
  const F all = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}
#endif

// exp(x) to about 2 units in the last place: x = n·ln 2 + r, |r| ≤ ln 2 / 2, and the series of exp(r) to degree 7.
inline F Exp(F x) {
  x = Max(Set(-103.97f), Min(Set(88.7228f), x));  // in this order a NaN stays one
  const F n = Floor(Fma(x, Set(1.44269504f), Set(0.5f)));
  F r = Fma(n, Set(-0.693359375f), x);  // ln 2 in two parts: n times the first one is exact
  r = Fma(n, Set(2.12194440e-4f), r);
  F p = Set(1.98412698e-4f);
  p = Fma(p, r, Set(1.38888889e-3f));
  p = Fma(p, r, Set(8.33333333e-3f));
  p = Fma(p, r, Set(4.16666667e-2f));
  p = Fma(p, r, Set(1.66666667e-1f));
  p = Fma(p, r, Set(0.5f));
  p = Fma(p, r, Set(1.0f));
  p = Fma(p, r, Set(1.0f));
  return Scale2(p, n);
}

// exp, and exactly 0 for −∞.
inline F ExpOrZero(F x) {
#if RK_ISA >= 2
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, Set(-103.0f), _CMP_NLT_UQ), Exp(x));
#else
  return _mm256_and_ps(Exp(x), _mm256_cmp_ps(x, Set(-103.0f), _CMP_NLT_UQ));
#endif
}

#if RK_ISA >= 2
inline F KeepLanes(F x, int n) { return _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << n) - 1), x); }
inline F Root(F x) { return _mm512_sqrt_ps(x); }
#else
inline F KeepLanes(F x, int n) { return _mm256_and_ps(x, _mm256_castsi256_ps(PartMask(n))); }
inline F Root(F x) { return _mm256_sqrt_ps(x); }
#endif

inline F Sigmoid(F x) { return Set(1.0f) / (Set(1.0f) + Exp(Zero() - x)); }

template <int kActivation>
inline F Activated(F x) {
  if constexpr (kActivation == RK_SILU) return x * Sigmoid(x);
  if constexpr (kActivation == RK_RELU) return Max(x, Zero());
  if constexpr (kActivation == RK_GELU_TANH) {
    // ½x(1 + tanh u) = x·sigmoid(2u), u = √(2/π)·(x + 0.044715x³)
    const F u = x * Fma(x * x, Set(0.0356774081f), Set(0.7978845608f));
    return x * Sigmoid(u + u);
  }
  if constexpr (kActivation == RK_GELU) {
    alignas(64) float lanes[W];
    Store(lanes, x);
    for (float& lane : lanes) lane = 0.5f * lane * (1.0f + erff(lane * 0.70710678f));
    return Load(lanes);
  }
  return x;
}

// y = activation(y), times up where there is one.
template <int kActivation>
inline void ActivateAs(float* y, const float* up, int64_t n) {
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    F value = Activated<kActivation>(Load(y + i));
    if (up != nullptr) value = value * Load(up + i);
    Store(y + i, value);
  }
  if (const int rest = static_cast<int>(n - i); rest > 0) {
    F value = Activated<kActivation>(LoadPart(y + i, rest));
    if (up != nullptr) value = value * LoadPart(up + i, rest);
    StorePart(y + i, value, rest);
  }
}

void ActivateRow(int64_t activation, float* y, const float* up, int64_t n) {
  switch (activation) {
    case RK_SILU: return ActivateAs<RK_SILU>(y, up, n);
    case RK_GELU: return ActivateAs<RK_GELU>(y, up, n);
    case RK_GELU_TANH: return ActivateAs<RK_GELU_TANH>(y, up, n);
    case RK_RELU: return ActivateAs<RK_RELU>(y, up, n);
    default: if (up != nullptr) ActivateAs<RK_NONE>(y, up, n);
  }
}

// ---- copies of activations in the weights' type

void ToBf16(const float* x, uint16_t* y, int64_t n) {
  int64_t i = 0;
#if RK_ISA >= 3
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(Load(x + i))));
#endif
  for (; i < n; i++) y[i] = RoundToBf16(x[i]);
}

// Blocks of 32: the largest magnitude becomes 127.
void ToQ8(const float* x, int8_t* y, float* scales, int64_t n) {
  for (int64_t b = 0; b < n / 32; b++, x += 32, y += 32) {
    F largest = Zero();
    for (int i = 0; i < 32; i += W) largest = Max(largest, Max(Load(x + i), Zero() - Load(x + i)));
    const float scale = Largest(largest) / 127.0f;
    const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
    scales[b] = scale;
    for (int i = 0; i < 32; i += W) {
#if RK_ISA >= 2
      const __m512i whole = _mm512_cvtps_epi32(Load(x + i) * Set(inverse));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), _mm512_cvtsepi32_epi8(whole));
#else
      alignas(32) int32_t whole[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(whole), _mm256_cvtps_epi32(Load(x + i) * Set(inverse)));
      for (int k = 0; k < 8; k++) y[i + k] = static_cast<int8_t>(whole[k]);
#endif
    }
  }
}

// Part [begin, end) of row n of an activation; begin and end are multiples of 32 for Q8.
void MakeShadow(const rk_shadow& shadow, const float* y, int64_t n, int64_t width, int64_t begin, int64_t end) {
  if (shadow.data == nullptr) return;
  const float* from = y + n * width + begin;
  if (shadow.type == RK_BF16) {
    ToBf16(from, static_cast<uint16_t*>(shadow.data) + n * width + begin, end - begin);
  } else {
    ToQ8(from, static_cast<int8_t*>(shadow.data) + n * width + begin, shadow.scales + (n * width + begin) / 32, end - begin);
  }
}

// ---- linear: dot products of M rows of x with 4 rows of the weight, both contiguous

template <int M>
inline void Dot(const float* x, const float* w, int64_t stride, int64_t inner, __m128* sums) {
  F acc[M][4];
  for (int m = 0; m < M; m++)
    for (int o = 0; o < 4; o++) acc[m][o] = Zero();
  int64_t i = 0;
  for (; i + W <= inner; i += W) {
    const F w0 = Load(w + i), w1 = Load(w + stride + i), w2 = Load(w + 2 * stride + i), w3 = Load(w + 3 * stride + i);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const F v = Load(x + m * stride + i);
      acc[m][0] = Fma(v, w0, acc[m][0]);
      acc[m][1] = Fma(v, w1, acc[m][1]);
      acc[m][2] = Fma(v, w2, acc[m][2]);
      acc[m][3] = Fma(v, w3, acc[m][3]);
    }
  }
  if (const int rest = static_cast<int>(inner - i); rest > 0) {
    const F w0 = LoadPart(w + i, rest), w1 = LoadPart(w + stride + i, rest);
    const F w2 = LoadPart(w + 2 * stride + i, rest), w3 = LoadPart(w + 3 * stride + i, rest);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const F v = LoadPart(x + m * stride + i, rest);
      acc[m][0] = Fma(v, w0, acc[m][0]);
      acc[m][1] = Fma(v, w1, acc[m][1]);
      acc[m][2] = Fma(v, w2, acc[m][2]);
      acc[m][3] = Fma(v, w3, acc[m][3]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) sums[m] = Sum4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
}

// fp32 x against bf16 weights, widened on the way: for processors whose bf16 products are no faster than fp32 ones.
template <int M>
inline void DotWidened(const float* x, const uint16_t* w, int64_t inner, __m128* sums) {
  F acc[M][4];
  for (int m = 0; m < M; m++)
    for (int o = 0; o < 4; o++) acc[m][o] = Zero();
  int64_t i = 0;
  for (; i + W <= inner; i += W) {
    const F w0 = FromBf16(w + i), w1 = FromBf16(w + inner + i), w2 = FromBf16(w + 2 * inner + i), w3 = FromBf16(w + 3 * inner + i);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const F v = Load(x + m * inner + i);
      acc[m][0] = Fma(v, w0, acc[m][0]);
      acc[m][1] = Fma(v, w1, acc[m][1]);
      acc[m][2] = Fma(v, w2, acc[m][2]);
      acc[m][3] = Fma(v, w3, acc[m][3]);
    }
  }
  if (const int rest = static_cast<int>(inner - i); rest > 0) {
    const F w0 = FromBf16Part(w + i, rest), w1 = FromBf16Part(w + inner + i, rest);
    const F w2 = FromBf16Part(w + 2 * inner + i, rest), w3 = FromBf16Part(w + 3 * inner + i, rest);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const F v = LoadPart(x + m * inner + i, rest);
      acc[m][0] = Fma(v, w0, acc[m][0]);
      acc[m][1] = Fma(v, w1, acc[m][1]);
      acc[m][2] = Fma(v, w2, acc[m][2]);
      acc[m][3] = Fma(v, w3, acc[m][3]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) sums[m] = Sum4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
}

#if RK_ISA >= 3
template <int M>
inline void DotBf16(const uint16_t* x, const uint16_t* w, int64_t inner, __m128* sums) {
  F acc[M][4];
  for (int m = 0; m < M; m++)
    for (int o = 0; o < 4; o++) acc[m][o] = Zero();
  const auto load = [](const uint16_t* p) __attribute__((always_inline)) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p)); };
  int64_t i = 0;
  for (; i + 32 <= inner; i += 32) {
    const __m512bh w0 = load(w + i), w1 = load(w + inner + i), w2 = load(w + 2 * inner + i), w3 = load(w + 3 * inner + i);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const __m512bh v = load(x + m * inner + i);
      acc[m][0] = _mm512_dpbf16_ps(acc[m][0], v, w0);
      acc[m][1] = _mm512_dpbf16_ps(acc[m][1], v, w1);
      acc[m][2] = _mm512_dpbf16_ps(acc[m][2], v, w2);
      acc[m][3] = _mm512_dpbf16_ps(acc[m][3], v, w3);
    }
  }
  if (const int rest = static_cast<int>(inner - i); rest > 0) {
    const __mmask32 mask = static_cast<__mmask32>((1ull << rest) - 1);
    const auto part = [mask](const uint16_t* p) __attribute__((always_inline)) { return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(mask, p)); };
    const __m512bh w0 = part(w + i), w1 = part(w + inner + i), w2 = part(w + 2 * inner + i), w3 = part(w + 3 * inner + i);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const __m512bh v = part(x + m * inner + i);
      acc[m][0] = _mm512_dpbf16_ps(acc[m][0], v, w0);
      acc[m][1] = _mm512_dpbf16_ps(acc[m][1], v, w1);
      acc[m][2] = _mm512_dpbf16_ps(acc[m][2], v, w2);
      acc[m][3] = _mm512_dpbf16_ps(acc[m][3], v, w3);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) sums[m] = Sum4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
}
#endif

// Two blocks of 32 products, not yet scaled; lanes of a block stay together. The magnitudes of x are the unsigned factor the
// instruction wants; w takes over their signs.
#if RK_ISA >= 2
inline F BlockPair(const int8_t* x, const int8_t* w) {
  const __m512i xs = _mm512_loadu_si512(x);
  const __m512i ws = _mm512_loadu_si512(w);
  const __m512i magnitude = _mm512_abs_epi8(xs);
  const __m512i turned = _mm512_mask_sub_epi8(ws, _mm512_movepi8_mask(xs), _mm512_setzero_si512(), ws);
#if RK_ISA >= 3
  return _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), magnitude, turned));
#else
  return _mm512_cvtepi32_ps(_mm512_madd_epi16(_mm512_maddubs_epi16(magnitude, turned), _mm512_set1_epi16(1)));
#endif
}
inline F OneBlock(const int8_t* x, const int8_t* w) {
  const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  const __m256i ws = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(xs), _mm256_sign_epi8(ws, xs));
  return _mm512_zextps256_ps512(_mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
}
#else
inline F OneBlock(const int8_t* x, const int8_t* w) {
  const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  const __m256i ws = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(xs), _mm256_sign_epi8(ws, xs));
  return _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#endif

template <int M>
inline void DotQ8(const int8_t* x, const float* x_scales, const int8_t* w, const uint16_t* w_scales, int64_t inner, __m128* sums) {
  const int64_t blocks = inner / 32;
  F acc[M][4];
  for (int m = 0; m < M; m++)
    for (int o = 0; o < 4; o++) acc[m][o] = Zero();
  int64_t b = 0;
#if RK_ISA >= 2
  for (; b + 2 <= blocks; b += 2) {
    F factor[4];
    for (int o = 0; o < 4; o++) {
      const float first = _cvtsh_ss(w_scales[o * blocks + b]), second = _cvtsh_ss(w_scales[o * blocks + b + 1]);
      factor[o] = _mm512_insertf32x8(_mm512_set1_ps(first), _mm256_set1_ps(second), 1);
    }
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const F xs = _mm512_insertf32x8(_mm512_set1_ps(x_scales[m * blocks + b]), _mm256_set1_ps(x_scales[m * blocks + b + 1]), 1);
#pragma GCC unroll 4
      for (int o = 0; o < 4; o++)
        acc[m][o] = Fma(BlockPair(x + m * inner + b * 32, w + o * inner + b * 32), factor[o] * xs, acc[m][o]);
    }
  }
#endif
  for (; b < blocks; b++) {
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
#pragma GCC unroll 4
      for (int o = 0; o < 4; o++) {
        const float factor = x_scales[m * blocks + b] * _cvtsh_ss(w_scales[o * blocks + b]);
        acc[m][o] = Fma(OneBlock(x + m * inner + b * 32, w + o * inner + b * 32), Set(factor), acc[m][o]);
      }
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) sums[m] = Sum4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
}

template <int M>
inline void Tile(const rk_op& op, int64_t n, int64_t o, [[maybe_unused]] bool fast_bf16, __m128* sums) {
  const int64_t inner = op.inner;
  if (op.type == RK_F32) {
    Dot<M>(op.x + n * inner, static_cast<const float*>(op.weight) + o * inner, inner, inner, sums);
  } else if (op.type == RK_BF16) {
    const uint16_t* w = static_cast<const uint16_t*>(op.weight) + o * inner;
#if RK_ISA >= 3
    if (fast_bf16) return DotBf16<M>(static_cast<const uint16_t*>(op.x_shadow.data) + n * inner, w, inner, sums);
#endif
    DotWidened<M>(op.x + n * inner, w, inner, sums);
  } else {
    DotQ8<M>(static_cast<const int8_t*>(op.x_shadow.data) + n * inner, op.x_shadow.scales + n * inner / 32,
             static_cast<const int8_t*>(op.weight) + o * inner, static_cast<const uint16_t*>(op.scales) + o * inner / 32, inner, sums);
  }
}

// One row of the weight against one row of x, for the outputs behind the last four.
float Single(const rk_op& op, int64_t n, int64_t o) {
  const int64_t inner = op.inner;
  F acc = Zero();
  int64_t i = 0;
  if (op.type == RK_F32) {
    const float* x = op.x + n * inner;
    const float* w = static_cast<const float*>(op.weight) + o * inner;
    for (; i + W <= inner; i += W) acc = Fma(Load(x + i), Load(w + i), acc);
    if (i < inner) acc = Fma(LoadPart(x + i, static_cast<int>(inner - i)), LoadPart(w + i, static_cast<int>(inner - i)), acc);
  } else if (op.type == RK_BF16) {
    const float* x = op.x + n * inner;
    const uint16_t* w = static_cast<const uint16_t*>(op.weight) + o * inner;
    for (; i + W <= inner; i += W) acc = Fma(Load(x + i), FromBf16(w + i), acc);
    if (i < inner) acc = Fma(LoadPart(x + i, static_cast<int>(inner - i)), FromBf16Part(w + i, static_cast<int>(inner - i)), acc);
  } else {
    const int8_t* x = static_cast<const int8_t*>(op.x_shadow.data) + n * inner;
    const int8_t* w = static_cast<const int8_t*>(op.weight) + o * inner;
    for (int64_t b = 0; b < inner / 32; b++) {
      const float factor = op.x_shadow.scales[n * inner / 32 + b] * _cvtsh_ss(static_cast<const uint16_t*>(op.scales)[o * inner / 32 + b]);
      acc = Fma(OneBlock(x + b * 32, w + b * 32), Set(factor), acc);
    }
  }
  return Sum(acc);
}

inline void Put(const rk_op& op, int64_t n, int64_t o, __m128 sums) {
  float* y = op.y + n * op.width + o;
  if (op.bias != nullptr) sums = _mm_add_ps(sums, _mm_loadu_ps(op.bias + o));
  if (op.flags & RK_ACCUMULATE) sums = _mm_add_ps(sums, _mm_loadu_ps(y));
  _mm_storeu_ps(y, sums);
}

template <int M>
inline void Tiles(const rk_op& op, int64_t n, int64_t begin, int64_t end, bool fast_bf16) {
  __m128 sums[M];
  int64_t o = begin;
  for (; o + 4 <= end; o += 4) {
    Tile<M>(op, n, o, fast_bf16, sums);
    for (int m = 0; m < M; m++) Put(op, n + m, o, sums[m]);
  }
  for (; o < end; o++) {
    for (int m = 0; m < M; m++) {
      float* y = op.y + (n + m) * op.width + o;
      *y = Single(op, n + m, o) + (op.bias != nullptr ? op.bias[o] : 0.0f) + (op.flags & RK_ACCUMULATE ? *y : 0.0f);
    }
  }
}

// Calls body<M> with every run of rows; M is a number of rows that the registers hold.
template <typename Body>
inline void ForRows(int64_t rows, const Body& body) {
  constexpr int kMost = RK_ISA >= 2 ? 6 : 2;
  int64_t n = 0;
  for (; n + kMost <= rows; n += kMost) body(std::integral_constant<int, kMost>(), n);
  switch (rows - n) {
#if RK_ISA >= 2
    case 5: body(std::integral_constant<int, 5>(), n); break;
    case 4: body(std::integral_constant<int, 4>(), n); break;
    case 3: body(std::integral_constant<int, 3>(), n); break;
    case 2: body(std::integral_constant<int, 2>(), n); break;
#endif
    case 1: body(std::integral_constant<int, 1>(), n); break;
    default: break;
  }
}

// Long rows are multiplied in stretches, so that a stretch of M rows of x stays in the first-level cache while the weights pass.
constexpr int64_t kStretch = 1024;

template <int M>
void TilesInStretches(const rk_op& op, const float* w, int64_t n, int64_t begin, int64_t end) {
  const int64_t inner = op.inner;
  __m128 sums[M];
  for (int64_t at = 0; at < inner; at += kStretch) {
    const int64_t length = inner - at < kStretch ? inner - at : kStretch;
    for (int64_t o = begin; o < end; o += 4) {
      Dot<M>(op.x + n * inner + at, w + (o - begin) * inner + at, inner, length, sums);
      for (int m = 0; m < M; m++) {
        if (at == 0) {
          Put(op, n + m, o, sums[m]);
        } else {
          float* y = op.y + (n + m) * op.width + o;
          _mm_storeu_ps(y, _mm_add_ps(_mm_loadu_ps(y), sums[m]));
        }
      }
    }
  }
}

// Rows [begin, end) of a weight in fp32.
void Unpack(const rk_op& op, int64_t begin, int64_t end, float* w) {
  if (op.type == RK_BF16) {
    const uint16_t* from = static_cast<const uint16_t*>(op.weight) + begin * op.inner;
    const int64_t n = (end - begin) * op.inner;
    int64_t i = 0;
    for (; i + W <= n; i += W) Store(w + i, FromBf16(from + i));
    if (i < n) StorePart(w + i, FromBf16Part(from + i, static_cast<int>(n - i)), static_cast<int>(n - i));
    return;
  }
  const int8_t* from = static_cast<const int8_t*>(op.weight) + begin * op.inner;
  const uint16_t* scales = static_cast<const uint16_t*>(op.scales) + begin * op.inner / 32;
  for (int64_t b = 0; b < (end - begin) * op.inner / 32; b++) {
    const F scale = Set(_cvtsh_ss(scales[b]));
    for (int i = 0; i < 32; i += W) Store(w + b * 32 + i, FromInt8(from + b * 32 + i) * scale);
  }
}

// Outputs [begin, end) of all rows. The rows of x go round outside, because a share of the weight stays in the second-level cache.
void Linear(const rk_op& op, const rk_batch& batch, int64_t begin, int64_t end, bool fast_bf16, float* scratch) {
  // With many rows the arithmetic counts, not the memory: short weights are widened once and multiplied in fp32, the fastest there is –
  // unless the processor multiplies bf16 twice as fast.
  const bool widen = op.type != RK_F32 && batch.rows >= kWideRows && !(op.type == RK_BF16 && fast_bf16);
  const int64_t whole = op.type == RK_F32 || widen ? begin + (end - begin) / 4 * 4 : begin;
  if (whole > begin) {
    if (widen) Unpack(op, begin, whole, scratch);
    const float* w = widen ? scratch : static_cast<const float*>(op.weight) + begin * op.inner;
    ForRows(batch.rows, [&](auto count, int64_t n) { TilesInStretches<decltype(count)::value>(op, w, n, begin, whole); });
  }
  if (whole < end) ForRows(batch.rows, [&](auto count, int64_t n) { Tiles<decltype(count)::value>(op, n, whole, end, fast_bf16); });
  for (int64_t n = 0; n < batch.rows; n++) {
    ActivateRow(op.activation, op.y + n * op.width + begin, nullptr, end - begin);
    MakeShadow(op.y_shadow, op.y, n, op.width, begin, end);
  }
}

// ---- the other operators

inline F LoadAs(const void* p, int64_t type, int64_t i, int n) {
  if (type == RK_F32) return n == W ? Load(static_cast<const float*>(p) + i) : LoadPart(static_cast<const float*>(p) + i, n);
  return n == W ? FromBf16(static_cast<const uint16_t*>(p) + i) : FromBf16Part(static_cast<const uint16_t*>(p) + i, n);
}

inline void StoreSome(float* p, F x, int n) {
  if (n == W) Store(p, x); else StorePart(p, x, n);
}

inline int Lanes(int64_t i, int64_t n) { return n - i < W ? static_cast<int>(n - i) : W; }

void EmbedRow(const rk_op& op, const rk_batch& batch, int64_t n) {
  const int64_t token = batch.tokens[n] * op.width, position = (batch.positions[n] + op.inner) * op.width;
  float* y = op.y + n * op.width;
  for (int64_t i = 0; i < op.width; i += W) {
    const int lanes = Lanes(i, op.width);
    F value = op.weight != nullptr ? LoadAs(op.weight, op.type, token + i, lanes) : Zero();
    if (op.weight2 != nullptr) value = value + LoadAs(op.weight2, op.type, position + i, lanes);
    StoreSome(y + i, value, lanes);
  }
  MakeShadow(op.y_shadow, op.y, n, op.width, 0, op.width);
}

// The weight of a norm may be of any type, its bias is fp32.
void NormRow(const rk_op& op, int64_t n) {
  const float* x = op.x + n * op.width;
  float* y = op.y + n * op.width;
  float mean = 0;
  if (op.flags & RK_LAYER_NORM) {
    F sum = Zero();
    for (int64_t i = 0; i < op.width; i += W) sum = sum + LoadPart(x + i, Lanes(i, op.width));
    mean = Sum(sum) / static_cast<float>(op.width);
  }
  F squares = Zero();
  for (int64_t i = 0; i < op.width; i += W) {
    const int lanes = Lanes(i, op.width);
    const F centred = KeepLanes(LoadPart(x + i, lanes) - Set(mean), lanes);
    squares = Fma(centred, centred, squares);
  }
  const float factor = 1.0f / sqrtf(Sum(squares) / static_cast<float>(op.width) + op.epsilon);
  for (int64_t i = 0; i < op.width; i += W) {
    const int lanes = Lanes(i, op.width);
    F value = (LoadPart(x + i, lanes) - Set(mean)) * Set(factor);
    if (op.weight != nullptr) value = value * LoadAs(op.weight, op.type, i, lanes);
    if (op.bias != nullptr) value = value + LoadPart(op.bias + i, lanes);
    StoreSome(y + i, value, lanes);
  }
  MakeShadow(op.y_shadow, op.y, n, op.width, 0, op.width);
}

void NormHead(float* x, const float* weight, int64_t n, float epsilon) {
  F squares = Zero();
  for (int64_t i = 0; i < n; i += W) {
    const F value = LoadPart(x + i, Lanes(i, n));
    squares = Fma(value, value, squares);
  }
  const float factor = 1.0f / sqrtf(Sum(squares) / static_cast<float>(n) + epsilon);
  for (int64_t i = 0; i < n; i += W) {
    const int lanes = Lanes(i, n);
    StoreSome(x + i, LoadPart(x + i, lanes) * Set(factor) * LoadPart(weight + i, lanes), lanes);
  }
}

// Element i turns together with element i + R/2 (the half-rotation layout of Hugging Face's models).
void Turn(float* x, const float* cos, const float* sin, int64_t rotary) {
  const int64_t half = rotary / 2;
  for (int64_t i = 0; i < half; i += W) {
    const int lanes = Lanes(i, half);
    const F first = LoadPart(x + i, lanes), second = LoadPart(x + half + i, lanes);
    const F c = LoadPart(cos + i, lanes), s = LoadPart(sin + i, lanes);
    StoreSome(x + i, first * c - second * s, lanes);
    StoreSome(x + half + i, Fma(second, c, first * s), lanes);
  }
}

inline int64_t Padded(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

void RotateRow(const rk_op& op, const rk_batch& batch, int64_t n) {
  const int64_t position = batch.positions[n], dim = op.head_dim, padded = Padded(dim);
  const float* cos = op.cos != nullptr ? op.cos + position * (op.rotary_dim / 2) : nullptr;
  const float* sin = op.cos != nullptr ? op.sin + position * (op.rotary_dim / 2) : nullptr;
  for (int64_t h = 0; h < op.heads; h++) {
    float* q = op.q + n * op.q_stride + h * op.q_step;
    if (op.q_norm != nullptr) NormHead(q, op.q_norm, dim, op.epsilon);
    if (cos != nullptr) Turn(q, cos, sin, op.rotary_dim);
  }
  const int64_t block = batch.blocks[batch.slots[n] * batch.blocks_stride + position / RK_BLOCK], place = position % RK_BLOCK;
  for (int64_t h = 0; h < op.kv_heads; h++) {
    float* k = op.k + n * op.k_stride + h * op.k_step;
    const float* v = op.v + n * op.v_stride + h * op.v_step;
    if (op.k_norm != nullptr) NormHead(k, op.k_norm, dim, op.epsilon);
    if (cos != nullptr) Turn(k, cos, sin, op.rotary_dim);
    const int64_t head = block * op.kv_heads + h;
    if (op.cache_type == RK_F32) {
      float* keys = static_cast<float*>(op.k_cache) + head * dim * RK_BLOCK + place;
      for (int64_t e = 0; e < dim; e++) keys[e * RK_BLOCK] = k[e];
      memcpy(static_cast<float*>(op.v_cache) + (head * RK_BLOCK + place) * padded, v, dim * sizeof(float));
    } else {
      uint16_t* keys = static_cast<uint16_t*>(op.k_cache) + head * dim * RK_BLOCK + place;
      for (int64_t e = 0; e < dim; e++) keys[e * RK_BLOCK] = RoundToBf16(k[e]);
      ToBf16(v, static_cast<uint16_t*>(op.v_cache) + (head * RK_BLOCK + place) * padded, dim);
    }
  }
}

// Where the score of place t lies: bf16 keys come as even and odd places.
inline int64_t ScoreAt(int64_t t, bool paired) {
  if (!paired) return t;
  const int64_t within = t % (2 * W);
  return t - within + (within % 2) * W + within / 2;
}

// Scores of one query over one block of keys, kept in registers: the lanes are the places.
inline void BlockScores(const float* keys, const float* q, int64_t dim, float* scores) {
  constexpr int kVectors = RK_BLOCK / W;
  F acc[kVectors];
  for (auto& a : acc) a = Zero();
  for (int64_t e = 0; e < dim; e++) {
    const F factor = Set(q[e]);
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; i++) acc[i] = Fma(factor, Load(keys + e * RK_BLOCK + i * W), acc[i]);
  }
  for (int i = 0; i < kVectors; i++) Store(scores + i * W, acc[i]);
}

inline void BlockScores(const uint16_t* keys, const float* q, int64_t dim, float* scores) {
  constexpr int kPairs = RK_BLOCK / (2 * W);
  F even[kPairs], odd[kPairs];
  for (int i = 0; i < kPairs; i++) even[i] = odd[i] = Zero();
  for (int64_t e = 0; e < dim; e++) {
    const F factor = Set(q[e]);
#pragma GCC unroll 2
    for (int i = 0; i < kPairs; i++) {
      F evens, odds;
      FromBf16Pairs(keys + e * RK_BLOCK + i * 2 * W, evens, odds);
      even[i] = Fma(factor, evens, even[i]);
      odd[i] = Fma(factor, odds, odd[i]);
    }
  }
  for (int i = 0; i < kPairs; i++) {
    Store(scores + i * 2 * W, even[i]);
    Store(scores + i * 2 * W + W, odd[i]);
  }
}

inline F LoadElement(const float* p) { return Load(p); }
inline F LoadElement(const uint16_t* p) { return FromBf16(p); }

// All query heads of key/value head h for row n.
template <typename T>
void AttendHead(const rk_op& op, const rk_batch& batch, int64_t n, int64_t h, float* scores) {
  constexpr bool kPaired = sizeof(T) == 2;
  const int64_t position = batch.positions[n], dim = op.head_dim, padded = Padded(dim), group = op.heads / op.kv_heads;
  const int64_t first = op.window > 0 && position + 1 > op.window ? position + 1 - op.window : 0;
  const int64_t first_block = first / RK_BLOCK, last_block = position / RK_BLOCK, origin = first_block * RK_BLOCK;
  const int64_t places = (last_block - first_block + 1) * RK_BLOCK;
  const int32_t* blocks = batch.blocks + batch.slots[n] * batch.blocks_stride;
  const T* k_cache = static_cast<const T*>(op.k_cache);
  const T* v_cache = static_cast<const T*>(op.v_cache);
  for (int64_t g = 0; g < group; g++) {
    const int64_t head = h * group + g;
    const float* q = op.q + n * op.q_stride + head * op.q_step;
    for (int64_t b = first_block; b <= last_block; b++)
      BlockScores(k_cache + (blocks[b] * op.kv_heads + h) * dim * RK_BLOCK, q, dim, scores + (b - first_block) * RK_BLOCK);
    F largest = Set(-INFINITY);
    for (int64_t t = 0; t < places; t += W) Store(scores + t, Load(scores + t) * Set(op.scale));
    if (op.slopes != nullptr)
      for (int64_t t = first; t <= position; t++) scores[ScoreAt(t - origin, kPaired)] += op.slopes[head] * static_cast<float>(t - position);
    for (int64_t t = origin; t < first; t++) scores[ScoreAt(t - origin, kPaired)] = -INFINITY;
    for (int64_t t = position + 1; t < origin + places; t++) scores[ScoreAt(t - origin, kPaired)] = -INFINITY;
    for (int64_t t = 0; t < places; t += W) largest = Max(largest, Load(scores + t));
    const F top = Set(Largest(largest));
    F total = Zero();
    for (int64_t t = 0; t < places; t += W) {
      const F weight = ExpOrZero(Load(scores + t) - top);
      Store(scores + t, weight);
      total = total + weight;
    }
    const F inverse = Set(1.0f / Sum(total));
    float* y = op.y + n * op.width + head * dim;
    for (int64_t e = 0; e < padded; e += 4 * W) {
      const int vectors = static_cast<int>((padded - e + W - 1) / W < 4 ? (padded - e + W - 1) / W : 4);
      F acc[4] = {Zero(), Zero(), Zero(), Zero()};
      for (int64_t b = first_block; b <= last_block; b++) {
        const T* values = v_cache + (blocks[b] * op.kv_heads + h) * RK_BLOCK * padded + e;
        const float* weights = scores + (b - first_block) * RK_BLOCK;
        const int64_t begin = b == first_block ? first - origin : 0;
        const int64_t end = b == last_block ? position % RK_BLOCK + 1 : RK_BLOCK;
        if (vectors == 4) {
          for (int64_t t = begin; t < end; t++) {
            const F weight = Set(weights[ScoreAt(t, kPaired)]);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) acc[i] = Fma(weight, LoadElement(values + t * padded + i * W), acc[i]);
          }
        } else {
          for (int64_t t = begin; t < end; t++) {
            const F weight = Set(weights[ScoreAt(t, kPaired)]);
            for (int i = 0; i < vectors; i++) acc[i] = Fma(weight, LoadElement(values + t * padded + i * W), acc[i]);
          }
        }
      }
      for (int i = 0; i < vectors; i++) {
        const int64_t at = e + i * W;
        if (at < dim) StoreSome(y + at, acc[i] * inverse, Lanes(at, dim));
      }
    }
  }
  MakeShadow(op.y_shadow, op.y, n, op.width, h * group * dim, (h + 1) * group * dim);
}

void AttentionItem(const rk_op& op, const rk_batch& batch, int64_t item, float* scores) {
  const int64_t n = item / op.kv_heads, h = item % op.kv_heads;
  if (op.cache_type == RK_F32) AttendHead<float>(op, batch, n, h, scores); else AttendHead<uint16_t>(op, batch, n, h, scores);
}

void ActivatePart(const rk_op& op, int64_t n, int64_t begin, int64_t end) {
  const float* up = op.weight2 != nullptr ? static_cast<const float*>(op.weight2) + n * op.width + begin : nullptr;
  ActivateRow(op.activation, op.y + n * op.width + begin, up, end - begin);
  MakeShadow(op.y_shadow, op.y, n, op.width, begin, end);
}

void ConvertRow(const rk_op& op, int64_t n) { MakeShadow(op.y_shadow, op.x, n, op.width, 0, op.width); }

const Kernels kKernels = {Linear, EmbedRow, NormRow, RotateRow, AttentionItem, ActivatePart, ConvertRow, ToQ8};

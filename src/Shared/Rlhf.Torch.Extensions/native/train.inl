// The training operators for one instruction set, all in fp32; included after decode.inl inside the same namespace.

// ---- a small matrix product: C[M, N] (+)= Σ_k a(m, k)·B[k, N], a(m, k) = A[m·row + k·step]. Everything lies in the caches.

template <int M, int V>
inline void ProductTile(const float* a, int64_t row, int64_t step, const float* b, int64_t ldb, float* c, int64_t ldc, int64_t k, int last, bool add) {
  F acc[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; m++)
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) acc[m][v] = Zero();
  for (int64_t i = 0; i < k; i++) {
    F row_b[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) row_b[v] = v + 1 == V && last != W ? LoadPart(b + i * ldb + v * W, last) : Load(b + i * ldb + v * W);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const F factor = Set(a[m * row + i * step]);
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) acc[m][v] = Fma(factor, row_b[v], acc[m][v]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) {
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
      float* at = c + m * ldc + v * W;
      const int lanes = v + 1 == V ? last : W;
      F value = acc[m][v];
      if (add) value = value + (lanes == W ? Load(at) : LoadPart(at, lanes));
      StoreSome(at, value, lanes);
    }
  }
}

template <int M>
inline void ProductRows(const float* a, int64_t row, int64_t step, const float* b, int64_t ldb, float* c, int64_t ldc, int64_t n, int64_t k, bool add) {
  constexpr int kMost = RK_ISA >= 2 ? 4 : 2;
  int64_t j = 0;
  for (; j + kMost * W <= n; j += kMost * W) ProductTile<M, kMost>(a, row, step, b + j, ldb, c + j, ldc, k, W, add);
  for (; j < n; j += W) ProductTile<M, 1>(a, row, step, b + j, ldb, c + j, ldc, k, Lanes(j, n), add);
}

inline void Product(const float* a, int64_t row, int64_t step, const float* b, int64_t ldb, float* c, int64_t ldc, int64_t m, int64_t n, int64_t k, bool add) {
  constexpr int kMost = RK_ISA >= 2 ? 6 : 4;
  int64_t i = 0;
  for (; i + kMost <= m; i += kMost) ProductRows<kMost>(a + i * row, row, step, b, ldb, c + i * ldc, ldc, n, k, add);
  for (; i < m; i++) ProductRows<1>(a + i * row, row, step, b, ldb, c + i * ldc, ldc, n, k, add);
}

// ---- attention in tiles: no [T, T] matrix exists at any time (Dao et al. 2022)

constexpr int64_t kTile = 64;

inline void Transpose(const float* x, int64_t stride, int64_t rows, int64_t columns, float* y, int64_t ldy) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) y[c * ldy + r] = x[r * stride + c];
}

// What query i of row b may see of keys [begin, begin + n): the scaled scores, −∞ where it may not.
inline void MaskScores(const rk_attention& a, int64_t b, int64_t head, int64_t i, int64_t begin, int64_t n, float* scores) {
  const int64_t length = a.length;
  for (int64_t j = 0; j < n; j += W) {
    const int lanes = Lanes(j, n);
    StoreSome(scores + j, LoadPart(scores + j, lanes) * Set(a.scale), lanes);
  }
  if (a.slopes != nullptr)
    for (int64_t j = 0; j < n; j++) scores[j] += a.slopes[head] * static_cast<float>(begin + j - i);
  for (int64_t j = i + 1 > begin ? i + 1 - begin : 0; j < n; j++) scores[j] = -INFINITY;
  if (a.window > 0)
    for (int64_t j = 0; j < n && begin + j + a.window <= i; j++) scores[j] = -INFINITY;
  if (a.sequences != nullptr) {
    const int32_t* ids = a.sequences + b * length;
    for (int64_t j = 0; j < n; j++)
      if (ids[begin + j] != ids[i] || ids[i] == 0) scores[j] = -INFINITY;
  }
}

// The first key tile that queries from place i on can see.
inline int64_t FirstKey(const rk_attention& a, int64_t i) {
  const int64_t first = a.window > 0 && i + 1 > a.window ? i + 1 - a.window : 0;
  return first / kTile * kTile;
}

// Item (row b, key/value head h): its query heads' outputs and log-sum-exps.
void AttentionForward(const rk_attention& a, int64_t item, float* scratch) {
  const int64_t b = item / a.kv_heads, h = item % a.kv_heads, group = a.heads / a.kv_heads, dim = a.head_dim, length = a.length;
  const int64_t ldt = (length + kTile - 1) / kTile * kTile;
  float* keys_t = scratch;                  // [dim, length]
  float* scores = keys_t + dim * ldt;       // [kTile, kTile]
  float* top = scores + kTile * kTile;      // [kTile] running maximum
  float* total = top + kTile;               // [kTile] running sum
  const float* k = a.k + b * a.k_batch + h * a.k_step;
  const float* v = a.v + b * a.v_batch + h * a.v_step;
  Transpose(k, a.k_stride, length, dim, keys_t, ldt);
  for (int64_t g = 0; g < group; g++) {
    const int64_t head = h * group + g;
    const float* q = a.q + b * a.q_batch + head * a.q_step;
    float* y = a.y + b * length * a.heads * dim + head * dim;
    const int64_t ldy = a.heads * dim;
    float* lse = a.lse + (b * a.heads + head) * length;
    for (int64_t i0 = 0; i0 < length; i0 += kTile) {
      const int64_t rows = length - i0 < kTile ? length - i0 : kTile;
      for (int64_t i = 0; i < rows; i++) {
        top[i] = -INFINITY;
        total[i] = 0;
        memset(y + (i0 + i) * ldy, 0, dim * sizeof(float));
      }
      for (int64_t j0 = FirstKey(a, i0); j0 < i0 + rows; j0 += kTile) {
        const int64_t columns = length - j0 < kTile ? length - j0 : kTile;
        Product(q + i0 * a.q_stride, a.q_stride, 1, keys_t + j0, ldt, scores, kTile, rows, columns, dim, false);
        for (int64_t i = 0; i < rows; i++) {
          float* s = scores + i * kTile;
          MaskScores(a, b, head, i0 + i, j0, columns, s);
          F largest = Set(top[i]);
          for (int64_t j = 0; j < columns; j += W) {
            const int lanes = Lanes(j, columns);
            F part = LoadPart(s + j, lanes);
            if (lanes < W) {
              for (int64_t l = j; l < columns; l++) largest = Max(largest, Set(s[l]));
            } else {
              largest = Max(largest, part);
            }
          }
          const float now = Largest(largest);
          if (now == -INFINITY) {
            memset(s, 0, columns * sizeof(float));
            continue;
          }
          const float rescale = top[i] == -INFINITY ? 0.0f : expf(top[i] - now);
          F sum = Zero();
          for (int64_t j = 0; j < columns; j += W) {
            const int lanes = Lanes(j, columns);
            // exp is clamped, so what is masked is set to 0 after it.
            F weight = ExpOrZero(LoadPart(s + j, lanes) - Set(now));
            StoreSome(s + j, weight, lanes);
            sum = sum + (lanes == W ? weight : LoadPart(s + j, lanes));
          }
          total[i] = total[i] * rescale + Sum(sum);
          top[i] = now;
          if (rescale != 1.0f) {
            float* row = y + (i0 + i) * ldy;
            for (int64_t e = 0; e < dim; e += W) StoreSome(row + e, LoadPart(row + e, Lanes(e, dim)) * Set(rescale), Lanes(e, dim));
          }
        }
        Product(scores, kTile, 1, v + j0 * a.v_stride, a.v_stride, y + i0 * ldy, ldy, rows, dim, columns, true);
      }
      for (int64_t i = 0; i < rows; i++) {
        // A row that sees nothing (padding) gives 0.
        const float inverse = total[i] > 0 ? 1.0f / total[i] : 0.0f;
        lse[i0 + i] = total[i] > 0 ? top[i] + logf(total[i]) : INFINITY;
        float* row = y + (i0 + i) * ldy;
        for (int64_t e = 0; e < dim; e += W) StoreSome(row + e, LoadPart(row + e, Lanes(e, dim)) * Set(inverse), Lanes(e, dim));
      }
    }
  }
}

// The gradients of item (b, h): weights are computed again from the log-sum-exps.
void AttentionBackward(const rk_attention& a, int64_t item, float* scratch) {
  const int64_t b = item / a.kv_heads, h = item % a.kv_heads, group = a.heads / a.kv_heads, dim = a.head_dim, length = a.length;
  const int64_t ldt = (length + kTile - 1) / kTile * kTile;
  float* keys_t = scratch;                     // [dim, length]
  float* values_t = keys_t + dim * ldt;        // [dim, length]
  float* weights = values_t + dim * ldt;       // [kTile, kTile]
  float* gradients = weights + kTile * kTile;  // [kTile, kTile]
  float* delta = gradients + kTile * kTile;    // [kTile] Σ_e dy·y
  const float* k = a.k + b * a.k_batch + h * a.k_step;
  const float* v = a.v + b * a.v_batch + h * a.v_step;
  const int64_t ldy = a.heads * dim;
  float* dk = a.dk + b * a.k_batch + h * a.k_step;
  float* dv = a.dv + b * a.v_batch + h * a.v_step;
  Transpose(k, a.k_stride, length, dim, keys_t, ldt);
  Transpose(v, a.v_stride, length, dim, values_t, ldt);
  for (int64_t t = 0; t < length; t++) {
    memset(dk + t * a.k_stride, 0, dim * sizeof(float));
    memset(dv + t * a.v_stride, 0, dim * sizeof(float));
  }
  for (int64_t g = 0; g < group; g++) {
    const int64_t head = h * group + g;
    const float* q = a.q + b * a.q_batch + head * a.q_step;
    const float* y = a.y + b * length * ldy + head * dim;
    const float* dy = a.dy + b * length * ldy + head * dim;
    float* dq = a.dq + b * a.q_batch + head * a.q_step;
    const float* lse = a.lse + (b * a.heads + head) * length;
    for (int64_t i0 = 0; i0 < length; i0 += kTile) {
      const int64_t rows = length - i0 < kTile ? length - i0 : kTile;
      for (int64_t i = 0; i < rows; i++) {
        F sum = Zero();
        for (int64_t e = 0; e < dim; e += W)
          sum = Fma(LoadPart(dy + (i0 + i) * ldy + e, Lanes(e, dim)), LoadPart(y + (i0 + i) * ldy + e, Lanes(e, dim)), sum);
        delta[i] = Sum(sum);
        memset(dq + (i0 + i) * a.q_stride, 0, dim * sizeof(float));
      }
      for (int64_t j0 = FirstKey(a, i0); j0 < i0 + rows; j0 += kTile) {
        const int64_t columns = length - j0 < kTile ? length - j0 : kTile;
        Product(q + i0 * a.q_stride, a.q_stride, 1, keys_t + j0, ldt, weights, kTile, rows, columns, dim, false);
        Product(dy + i0 * ldy, ldy, 1, values_t + j0, ldt, gradients, kTile, rows, columns, dim, false);
        for (int64_t i = 0; i < rows; i++) {
          float* w = weights + i * kTile;
          float* d = gradients + i * kTile;
          MaskScores(a, b, head, i0 + i, j0, columns, w);
          for (int64_t j = 0; j < columns; j += W) {
            const int lanes = Lanes(j, columns);
            const F weight = ExpOrZero(LoadPart(w + j, lanes) - Set(lse[i0 + i]));
            StoreSome(w + j, weight, lanes);
            StoreSome(d + j, weight * (LoadPart(d + j, lanes) - Set(delta[i])) * Set(a.scale), lanes);
          }
        }
        Product(gradients, kTile, 1, k + j0 * a.k_stride, a.k_stride, dq + i0 * a.q_stride, a.q_stride, rows, dim, columns, true);
        Product(gradients, 1, kTile, q + i0 * a.q_stride, a.q_stride, dk + j0 * a.k_stride, a.k_stride, columns, dim, rows, true);
        Product(weights, 1, kTile, dy + i0 * ldy, ldy, dv + j0 * a.v_stride, a.v_stride, columns, dim, rows, true);
      }
    }
  }
}

// ---- norms

void NormForward(const rk_norm& a, int64_t n) {
  const float* x = a.x + n * a.width;
  F sum = Zero();
  if (a.layer) for (int64_t i = 0; i < a.width; i += W) sum = sum + LoadPart(x + i, Lanes(i, a.width));
  const float mean = a.layer ? Sum(sum) / static_cast<float>(a.width) : 0.0f;
  F squares = Zero();
  for (int64_t i = 0; i < a.width; i += W) {
    const int lanes = Lanes(i, a.width);
    const F centred = KeepLanes(LoadPart(x + i, lanes) - Set(mean), lanes);
    squares = Fma(centred, centred, squares);
  }
  const float factor = 1.0f / sqrtf(Sum(squares) / static_cast<float>(a.width) + a.epsilon);
  a.statistics[2 * n] = mean;
  a.statistics[2 * n + 1] = factor;
  float* y = a.y + n * a.width;
  for (int64_t i = 0; i < a.width; i += W) {
    const int lanes = Lanes(i, a.width);
    F value = (LoadPart(x + i, lanes) - Set(mean)) * Set(factor);
    if (a.weight != nullptr) value = value * LoadPart(a.weight + i, lanes);
    if (a.bias != nullptr) value = value + LoadPart(a.bias + i, lanes);
    StoreSome(y + i, value, lanes);
  }
}

// Rows [begin, end): dx, and sums of this share for the weight and the bias, [2, width].
void NormBackward(const rk_norm& a, int64_t begin, int64_t end, float* sums) {
  float* dweight = sums;
  float* dbias = sums + a.width;
  memset(sums, 0, 2 * a.width * sizeof(float));
  const float inverse = 1.0f / static_cast<float>(a.width);
  for (int64_t n = begin; n < end; n++) {
    const float* x = a.x + n * a.width;
    const float* dy = a.dy + n * a.width;
    float* dx = a.dx + n * a.width;
    const F mean = Set(a.statistics[2 * n]), factor = Set(a.statistics[2 * n + 1]);
    F sum = Zero(), dot = Zero();
    for (int64_t i = 0; i < a.width; i += W) {
      const int lanes = Lanes(i, a.width);
      const F normed = KeepLanes((LoadPart(x + i, lanes) - mean) * factor, lanes);
      const F up = LoadPart(dy + i, lanes);
      StoreSome(dweight + i, Fma(up, normed, LoadPart(dweight + i, lanes)), lanes);
      StoreSome(dbias + i, LoadPart(dbias + i, lanes) + up, lanes);
      const F scaled = a.weight != nullptr ? up * LoadPart(a.weight + i, lanes) : up;
      sum = sum + scaled;
      dot = Fma(scaled, normed, dot);
    }
    const F average = Set(a.layer ? Sum(sum) * inverse : 0.0f), along = Set(Sum(dot) * inverse);
    for (int64_t i = 0; i < a.width; i += W) {
      const int lanes = Lanes(i, a.width);
      const F normed = (LoadPart(x + i, lanes) - mean) * factor;
      const F up = LoadPart(dy + i, lanes);
      const F scaled = a.weight != nullptr ? up * LoadPart(a.weight + i, lanes) : up;
      StoreSome(dx + i, (scaled - average - normed * along) * factor, lanes);
    }
  }
}

// ---- activations: y = f(gate), times up where there is one

template <int kActivation>
inline void Slope(F x, F& value, F& slope) {
  if constexpr (kActivation == RK_SILU) {
    const F s = Sigmoid(x);
    value = x * s;
    slope = s * (Set(1.0f) + x * (Set(1.0f) - s));
  } else if constexpr (kActivation == RK_RELU) {
    value = Max(x, Zero());
    alignas(64) float lanes[W];
    Store(lanes, x);
    for (float& lane : lanes) lane = lane > 0 ? 1.0f : 0.0f;
    slope = Load(lanes);
  } else if constexpr (kActivation == RK_GELU_TANH) {
    const F square = x * x;
    const F u = x * Fma(square, Set(0.0356774081f), Set(0.7978845608f));
    const F s = Sigmoid(u + u);
    value = x * s;
    slope = s + value * (Set(1.0f) - s) * Fma(square, Set(6.0f * 0.0356774081f), Set(2.0f * 0.7978845608f));
  } else {
    alignas(64) float values[W], slopes[W];
    Store(values, x);
    for (int i = 0; i < W; i++) {
      const float at = values[i], phi = 0.5f * (1.0f + erff(at * 0.70710678f));
      values[i] = at * phi;
      slopes[i] = phi + at * 0.39894228f * expf(-0.5f * at * at);
    }
    value = Load(values);
    slope = Load(slopes);
  }
}

template <int kActivation>
void ActivationForwardAs(const rk_activate& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i += W) {
    const int lanes = Lanes(i, end);
    F value = Activated<kActivation>(LoadPart(a.gate + i, lanes));
    if (a.up != nullptr) value = value * LoadPart(a.up + i, lanes);
    StoreSome(a.y + i, value, lanes);
  }
}

template <int kActivation>
void ActivationBackwardAs(const rk_activate& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i += W) {
    const int lanes = Lanes(i, end);
    F value, slope;
    Slope<kActivation>(LoadPart(a.gate + i, lanes), value, slope);
    F down = LoadPart(a.dy + i, lanes);
    if (a.up != nullptr) {
      StoreSome(a.dup + i, down * value, lanes);
      down = down * LoadPart(a.up + i, lanes);
    }
    StoreSome(a.dgate + i, down * slope, lanes);
  }
}

void ActivationForward(const rk_activate& a, int64_t begin, int64_t end) {
  switch (a.activation) {
    case RK_SILU: return ActivationForwardAs<RK_SILU>(a, begin, end);
    case RK_GELU: return ActivationForwardAs<RK_GELU>(a, begin, end);
    case RK_GELU_TANH: return ActivationForwardAs<RK_GELU_TANH>(a, begin, end);
    default: return ActivationForwardAs<RK_RELU>(a, begin, end);
  }
}

void ActivationBackward(const rk_activate& a, int64_t begin, int64_t end) {
  switch (a.activation) {
    case RK_SILU: return ActivationBackwardAs<RK_SILU>(a, begin, end);
    case RK_GELU: return ActivationBackwardAs<RK_GELU>(a, begin, end);
    case RK_GELU_TANH: return ActivationBackwardAs<RK_GELU_TANH>(a, begin, end);
    default: return ActivationBackwardAs<RK_RELU>(a, begin, end);
  }
}

// ---- rotary positions: y = x turned by angle, or back

void RotaryRow(const rk_rotary& a, int64_t n) {
  const int64_t half = a.rotary_dim / 2;
  const int64_t position = a.positions[n];
  const float* cos = a.cos + position * half;
  const float* sin = a.sin + position * half;
  const F sign = Set(a.backward ? -1.0f : 1.0f);
  for (int64_t h = 0; h < a.heads; h++) {
    const float* x = a.x + n * a.x_stride + h * a.head_dim;
    float* y = a.y + (n * a.heads + h) * a.head_dim;
    for (int64_t i = 0; i < half; i += W) {
      const int lanes = Lanes(i, half);
      const F first = LoadPart(x + i, lanes), second = LoadPart(x + half + i, lanes);
      const F c = LoadPart(cos + i, lanes), s = LoadPart(sin + i, lanes) * sign;
      StoreSome(y + i, first * c - second * s, lanes);
      StoreSome(y + half + i, Fma(second, c, first * s), lanes);
    }
    for (int64_t i = a.rotary_dim; i < a.head_dim; i++) y[i] = x[i];
  }
}

// ---- log-softmax at one place of a row

// The log-sum-exp of a row times scale, in one pass over it with a running maximum per lane.
float LogSumExp(const float* x, int64_t n, float scale) {
  F top = Set(-INFINITY), total = Zero();
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const F value = Load(x + i) * Set(scale);
    const F now = Max(top, value);
    total = Fma(total, ExpOrZero(top - now), Exp(value - now));
    top = now;
  }
  float largest = Largest(top);
  for (int64_t j = i; j < n; j++) largest = x[j] * scale > largest ? x[j] * scale : largest;
  float sum = i > 0 ? Sum(total * ExpOrZero(top - Set(largest))) : 0.0f;
  for (; i < n; i++) sum += expf(x[i] * scale - largest);
  return largest + logf(sum);
}

void LogprobRow(const rk_logprob& a, int64_t n) {
  const float* x = a.logits + n * a.width;
  const float lse = LogSumExp(x, a.width, a.scale);
  a.lse[n] = lse;
  a.logprobs[n] = x[a.targets[n]] * a.scale - lse;
  if (a.entropies == nullptr) return;
  // H = −Σ p·log p = Σ p·(lse − x)
  F sum = Zero();
  for (int64_t i = 0; i < a.width; i += W) {
    const int lanes = Lanes(i, a.width);
    const F logprob = LoadPart(x + i, lanes) * Set(a.scale) - Set(lse);
    sum = sum - KeepLanes(ExpOrZero(logprob) * logprob, lanes);
  }
  a.entropies[n] = Sum(sum);
}

// d/dlogits of gradient · log p(target) = gradient · scale · (onehot − softmax), in place.
void LogprobBackwardRow(const rk_logprob& a, int64_t n) {
  float* x = a.logits + n * a.width;
  const float gradient = a.gradients[n] * a.scale;
  const F lse = Set(a.lse[n]), factor = Set(-gradient);
  for (int64_t i = 0; i < a.width; i += W) {
    const int lanes = Lanes(i, a.width);
    StoreSome(x + i, Exp(LoadPart(x + i, lanes) * Set(a.scale) - lse) * factor, lanes);
  }
  x[a.targets[n]] += gradient;
}

// y = x in fp32, plus the bias
void FromBf16Row(const uint16_t* x, const float* bias, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += W) {
    const int lanes = Lanes(i, n);
    F value = lanes == W ? FromBf16(x + i) : FromBf16Part(x + i, lanes);
    if (bias != nullptr) value = value + LoadPart(bias + i, lanes);
    StoreSome(y + i, value, lanes);
  }
}

// ---- AdamW (Loshchilov and Hutter 2019), one pass over everything

void AdamWPart(const rk_adamw& a, int64_t begin, int64_t end) {
  const F beta1 = Set(a.beta1), beta2 = Set(a.beta2), rest1 = Set(1.0f - a.beta1), rest2 = Set(1.0f - a.beta2);
  const F decay = Set(a.decay);
  const F step = Set(a.step_size), epsilon = Set(a.epsilon), factor = Set(a.gradient_factor);
  for (int64_t i = begin; i < end; i += W) {
    const int lanes = Lanes(i, end);
    const F g = LoadPart(a.gradient + i, lanes) * factor;
    const F m = Fma(LoadPart(a.first + i, lanes), beta1, g * rest1);
    const F v = Fma(LoadPart(a.second + i, lanes), beta2, g * g * rest2);
    StoreSome(a.first + i, m, lanes);
    StoreSome(a.second + i, v, lanes);
    const F p = LoadPart(a.parameter + i, lanes) * decay - step * m / (Root(v) + epsilon);
    StoreSome(a.parameter + i, p, lanes);
  }
}

double SumSquaresPart(const float* x, int64_t n) {
  double total = 0;
  for (int64_t i = 0; i < n;) {
    // Single precision over a stretch, double over the stretches.
    const int64_t end = i + 4096 < n ? i + 4096 : n;
    F sum = Zero();
    for (; i < end; i += W) {
      const F value = LoadPart(x + i, Lanes(i, end));
      sum = Fma(value, value, sum);
    }
    i = end;
    total += static_cast<double>(Sum(sum));
  }
  return total;
}

const TrainingKernels kTraining = {AttentionForward, AttentionBackward, NormForward, NormBackward, ActivationForward, ActivationBackward,
                                   RotaryRow, LogprobRow, LogprobBackwardRow, AdamWPart, SumSquaresPart, ToBf16, FromBf16Row};

// CPU kernels that libtorch lacks: one decode step of a transformer as a program of operators, and fused operators of training;
// all run by a team of threads.
//
// Nothing here knows libtorch: tensors arrive as pointers to contiguous memory, so the library serves any binding.
// All functions that can fail return 0 on success; the caller checks shapes, the library does not.
#pragma once
#include <stdint.h>

#define RK_API extern "C" __attribute__((visibility("default")))

// Raised whenever something below changes; the managed side refuses a library with another number.
#define RK_ABI_VERSION 6

// How the elements of a matrix are stored.
enum rk_type {
  RK_F32 = 0,
  RK_BF16 = 1,
  RK_Q8 = 2,  // int8 in blocks of 32 along the row, one fp16 scale per block (the idea of llama.cpp's Q8_0)
};

enum rk_activation { RK_NONE = 0, RK_SILU = 1, RK_GELU = 2, RK_GELU_TANH = 3, RK_RELU = 4 };

enum rk_kind {
  RK_EMBED = 0,
  RK_NORM = 1,
  RK_LINEAR = 2,
  RK_ROTATE = 3,     // per-head norms, rotary positions, and the keys' and values' way into the cache
  RK_ATTENTION = 4,
  RK_ACTIVATE = 5,
  RK_CONVERT = 6,
};

enum rk_flags {
  RK_ACCUMULATE = 1,   // LINEAR: add to the output
  RK_NO_BARRIER = 2,   // the next operator does not read what this one writes
  RK_LAYER_NORM = 4,   // NORM: subtract the mean; otherwise RMS
};

// A copy of an activation in the type the next matrix wants: bf16, or Q8 with its scales behind it. Null data: none.
typedef struct rk_shadow {
  void* data;
  float* scales;  // Q8: [rows, width / 32]
  int64_t type;   // rk_type
} rk_shadow;

// One operator over the N rows of a step. Which fields count depends on the kind; activations are fp32 [N, width].
typedef struct rk_op {
  int32_t kind;
  int32_t flags;
  const float* x;        // input
  rk_shadow x_shadow;    // LINEAR: the input in the weight's type
  float* y;              // output
  rk_shadow y_shadow;    // made together with the output
  const void* weight;    // LINEAR [width, inner], NORM [width], EMBED [vocabulary, width] or null
  const void* scales;    // LINEAR: fp16 [width, inner / 32] of a Q8 weight
  const void* weight2;   // EMBED: positions [count, width] of the same type, or null. ACTIVATE: the factor "up" fp32 [N, width], or null
  const float* bias;     // LINEAR, NORM: [width] or null
  int64_t type;          // of the weight
  int64_t width;         // elements of one row of y
  int64_t inner;         // LINEAR: elements of one row of x. EMBED: added to a position to find its row in weight2
  int64_t activation;    // rk_activation, LINEAR and ACTIVATE
  float epsilon;         // norms
  float scale;           // ATTENTION: multiplies the scores

  // ROTATE and ATTENTION: where head h of row n lies: q + n * stride + h * q_step, likewise k and v.
  float* q;
  float* k;
  const float* v;
  int64_t q_stride, k_stride, v_stride;
  int64_t q_step, k_step, v_step;
  int64_t heads, kv_heads, head_dim, rotary_dim;
  const float* cos;      // [positions, rotary_dim / 2]; null: no rotation
  const float* sin;
  const float* q_norm;   // [head_dim] or null, RMS
  const float* k_norm;
  void* k_cache;         // [blocks, kv_heads, head_dim, RK_BLOCK]
  void* v_cache;         // [blocks, kv_heads, RK_BLOCK, head_dim rounded up to 16]
  int64_t cache_type;    // RK_F32 or RK_BF16
  int64_t window;        // keys visible to a query, itself included; 0: all before it
  const float* slopes;   // ALiBi, [heads] or null
} rk_op;

#define RK_BLOCK ((int64_t)32)  // places of one cache block

typedef struct rk_batch {
  int64_t rows;
  const int32_t* tokens;     // [rows]
  const int32_t* positions;  // [rows]
  const int32_t* slots;      // [rows]: which line of the block table
  const int32_t* blocks;     // [slots, blocks_stride]
  int64_t blocks_stride;
} rk_batch;

RK_API int32_t rk_abi_version(void);

// 0: no kernels for this processor. 1: AVX2. 2: AVX-512. 3: AVX-512 with bf16 and VNNI.
RK_API int32_t rk_level(void);

// Lets a lower level run, for tests; at most rk_level's first answer.
RK_API void rk_set_level(int32_t level);

// Whether activations are rounded to bf16 before they meet a bf16 weight: only where that is faster (AMD's processors with bf16
// instructions). Then LINEAR reads x_shadow, otherwise x.
RK_API int32_t rk_fast_bf16(void);
RK_API void rk_set_fast_bf16(int32_t on);  // for tests

// Whether the processor has a matrix unit for bf16 (Intel's AMX) that the system lets programs use.
RK_API int32_t rk_matrix_unit(void);
RK_API void rk_set_threads(int32_t threads);

// Runs a program. One caller at a time; a second one waits.
RK_API int32_t rk_run(const rk_op* ops, int64_t count, const rk_batch* batch);

// Rounds a matrix [rows, columns] to Q8; columns are a multiple of 32.
RK_API void rk_quantize(const void* source, int64_t type, int64_t rows, int64_t columns, int8_t* data, uint16_t* scales);

// ---- training, fp32. Results do not depend on the number of threads.

// Causal attention over [batch, length]: query i of a row sees key j ≤ i, less than window places back (0: all), in the same sequence.
typedef struct rk_attention {
  const float* q;            // element e of head h at row b, place t: q + b * q_batch + t * q_stride + h * q_step + e; likewise k and v
  const float* k;
  const float* v;
  int64_t q_batch, q_stride, q_step, k_batch, k_stride, k_step, v_batch, v_stride, v_step;
  float* y;                  // [batch, length, heads, head_dim]
  float* lse;                // [batch, heads, length]
  const float* dy;           // like y
  float* dq;                 // like q
  float* dk;                 // like k
  float* dv;                 // like v
  const int32_t* sequences;  // [batch, length]: equal numbers see each other, 0 sees nothing and is not seen; null: one sequence
  const float* slopes;       // ALiBi, [heads] or null
  int64_t batch, length, heads, kv_heads, head_dim, window;
  float scale;
} rk_attention;

typedef struct rk_norm {
  const float* x;      // [rows, width]
  const float* weight; // [width] or null
  const float* bias;   // [width] or null
  float* y;
  float* statistics;   // [rows, 2]: mean, 1 / deviation
  const float* dy;
  float* dx;
  float* dweight;      // [width] or null
  float* dbias;        // [width] or null
  int64_t rows, width;
  float epsilon;
  int32_t layer;       // 1: LayerNorm, 0: RMSNorm
} rk_norm;

typedef struct rk_activate {
  const float* gate;   // [count]
  const float* up;     // [count] or null
  float* y;
  const float* dy;
  float* dgate;
  float* dup;
  int64_t count;
  int64_t activation;  // rk_activation
} rk_activate;

typedef struct rk_rotary {
  const float* x;           // element e of head h of row n: x + n * x_stride + h * head_dim + e
  float* y;                 // [rows, heads, head_dim]
  const int32_t* positions; // [rows]
  const float* cos;         // [positions, rotary_dim / 2]
  const float* sin;
  int64_t rows, x_stride, heads, head_dim, rotary_dim;
  int64_t backward;         // 1: turn back
} rk_rotary;

typedef struct rk_logprob {
  float* logits;            // [rows, width]; the backward pass writes its result here
  const int64_t* targets;   // [rows]
  float* logprobs;          // [rows]
  float* lse;               // [rows]
  float* entropies;         // [rows], or null: not wanted
  const float* gradients;   // [rows]
  int64_t rows, width;
  float scale;              // multiplies the logits: 1 / temperature
} rk_logprob;

typedef struct rk_adamw {
  float* parameter;
  const float* gradient;
  float* first;             // running mean of the gradient
  float* second;            // running mean of its square
  int64_t count;
  float beta1, beta2;
  float decay;              // multiplies the parameter first: 1 − learning rate · weight decay
  float step_size;          // with both bias corrections in it
  float epsilon;            // added to the root of the second mean
  float gradient_factor;    // multiplies the gradient first
} rk_adamw;

RK_API int32_t rk_attention_forward(const rk_attention* arguments);
RK_API int32_t rk_attention_backward(const rk_attention* arguments);
RK_API int32_t rk_norm_forward(const rk_norm* arguments);
RK_API int32_t rk_norm_backward(const rk_norm* arguments);
RK_API int32_t rk_activate_forward(const rk_activate* arguments);
RK_API int32_t rk_activate_backward(const rk_activate* arguments);
RK_API int32_t rk_rotary_turn(const rk_rotary* arguments);
RK_API int32_t rk_logprob_forward(const rk_logprob* arguments);
RK_API int32_t rk_logprob_backward(const rk_logprob* arguments);
RK_API int32_t rk_adamw_step(const rk_adamw* arguments);
RK_API double rk_sum_squares(const float* x, int64_t count);
RK_API int32_t rk_to_bf16(const float* x, uint16_t* y, int64_t count);
RK_API int32_t rk_from_bf16(const uint16_t* x, const float* bias, float* y, int64_t rows, int64_t width);  // bias: [width] or null

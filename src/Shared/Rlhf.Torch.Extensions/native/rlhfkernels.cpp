#include "rlhfkernels.h"

#include <cpuid.h>
#include <immintrin.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

inline uint16_t RoundToBf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 64);  // NaN stays NaN
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);                // to nearest, ties to even
}

constexpr int64_t kWideRows = 12;  // from here on a step counts as arithmetic, below as reading weights

// The operators of one instruction set, in the pieces that threads share out.
struct Kernels {
  void (*linear)(const rk_op&, const rk_batch&, int64_t begin, int64_t end, bool fast_bf16, float* scratch);
  void (*embed)(const rk_op&, const rk_batch&, int64_t row);
  void (*norm)(const rk_op&, int64_t row);
  void (*rotate)(const rk_op&, const rk_batch&, int64_t row);
  void (*attend)(const rk_op&, const rk_batch&, int64_t item, float* scores);
  void (*activate)(const rk_op&, int64_t row, int64_t begin, int64_t end);
  void (*convert)(const rk_op&, int64_t row);
  void (*quantize)(const float* x, int8_t* y, float* scales, int64_t n);
};

struct TrainingKernels {
  void (*attention_forward)(const rk_attention&, int64_t item, float* scratch);
  void (*attention_backward)(const rk_attention&, int64_t item, float* scratch);
  void (*norm_forward)(const rk_norm&, int64_t row);
  void (*norm_backward)(const rk_norm&, int64_t begin, int64_t end, float* sums);
  void (*activation_forward)(const rk_activate&, int64_t begin, int64_t end);
  void (*activation_backward)(const rk_activate&, int64_t begin, int64_t end);
  void (*rotary)(const rk_rotary&, int64_t row);
  void (*logprob)(const rk_logprob&, int64_t row);
  void (*logprob_backward)(const rk_logprob&, int64_t row);
  void (*adamw)(const rk_adamw&, int64_t begin, int64_t end);
  double (*sum_squares)(const float* x, int64_t n);
  void (*to_bf16)(const float* x, uint16_t* y, int64_t n);
  void (*from_bf16)(const uint16_t* x, const float* bias, float* y, int64_t n);
};

}  // namespace

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
namespace {
namespace avx2 {
#define RK_ISA 1
#include "decode.inl"
#include "train.inl"
#undef RK_ISA
}  // namespace avx2
}  // namespace
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")
namespace {
namespace avx512 {
#define RK_ISA 2
#include "decode.inl"
#include "train.inl"
#undef RK_ISA
}  // namespace avx512
}  // namespace
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,avx2,fma,f16c")
namespace {
namespace avx512bf16 {
#define RK_ISA 3
#include "decode.inl"
#include "train.inl"
#undef RK_ISA
}  // namespace avx512bf16
}  // namespace
#pragma GCC pop_options

namespace {

int DetectLevel() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c")) return 0;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return 1;
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni") ? 3 : 2;
}

int level = DetectLevel();

// Intel SDM, volume 1, chapter 18.2: AMX-BF16 is leaf 7, EDX bit 22; the system enables the tiles by bits 17 and 18 of XCR0.
__attribute__((target("xsave"))) bool DetectMatrixUnit() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & (1u << 22))) return false;
  constexpr uint64_t kTiles = 3u << 17;
  return (_xgetbv(0) & kTiles) == kTiles;
}

// AMD's bf16 products run twice as fast as fp32 ones; Intel's, without its matrix unit, only as fast.
bool fast_bf16 = DetectLevel() >= 3 && __builtin_cpu_is("amd") != 0;

const TrainingKernels& Training() {
  return level >= 3 ? avx512bf16::kTraining : level == 2 ? avx512::kTraining : avx2::kTraining;
}

const Kernels& Chosen() { return level >= 3 ? avx512bf16::kKernels : level == 2 ? avx512::kKernels : avx2::kKernels; }

__attribute__((target("f16c"))) uint16_t ToHalf(float value) { return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT); }

// Threads that run one program together. Between operators they meet at a barrier; waiting spins briefly, because an operator of a
// small model takes microseconds, then yields, because another process may want the processor.
class Team {
 public:
  ~Team() { Stop(); }

  void Resize(int threads) {
    std::lock_guard<std::mutex> one(program_gate_);
    Stop();
    size_ = threads < 1 ? 1 : threads;
  }

  void Run(const rk_op* ops, int64_t count, const rk_batch& batch) {
    std::lock_guard<std::mutex> one(program_gate_);
    if (static_cast<int64_t>(next_capacity_) < count) {
      next_.reset(new std::atomic<int64_t>[count]);
      next_capacity_ = count;
    }
    for (int64_t i = 0; i < count; i++) next_[i].store(0, std::memory_order_relaxed);
    const auto job = [&] { Program(ops, count, batch); };
    Together(job);
  }

  // Calls body(item, scratch) once with every item below count; scratch holds that many floats, one for each thread.
  template <typename Body>
  void For(int64_t count, int64_t scratch, const Body& body) {
    std::lock_guard<std::mutex> one(program_gate_);
    std::atomic<int64_t> next{0};
    const auto job = [&] {
      float* own = scratch > 0 ? Scratch(scratch) : nullptr;
      Share(next, count, [&](int64_t item) { body(item, own); });
      Barrier();
    };
    if (count == 1 || size_ == 1) {
      float* own = scratch > 0 ? Scratch(scratch) : nullptr;
      for (int64_t item = 0; item < count; item++) body(item, own);
      return;
    }
    Together(job);
  }

 private:
  void Start() {
    Stop();
    stopping_ = false;
    for (int i = 1; i < size_; i++) workers_.emplace_back([this, seen = generation_.load()]() mutable { Serve(seen); });
  }

  void Stop() {
    {
      std::lock_guard<std::mutex> lock(sleep_gate_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

  void Serve(uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < 1000 && generation_.load(std::memory_order_acquire) == seen; spin++) _mm_pause();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(sleep_gate_);
        wake_.wait(lock, [&] { return stopping_ || generation_.load() != seen; });
        if (stopping_) return;
      }
      seen = generation_.load();
      job_(context_);
    }
  }

  // Runs the job on every thread; the job ends with a barrier.
  template <typename Job>
  void Together(const Job& job) {
    if (static_cast<int>(workers_.size()) != size_ - 1) Start();
    if (size_ > 1) {
      {
        std::lock_guard<std::mutex> lock(sleep_gate_);
        job_ = [](const void* context) { (*static_cast<const Job*>(context))(); };
        context_ = &job;
        generation_.fetch_add(1, std::memory_order_release);
      }
      wake_.notify_all();
    }
    job();
  }

  void Barrier() {
    if (size_ == 1) return;
    const uint64_t phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      return;
    }
    for (int spin = 0; phase_.load(std::memory_order_acquire) == phase; spin++) {
      if (spin < 2000) _mm_pause(); else sched_yield();
    }
  }

  // Calls body with every number below count once, over all threads.
  template <typename Body>
  void Share(std::atomic<int64_t>& next, int64_t count, Body&& body) {
    for (;;) {
      const int64_t item = next.fetch_add(1, std::memory_order_relaxed);
      if (item >= count) return;
      body(item);
    }
  }

  void Program(const rk_op* ops, int64_t count, const rk_batch& batch) {
    const Kernels& kernels = Chosen();
    const int64_t rows = batch.rows;
    for (int64_t i = 0; i < count; i++) {
      const rk_op& op = ops[i];
      auto& next = next_[i];
      switch (op.kind) {
        case RK_EMBED:
          Share(next, rows, [&](int64_t n) { kernels.embed(op, batch, n); });
          break;
        case RK_NORM:
          Share(next, rows, [&](int64_t n) { kernels.norm(op, n); });
          break;
        case RK_LINEAR: {
          const int64_t chunk = Chunk(op);
          Share(next, (op.width + chunk - 1) / chunk, [&](int64_t c) {
            const int64_t end = op.width < (c + 1) * chunk ? op.width : (c + 1) * chunk;
            kernels.linear(op, batch, c * chunk, end, rk_fast_bf16() != 0, Scratch(op.type == RK_F32 || rows < kWideRows ? 0 : chunk * op.inner));
          });
          break;
        }
        case RK_ROTATE:
          Share(next, rows, [&](int64_t n) { kernels.rotate(op, batch, n); });
          break;
        case RK_ATTENTION:
          Share(next, rows * op.kv_heads, [&](int64_t item) { kernels.attend(op, batch, item, Scratch(batch.blocks_stride * RK_BLOCK)); });
          break;
        case RK_ACTIVATE: {
          constexpr int64_t kPart = 1024;
          const int64_t parts = (op.width + kPart - 1) / kPart;
          Share(next, rows * parts, [&](int64_t item) {
            const int64_t begin = item % parts * kPart;
            kernels.activate(op, item / parts, begin, op.width < begin + kPart ? op.width : begin + kPart);
          });
          break;
        }
        case RK_CONVERT:
          Share(next, rows, [&](int64_t n) { kernels.convert(op, n); });
          break;
        default:
          break;
      }
      // The last barrier also tells the caller that all threads are done.
      if (i + 1 == count || (op.flags & RK_NO_BARRIER) == 0) Barrier();
    }
  }

  // Outputs one thread computes at a time: several shares for each thread, but no more weights than the second-level cache holds.
  int64_t Chunk(const rk_op& op) const {
    const int64_t most = (256 << 10) / (op.inner * 4), even = op.width / (size_ * 4);
    const int64_t chunk = even < most ? even : most;
    return chunk < 32 ? 32 : chunk / 32 * 32;
  }

  static float* Scratch(int64_t places) {
    thread_local std::vector<float> scratch;
    if (static_cast<int64_t>(scratch.size()) < places) scratch.resize(places);
    return scratch.data();
  }

  std::mutex program_gate_;
  std::mutex sleep_gate_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::unique_ptr<std::atomic<int64_t>[]> next_;
  int64_t next_capacity_ = 0;
  int size_ = 1;
  bool stopping_ = false;
  std::atomic<uint64_t> generation_{0};
  std::atomic<uint64_t> phase_{0};
  std::atomic<int> arrived_{0};
  void (*job_)(const void*) = nullptr;
  const void* context_ = nullptr;
};

// Never destroyed: its threads may outlive static objects at the end of the process.
Team& TheTeam() {
  static Team* team = new Team();
  return *team;
}

}  // namespace

int32_t rk_abi_version(void) { return RK_ABI_VERSION; }

int32_t rk_level(void) { return level; }

void rk_set_level(int32_t wanted) {
  const int best = DetectLevel();
  level = wanted < best ? wanted : best;
}

int32_t rk_fast_bf16(void) { return fast_bf16 && level >= 3; }

void rk_set_fast_bf16(int32_t on) { fast_bf16 = on != 0; }

int32_t rk_matrix_unit(void) {
  static const bool there = DetectMatrixUnit();
  return there;
}

void rk_set_threads(int32_t threads) { TheTeam().Resize(threads); }

int32_t rk_run(const rk_op* ops, int64_t count, const rk_batch* batch) {
  if (level == 0) return 1;
  TheTeam().Run(ops, count, *batch);
  return 0;
}

// ---- training, and what else is shared out by rows

namespace {

constexpr int64_t kPart = 16384;  // elements one thread takes at a time

template <typename Body>
int32_t InParts(int64_t count, const Body& body) {
  if (level == 0) return 1;
  TheTeam().For((count + kPart - 1) / kPart, 0, [&](int64_t part, float*) {
    const int64_t begin = part * kPart;
    body(begin, count < begin + kPart ? count : begin + kPart);
  });
  return 0;
}

template <typename Body>
int32_t InRows(int64_t rows, int64_t width, const Body& body) {
  if (level == 0) return 1;
  const int64_t each = width >= kPart ? 1 : kPart / width;
  TheTeam().For((rows + each - 1) / each, 0, [&](int64_t part, float*) {
    const int64_t end = rows < (part + 1) * each ? rows : (part + 1) * each;
    for (int64_t n = part * each; n < end; n++) body(n);
  });
  return 0;
}

}  // namespace

int32_t rk_attention_forward(const rk_attention* a) {
  if (level == 0) return 1;
  const int64_t scratch = a->head_dim * (a->length + 64) + 64 * 64 + 2 * 64;
  TheTeam().For(a->batch * a->kv_heads, scratch, [&](int64_t item, float* own) { Training().attention_forward(*a, item, own); });
  return 0;
}

int32_t rk_attention_backward(const rk_attention* a) {
  if (level == 0) return 1;
  const int64_t scratch = 2 * a->head_dim * (a->length + 64) + 2 * 64 * 64 + 64;
  TheTeam().For(a->batch * a->kv_heads, scratch, [&](int64_t item, float* own) { Training().attention_backward(*a, item, own); });
  return 0;
}

int32_t rk_norm_forward(const rk_norm* a) {
  return InRows(a->rows, a->width, [&](int64_t n) { Training().norm_forward(*a, n); });
}

int32_t rk_norm_backward(const rk_norm* a) {
  if (level == 0) return 1;
  // A fixed number of shares, added in order: the sums do not depend on who computed what.
  constexpr int64_t kShares = 16;
  std::vector<float> sums(kShares * 2 * a->width);
  const int64_t each = (a->rows + kShares - 1) / kShares;
  TheTeam().For(kShares, 0, [&](int64_t share, float*) {
    const int64_t begin = share * each < a->rows ? share * each : a->rows;
    const int64_t end = begin + each < a->rows ? begin + each : a->rows;
    Training().norm_backward(*a, begin, end, sums.data() + share * 2 * a->width);
  });
  for (int64_t i = 0; i < a->width; i++) {
    float weight = 0, bias = 0;
    for (int64_t share = 0; share < kShares; share++) {
      weight += sums[share * 2 * a->width + i];
      bias += sums[(share * 2 + 1) * a->width + i];
    }
    if (a->dweight != nullptr) a->dweight[i] = weight;
    if (a->dbias != nullptr) a->dbias[i] = bias;
  }
  return 0;
}

int32_t rk_activate_forward(const rk_activate* a) {
  return InParts(a->count, [&](int64_t begin, int64_t end) { Training().activation_forward(*a, begin, end); });
}

int32_t rk_activate_backward(const rk_activate* a) {
  return InParts(a->count, [&](int64_t begin, int64_t end) { Training().activation_backward(*a, begin, end); });
}

int32_t rk_rotary_turn(const rk_rotary* a) {
  return InRows(a->rows, a->heads * a->head_dim, [&](int64_t n) { Training().rotary(*a, n); });
}

int32_t rk_logprob_forward(const rk_logprob* a) {
  return InRows(a->rows, a->width, [&](int64_t n) { Training().logprob(*a, n); });
}

int32_t rk_logprob_backward(const rk_logprob* a) {
  return InRows(a->rows, a->width, [&](int64_t n) { Training().logprob_backward(*a, n); });
}

int32_t rk_adamw_step(const rk_adamw* a) {
  return InParts(a->count, [&](int64_t begin, int64_t end) { Training().adamw(*a, begin, end); });
}

double rk_sum_squares(const float* x, int64_t count) {
  if (level == 0) return NAN;
  std::vector<double> parts((count + kPart - 1) / kPart);
  InParts(count, [&](int64_t begin, int64_t end) { parts[begin / kPart] = Training().sum_squares(x + begin, end - begin); });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

int32_t rk_from_bf16(const uint16_t* x, const float* bias, float* y, int64_t rows, int64_t width) {
  return InRows(rows, width, [&](int64_t n) { Training().from_bf16(x + n * width, bias, y + n * width, width); });
}

int32_t rk_to_bf16(const float* x, uint16_t* y, int64_t count) {
  return InParts(count, [&](int64_t begin, int64_t end) { Training().to_bf16(x + begin, y + begin, end - begin); });
}

void rk_quantize(const void* source, int64_t type, int64_t rows, int64_t columns, int8_t* data, uint16_t* scales) {
  InRows(rows, columns, [&](int64_t r) {
    std::vector<float> row(columns), row_scales(columns / 32);
    for (int64_t i = 0; i < columns; i++) {
      if (type == RK_F32) {
        row[i] = static_cast<const float*>(source)[r * columns + i];
      } else {
        const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(source)[r * columns + i]) << 16;
        memcpy(&row[i], &bits, sizeof bits);
      }
    }
    Chosen().quantize(row.data(), data + r * columns, row_scales.data(), columns);
    for (int64_t b = 0; b < columns / 32; b++) scales[r * (columns / 32) + b] = ToHalf(row_scales[b]);
  });
}

// CPU memory for tensors, with large blocks kept for the next tensor of their size.
//
// A training step frees and allocates the same activations again and again. From malloc they come as fresh pages, which the kernel
// clears one by one: outside the main thread, whose arenas are small, an elementwise operator on 200 MiB took three times as long.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace {

class CachingAllocator final : public c10::Allocator {
 public:
  // In place of libtorch's own, with a priority above the default one's.
  static void Install() { c10::SetCPUAllocator(&Instance(), 1); }

  static int64_t CachedBytes() {
    auto& self = Instance();
    std::lock_guard<std::mutex> lock(self.mutex_);
    return static_cast<int64_t>(self.cached_);
  }

  static void ReleaseCached() {
    auto& self = Instance();
    std::lock_guard<std::mutex> lock(self.mutex_);
    for (auto& blocks : self.free_) {
      for (auto block : blocks.second) std::free(block);
    }
    self.free_.clear();
    self.cached_ = 0;
  }

  // libtorch 1.13 declares it const, 2.x does not: one of the two overrides.
  c10::DataPtr allocate(size_t bytes) const { return Instance().Allocate(bytes); }
  c10::DataPtr allocate(size_t bytes) { return Allocate(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* target, const void* source, size_t bytes) const { std::memcpy(target, source, bytes); }

 private:
  // Before every block: its size. As wide as the alignment that vector instructions and cache lines want.
  static constexpr size_t kHeader = 64;
  static constexpr size_t kSmallest = 256 << 10;

  // Never destroyed: tensors may be freed while the process ends.
  static CachingAllocator& Instance() {
    static auto* instance = new CachingAllocator();
    return *instance;
  }

  // Eight sizes per power of two: at most an eighth of a block is unused.
  static size_t RoundUp(size_t bytes) {
    if (bytes < kSmallest) return bytes;
    const size_t step = size_t{1} << (60 - __builtin_clzll(bytes));
    return (bytes + step - 1) & ~(step - 1);
  }

  c10::DataPtr Allocate(size_t bytes) {
    const auto device = c10::Device(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, nullptr, &Free, device};
    const size_t size = RoundUp(bytes);
    void* block = size >= kSmallest ? Take(size) : nullptr;
    if (block == nullptr && posix_memalign(&block, kHeader, size + kHeader) != 0) {
      ReleaseCached();
      TORCH_CHECK(posix_memalign(&block, kHeader, size + kHeader) == 0, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ",
                  bytes, " bytes.");
    }
    *static_cast<size_t*>(block) = size;
    void* data = static_cast<char*>(block) + kHeader;
    return {data, data, &Free, device};
  }

  static void Free(void* data) {
    if (data == nullptr) return;
    void* block = static_cast<char*>(data) - kHeader;
    if (!Instance().Keep(block, *static_cast<size_t*>(block))) std::free(block);
  }

  void* Take(size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = free_.find(size);
    if (found == free_.end() || found->second.empty()) return nullptr;
    void* block = found->second.back();
    found->second.pop_back();
    cached_ -= size;
    return block;
  }

  // An eighth of the machine's memory may wait for its next use.
  bool Keep(void* block, size_t size) {
    if (size < kSmallest) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    if (cached_ + size > limit_) return false;
    free_[size].push_back(block);
    cached_ += size;
    return true;
  }

  std::mutex mutex_;
  std::unordered_map<size_t, std::vector<void*>> free_;
  size_t cached_ = 0;
  const size_t limit_ = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE)) / 8;
};

}  // namespace

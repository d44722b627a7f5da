// C ABI of the process groups: torch.distributed's TCPStore and ProcessGroupGloo, as libtorch has them.
//
// Functions that can fail return 0 on success and anything else on failure, with the message in rd_last_error(). Every call waits until
// its collective is done, unless it hands out a work. Tensors are dense and on the CPU.
#pragma once
#include <stdint.h>

#define RD_API extern "C" __attribute__((visibility("default")))

// Raised whenever a signature below changes; the managed side refuses a library with another number.
#define RD_ABI_VERSION 1

typedef void* rd_group;
typedef void* rd_work;

// What a tensor's handle points to.
enum rd_binding {
  RD_TENSOR_IMPL = 0,  // c10::TensorImpl, as in librlhftorch.so
  RD_TENSOR = 1,       // at::Tensor, as in the TorchSharp package
};

enum rd_operation { RD_SUM = 0, RD_MAX = 1 };

RD_API int32_t rd_abi_version(void);
RD_API const char* rd_last_error(void);

// Meets the other ranks at address:port, where rank 0 listens. network_interface: the one to be reached at, "" for the default.
RD_API int rd_group_new(const char* address, int32_t port, int32_t rank, int32_t size, int64_t timeout_ms, const char* network_interface,
                        rd_group* group);
RD_API void rd_group_free(rd_group group);

// In place. work: null to wait.
RD_API int rd_all_reduce(rd_group group, int32_t binding, void* tensor, int32_t operation, rd_work* work);
RD_API int rd_broadcast(rd_group group, int32_t binding, void* tensor, int32_t root);
// output [ranks, ...] takes the input [...] of every rank.
RD_API int rd_all_gather(rd_group group, int32_t binding, void* input, void* output);
RD_API int rd_barrier(rd_group group);
// Waits for a work and frees it.
RD_API int rd_work_wait(rd_work work);

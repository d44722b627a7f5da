// C ABI of the CPU kernels. They take raw pointers, allocate nothing that outlives a call, and never throw.
#pragma once
#include <stdint.h>

#define RK_API extern "C" __attribute__((visibility("default")))

// Raised whenever a signature below changes; the managed side goes without a library of another number.
#define RK_ABI_VERSION 1

RK_API int32_t rk_abi_version(void);

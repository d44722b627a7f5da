#include "rlhfkernels.h"

int32_t rk_abi_version(void) { return RK_ABI_VERSION; }

// C ABI between the TorchSharp-compatible facade and libtorch.
//
// Every ATen operator is reached through one function, rt_call, which uses the dispatcher's boxed calling convention;
// there is no C code per operator. Only what the dispatcher does not know (autograd, generators, threads, memory)
// has functions of its own. No C++ exception leaves this library: functions that can fail return 0 on success and
// anything else on failure, with the message in rt_last_error().
#pragma once
#include <stdint.h>

#define RT_API extern "C" __attribute__((visibility("default")))

// Raised whenever a signature below changes; the managed side refuses a library with another number.
#define RT_ABI_VERSION 4

typedef void* rt_tensor;     // an owning c10::TensorImpl*: one strong reference, given back by rt_release
typedef void* rt_op;         // a resolved operator, valid until the process ends
typedef void* rt_generator;  // an owning at::Generator*

enum rt_tag {
  RT_NONE = 0,
  RT_TENSOR = 1,
  RT_INT = 2,
  RT_DOUBLE = 3,
  RT_BOOL = 4,
  RT_INT_LIST = 5,
  RT_DOUBLE_LIST = 6,
  RT_TENSOR_LIST = 7,  // a null element is an absent optional tensor
  RT_STRING = 8,       // UTF-8, not terminated
  RT_DEVICE = 9,       // length: device type, i: index
  RT_GENERATOR = 10,
};

// One argument or result. Blittable, 16 bytes; lists and strings are borrowed for the length of the call.
typedef struct rt_value {
  int32_t tag;
  int32_t length;
  union {
    int64_t i;
    double d;
    void* p;
  };
} rt_value;

// ---- process
RT_API int32_t rt_abi_version(void);
RT_API int rt_initialize(int32_t threads);
RT_API const char* rt_torch_version(void);
RT_API const char* rt_blas_path(void);  // the file the BLAS routine sgemm_ was loaded from, "" when it cannot be told
RT_API const char* rt_last_error(void);
RT_API void rt_free(void* memory);
RT_API int32_t rt_get_num_threads(void);
RT_API int rt_set_num_threads(int32_t threads);
RT_API int32_t rt_get_num_interop_threads(void);
RT_API int rt_set_num_interop_threads(int32_t threads);
RT_API int32_t rt_cuda_device_count(void);
RT_API int64_t rt_cached_bytes(void);  // freed tensor memory kept for the next tensors
RT_API void rt_release_cached(void);

// ---- operators
RT_API int rt_op_find(const char* name, const char* overload, rt_op* op);
RT_API int32_t rt_op_result_count(rt_op op);
RT_API int rt_call(rt_op op, const rt_value* arguments, int32_t argument_count, rt_value* results, int32_t result_count);

// ---- tensors
RT_API void rt_release(rt_tensor tensor);
RT_API rt_tensor rt_retain(rt_tensor tensor);
RT_API int rt_data_ptr(rt_tensor tensor, void** data);
RT_API int32_t rt_dim(rt_tensor tensor);
RT_API int64_t rt_numel(rt_tensor tensor);
RT_API int32_t rt_element_size(rt_tensor tensor);
RT_API int32_t rt_dtype(rt_tensor tensor);
RT_API int32_t rt_device(rt_tensor tensor, int32_t* index);
RT_API int rt_sizes(rt_tensor tensor, int64_t* sizes);
RT_API int rt_strides(rt_tensor tensor, int64_t* strides);
RT_API int rt_is_contiguous(rt_tensor tensor, int32_t* contiguous);

// ---- autograd
RT_API int32_t rt_requires_grad(rt_tensor tensor);
RT_API int rt_set_requires_grad(rt_tensor tensor, int32_t on);
RT_API int rt_grad(rt_tensor tensor, rt_tensor* grad);  // null when there is none
RT_API int rt_set_grad(rt_tensor tensor, rt_tensor grad);
RT_API int rt_set_data(rt_tensor tensor, rt_tensor data);
RT_API int32_t rt_is_leaf(rt_tensor tensor);
RT_API int rt_backward(const rt_tensor* roots, int32_t root_count, const rt_tensor* grads, int32_t retain_graph,
                       int32_t create_graph, const rt_tensor* inputs, int32_t input_count);
RT_API int rt_autograd_grad(const rt_tensor* outputs, int32_t output_count, const rt_tensor* inputs, int32_t input_count,
                            const rt_tensor* grad_outputs, int32_t retain_graph, int32_t create_graph,
                            int32_t allow_unused, rt_tensor* results);

// A function of the graph whose backward pass is managed code. A node owns one managed context from rt_function_apply on,
// also when that fails, and gives it to `release` when the graph that holds the node is freed, on whatever thread that happens.
//
// backward gets the gradients of the outputs (owned, null where there is none) and fills those of the inputs (handed over,
// null for none). It returns 0, or anything else after rt_set_error.
typedef int (*rt_backward_callback)(void* context, const rt_tensor* grads, int32_t grad_count, rt_tensor* results,
                                    int32_t result_count);
typedef void (*rt_release_callback)(void* context);
typedef void* rt_node;  // borrowed: valid until `release` has been called for its context

// Which tensors stand where in rt_function_apply: the inputs, then the outputs, ...
enum rt_function_part { RT_INPUTS, RT_OUTPUTS, RT_NON_DIFFERENTIABLE, RT_DIRTY, RT_SAVED, RT_PART_COUNT };

RT_API void rt_function_callbacks(rt_backward_callback backward, rt_release_callback release);
// Puts what forward returned into the graph; a null context means that no input needs a gradient. results: one per output.
RT_API int rt_function_apply(void* context, int32_t materialize_grads, const rt_tensor* tensors, const int32_t* counts,
                             rt_tensor* results, rt_node* node);
RT_API int rt_function_saved(rt_node node, rt_tensor* results);
RT_API void rt_set_error(const char* message);

RT_API int32_t rt_grad_enabled(void);
RT_API void rt_set_grad_enabled(int32_t on);
RT_API void* rt_inference_enter(int32_t on);
RT_API void rt_inference_leave(void* guard);
RT_API int32_t rt_is_inference_mode(void);

// ---- random numbers
RT_API int rt_manual_seed(int64_t seed);
RT_API int rt_generator_new(uint64_t seed, rt_generator* generator);
RT_API int rt_generator_default(rt_generator* generator);
RT_API void rt_generator_free(rt_generator generator);
RT_API int rt_generator_set_seed(rt_generator generator, uint64_t seed);
RT_API uint64_t rt_generator_seed(rt_generator generator);
RT_API int rt_generator_get_state(rt_generator generator, rt_tensor* state);
RT_API int rt_generator_set_state(rt_generator generator, rt_tensor state);

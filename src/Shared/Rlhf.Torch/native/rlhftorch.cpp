#include "rlhftorch.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Logging.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include "caching_allocator.h"

#include <dlfcn.h>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

#if TORCH_VERSION_MAJOR >= 2
template <typename T>
using Optional = std::optional<T>;
constexpr auto kAbsent = std::nullopt;
#else
template <typename T>
using Optional = c10::optional<T>;
constexpr auto kAbsent = c10::nullopt;
#endif

using c10::IValue;
using c10::TypeKind;
using Stack = std::vector<IValue>;
using Owner = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

thread_local std::string last_error;
thread_local Stack spare_stack;  // keeps its capacity between calls, so that a call allocates no stack

int Fail(const char* message) noexcept {
  try {
    last_error = message != nullptr ? message : "unknown error";
  } catch (...) {
  }
  return 1;
}

// Runs body and turns whatever it throws into a return code and a message.
template <typename Body>
int Guarded(Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error& error) {
    return Fail(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return Fail(error.what());
  } catch (...) {
    return Fail("a C++ exception of unknown type");
  }
}

c10::TensorImpl* Impl(rt_tensor handle) { return static_cast<c10::TensorImpl*>(handle); }

// A tensor that shares the object behind the handle (one more reference); undefined for null.
at::Tensor Share(rt_tensor handle) {
  return handle != nullptr ? at::Tensor(Owner::reclaim_copy(Impl(handle))) : at::Tensor();
}

// Hands the tensor's reference out to the managed side; null for an undefined tensor.
rt_tensor HandOut(at::Tensor&& tensor) { return tensor.defined() ? tensor.unsafeReleaseTensorImpl() : nullptr; }

torch::autograd::variable_list ShareAll(const rt_tensor* handles, int32_t count) {
  torch::autograd::variable_list list;
  list.reserve(count);
  for (int32_t i = 0; i < count; i++) list.push_back(Share(handles[i]));
  return list;
}

// What rt_call must know about one parameter of an operator to build the right IValue for it.
struct ParameterType {
  TypeKind kind;     // without optional<>
  TypeKind element;  // of a list
  bool optional_element;
  Optional<IValue> default_value;
};

struct Operator {
  explicit Operator(const c10::OperatorHandle& found) : handle(found) {
    const auto& schema = handle.schema();
    result_count = static_cast<int32_t>(schema.returns().size());
    for (const auto& argument : schema.arguments()) {
      auto type = WithoutOptional(argument.type());
      ParameterType parameter{type->kind(), TypeKind::NoneType, false, kAbsent};
      if (argument.default_value()) parameter.default_value = *argument.default_value();
      if (type->kind() == TypeKind::ListType) {
        auto element = type->castRaw<c10::ListType>()->getElementType();
        parameter.optional_element = element->kind() == TypeKind::OptionalType;
        parameter.element = WithoutOptional(element)->kind();
      }
      parameters.push_back(std::move(parameter));
    }
  }

  static c10::TypePtr WithoutOptional(c10::TypePtr type) {
    return type->kind() == TypeKind::OptionalType ? type->castRaw<c10::OptionalType>()->getElementType() : type;
  }

  c10::OperatorHandle handle;
  std::vector<ParameterType> parameters;
  int32_t result_count;
};

template <typename T, typename Source>
IValue NumberList(const Source* numbers, int32_t count) {
  c10::List<T> list;
  list.reserve(count);
  for (int32_t i = 0; i < count; i++) list.push_back(static_cast<T>(numbers[i]));
  return list;
}

// Scalar[] travels as a generic list of numbers.
template <typename Source>
IValue ScalarList(const Source* numbers, int32_t count) {
  c10::impl::GenericList list(c10::NumberType::get());
  list.reserve(count);
  for (int32_t i = 0; i < count; i++) list.push_back(IValue(numbers[i]));
  return list;
}

IValue TensorList(void* const* handles, int32_t count, bool optional_elements) {
  if (optional_elements) {
    c10::List<Optional<at::Tensor>> list;
    list.reserve(count);
    for (int32_t i = 0; i < count; i++)
      list.push_back(handles[i] != nullptr ? Optional<at::Tensor>(Share(handles[i])) : Optional<at::Tensor>());
    return list;
  }
  c10::List<at::Tensor> list;
  list.reserve(count);
  for (int32_t i = 0; i < count; i++) list.push_back(Share(handles[i]));
  return list;
}

IValue ToIValue(const rt_value& value, const ParameterType& parameter) {
  switch (value.tag) {
    case RT_NONE:
      return IValue();
    case RT_TENSOR:
      return parameter.kind == TypeKind::ListType ? TensorList(&value.p, 1, parameter.optional_element)
                                                  : IValue(Share(value.p));
    case RT_INT:
      if (parameter.kind == TypeKind::FloatType) return IValue(static_cast<double>(value.i));
      if (parameter.kind == TypeKind::BoolType) return IValue(value.i != 0);
      if (parameter.kind == TypeKind::ListType) {
        return parameter.element == TypeKind::FloatType ? NumberList<double>(&value.i, 1)
                                                        : NumberList<int64_t>(&value.i, 1);
      }
      return IValue(value.i);
    case RT_DOUBLE:
      return IValue(value.d);
    case RT_BOOL:
      return IValue(value.i != 0);
    case RT_INT_LIST: {
      auto numbers = static_cast<const int64_t*>(value.p);
      if (parameter.element == TypeKind::FloatType) return NumberList<double>(numbers, value.length);
      if (parameter.element == TypeKind::BoolType) return NumberList<bool>(numbers, value.length);
      if (parameter.element == TypeKind::NumberType) return ScalarList(numbers, value.length);
      return NumberList<int64_t>(numbers, value.length);
    }
    case RT_DOUBLE_LIST: {
      auto numbers = static_cast<const double*>(value.p);
      if (parameter.element == TypeKind::NumberType) return ScalarList(numbers, value.length);
      return NumberList<double>(numbers, value.length);
    }
    case RT_TENSOR_LIST:
      return TensorList(static_cast<void* const*>(value.p), value.length, parameter.optional_element);
    case RT_STRING:
      return IValue(std::string(static_cast<const char*>(value.p), value.length));
    case RT_DEVICE:
      return IValue(c10::Device(static_cast<c10::DeviceType>(value.length), static_cast<c10::DeviceIndex>(value.i)));
    case RT_GENERATOR:
      return IValue(*static_cast<at::Generator*>(value.p));
    default:
      TORCH_CHECK(false, "unknown argument tag ", value.tag);
  }
}

rt_value FromIValue(IValue&& value) {
  rt_value result{};
  if (value.isTensor()) {
    result.tag = RT_TENSOR;
    result.p = HandOut(std::move(value).toTensor());
  } else if (value.isNone()) {
    result.tag = RT_NONE;
  } else if (value.isInt()) {
    result.tag = RT_INT;
    result.i = value.toInt();
  } else if (value.isDouble()) {
    result.tag = RT_DOUBLE;
    result.d = value.toDouble();
  } else if (value.isBool()) {
    result.tag = RT_BOOL;
    result.i = value.toBool();
  } else if (value.isTensorList()) {
    auto tensors = std::move(value).toTensorVector();
    auto handles = static_cast<void**>(malloc(sizeof(void*) * (tensors.size() + 1)));
    for (size_t i = 0; i < tensors.size(); i++) handles[i] = HandOut(std::move(tensors[i]));
    result.tag = RT_TENSOR_LIST;
    result.length = static_cast<int32_t>(tensors.size());
    result.p = handles;
  } else {
    TORCH_CHECK(false, "a result of kind ", value.tagKind(), " cannot be returned");
  }
  return result;
}

// Gives back what the results already converted hold, when a later one fails.
void Discard(rt_value* results, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (results[i].tag == RT_TENSOR) rt_release(results[i].p);
    if (results[i].tag == RT_TENSOR_LIST) {
      auto handles = static_cast<void**>(results[i].p);
      for (int32_t k = 0; k < results[i].length; k++) rt_release(handles[k]);
      free(handles);
    }
    results[i] = rt_value{};
  }
}

rt_backward_callback managed_backward = nullptr;
rt_release_callback managed_release = nullptr;

// A node of the graph whose backward pass is managed code.
struct ManagedNode : torch::autograd::Node {
  explicit ManagedNode(void* context, bool materialize_grads) : context(context), materialize_grads(materialize_grads) {}
  ~ManagedNode() override { managed_release(context); }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    at::OptionalDeviceGuard device_guard;
    std::vector<rt_tensor> results(num_outputs(), nullptr);
    std::vector<rt_tensor> handles;
    handles.reserve(grads.size());
    for (size_t i = 0; i < grads.size(); i++) {
      if (!grads[i].defined() && materialize_grads && i < outputs.size()) grads[i] = outputs[i].zeros(device_guard);
      handles.push_back(HandOut(std::move(grads[i])));
    }
    const int code = managed_backward(context, handles.data(), static_cast<int32_t>(handles.size()), results.data(),
                                      static_cast<int32_t>(results.size()));
    torch::autograd::variable_list gradients;
    gradients.reserve(results.size());
    for (auto result : results) gradients.push_back(result != nullptr ? at::Tensor(Owner::reclaim(Impl(result))) : at::Tensor());
    if (code != 0) throw std::runtime_error(last_error);
    return gradients;
  }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& variable : saved) variable.reset_data();
  }

  torch::autograd::variable_list Unpack() {
    std::lock_guard<std::mutex> lock(mutex_);
    torch::autograd::variable_list unpacked;
    unpacked.reserve(saved.size());
    for (const auto& variable : saved) unpacked.push_back(variable.unpack(shared_from_this()));
    return unpacked;
  }

  void* context;
  bool materialize_grads;
  std::vector<torch::autograd::VariableInfo> outputs;
  std::vector<torch::autograd::SavedVariable> saved;
};

torch::autograd::variable_list NoForwardMode(torch::autograd::variable_list, torch::autograd::variable_list) {
  TORCH_CHECK(false, "a custom function has no forward-mode gradient");
}

// _wrap_outputs has gained parameters among the 2.x versions; those left out stand for what plain functions do.
template <typename Function, typename... Arguments>
auto WrapOutputs(Function wrap, const Arguments&... arguments) {
  auto view_as_self = [](const at::Tensor& tensor) { return tensor.view_as(tensor); };
  using Unsaved = std::unordered_set<at::TensorImpl*>;
  if constexpr (std::is_invocable_v<Function, const Arguments&..., decltype(&NoForwardMode)>) {
    return wrap(arguments..., &NoForwardMode);
  } else if constexpr (std::is_invocable_v<Function, const Arguments&..., decltype(&NoForwardMode), Unsaved>) {
    return wrap(arguments..., &NoForwardMode, Unsaved());
  } else if constexpr (std::is_invocable_v<Function, const Arguments&..., decltype(&NoForwardMode), Unsaved, decltype(view_as_self)>) {
    return wrap(arguments..., &NoForwardMode, Unsaved(), view_as_self);
  } else {
    return wrap(arguments..., &NoForwardMode, Unsaved(), view_as_self, false);
  }
}

// The hook that counts GPUs has changed its name among the 2.x versions.
template <typename Hooks>
auto CountGpus(const Hooks& hooks, int) -> decltype(static_cast<int32_t>(hooks.getNumGPUs())) {
  return static_cast<int32_t>(hooks.getNumGPUs());
}

template <typename Hooks>
auto CountGpus(const Hooks& hooks, long) -> decltype(static_cast<int32_t>(hooks.deviceCount())) {
  return static_cast<int32_t>(hooks.deviceCount());
}

at::Generator& Generator(rt_generator generator) { return *static_cast<at::Generator*>(generator); }

}  // namespace

// ---- process

int32_t rt_abi_version(void) { return RT_ABI_VERSION; }

int rt_initialize(int32_t threads) {
  return Guarded([&] {
    // An error would otherwise symbolise a backtrace through all loaded libraries: milliseconds per exception.
    c10::SetStackTraceFetcher([]() -> std::string { return std::string(); });
    CachingAllocator::Install();
    at::set_num_threads(threads);
  });
}

int64_t rt_cached_bytes(void) { return CachingAllocator::CachedBytes(); }
void rt_release_cached(void) { CachingAllocator::ReleaseCached(); }

const char* rt_torch_version(void) { return TORCH_VERSION; }

const char* rt_blas_path(void) {
  static const std::string path = [] {
    Dl_info info{};
    void* routine = dlsym(RTLD_DEFAULT, "sgemm_");
    return std::string(routine != nullptr && dladdr(routine, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "");
  }();
  return path.c_str();
}

const char* rt_last_error(void) { return last_error.c_str(); }
void rt_free(void* memory) { free(memory); }
int32_t rt_get_num_threads(void) { return at::get_num_threads(); }

int rt_set_num_threads(int32_t threads) {
  return Guarded([&] { at::set_num_threads(threads); });
}

int32_t rt_get_num_interop_threads(void) { return at::get_num_interop_threads(); }

int rt_set_num_interop_threads(int32_t threads) {
  return Guarded([&] { at::set_num_interop_threads(threads); });
}

int32_t rt_cuda_device_count(void) {
  int32_t count = 0;
  Guarded([&] {
    if (at::hasCUDA()) count = CountGpus(at::detail::getCUDAHooks(), 0);
  });
  return count;
}

// ---- operators

int rt_op_find(const char* name, const char* overload, rt_op* op) {
  *op = nullptr;
  return Guarded([&] {
    auto found = c10::Dispatcher::singleton().findSchema({name, overload});
    TORCH_CHECK(found.has_value(), "this libtorch (", TORCH_VERSION, ") has no operator ", name, ".", overload);
    *op = new Operator(*found);
  });
}

int32_t rt_op_result_count(rt_op op) { return static_cast<Operator*>(op)->result_count; }

int rt_call(rt_op op, const rt_value* arguments, int32_t argument_count, rt_value* results, int32_t result_count) {
  if (op == nullptr) return Fail("no operator given");
  // Taken, not borrowed: an operator may call back into rt_call on this thread.
  Stack stack;
  stack.swap(spare_stack);
  const int code = Guarded([&] {
    stack.clear();
    const auto& target = *static_cast<const Operator*>(op);
    const auto& schema = target.handle.schema();
    const auto expected = static_cast<int32_t>(target.parameters.size());
    TORCH_CHECK(argument_count <= expected, schema.name(), " takes ", expected, " arguments, not ", argument_count);
    for (int32_t i = 0; i < argument_count; i++) stack.push_back(ToIValue(arguments[i], target.parameters[i]));
    for (int32_t i = argument_count; i < expected; i++) {
      TORCH_CHECK(target.parameters[i].default_value.has_value(), schema.name(), ": argument '",
                  schema.arguments()[i].name(), "' is missing and has no default");
      stack.push_back(*target.parameters[i].default_value);
    }
    TORCH_CHECK(target.result_count <= result_count, schema.name(), " has ", target.result_count,
                " results, there is room for ", result_count);
    target.handle.callBoxed(stack);
    size_t converted = 0;
    try {
      for (; converted < stack.size(); converted++) results[converted] = FromIValue(std::move(stack[converted]));
    } catch (...) {
      Discard(results, converted);
      throw;
    }
    for (auto i = static_cast<int32_t>(converted); i < result_count; i++) results[i] = rt_value{};
  });
  stack.clear();
  stack.swap(spare_stack);
  return code;
}

// ---- tensors

void rt_release(rt_tensor tensor) {
  if (tensor != nullptr) Owner::reclaim(Impl(tensor));
}

rt_tensor rt_retain(rt_tensor tensor) { return HandOut(Share(tensor)); }

int rt_data_ptr(rt_tensor tensor, void** data) {
  return Guarded([&] { *data = Share(tensor).data_ptr(); });
}

int32_t rt_dim(rt_tensor tensor) { return static_cast<int32_t>(Impl(tensor)->dim()); }
int64_t rt_numel(rt_tensor tensor) { return Impl(tensor)->numel(); }
int32_t rt_element_size(rt_tensor tensor) { return static_cast<int32_t>(Impl(tensor)->itemsize()); }
int32_t rt_dtype(rt_tensor tensor) { return static_cast<int32_t>(c10::typeMetaToScalarType(Impl(tensor)->dtype())); }

int32_t rt_device(rt_tensor tensor, int32_t* index) {
  auto device = Impl(tensor)->device();
  *index = device.index();
  return static_cast<int32_t>(device.type());
}

// A sparse tensor has no strides, a nested one no sizes: libtorch throws.
int rt_sizes(rt_tensor tensor, int64_t* sizes) {
  return Guarded([&] {
    auto source = Impl(tensor)->sizes();
    if (!source.empty()) memcpy(sizes, source.data(), sizeof(int64_t) * source.size());
  });
}

int rt_strides(rt_tensor tensor, int64_t* strides) {
  return Guarded([&] {
    auto source = Impl(tensor)->strides();
    if (!source.empty()) memcpy(strides, source.data(), sizeof(int64_t) * source.size());
  });
}

int rt_is_contiguous(rt_tensor tensor, int32_t* contiguous) {
  *contiguous = 0;
  return Guarded([&] { *contiguous = Impl(tensor)->is_contiguous() ? 1 : 0; });
}

// ---- autograd

int32_t rt_requires_grad(rt_tensor tensor) { return Share(tensor).requires_grad() ? 1 : 0; }

int rt_set_requires_grad(rt_tensor tensor, int32_t on) {
  return Guarded([&] {
    auto target = Share(tensor);
    TORCH_CHECK(target.is_leaf() || on != 0,
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                "subgraph that doesn't require differentiation use detach().");
    target.set_requires_grad(on != 0);
  });
}

int rt_grad(rt_tensor tensor, rt_tensor* grad) {
  return Guarded([&] {
    at::Tensor found = Share(tensor).grad();
    *grad = HandOut(std::move(found));
  });
}

int rt_set_grad(rt_tensor tensor, rt_tensor grad) {
  return Guarded([&] { Share(tensor).mutable_grad() = Share(grad); });
}

int rt_set_data(rt_tensor tensor, rt_tensor data) {
  return Guarded([&] { Share(tensor).set_data(Share(data)); });
}

int32_t rt_is_leaf(rt_tensor tensor) { return Share(tensor).is_leaf() ? 1 : 0; }

int rt_backward(const rt_tensor* roots, int32_t root_count, const rt_tensor* grads, int32_t retain_graph,
                int32_t create_graph, const rt_tensor* inputs, int32_t input_count) {
  return Guarded([&] {
    torch::autograd::backward(ShareAll(roots, root_count),
                              grads != nullptr ? ShareAll(grads, root_count) : torch::autograd::variable_list(),
                              retain_graph != 0, create_graph != 0, ShareAll(inputs, input_count));
  });
}

int rt_autograd_grad(const rt_tensor* outputs, int32_t output_count, const rt_tensor* inputs, int32_t input_count,
                     const rt_tensor* grad_outputs, int32_t retain_graph, int32_t create_graph, int32_t allow_unused,
                     rt_tensor* results) {
  return Guarded([&] {
    auto grads = torch::autograd::grad(
        ShareAll(outputs, output_count), ShareAll(inputs, input_count),
        grad_outputs != nullptr ? ShareAll(grad_outputs, output_count) : torch::autograd::variable_list(),
        retain_graph != 0, create_graph != 0, allow_unused != 0);
    for (int32_t i = 0; i < input_count; i++) results[i] = HandOut(std::move(grads[i]));
  });
}

void rt_function_callbacks(rt_backward_callback backward, rt_release_callback release) {
  managed_backward = backward;
  managed_release = release;
}

int rt_function_apply(void* context, int32_t materialize_grads, const rt_tensor* tensors, const int32_t* counts,
                      rt_tensor* results, rt_node* node) {
  *node = nullptr;
  std::shared_ptr<ManagedNode> owner;
  return Guarded([&] {
    if (context != nullptr) {
      owner = std::shared_ptr<ManagedNode>(new ManagedNode(context, materialize_grads != 0), torch::autograd::deleteNode);
    }
    torch::autograd::variable_list parts[RT_PART_COUNT];
    for (int part = 0; part < RT_PART_COUNT; tensors += counts[part++]) parts[part] = ShareAll(tensors, counts[part]);
    std::unordered_set<at::TensorImpl*> non_differentiable, dirty;
    for (const auto& tensor : parts[RT_NON_DIFFERENTIABLE]) non_differentiable.insert(tensor.unsafeGetTensorImpl());
    for (const auto& tensor : parts[RT_DIRTY]) {
      tensor.unsafeGetTensorImpl()->bump_version();
      dirty.insert(tensor.unsafeGetTensorImpl());
    }
    if (owner) {
      owner->set_next_edges(torch::autograd::collect_next_edges(parts[RT_INPUTS]));
      owner->clear_input_metadata();
    }
    auto wrapped = WrapOutputs(&torch::autograd::_wrap_outputs, parts[RT_INPUTS], non_differentiable, dirty,
                               torch::autograd::to_optional(parts[RT_OUTPUTS]), std::shared_ptr<torch::autograd::Node>(owner));
    if (owner) {
      for (const auto& output : wrapped) {
        owner->outputs.push_back(output.has_value() ? torch::autograd::VariableInfo(*output) : torch::autograd::VariableInfo());
      }
      for (const auto& tensor : parts[RT_SAVED]) {
        const bool is_output = tensor.defined() && tensor.grad_fn().get() == owner.get();
        owner->saved.push_back(tensor.defined() ? torch::autograd::SavedVariable(tensor, is_output) : torch::autograd::SavedVariable());
      }
      *node = owner.get();
    }
    for (size_t i = 0; i < wrapped.size(); i++) results[i] = wrapped[i].has_value() ? HandOut(std::move(*wrapped[i])) : nullptr;
  });
}

int rt_function_saved(rt_node node, rt_tensor* results) {
  return Guarded([&] {
    auto saved = static_cast<ManagedNode*>(node)->Unpack();
    for (auto& tensor : saved) *results++ = HandOut(std::move(tensor));
  });
}

void rt_set_error(const char* message) { Fail(message); }

int32_t rt_grad_enabled(void) { return at::GradMode::is_enabled() ? 1 : 0; }
void rt_set_grad_enabled(int32_t on) { at::GradMode::set_enabled(on != 0); }
void* rt_inference_enter(int32_t on) { return new c10::InferenceMode(on != 0); }
void rt_inference_leave(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }
int32_t rt_is_inference_mode(void) { return c10::InferenceMode::is_enabled() ? 1 : 0; }

// ---- random numbers

int rt_manual_seed(int64_t seed) {
  return Guarded([&] { at::manual_seed(static_cast<uint64_t>(seed)); });
}

int rt_generator_new(uint64_t seed, rt_generator* generator) {
  return Guarded([&] { *generator = new at::Generator(at::detail::createCPUGenerator(seed)); });
}

int rt_generator_default(rt_generator* generator) {
  return Guarded([&] { *generator = new at::Generator(at::detail::getDefaultCPUGenerator()); });
}

void rt_generator_free(rt_generator generator) { delete static_cast<at::Generator*>(generator); }

int rt_generator_set_seed(rt_generator generator, uint64_t seed) {
  return Guarded([&] {
    auto& target = Generator(generator);
    std::lock_guard<std::mutex> lock(target.mutex());
    target.set_current_seed(seed);
  });
}

uint64_t rt_generator_seed(rt_generator generator) { return Generator(generator).current_seed(); }

int rt_generator_get_state(rt_generator generator, rt_tensor* state) {
  return Guarded([&] {
    auto& target = Generator(generator);
    std::lock_guard<std::mutex> lock(target.mutex());
    *state = HandOut(target.get_state());
  });
}

int rt_generator_set_state(rt_generator generator, rt_tensor state) {
  return Guarded([&] {
    auto& target = Generator(generator);
    std::lock_guard<std::mutex> lock(target.mutex());
    target.set_state(Share(state));
  });
}

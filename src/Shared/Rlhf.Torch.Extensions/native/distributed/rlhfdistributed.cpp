#define USE_C10D_GLOO 1  // else its header declares nothing
#include "rlhfdistributed.h"

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace {

using Gloo = c10d::ProcessGroupGloo;
using Work = c10d::Work;
using Owner = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

thread_local std::string last_error;

struct Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<Gloo> gloo;
};

int Fail(const char* message) noexcept {
  try {
    last_error = message != nullptr ? message : "unknown error";
  } catch (...) {
  }
  return 1;
}

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

at::Tensor Share(int32_t binding, void* handle) {
  return binding == RD_TENSOR ? *static_cast<at::Tensor*>(handle) : at::Tensor(Owner::reclaim_copy(static_cast<c10::TensorImpl*>(handle)));
}

Gloo& Of(rd_group group) { return *static_cast<Group*>(group)->gloo; }

}  // namespace

int32_t rd_abi_version(void) { return RD_ABI_VERSION; }

const char* rd_last_error(void) { return last_error.c_str(); }

int rd_group_new(const char* address, int32_t port, int32_t rank, int32_t size, int64_t timeout_ms, const char* network_interface,
                 rd_group* group) {
  return Guarded([&] {
    const std::chrono::milliseconds timeout(timeout_ms);
    const std::string host(address), name(network_interface);
    c10d::TCPStoreOptions store_options;
    store_options.port = static_cast<std::uint16_t>(port);
    store_options.isServer = rank == 0;
    store_options.numWorkers = static_cast<std::size_t>(size);
    store_options.timeout = timeout;
    auto store = c10::make_intrusive<c10d::TCPStore>(host, store_options);

    // As torch.distributed chooses; ranks that meet at a loopback address are all on this machine, whatever its name resolves to.
    const bool local = host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
    auto options = Gloo::Options::create(timeout);
    options->threads = 2;
    options->devices.push_back(!name.empty() ? Gloo::createDeviceForInterface(name)
                               : local       ? Gloo::createDeviceForHostname(host)
                                             : Gloo::createDefaultDevice());
    auto prefixed = c10::make_intrusive<c10d::PrefixStore>("rlhf", store);
    *group = new Group{store, c10::make_intrusive<Gloo>(prefixed, rank, size, options)};
  });
}

void rd_group_free(rd_group group) {
  Guarded([&] { delete static_cast<Group*>(group); });
}

int rd_all_reduce(rd_group group, int32_t binding, void* tensor, int32_t operation, rd_work* work) {
  return Guarded([&] {
    std::vector<at::Tensor> tensors{Share(binding, tensor)};
    c10d::AllreduceOptions options;
    options.reduceOp = operation == RD_MAX ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
    auto started = Of(group).allreduce(tensors, options);
    if (work != nullptr) {
      *work = started.release();
    } else {
      started->wait();
    }
  });
}

int rd_broadcast(rd_group group, int32_t binding, void* tensor, int32_t root) {
  return Guarded([&] {
    std::vector<at::Tensor> tensors{Share(binding, tensor)};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    Of(group).broadcast(tensors, options)->wait();
  });
}

int rd_all_gather(rd_group group, int32_t binding, void* input, void* output) {
  return Guarded([&] {
    std::vector<at::Tensor> inputs{Share(binding, input)};
    std::vector<std::vector<at::Tensor>> outputs{Share(binding, output).unbind(0)};
    Of(group).allgather(outputs, inputs)->wait();
  });
}

int rd_barrier(rd_group group) {
  return Guarded([&] { Of(group).barrier()->wait(); });
}

int rd_work_wait(rd_work work) {
  return Guarded([&] { c10::intrusive_ptr<Work>::reclaim(static_cast<Work*>(work))->wait(); });
}

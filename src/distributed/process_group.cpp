#include "pal/distributed/process_group.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "heartbeat.h"
#include "nccl.h"
#include "pal/core/check.h"

namespace pal {

namespace {

constexpr const char* kLoopback = "127.0.0.1";

// Without the stack trace that c10d adds.
std::string reason(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

// c10d and Gloo throw several kinds of errors, which name an address at best.
[[noreturn]] void throw_lost(const char* what, const std::exception& error, Heartbeat& heartbeat) {
  const auto missing = heartbeat.missing();  // process 0 takes a little longer, as the others ask its store
  throw ProcessLost(fmt::format("{} does not answer ({}: {})", missing.empty() ? "another process" : missing, what, reason(error)));
}

}  // namespace

struct PendingExchange::Work {
  c10::intrusive_ptr<c10d::Work> work;
  const char* what;  // for messages
  std::shared_ptr<Heartbeat> heartbeat;
};

void PendingExchange::wait() {
  if (!work_) return;
  const auto done = std::exchange(work_, nullptr);
  try {
    done->work->wait();
  } catch (const std::exception& error) {
    throw_lost(done->what, error, *done->heartbeat);
  }
}

struct ProcessGroup::Implementation {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> tensors;  // on the device
  c10::intrusive_ptr<c10d::Backend> texts;    // on the CPU
  std::shared_ptr<Heartbeat> heartbeat;

  c10d::Backend& of(const at::Tensor& tensor) const { return tensor.is_cpu() ? *texts : *tensors; }

  template <typename Begin>
  PendingExchange begin(const char* what, Begin&& exchange) const {
    PendingExchange pending;
    heartbeat->begin_exchange();
    try {
      pending.work_ = std::make_shared<PendingExchange::Work>(PendingExchange::Work{exchange(), what, heartbeat});
    } catch (const std::exception& error) {
      throw_lost(what, error, *heartbeat);
    }
    return pending;
  }
};

namespace {

// Gloo and the store write to sockets without asking for an error instead of a signal. That another process has ended is to be told, not to end
// this one as well.
void ignore_broken_connections() {
  struct sigaction now{};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
}

// The store would listen at all addresses; processes of one machine need not be reached from others.
int listen_at_loopback(std::uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(listener, SOMAXCONN) == 0) return listener;
  const int error = errno;
  ::close(listener);
  user_error("process 0: cannot listen at {}:{}: {}; set MASTER_PORT to a free port", kLoopback, port, std::strerror(error));
}

// serve: whether this process, if it is the first, is whom the others meet.
c10::intrusive_ptr<c10d::Store> meet(const Launch& launch, std::chrono::milliseconds timeout, bool serve) {
  c10d::TCPStoreOptions options;
  options.port = std::uint16_t(launch.port);
  options.isServer = serve && launch.rank == 0 && !launch.is_served;
  options.waitWorkers = serve && !launch.is_served;
  options.numWorkers = std::size_t(launch.world);
  options.timeout = timeout;
  if (options.isServer && launch.address == kLoopback) options.masterListenFd = listen_at_loopback(options.port);
  try {
    return c10::make_intrusive<c10d::PrefixStore>("pal/" + launch.attempt, c10::make_intrusive<c10d::TCPStore>(launch.address, options));
  } catch (const std::exception& error) {
    const auto problem = fmt::format("process {} of {}: cannot meet the others at {}:{}: {}", launch.rank, launch.world, launch.address, launch.port, reason(error));
    if (launch.rank == 0 && std::string_view(error.what()).find("EADDRINUSE") != std::string_view::npos)
      user_error("{}; another program listens there, set MASTER_PORT to a free port", problem);
    throw ProcessLost(problem);
  }
}

// Processes of one machine talk over the loopback; others over the interface that leads to this host's name, or GLOO_SOCKET_IFNAME.
std::shared_ptr<::gloo::transport::Device> gloo_device(const Launch& launch) {
  if (const auto interface = process_environment("GLOO_SOCKET_IFNAME")) return c10d::ProcessGroupGloo::createDeviceForInterface(*interface);
  const bool one_machine = launch.local_world == launch.world || launch.address == kLoopback || launch.address == "localhost";
  return one_machine ? c10d::ProcessGroupGloo::createDeviceForHostname(kLoopback) : c10d::ProcessGroupGloo::createDefaultDevice();
}

c10::intrusive_ptr<c10d::Backend> gloo(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch, std::chrono::milliseconds timeout, Heartbeat& heartbeat) {
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  options->devices = {gloo_device(launch)};
  try {
    return c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), int(launch.rank), int(launch.world), options);
  } catch (const std::exception& error) {
    throw_lost("connecting to the others", error, heartbeat);
  }
}

c10d::AllreduceOptions all_reduce(c10d::ReduceOp::RedOpType operation) {
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  return options;
}

at::Tensor bytes_of(const std::string& text, int64_t size) {
  auto bytes = at::zeros({size}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

}  // namespace

ProcessGroup::ProcessGroup() = default;
ProcessGroup::~ProcessGroup() {
  if (!impl_ || !impl_->tensors) return;
  try {
    impl_->tensors->shutdown();  // NCCL does so itself, but warns then
  } catch (const std::exception&) {  // the others may be gone
  }
}
ProcessGroup::ProcessGroup(ProcessGroup&&) noexcept = default;
ProcessGroup& ProcessGroup::operator=(ProcessGroup&&) noexcept = default;

ProcessGroup::ProcessGroup(const Launch& launch, at::Device device, std::chrono::milliseconds timeout) : rank_(launch.rank), size_(launch.world) {
  if (size_ == 1) return;
  ignore_broken_connections();
  // For its logs, the store asks for the name of each address, and a name server that loses a question about 127.0.0.1 costs 5 s.
  if (launch.address == kLoopback) ::setenv("RES_OPTIONS", "timeout:1 attempts:1", /*overwrite=*/0);
  ::setenv("TORCH_CPP_LOG_LEVEL", "FATAL", /*overwrite=*/0);  // c10d's own logs are stack traces; what they say is thrown
  impl_ = std::make_unique<Implementation>();
  impl_->store = meet(launch, timeout, /*serve=*/true);
  impl_->heartbeat = std::make_shared<Heartbeat>(meet(launch, timeout, /*serve=*/false), rank_, size_);
  impl_->texts = gloo(impl_->store, launch, timeout, *impl_->heartbeat);
  impl_->tensors = device.is_cpu() ? impl_->texts : make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", impl_->store), int(rank_), int(size_), device, timeout);
}

PendingExchange ProcessGroup::begin_sum(const at::Tensor& tensor) {
  if (!impl_) return {};
  return impl_->begin("sum", [&] {
    std::vector<at::Tensor> tensors{tensor};
    return impl_->of(tensor).allreduce(tensors, all_reduce(c10d::ReduceOp::SUM));
  });
}

void ProcessGroup::sum(const at::Tensor& tensor) { begin_sum(tensor).wait(); }

void ProcessGroup::largest(const at::Tensor& tensor) {
  if (!impl_) return;
  impl_->begin("largest", [&] {
    std::vector<at::Tensor> tensors{tensor};
    return impl_->of(tensor).allreduce(tensors, all_reduce(c10d::ReduceOp::MAX));
  }).wait();
}

void ProcessGroup::broadcast(const at::Tensor& tensor, int64_t root) {
  if (!impl_) return;
  impl_->begin("broadcast", [&] {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    std::vector<at::Tensor> tensors{tensor};
    return impl_->of(tensor).broadcast(tensors, options);
  }).wait();
}

PendingExchange ProcessGroup::begin_reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  PAL_ASSERT(input.numel() == output.numel() * size_, "{} elements for {} processes of {}", input.numel(), size_, output.numel());
  if (!impl_) {
    output.copy_(input);
    return {};
  }
  return impl_->begin("reduce-scatter", [&] {
    at::Tensor into = output, from = input;
    return impl_->of(input)._reduce_scatter_base(into, from, {});
  });
}

PendingExchange ProcessGroup::begin_all_gather(const at::Tensor& output, const at::Tensor& input) {
  PAL_ASSERT(output.numel() == input.numel() * size_, "{} elements of {} processes of {}", output.numel(), size_, input.numel());
  if (!impl_) {
    output.copy_(input);
    return {};
  }
  return impl_->begin("all-gather", [&] {
    at::Tensor into = output, from = input;
    return impl_->of(input)._allgather_base(into, from, {});
  });
}

std::vector<std::string> ProcessGroup::gather(const std::string& text) {
  if (!impl_) return {text};
  auto lengths = at::zeros({size_}, at::kLong);
  lengths[rank_] = int64_t(text.size());
  sum(lengths);
  const int64_t longest = std::max<int64_t>(1, lengths.max().item<int64_t>());
  auto all = at::empty({size_ * longest}, at::kByte);
  begin_all_gather(all, bytes_of(text, longest)).wait();
  std::vector<std::string> texts;
  for (int64_t r = 0; r < size_; ++r) texts.emplace_back(all.data_ptr<uint8_t>() + r * longest, all.data_ptr<uint8_t>() + r * longest + lengths[r].item<int64_t>());
  return texts;
}

std::string ProcessGroup::missing() const { return impl_ ? impl_->heartbeat->missing() : ""; }

void ProcessGroup::barrier() { sum(at::zeros({1}, at::kLong)); }

}  // namespace pal

#include "pal/bench/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <atomic>

namespace pal {

namespace {

// The hook that torch's own memory profiler uses.
struct Counter : c10::MemoryReportingInfoBase {
  explicit Counter(c10::Device device) : device(device) {}

  void reportMemoryUsage(void*, int64_t size, std::size_t, std::size_t, c10::Device where) override {
    if (where.type() != device.type()) return;
    const int64_t now = current += size;  // size is below 0 where memory is freed
    if (size > 0) allocated += size;
    int64_t before = peak;
    while (now > before && !peak.compare_exchange_weak(before, now)) {
    }
  }
  bool memoryProfilingEnabled() const override { return true; }

  c10::Device device;
  std::atomic<int64_t> current = 0, peak = 0, allocated = 0;  // a backward on another thread counts too
};

}  // namespace

struct MemoryMeter::Impl {
  explicit Impl(c10::Device device)
      : counter(std::make_shared<Counter>(device)), guard(c10::DebugInfoKind::PROFILER_STATE, counter) {}
  std::shared_ptr<Counter> counter;
  c10::DebugInfoGuard guard;
};

MemoryMeter::MemoryMeter(c10::Device device) : impl_(std::make_unique<Impl>(device)) {}
MemoryMeter::~MemoryMeter() = default;

int64_t MemoryMeter::current() const { return impl_->counter->current; }
int64_t MemoryMeter::peak() const { return impl_->counter->peak; }
int64_t MemoryMeter::allocated() const { return impl_->counter->allocated; }
void MemoryMeter::reset_peak() { impl_->counter->peak = impl_->counter->current.load(); }

}  // namespace pal

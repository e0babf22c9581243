#include "pal/bench/flop_counter.h"

#include <ATen/record_function.h>

#include <atomic>
#include <cstring>

#include "pal/core/check.h"

namespace pal {

namespace {

struct Counts {
  std::atomic<int64_t> flops = 0, operators = 0;
};
Counts* running = nullptr;  // callbacks are plain functions, so there is one counter at a time

// Those of nn/row_product that are not torch's own.
bool is_rows_by_weight(const char* name) { return std::strcmp(name, "mkldnn::_linear_pointwise") == 0 || std::strcmp(name, "pal::few_rows") == 0; }

// The first of the two matrices among an operator's inputs; -1: no matrix product.
int first_matrix(const char* name) {
  if (std::strcmp(name, "aten::mm") == 0 || is_rows_by_weight(name)) return 0;
  if (std::strcmp(name, "aten::addmm") == 0) return 1;
  return -1;
}

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& function) {
  if (std::strncmp(function.name(), "aten::", 6) == 0 || is_rows_by_weight(function.name())) ++running->operators;
  const int first = first_matrix(function.name());
  const auto inputs = function.inputs();
  if (first < 0 || inputs.size() < std::size_t(first + 2)) return nullptr;
  const auto& a = inputs[std::size_t(first)];
  const auto& b = inputs[std::size_t(first + 1)];
  if (a.isTensor() && b.isTensor()) running->flops += 2 * a.toTensor().numel() * b.toTensor().size(is_rows_by_weight(function.name()) ? 0 : -1);
  return nullptr;
}

}  // namespace

struct FlopCounter::Impl {
  Counts counts;
  at::CallbackHandle handle = 0;
};

FlopCounter::FlopCounter() : impl_(std::make_unique<Impl>()) {
  PAL_ASSERT(running == nullptr, "another FlopCounter is counting");
  running = &impl_->counts;
  impl_->handle = at::addGlobalCallback(
      at::RecordFunctionCallback(&count).needsInputs(true).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

FlopCounter::~FlopCounter() {
  at::removeCallback(impl_->handle);
  running = nullptr;
}

int64_t FlopCounter::flops() const { return impl_->counts.flops; }
int64_t FlopCounter::operators() const { return impl_->counts.operators; }

}  // namespace pal

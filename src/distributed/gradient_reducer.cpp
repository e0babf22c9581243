#include "pal/distributed/gradient_reducer.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "pal/core/check.h"

namespace pal {

// Called after a parameter has got the gradient of a backward.
class GradientReducer::Hook : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(GradientReducer& reducer, std::size_t parameter) : reducer_(reducer), parameter_(parameter) {}
  void operator()(const at::Tensor&) override {
    if (reducer_.is_last_) reducer_.ready(parameter_);
  }

 private:
  GradientReducer& reducer_;
  std::size_t parameter_;
};

GradientReducer::GradientReducer(ProcessGroup& group, std::vector<at::Tensor> parameters, Take take, Give give, int64_t bucket_bytes)
    : group_(group), parameters_(std::move(parameters)), take_(std::move(take)), give_(std::move(give)), bucket_of_(parameters_.size()) {
  int64_t bytes = 0;
  at::ScalarType type{};
  for (std::size_t i = parameters_.size(); i-- > 0;) {
    const auto& parameter = parameters_[i];
    const auto own = int64_t(parameter.nbytes());
    if (buckets_.empty() || bytes + own > bucket_bytes || parameter.scalar_type() != type) {
      buckets_.emplace_back();
      bytes = 0;
      type = parameter.scalar_type();
    }
    buckets_.back().parameters.push_back(i);
    bucket_of_[i] = buckets_.size() - 1;
    bytes += own;
    torch::autograd::impl::set_post_acc_grad_hooks(parameter, std::make_unique<Hook>(*this, i));
  }
}

GradientReducer::~GradientReducer() {
  for (const auto& parameter : parameters_) torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
}

void GradientReducer::begin(bool wide) {
  is_last_ = true;
  wide_ = wide;
  begun_ = 0;
  is_ready_.assign(parameters_.size(), 0);
  used_ = at::zeros({int64_t(parameters_.size())}, at::kInt);
  for (auto& bucket : buckets_) bucket.missing = bucket.parameters.size();
}

void GradientReducer::ready(std::size_t parameter) {
  if (std::exchange(is_ready_[parameter], 1)) return;
  if (--buckets_[bucket_of_[parameter]].missing == 0) begin_sums();
}

// Those that are full, in their order: a bucket that is full early waits for the ones before it.
void GradientReducer::begin_sums() {
  for (; begun_ < buckets_.size() && buckets_[begun_].missing == 0; ++begun_) begin_sum(buckets_[begun_]);
}

void GradientReducer::begin_sum(Bucket& bucket) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto i : bucket.parameters) {
    const auto& parameter = parameters_[i];
    const auto type = wide_ && at::isReducedFloatingType(parameter.scalar_type()) ? at::kFloat : parameter.scalar_type();
    const auto gradient = take_(i);
    if (gradient.defined()) used_[int64_t(i)] = 1;
    gradients.push_back(gradient.defined() ? gradient.to(type).reshape(-1) : at::zeros({parameter.numel()}, parameter.options().dtype(type)));
  }
  bucket.flat = at::cat(gradients);
  bucket.sum = group_.begin_sum(bucket.flat);
}

void GradientReducer::finish() {
  PAL_ASSERT(is_last_, "finish() without begin()");
  is_last_ = false;
  for (std::size_t i = 0; i < parameters_.size(); ++i) ready(i);
  group_.sum(used_);
  for (auto& bucket : buckets_) {
    bucket.sum.wait();
    int64_t begin = 0;
    for (const auto i : bucket.parameters) {
      const auto& parameter = parameters_[i];
      if (used_[int64_t(i)].item<int>() > 0) give_(i, bucket.flat.narrow(0, begin, parameter.numel()).view(parameter.sizes()));
      begin += parameter.numel();
    }
    bucket.flat.reset();
  }
}

int64_t GradientReducer::bytes() const {
  int64_t bytes = 0;
  for (const auto& parameter : parameters_) bytes += int64_t(parameter.nbytes());
  return bytes;
}

}  // namespace pal

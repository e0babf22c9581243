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

GradientReducer::GradientReducer(ProcessGroup& group, std::vector<at::Tensor> parameters, Take take, Give give, const ReducerOptions& options)
    : group_(group), parameters_(std::move(parameters)), take_(std::move(take)), give_(std::move(give)), options_(options), bucket_of_(parameters_.size()) {
  for (auto& layout : make_buckets(parameters_, options.bucket_bytes, group.size())) {
    for (const auto i : layout.parameters) bucket_of_[i] = buckets_.size();
    auto given = options.sharded ? slices_of(layout, parameters_, group.rank(), group.size()) : slices_of(layout, parameters_, 0, 1);
    buckets_.push_back({.layout = std::move(layout), .given = std::move(given), .flat = {}, .sums = {}, .exchange = {}});
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i], std::make_unique<Hook>(*this, i));
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
  for (auto& bucket : buckets_) bucket.missing = bucket.layout.parameters.size();
}

void GradientReducer::ready(std::size_t parameter) {
  if (std::exchange(is_ready_[parameter], 1)) return;
  if (--buckets_[bucket_of_[parameter]].missing == 0) begin_sums();
}

// Those that are full, in their order: a bucket that is full early waits for the ones before it.
void GradientReducer::begin_sums() {
  constexpr std::size_t kAtOnce = 2;  // sharded: whole gradients of more buckets are not held
  for (; begun_ < buckets_.size() && buckets_[begun_].missing == 0; ++begun_) {
    begin_sum(buckets_[begun_]);
    if (!options_.sharded || begun_ < kAtOnce) continue;
    auto& earlier = buckets_[begun_ - kAtOnce];
    earlier.exchange.wait();
    earlier.flat.reset();
  }
}

void GradientReducer::begin_sum(Bucket& bucket) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto i : bucket.layout.parameters) {
    const auto& parameter = parameters_[i];
    const auto type = wide_ && at::isReducedFloatingType(parameter.scalar_type()) ? at::kFloat : parameter.scalar_type();
    const auto gradient = take_(i);
    if (gradient.defined()) used_[int64_t(i)] = 1;
    gradients.push_back(gradient.defined() ? gradient.to(type).reshape(-1) : at::zeros({parameter.numel()}, parameter.options().dtype(type)));
  }
  if (const auto padding = bucket.layout.padded - bucket.layout.elements; options_.sharded && padding > 0) gradients.push_back(at::zeros({padding}, gradients[0].options()));
  bucket.flat = at::cat(gradients);
  bucket.sums = options_.sharded ? at::empty({bucket.layout.padded / group_.size()}, bucket.flat.options()) : bucket.flat;
  bucket.exchange = options_.sharded ? group_.begin_reduce_scatter(bucket.sums, bucket.flat) : group_.begin_sum(bucket.flat);
}

void GradientReducer::finish() {
  PAL_ASSERT(is_last_, "finish() without begin()");
  is_last_ = false;
  for (std::size_t i = 0; i < parameters_.size(); ++i) ready(i);
  group_.sum(used_);
  for (auto& bucket : buckets_) {
    bucket.exchange.wait();
    int64_t begin = 0;
    for (const auto& slice : bucket.given) {
      if (used_[int64_t(slice.parameter)].item<int>() > 0) give_(slice, bucket.sums.narrow(0, begin, slice.size()));
      begin += slice.size();
    }
    bucket.flat.reset();
    bucket.sums.reset();
  }
}

int64_t GradientReducer::bytes() const {
  int64_t bytes = 0;
  for (const auto& parameter : parameters_) bytes += int64_t(parameter.nbytes());
  return bytes;
}

namespace {

at::Tensor flat_view(const at::Tensor& parameter) { return parameter.detach().view({-1}); }

// A bucket whose stretches are on their way from all processes.
struct Gathering {
  const FlatBucket* bucket = nullptr;
  at::Tensor own, flat;
  PendingExchange exchange;
};

Gathering begin_gather(ProcessGroup& group, const FlatBucket& bucket, const std::vector<at::Tensor>& parameters) {
  const auto options = parameters[bucket.parameters.front()].options().requires_grad(false);
  Gathering gathering{&bucket, at::zeros({bucket.padded / group.size()}, options), at::empty({bucket.padded}, options), {}};
  int64_t begin = 0;
  for (const auto& slice : slices_of(bucket, parameters, group.rank(), group.size())) {
    gathering.own.narrow(0, begin, slice.size()).copy_(flat_view(parameters[slice.parameter]).slice(0, slice.begin, slice.end));
    begin += slice.size();
  }
  gathering.exchange = group.begin_all_gather(gathering.flat, gathering.own);
  return gathering;
}

void end_gather(Gathering& gathering, const std::vector<at::Tensor>& parameters) {
  gathering.exchange.wait();
  int64_t begin = 0;
  for (const auto i : gathering.bucket->parameters) {
    flat_view(parameters[i]).copy_(gathering.flat.narrow(0, begin, parameters[i].numel()));
    begin += parameters[i].numel();
  }
}

}  // namespace

void gather_slices(ProcessGroup& group, const std::vector<at::Tensor>& parameters, int64_t bucket_bytes) {
  if (group.size() == 1) return;
  const at::NoGradGuard no_grad;
  const auto buckets = make_buckets(parameters, bucket_bytes, group.size());
  std::optional<Gathering> before;
  for (const auto& bucket : buckets) {  // one is exchanged while the one before is copied
    auto gathering = begin_gather(group, bucket, parameters);
    if (before) end_gather(*before, parameters);
    before = std::move(gathering);
  }
  if (before) end_gather(*before, parameters);
}

}  // namespace pal

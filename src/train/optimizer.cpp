#include "pal/train/optimizer.h"

#include <torch/torch.h>

#include <cmath>
#include <set>
#include <tuple>

#include "pal/core/check.h"
#include "pal/core/load_report.h"

namespace pal {

namespace {

bool is_half(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

std::string describe(const at::Tensor& tensor) {
  return fmt::format("[{}] {}", fmt::join(tensor.sizes(), ", "), c10::toString(tensor.scalar_type()));
}

LoadReport compare_states(const TensorMap& own, const TensorMap& saved, const std::string& source) {
  LoadReport report(source, "the parameters that are trained now (is the stage the same?)");
  for (const auto& [name, tensor] : own) {
    const auto found = saved.find(name);
    const auto fate = found == saved.end()                                   ? LoadFate::kMissing
                      : found->second.sizes() != tensor.sizes()              ? LoadFate::kShape
                      : found->second.scalar_type() != tensor.scalar_type() ? LoadFate::kType
                                                                             : LoadFate::kMatched;
    report.add({fate, name, describe(tensor), found == saved.end() ? "" : describe(found->second), ""});
  }
  for (const auto& [name, tensor] : saved)
    if (!own.contains(name)) report.add({LoadFate::kUnexpected, name, "", describe(tensor), ""});
  return report;
}

}  // namespace

bool GradientNorms::finite() const { return std::isfinite(total); }

AdamW::AdamW(const std::vector<NamedParameter>& parameters, const AdamWOptions& options) : options_(options) {
  PAL_CHECK(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1,
            "optimizer: betas must be from 0 to below 1, got {} and {}", options.beta1, options.beta2);
  PAL_CHECK(options.eps > 0, "optimizer: eps must be above 0, got {}", options.eps);
  PAL_CHECK(options.weight_decay >= 0, "optimizer: weight_decay must not be negative, got {}",
            options.weight_decay);
  PAL_CHECK(options.learning_rate >= 0, "optimizer: learning_rate must not be negative, got {}",
            options.learning_rate);
  PAL_ASSERT(options.bucket_elements > 0, "a bucket of {} elements", options.bucket_elements);
  std::set<std::string> names;
  for (const auto& parameter : parameters) {
    PAL_ASSERT(names.insert(parameter.name).second, "two parameters are named '{}'", parameter.name);
    const at::Tensor& value = parameter.value;
    if (!value.requires_grad()) continue;
    PAL_ASSERT(value.is_contiguous(), "parameter '{}' is not contiguous", parameter.name);
    Entry entry;
    entry.parameter = parameter;
    const at::Tensor detached = value.detach();
    if (options.master_weights && is_half(value.scalar_type())) entry.master = detached.to(at::kFloat);
    entry.exp_avg = at::zeros_like(entry.master.defined() ? entry.master : detached);
    entry.exp_avg_sq = at::zeros_like(entry.exp_avg);
    entry.decays = !options.skip_decay_of_vectors || value.dim() > 1;
    entries_.push_back(std::move(entry));
  }
}

void AdamW::accumulate() {
  const at::NoGradGuard no_grad;
  for (Entry& entry : entries_) {
    auto& gradient = entry.parameter.value.mutable_grad();
    if (!gradient.defined()) continue;
    if (entry.sum.defined())
      entry.sum.add_(gradient);
    else
      entry.sum = is_half(gradient.scalar_type()) ? gradient.to(at::kFloat) : gradient;
    gradient.reset();
  }
}

std::vector<at::Tensor> AdamW::trained() const {
  std::vector<at::Tensor> values;
  for (const Entry& entry : entries_) values.push_back(entry.parameter.value);
  return values;
}

at::Tensor AdamW::take_gradient(std::size_t i) {
  const at::NoGradGuard no_grad;
  Entry& entry = entries_[i];
  auto gradient = std::exchange(entry.parameter.value.mutable_grad(), at::Tensor());
  if (!entry.sum.defined()) return gradient;
  auto sum = std::exchange(entry.sum, at::Tensor());
  return gradient.defined() ? sum.add_(gradient) : sum;
}

void AdamW::give_gradient(std::size_t i, const at::Tensor& gradient) { entries_[i].sum = gradient; }

GradientNorms AdamW::clip(double scale, double max_norm) {
  PAL_ASSERT(max_norm >= 0, "the limit of the gradient norm is {}", max_norm);
  const at::NoGradGuard no_grad;
  // Norms are taken in fp32 (fp64 for fp64 gradients), one call a device and dtype, and added up in double.
  std::map<std::tuple<std::string, at::ScalarType>,
           std::pair<std::vector<at::Tensor>, std::vector<std::string>>>
      lists;
  for (const Entry& entry : entries_) {
    const at::Tensor& gradient = entry.gradient();
    if (!gradient.defined() || gradient.numel() == 0) continue;
    auto& [gradients, groups] = lists[{gradient.device().str(), gradient.scalar_type()}];
    gradients.push_back(gradient);
    groups.push_back(parameter_group(entry.parameter.name));
  }
  GradientNorms norms;
  for (const auto& [key, list] : lists) {
    const auto& [gradients, groups] = list;
    const auto type = std::get<1>(key) == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor each = at::stack(at::_foreach_norm(gradients, 2, type)).to(at::kCPU, at::kDouble);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const double norm = scale * each.data_ptr<double>()[i];
      norms.groups[groups[i]] += norm * norm;
      norms.total += norm * norm;
    }
  }
  norms.total = std::sqrt(norms.total);
  for (auto& [name, norm] : norms.groups) norm = std::sqrt(norm);
  finite_ = norms.finite();
  gradient_scale_ = max_norm > 0 && norms.total > max_norm ? scale * max_norm / norms.total : scale;
  return norms;
}

bool AdamW::step() {
  const at::NoGradGuard no_grad;
  const bool finite = finite_;
  if (finite) {
    // What one call of the fused kernel can do: one device, dtype, decay and step count.
    std::map<std::tuple<std::string, at::ScalarType, bool, bool, std::int64_t>, std::vector<Entry*>> buckets;
    std::map<decltype(buckets)::key_type, std::int64_t> elements;
    for (Entry& entry : entries_) {
      const at::Tensor& value = entry.parameter.value;
      if (!entry.gradient().defined() || value.numel() == 0) continue;
      ++entry.steps;
      const auto key = std::tuple(value.device().str(), value.scalar_type(), entry.master.defined(),
                                  entry.decays, entry.steps);
      auto& bucket = buckets[key];
      if (!bucket.empty() && elements[key] + value.numel() > options_.bucket_elements) {
        step_bucket(bucket);
        bucket.clear();
        elements[key] = 0;
      }
      bucket.push_back(&entry);
      elements[key] += value.numel();
    }
    for (const auto& [key, bucket] : buckets) step_bucket(bucket);
  }
  finite_ = true;
  gradient_scale_ = 1.0;
  return finite;
}

void AdamW::step_bucket(const std::vector<Entry*>& bucket) {
  std::vector<at::Tensor> values, stepped, gradients, exp_avgs, exp_avg_sqs;
  for (const Entry* entry : bucket) {
    const at::Tensor value = entry->parameter.value.detach();
    values.push_back(value);
    stepped.push_back(entry->master.defined() ? entry->master : value);
    exp_avgs.push_back(entry->exp_avg);
    exp_avg_sqs.push_back(entry->exp_avg_sq);
    gradients.push_back(entry->gradient().to(stepped.back().scalar_type()).contiguous());
  }
  const Entry& first = *bucket.front();
  if (gradient_scale_ != 1.0) {
    if (first.master.defined() && !first.sum.defined())
      at::_foreach_mul_(gradients, gradient_scale_);  // fresh fp32 copies
    else
      gradients = at::_foreach_mul(gradients, gradient_scale_);
  }
  const double decay = first.decays ? options_.weight_decay : 0.0;
  if (options_.fused) {
    const at::Tensor steps = at::full({}, double(first.steps), stepped.front().options().dtype(at::kFloat));
    const std::vector<at::Tensor> all_steps(bucket.size(), steps);
    at::_fused_adamw_(stepped, gradients, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/{}, all_steps,
                      options_.learning_rate, options_.beta1, options_.beta2, decay, options_.eps,
                      /*amsgrad=*/false, /*maximize=*/false);
  } else {
    for (std::size_t i = 0; i < bucket.size(); ++i)
      adamw_reference_step(stepped[i], gradients[i], exp_avgs[i], exp_avg_sqs[i], first.steps, decay,
                           options_);
  }
  if (first.master.defined()) at::_foreach_copy_(values, stepped);
}

void AdamW::zero_grad() {
  for (Entry& entry : entries_) {
    entry.parameter.value.mutable_grad().reset();
    entry.sum.reset();
  }
}

TensorMap AdamW::state() const {
  TensorMap saved;
  for (const Entry& entry : entries_) {
    const std::string& name = entry.parameter.name;
    saved[name + ".exp_avg"] = entry.exp_avg;
    saved[name + ".exp_avg_sq"] = entry.exp_avg_sq;
    saved[name + ".step"] = at::scalar_tensor(entry.steps, at::kLong);
    if (entry.master.defined()) saved[name + ".master"] = entry.master;
  }
  return saved;
}

void AdamW::load(const TensorMap& saved, const std::string& source) {
  compare_states(state(), saved, source).check();
  const at::NoGradGuard no_grad;
  for (Entry& entry : entries_) {
    const std::string& name = entry.parameter.name;
    entry.exp_avg.copy_(saved.at(name + ".exp_avg"));
    entry.exp_avg_sq.copy_(saved.at(name + ".exp_avg_sq"));
    entry.steps = saved.at(name + ".step").item<std::int64_t>();
    if (entry.master.defined()) entry.master.copy_(saved.at(name + ".master"));
  }
}

void adamw_reference_step(const at::Tensor& value, const at::Tensor& gradient, const at::Tensor& exp_avg,
                          const at::Tensor& exp_avg_sq, std::int64_t steps, double weight_decay,
                          const AdamWOptions& options) {
  exp_avg.mul_(options.beta1).add_(gradient, 1 - options.beta1);
  exp_avg_sq.mul_(options.beta2).addcmul_(gradient, gradient, 1 - options.beta2);
  const double correction1 = 1 - std::pow(options.beta1, double(steps));
  const double correction2 = 1 - std::pow(options.beta2, double(steps));
  const at::Tensor denominator = exp_avg_sq.sqrt().div_(std::sqrt(correction2)).add_(options.eps);
  value.mul_(1 - options.learning_rate * weight_decay);
  value.addcdiv_(exp_avg, denominator, -options.learning_rate / correction1);
}

}  // namespace pal

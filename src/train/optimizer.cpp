#include "pal/train/optimizer.h"

#include <torch/torch.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <tuple>

#include "adamw_bucket.h"
#include "gradient_clip.h"
#include "pal/core/check.h"
#include "pal/core/load_report.h"

namespace pal {

namespace {

bool is_half(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

std::string describe(const at::Tensor& tensor) {
  return fmt::format("[{}] {}", fmt::join(tensor.sizes(), ", "), c10::toString(tensor.scalar_type()));
}

// What is saved under one name: whole, or in slices that several processes have written.
class SavedField {
 public:
  void add(int64_t begin, int64_t end, const at::Tensor& tensor) { pieces_[begin] = {end, tensor}; }
  void add_whole(const at::Tensor& tensor) { whole_ = tensor; }

  at::ScalarType type() const { return whole_.defined() ? whole_.scalar_type() : pieces_.begin()->second.second.scalar_type(); }

  // Whether it is a tensor of this shape.
  bool fits(at::IntArrayRef shape) const {
    if (whole_.defined()) return whole_.sizes() == shape;
    int64_t reached = 0;
    for (const auto& [begin, piece] : pieces_) {
      if (begin != reached || piece.second.sizes() != at::IntArrayRef{piece.first - begin} || piece.second.scalar_type() != type()) return false;
      reached = piece.first;
    }
    return reached == c10::multiply_integers(shape);
  }

  std::string describe_for(at::IntArrayRef shape) const {
    if (whole_.defined()) return describe(whole_);
    if (fits(shape)) return fmt::format("[{}] {} in {} slices", fmt::join(shape, ", "), c10::toString(type()), pieces_.size());
    std::vector<std::string> texts;
    for (const auto& [begin, piece] : pieces_) texts.push_back(fmt::format("{}:{}", begin, piece.first));
    return fmt::format("slices {}", fmt::join(texts, ", "));
  }

  // Fills `out` with the elements from `begin` on.
  void read(int64_t begin, const at::Tensor& out) const {
    const auto flat = out.view({-1});
    if (whole_.defined()) return void(flat.copy_(whole_.reshape({-1}).narrow(0, begin, flat.numel())));
    for (const auto& [first, piece] : pieces_) {
      const auto from = std::max(first, begin), to = std::min(piece.first, begin + flat.numel());
      if (from < to) flat.slice(0, from - begin, to - begin).copy_(piece.second.slice(0, from - first, to - first));
    }
  }

 private:
  at::Tensor whole_;
  std::map<int64_t, std::pair<int64_t, at::Tensor>> pieces_;  // by their begin: end and elements
};

using SavedFields = std::map<std::string, SavedField>;

// NAME[BEGIN:END] of a slice; BEGIN and END from 0.
struct SliceName {
  std::string name;
  int64_t begin = 0, end = 0;
};

std::optional<SliceName> slice_name(const std::string& text) {
  const auto open = text.rfind('['), colon = text.rfind(':');
  if (open == std::string::npos || colon == std::string::npos || colon < open || !text.ends_with(']')) return std::nullopt;
  SliceName slice{.name = text.substr(0, open)};
  const char *begin = text.data() + open + 1, *middle = text.data() + colon, *end = text.data() + text.size() - 1;
  const auto first = std::from_chars(begin, middle, slice.begin), second = std::from_chars(middle + 1, end, slice.end);
  const bool is_slice = first.ec == std::errc() && first.ptr == middle && second.ec == std::errc() && second.ptr == end && slice.begin >= 0 && slice.begin <= slice.end;
  return is_slice ? std::optional(slice) : std::nullopt;
}

SavedFields fields_of(const TensorMap& saved) {
  SavedFields fields;
  for (const auto& [name, tensor] : saved) {
    if (const auto slice = slice_name(name))
      fields[slice->name].add(slice->begin, slice->end, tensor);
    else
      fields[name].add_whole(tensor);
  }
  return fields;
}

// What is expected under a name.
struct Expected {
  std::vector<int64_t> shape;
  at::ScalarType type;
  std::string describe() const { return fmt::format("[{}] {}", fmt::join(shape, ", "), c10::toString(type)); }
};

LoadReport compare_states(const std::map<std::string, Expected>& own, const SavedFields& saved, const std::string& source) {
  LoadReport report(source, "the parameters that are trained now (is the stage the same?)");
  for (const auto& [name, expected] : own) {
    const auto found = saved.find(name);
    const auto fate = found == saved.end()                    ? LoadFate::kMissing
                      : !found->second.fits(expected.shape)   ? LoadFate::kShape
                      : found->second.type() != expected.type ? LoadFate::kType
                                                              : LoadFate::kMatched;
    report.add({fate, name, expected.describe(), found == saved.end() ? "" : found->second.describe_for(expected.shape), ""});
  }
  for (const auto& [name, field] : saved)
    if (!own.contains(name)) report.add({LoadFate::kUnexpected, name, "", field.describe_for({}), ""});
  return report;
}

// Gradients of one device and dtype.
struct GradientList {
  std::vector<at::Tensor> gradients;
  std::vector<std::string> groups;  // of each
};

bool are_on_one_gpu(const std::vector<at::Tensor>& tensors) {
  return !tensors.empty() && std::ranges::all_of(tensors, [&](const at::Tensor& tensor) { return tensor.is_cuda() && tensor.device() == tensors.front().device(); });
}

}  // namespace

at::ScalarType state_type(at::ScalarType value, const AdamWOptions& options) { return options.master_weights && is_half(value) ? at::kFloat : value; }

AdamW::AdamW(const std::vector<NamedParameter>& parameters, const AdamWOptions& options, const std::optional<std::vector<ParameterSlice>>& slices) : options_(options) {
  PAL_CHECK(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1,
            "optimizer: betas must be from 0 to below 1, got {} and {}", options.beta1, options.beta2);
  PAL_CHECK(options.eps > 0, "optimizer: eps must be above 0, got {}", options.eps);
  PAL_CHECK(options.weight_decay >= 0, "optimizer: weight_decay must not be negative, got {}",
            options.weight_decay);
  PAL_CHECK(options.learning_rate >= 0, "optimizer: learning_rate must not be negative, got {}",
            options.learning_rate);
  PAL_ASSERT(options.bucket_elements > 0, "a bucket of {} elements", options.bucket_elements);
  std::set<std::string> names;
  std::vector<ParameterSlice> all;
  for (const auto& parameter : parameters) {
    PAL_ASSERT(names.insert(parameter.name).second, "two parameters are named '{}'", parameter.name);
    const at::Tensor& value = parameter.value;
    if (!value.requires_grad()) continue;
    PAL_ASSERT(value.is_contiguous(), "parameter '{}' is not contiguous", parameter.name);
    all.push_back({trained_.size(), 0, value.numel()});
    trained_.push_back({parameter, {}, !options.skip_decay_of_vectors || value.dim() > 1});
  }
  for (const auto& slice : slices.value_or(all)) {
    const at::Tensor whole = trained_.at(slice.parameter).parameter.value.detach();
    Entry entry{.slice = slice, .value = slice.size() == whole.numel() ? whole : whole.view({-1}).slice(0, slice.begin, slice.end), .exp_avg = {}, .exp_avg_sq = {}, .master = {}, .given = {}};
    const auto type = state_type(whole.scalar_type(), options);
    if (type != whole.scalar_type()) entry.master = entry.value.to(type);
    entry.exp_avg = at::zeros(entry.value.sizes(), entry.value.options().dtype(type));
    entry.exp_avg_sq = at::zeros_like(entry.exp_avg);
    entry_of_[slice] = entries_.size();
    entries_.push_back(std::move(entry));
  }
}

void AdamW::accumulate() {
  const at::NoGradGuard no_grad;
  for (Trained& trained : trained_) {
    auto& gradient = trained.parameter.value.mutable_grad();
    if (!gradient.defined()) continue;
    if (trained.sum.defined())
      trained.sum.add_(gradient);
    else
      trained.sum = is_half(gradient.scalar_type()) ? gradient.to(at::kFloat) : gradient;
    gradient.reset();
  }
}

std::vector<at::Tensor> AdamW::trained() const {
  std::vector<at::Tensor> values;
  for (const Trained& trained : trained_) values.push_back(trained.parameter.value);
  return values;
}

at::Tensor AdamW::take_gradient(std::size_t i) {
  const at::NoGradGuard no_grad;
  Trained& trained = trained_[i];
  auto gradient = std::exchange(trained.parameter.value.mutable_grad(), at::Tensor());
  if (!trained.sum.defined()) return gradient;
  auto sum = std::exchange(trained.sum, at::Tensor());
  return gradient.defined() ? sum.add_(gradient) : sum;
}

void AdamW::give_gradient(const ParameterSlice& slice, const at::Tensor& gradient) {
  const at::NoGradGuard no_grad;
  Entry& entry = entries_[entry_of_.at(slice)];
  if (!entry.given.defined())
    entry.given = gradient.view(entry.value.sizes());
  else  // of several exchanges: sums of narrow ones are wide
    entry.given = entry.given.to(is_half(entry.given.scalar_type()) ? at::kFloat : entry.given.scalar_type()).add(gradient.view(entry.value.sizes()));
}

at::Tensor AdamW::gradient(const Entry& entry) const {
  if (entry.given.defined()) return entry.given;
  const Trained& trained = trained_[entry.slice.parameter];
  const at::Tensor& own = trained.sum.defined() ? trained.sum : trained.parameter.value.grad();
  return !own.defined() || entry.slice.size() == own.numel() ? own : own.view({-1}).slice(0, entry.slice.begin, entry.slice.end);
}

void AdamW::clip(double scale, double max_norm, const at::Tensor& loss, const std::function<void(const at::Tensor&)>& sum) {
  PAL_ASSERT(max_norm >= 0, "the limit of the gradient norm is {}", max_norm);
  const at::NoGradGuard no_grad;
  // Norms are taken in fp32 (fp64 for fp64 gradients), one call a device and dtype, and added up in double.
  std::map<std::tuple<std::string, at::ScalarType>, GradientList> lists;
  for (const Entry& entry : entries_) {
    const at::Tensor gradient = this->gradient(entry);
    if (!gradient.defined() || gradient.numel() == 0) continue;
    auto& list = lists[{gradient.device().str(), gradient.scalar_type()}];
    list.gradients.push_back(gradient);
    list.groups.push_back(parameter_group(trained_[entry.slice.parameter].parameter.name));
  }
  std::vector<at::Tensor> norms;
  MeasuredGradients measured;
  for (const auto& [key, list] : lists) {
    const auto type = std::get<1>(key) == at::kDouble ? at::kDouble : at::kFloat;
    norms.push_back(at::stack(at::_foreach_norm(list.gradients, 2, type)).to(at::kDouble).mul_(scale));
    measured.groups.insert(measured.groups.end(), list.groups.begin(), list.groups.end());
  }
  // Whoever exchanges norms needs them at once, and so does the reference; otherwise nobody waits for a GPU.
  const bool on_device = !sum && options_.fused && are_on_one_gpu(norms);
  if (!on_device)
    for (at::Tensor& of_list : norms) of_list = of_list.to(at::kCPU);
  measured.norms = norms.empty() ? at::empty({0}, at::kDouble) : at::cat(norms);
  std::map<std::string, double> squares;  // the same groups in all processes, whoever has a gradient of them
  if (sum)
    for (const Trained& trained : trained_) squares[parameter_group(trained.parameter.name)] = 0;
  clipped_ = std::make_shared<ClippedGradients>(on_device ? clip_on_device(measured, scale, max_norm, loss) : clip_on_host(measured, scale, max_norm, loss, std::move(squares), sum));
}

void AdamW::launch() {
  PAL_ASSERT(!launched_, "a step is launched before the one before is finished");
  const at::NoGradGuard no_grad;
  launched_ = clipped_ ? std::exchange(clipped_, nullptr) : std::make_shared<ClippedGradients>();
  if (launched_->finite) stepped_ = launch_buckets(*launched_);
}

GradientNorms AdamW::finish() {
  PAL_ASSERT(launched_ != nullptr, "no step is launched");
  const auto clipped = std::exchange(launched_, nullptr);
  const auto stepped = std::exchange(stepped_, {});
  clipped->read();  // not before: the device has its work now
  if (clipped->finite)
    for (Entry* entry : stepped) ++entry->steps;
  return clipped->norms;
}

std::vector<AdamW::Entry*> AdamW::launch_buckets(const ClippedGradients& clipped) {
  // What one call of the fused kernel can do: one device, dtype, decay and step count.
  std::map<std::tuple<std::string, at::ScalarType, bool, bool, std::int64_t>, std::vector<Entry*>> buckets;
  std::map<decltype(buckets)::key_type, std::int64_t> elements;
  std::vector<Entry*> stepped;
  for (Entry& entry : entries_) {
    const at::Tensor& value = entry.value;
    if (!gradient(entry).defined() || value.numel() == 0) continue;
    const auto key = std::tuple(value.device().str(), value.scalar_type(), entry.master.defined(), trained_[entry.slice.parameter].decays, entry.steps);
    auto& bucket = buckets[key];
    if (!bucket.empty() && elements[key] + value.numel() > options_.bucket_elements) {
      step_bucket(bucket_of(bucket), clipped.factor, options_);
      bucket.clear();
      elements[key] = 0;
    }
    bucket.push_back(&entry);
    elements[key] += value.numel();
    stepped.push_back(&entry);
  }
  for (const auto& [key, bucket] : buckets) step_bucket(bucket_of(bucket), clipped.factor, options_);
  return stepped;
}

AdamWBucket AdamW::bucket_of(const std::vector<Entry*>& entries) const {
  const Entry& first = *entries.front();
  AdamWBucket bucket;
  bucket.steps = first.steps + 1;
  bucket.decay = trained_[first.slice.parameter].decays ? options_.weight_decay : 0.0;
  for (const Entry* entry : entries) {
    bucket.values.push_back(entry->value);
    bucket.gradients.push_back(gradient(*entry));
    bucket.exp_avgs.push_back(entry->exp_avg);
    bucket.exp_avg_sqs.push_back(entry->exp_avg_sq);
    if (entry->master.defined()) bucket.masters.push_back(entry->master);
  }
  return bucket;
}

void AdamW::zero_grad() {
  for (Trained& trained : trained_) {
    trained.parameter.value.mutable_grad().reset();
    trained.sum.reset();
  }
  for (Entry& entry : entries_) entry.given.reset();
}

std::string AdamW::name(const Entry& entry, const char* field) const {
  const auto& parameter = trained_[entry.slice.parameter].parameter;
  const auto whole = parameter.name + field;
  return entry.slice.size() == parameter.value.numel() ? whole : fmt::format("{}[{}:{}]", whole, entry.slice.begin, entry.slice.end);
}

TensorMap AdamW::state() const {
  TensorMap saved;
  for (const Entry& entry : entries_) {
    saved[name(entry, ".exp_avg")] = entry.exp_avg;
    saved[name(entry, ".exp_avg_sq")] = entry.exp_avg_sq;
    saved[trained_[entry.slice.parameter].parameter.name + ".step"] = at::scalar_tensor(entry.steps, at::kLong);
    if (entry.master.defined()) saved[name(entry, ".master")] = entry.master;
  }
  return saved;
}

void AdamW::load(const TensorMap& saved, const std::string& source) {
  std::map<std::string, Expected> expected;
  for (const Trained& trained : trained_) {
    const auto& [name, value] = trained.parameter;
    const auto type = state_type(value.scalar_type(), options_);
    for (const char* field : {".exp_avg", ".exp_avg_sq", ".master"})
      if (std::string_view(field) != ".master" || type != value.scalar_type()) expected[name + field] = {value.sizes().vec(), type};
    expected[name + ".step"] = {{}, at::kLong};
  }
  const auto fields = fields_of(saved);
  compare_states(expected, fields, source).check();
  const at::NoGradGuard no_grad;
  for (Entry& entry : entries_) {
    const std::string& name = trained_[entry.slice.parameter].parameter.name;
    fields.at(name + ".exp_avg").read(entry.slice.begin, entry.exp_avg);
    fields.at(name + ".exp_avg_sq").read(entry.slice.begin, entry.exp_avg_sq);
    entry.steps = saved.at(name + ".step").item<std::int64_t>();
    if (entry.master.defined()) fields.at(name + ".master").read(entry.slice.begin, entry.master);
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

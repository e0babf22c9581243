#include "gradient_clip.h"

#include <torch/torch.h>

#include <cmath>

#include "pal/core/check.h"

namespace pal {

namespace {

// norms: of the CPU.
void add_squares(std::map<std::string, double>& squares, const at::Tensor& norms, const std::vector<std::string>& groups) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double norm = norms.data_ptr<double>()[i];
    squares[groups[i]] += norm * norm;
  }
}

GradientNorms norms_of(const std::map<std::string, double>& squares) {
  GradientNorms norms;
  for (const auto& [name, square] : squares) {
    norms.total += square;
    norms.groups[name] = std::sqrt(square);
  }
  norms.total = std::sqrt(norms.total);
  return norms;
}

void sum_over_processes(std::map<std::string, double>& squares, const std::function<void(const at::Tensor&)>& sum) {
  std::vector<double> values;
  for (const auto& [name, square] : squares) values.push_back(square);
  const auto sums = torch::tensor(values, torch::kFloat64);
  sum(sums);
  for (int64_t i = 0; auto& [name, square] : squares) square = sums[i++].item<double>();
}

}  // namespace

bool GradientNorms::finite() const { return std::isfinite(total); }

void ClippedGradients::read() {
  if (!found.defined()) return;
  const auto numbers = found.to(at::kCPU);
  std::map<std::string, double> squares;
  add_squares(squares, numbers.narrow(0, 2, numbers.numel() - 2), groups);
  norms = norms_of(squares);
  finite = numbers.data_ptr<double>()[0] != 0;
  norms.total = numbers.data_ptr<double>()[1];  // the one that the step was limited by
}

ClippedGradients clip_on_host(const MeasuredGradients& measured, double scale, double max_norm, const at::Tensor& loss, std::map<std::string, double> squares,
                              const std::function<void(const at::Tensor&)>& sum) {
  add_squares(squares, measured.norms, measured.groups);
  if (sum) sum_over_processes(squares, sum);
  ClippedGradients clipped{.factor = {}, .norms = norms_of(squares), .found = {}, .groups = {}};
  const double total = clipped.norms.total;
  clipped.finite = clipped.norms.finite() && (!loss.defined() || std::isfinite(loss.item<double>()));
  clipped.factor.scale = max_norm > 0 && total > max_norm ? scale * max_norm / total : scale;
  return clipped;
}

ClippedGradients clip_on_device(const MeasuredGradients& measured, double scale, double max_norm, const at::Tensor& loss) {
  const auto total = at::linalg_vector_norm(measured.norms);
  auto finite = at::isfinite(total);
  if (loss.defined()) finite = finite.logical_and(at::isfinite(loss));
  const auto limited = max_norm > 0 ? at::full_like(total, scale * max_norm).div_(total).clamp_max_(scale) : at::full_like(total, scale);
  ClippedGradients clipped{.factor = {.device_scale = limited, .finite = finite}, .norms = {}, .found = {}, .groups = measured.groups};
  clipped.found = at::cat({at::stack({finite.to(at::kDouble), total}), measured.norms});
  return clipped;
}

}  // namespace pal

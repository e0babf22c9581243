#include "bad_step.h"

#include <cmath>

#include "pal/core/check.h"
#include "pal/distributed/agree.h"

namespace pal {

namespace {

std::string describe(const GradientNorms& norms) {
  std::vector<std::string> groups;
  for (const auto& [group, norm] : norms.groups)
    if (!std::isfinite(norm)) groups.push_back(group);
  return groups.empty() ? fmt::format("has the norm {:.4g}", norms.total) : fmt::format("is no number in {}", fmt::join(groups, ", "));
}

}  // namespace

std::string describe(const BadStep& bad) {
  if (bad.targets == 0) return fmt::format("step {}: none of its samples can be read; the step is skipped", bad.step);
  return fmt::format("step {}: the loss is {}, its gradient {}; the step is skipped. Samples: {}", bad.step, bad.loss, describe(bad.norms), fmt::join(bad.ids, ", "));
}

nlohmann::json to_json(ProcessGroup& group, const BadStep& bad) {
  auto samples = nlohmann::json::array();
  for (const auto& of_process : gather_json(group, bad.ids))
    for (const auto& id : of_process) samples.push_back(id);
  return {{"step", bad.step}, {"samples", samples}, {"loss", fmt::format("{}", bad.loss)}, {"gradient", describe(bad.norms)}};
}

}  // namespace pal

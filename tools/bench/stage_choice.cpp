#include "tools/bench/stage_choice.h"

#include <vector>

#include "pal/core/check.h"

namespace pal {

const StageOptions& chosen_stage(const RunConfig& config, const std::string& name) {
  PAL_CHECK(!config.stages.empty(), "the config has no stages; pal-bench takes a stage's steps");
  if (name.empty()) return config.stages.back();
  std::vector<std::string> names;
  for (const auto& stage : config.stages) {
    if (stage.name == name) return stage;
    names.push_back(stage.name);
  }
  user_error("--stage: the config has no stage '{}'; it has: {}", name, fmt::join(names, ", "));
}

}  // namespace pal

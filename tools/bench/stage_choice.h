// The stage whose steps pal-bench takes.
#pragma once

#include <string>

#include "pal/train/run_config.h"

namespace pal {

// The stage of this name; the last one where it is empty. Throws UserError where there is none.
const StageOptions& chosen_stage(const RunConfig& config, const std::string& name);

}  // namespace pal

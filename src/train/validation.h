// A score in the middle of a training: every process answers its share of the samples.
#pragma once

#include <functional>
#include <optional>

#include "pal/distributed/process_group.h"
#include "pal/eval/evaluation.h"

namespace pal {

// The score, the same in all processes, or none where `stopped` said so in one of them. Throws as evaluate(), in all.
std::optional<Score> evaluate_together(ProcessGroup& group, PalModel& model, const Collator& collator, const std::vector<Sample>& samples,
                                       const EvaluationOptions& options, const std::function<bool()>& stopped);

}  // namespace pal

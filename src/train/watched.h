// Numbers of a step that are only looked at: nothing depends on them.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "pal/integration/pal_model.h"
#include "pal/train/run_config.h"

namespace pal {

// The most memory that the model's device held since it was last asked, in bytes; none on a CPU.
std::optional<int64_t> peak_device_bytes(const PalModel& model);

// Model FLOPs utilisation: of what `processes` devices could do at train.peak_tflops each. None where that is not set.
std::optional<double> utilisation(const TrainOptions& options, int64_t processes, double flops_per_second);

// Of each LAL stream's layers, how much attention goes to the audio (attention_mass.h): {"stream": {"layer": part}}. Of the first of the
// batches; empty where there is none, where no layer has any, and, with a warning, where it cannot be had.
nlohmann::json audio_attention(PalModel& model, const std::vector<PalBatch>& batches);

}  // namespace pal

// How much of a model's attention goes to the audio: what tells early whether a run learns to listen.
#pragma once

#include <map>
#include <string>

#include "pal/integration/pal_model.h"

namespace pal {

// For each LAL stream by name and each layer that reads it: the part of the attention, 0 to 1, that is on the stream's tokens. The mean over heads, and over
// rows before targets, at most 16 of them, of the batch's first sample that has both; empty where none has. Draws nothing, and costs about one forward of that sample.
std::map<std::string, std::map<int64_t, double>> attention_mass(PalModel& model, const PalBatch& batch);

}  // namespace pal

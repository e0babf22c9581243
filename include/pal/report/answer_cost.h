// What answering costs a model, computed from shapes.
#pragma once

#include <vector>

#include "pal/train/session.h"

namespace pal {

// Of a sample, or the mean of several.
struct AnswerCost {
  double gflop = 0;           // of the decoder: one forward over prompt, recording and reference answer (integration/step_flops.h)
  double rows = 0;            // slots with queries: text, and audio that goes by PLITS
  double audio_keys = 0;      // audio that LAL layers read as keys and values only
  double activation_mib = 0;  // that a training step keeps for the backward: an estimate (train/step_memory.h)
};

// Of a batch of one sample. Encoders and connectors are not counted. Freezes all parameters of the model.
AnswerCost sample_cost(PalModel& model, const PalBatch& batch);

// The mean over the samples; their recordings' lengths are those of ClipEncoder::token_counts(). Freezes as above. Throws UserError as that.
AnswerCost answer_cost(Session& session, const std::vector<Sample>& samples, bool withhold_audio);

}  // namespace pal

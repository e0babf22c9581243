#include "pal/report/answer_cost.h"

#include "pal/integration/step_flops.h"
#include "pal/core/check.h"
#include "pal/train/step_memory.h"

namespace pal {

namespace {

// Tokens of the right number and no meaning.
EncodedClip shape_of(PalModel& model, const Clip& clip) {
  const auto counts = ClipEncoder(model, 0).token_counts({.clip = &clip});
  EncodedClip encoded;
  for (const auto& [name, encoder] : model.encoders()) encoded.push_back(torch::empty({counts[encoded.size()], encoder->width()}));
  return encoded;
}

}  // namespace

AnswerCost sample_cost(PalModel& model, const PalBatch& batch) {
  for (auto& parameter : model.parameters()) parameter.requires_grad_(false);  // a forward alone
  const auto layout = model.layout(batch);
  AnswerCost cost;
  cost.gflop = decoder_flops(model, batch).total() / 1e9;
  cost.rows = double(layout.rows());
  BatchShape shape{.samples = 1, .text_tokens = batch.text_tokens[0], .streams = {}, .targets = batch.target_tokens()};
  for (std::size_t i = 0; i < layout.stream_ids.size(); ++i) {
    shape.streams.push_back(layout.stream_ids[i].numel());
    if (!layout.stream_rows[i].defined()) cost.audio_keys += double(shape.streams.back());
  }
  cost.activation_mib = double(activation_bytes(model.options(), model.llm()->options, shape, model.device().type())) / (1 << 20);
  return cost;
}

AnswerCost answer_cost(Session& session, const std::vector<Sample>& samples, bool withhold_audio) {
  PAL_ASSERT(!samples.empty(), "no samples");
  auto& model = *session.model;
  const double n = double(samples.size());
  AnswerCost mean;
  for (const auto& sample : samples) {
    auto batch = session.collator->collate({&sample}, Purpose::kTraining, /*withhold_audio=*/true);
    if (!withhold_audio)
      for (std::size_t c = 0; c < sample.clips.size(); ++c) batch.clips[0][c] = shape_of(model, sample.clips[c]);
    const auto one = sample_cost(model, batch);
    mean.gflop += one.gflop / n;
    mean.rows += one.rows / n;
    mean.audio_keys += one.audio_keys / n;
    mean.activation_mib += one.activation_mib / n;
  }
  return mean;
}

}  // namespace pal

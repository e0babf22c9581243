#include "random_batch.h"

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr uint64_t kSeed = 0;

int64_t tokens_of(const Encoder& encoder, const BenchBatch& shape) {
  return shape.audio_seconds > 0 ? encoder.token_count(int64_t(shape.audio_seconds * encoder.sample_rate())) : shape.audio_tokens;
}

}  // namespace

PalBatch random_batch(PalModel& model, const BenchBatch& shape) {
  PAL_CHECK(shape.samples > 0 && shape.text_tokens > 1 && shape.audio_tokens >= 0,
            "a benchmark needs a sample and two text tokens at least; got {} samples, {} text tokens, {} audio tokens", shape.samples, shape.text_tokens, shape.audio_tokens);
  auto generator = at::detail::createCPUGenerator(kSeed);
  const int64_t total = shape.samples * shape.text_tokens;
  PalBatch batch;
  batch.tokens = torch::randint(0, model.llm()->options.vocab_size, {total}, generator, torch::kInt64);
  batch.target = torch::arange(total).remainder(shape.text_tokens) >= shape.text_tokens - (shape.targets < 0 ? shape.text_tokens - 1 : shape.targets);
  for (int64_t s = 0; s < shape.samples; ++s) {
    batch.text_tokens.push_back(shape.text_tokens);
    batch.audio_at.push_back({0});
    EncodedClip clip;
    for (const auto& [name, encoder] : model.encoders())
      clip.push_back(torch::randn({tokens_of(*encoder, shape), encoder->width()}, generator, torch::kFloat32).to(model.device()));
    batch.clips.push_back({std::move(clip)});
    batch.ids.push_back(fmt::format("random-{}", s));
  }
  return batch;
}

}  // namespace pal

// A small whole model on YAMNet's tokens: a decoder of three layers with random weights, and the streams that a test asks for.
#pragma once

#include <gtest/gtest.h>

#include "pal/integration/pal_model.h"
#include "support/source_dir.h"
#include "support/tiny_decoder.h"

namespace pal {

inline const std::filesystem::path kYamnet = std::filesystem::path(source_dir()) / "assets/yamnet.safetensors";

#define NEEDS_YAMNET() \
  if (!std::filesystem::exists(kYamnet)) GTEST_SKIP() << kYamnet << " is not there; tools/setup.sh fetches it"

// All tokens of a clip through an MLP; a LAL stream is read by the layers from `from` on.
inline StreamOptions tiny_stream(const std::string& name, Integration integration, int64_t from = 0) {
  StreamOptions stream;
  stream.name = name;
  stream.encoder = "sound";
  stream.integration = integration;
  stream.layers.kind = LayerSelection::Kind::kFrom;
  stream.layers.number = from;
  return stream;
}

// Means of 6 tokens, by PLITS.
inline StreamOptions tiny_summary() {
  auto stream = tiny_stream("summary", Integration::kPlits);
  stream.connector.type = "mean_pool";
  stream.connector.factor = 6;
  return stream;
}

inline std::shared_ptr<PalModel> tiny_model(const std::vector<StreamOptions>& streams, const std::string& dtype = "float64",
                                            torch::Device device = torch::kCPU, const std::string& backend = "auto") {
  ModelOptions options;
  options.llm.random = tiny_options();
  options.dtype = dtype;
  options.backend = backend;
  options.encoders["sound"] = {"yamnet", kYamnet};
  options.streams = streams;
  auto model = std::make_shared<PalModel>(options, 3, device);
  torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters())
    if (parameter.dim() > 1) parameter.mul_(8.0);  // audio that matters
  set_norms(*model->llm());
  return model;
}

inline std::shared_ptr<PalModel> tiny_pal(const std::string& dtype = "float64", torch::Device device = torch::kCPU,
                                          const std::string& backend = "auto") {
  return tiny_model({tiny_stream("detail", Integration::kLal, 1), tiny_summary()}, dtype, device, backend);
}

// Three texts of different lengths: with a clip, without, with two; each goes on as `continued` says. No targets.
inline PalBatch tiny_prompts(const std::vector<std::vector<int64_t>>& continued = {{}, {}, {}}) {
  torch::manual_seed(4);
  const auto clip = [](int64_t patches) { return EncodedClip{torch::randn({6 * patches, 1024})}; };
  PalBatch batch;
  batch.clips = {{clip(2)}, {}, {clip(1), clip(3)}};
  batch.audio_at = {{3}, {}, {0, 4}};
  std::vector<int64_t> tokens;
  const std::vector<std::vector<int64_t>> texts = {{5, 6, 7, 8, 9, 10}, {11, 12, 13}, {20, 21, 22, 23, 24}};
  for (std::size_t s = 0; s < 3; ++s) {
    tokens.insert(tokens.end(), texts[s].begin(), texts[s].end());
    tokens.insert(tokens.end(), continued[s].begin(), continued[s].end());
    batch.text_tokens.push_back(int64_t(texts[s].size() + continued[s].size()));
    batch.ids.push_back(std::to_string(s));
  }
  batch.tokens = torch::tensor(tokens, torch::kInt64);
  batch.target = torch::zeros({int64_t(tokens.size())}, torch::kBool);
  return batch;
}

// The same with the last two tokens of every text as targets.
inline PalBatch tiny_training_batch() {
  auto batch = tiny_prompts();
  int64_t end = 0;
  for (int64_t tokens : batch.text_tokens) {
    end += tokens;
    batch.target.slice(0, end - 2, end).fill_(true);
  }
  return batch;
}

}  // namespace pal

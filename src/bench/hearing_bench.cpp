#include "pal/bench/hearing_bench.h"

#include <sndfile.h>

#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"
#include "timed.h"

namespace pal {

namespace {

constexpr int kRate = 44100;             // Hz, of most recordings on disks
constexpr int64_t kLongest = 4 * 3600;  // seconds: who makes no more tokens of that makes no more of anything

// The fewest samples of which the encoder makes so many tokens.
int64_t samples_for(const Encoder& encoder, int64_t tokens) {
  int64_t enough = encoder.sample_rate();
  while (encoder.token_count(enough) < tokens) {
    enough *= 2;
    PAL_CHECK(enough <= kLongest * encoder.sample_rate(), "encoder '{}': no clip gives {} tokens; it makes at most {}", encoder.type(), tokens, encoder.token_count(enough / 2));
  }
  int64_t too_few = 0;
  while (enough - too_few > 1) {
    const int64_t middle = (enough + too_few) / 2;
    (encoder.token_count(middle) < tokens ? too_few : enough) = middle;
  }
  return enough;
}

double seconds_of(const Encoder& encoder, const BenchBatch& batch) {
  return batch.audio_seconds > 0 ? batch.audio_seconds : double(samples_for(encoder, batch.audio_tokens)) / encoder.sample_rate();
}

void write_noise(const std::filesystem::path& path, double seconds) {
  SF_INFO info{.frames = 0, .samplerate = kRate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16, .sections = 0, .seekable = 0};
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  PAL_CHECK(file != nullptr, "{}: cannot be written: {}", path.string(), sf_strerror(nullptr));
  const auto noise = torch::randn({int64_t(seconds * kRate) + 1}, at::detail::createCPUGenerator(0), torch::kFloat32).mul_(0.1).clamp_(-1, 1);
  const auto written = sf_write_float(file, noise.data_ptr<float>(), noise.numel());
  sf_close(file);
  PAL_CHECK(written == noise.numel(), "{}: the disk took {} of {} samples", path.string(), written, noise.numel());
}

}  // namespace

HearingCost hearing_cost(const ModelOptions& model, const BenchBatch& batch, int64_t repetitions, torch::Device device) {
  HearingCost cost;
  if (batch.audio_seconds <= 0 && batch.audio_tokens == 0) return cost;
  const TemporaryFolder folder;
  std::map<std::string, std::shared_ptr<Encoder>> encoders;
  for (const auto& [name, options] : model.encoders) {
    encoders[name] = make_encoder(options);
    encoders[name]->to(device);
  }
  for (const auto& [name, encoder] : encoders) write_noise(folder / (name + ".wav"), seconds_of(*encoder, batch));
  const torch::NoGradGuard no_grad;
  for (int64_t i = 0; i < repetitions; ++i) {
    std::vector<std::pair<Encoder*, ClipFeatures>> clips;
    cost.load_seconds.push_back(timed(torch::kCPU, [&] {
      for (int64_t s = 0; s < batch.samples; ++s)
        for (const auto& [name, encoder] : encoders) clips.emplace_back(encoder.get(), encoder->prepare(load_samples(folder / (name + ".wav"), encoder->sample_rate())));
    }));
    cost.encode_seconds.push_back(timed(device, [&] {
      for (auto& [encoder, features] : clips) encoder->encode(features);
    }));
  }
  return cost;
}

}  // namespace pal

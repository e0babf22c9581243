// pal-inspect features: what a front-end makes of a recording.
#include <memory>
#include <string>

#include "pal/audio/clap_mel.h"
#include "pal/audio/kaldi_fbank.h"
#include "pal/audio/whisper_mel.h"
#include "pal/audio/yamnet_mel.h"
#include "pal/core/check.h"
#include "pal/core/tensor_source.h"
#include "pal/core/tool.h"
#include "pal/encoders/encoder.h"
#include "pal/encoders/long_audio.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

struct FeaturesArguments {
  std::string frontend, audio, weights, out, long_audio = "error";
};

// The samples that a front-end of one window is given.
torch::Tensor window_of(const FeaturesArguments& arguments, int sample_rate, std::int64_t window) {
  const auto samples = load_samples(arguments.audio, sample_rate);
  const LongAudio policy = parse_long_audio(arguments.long_audio);
  PAL_CHECK(policy != LongAudio::kChunk,
            "features: --long-audio chunk gives no single window; known are: error, crop");
  const double seconds = double(window) / sample_rate;
  PAL_CHECK(samples.size(0) <= window || policy == LongAudio::kCrop,
            "{}: {:.1f} s long, but the front-end {} takes {:.0f} s; give --long-audio crop to take the "
            "first {:.0f} s",
            arguments.audio, double(samples.size(0)) / sample_rate, arguments.frontend, seconds, seconds);
  return samples.slice(0, 0, window);
}

torch::Tensor whisper_features(const FeaturesArguments& arguments, std::int64_t mels) {
  return whisper_mel(window_of(arguments, WhisperMel::sample_rate, WhisperMel::window_samples), mels);
}

torch::Tensor clap_features(const FeaturesArguments& arguments) {
  const ClapMelOptions options =
      arguments.weights.empty() ? ClapMelOptions() : read_clap_mel_options(arguments.weights);
  return clap_mel(window_of(arguments, ClapMel::sample_rate, ClapMel::window_samples), options);
}

torch::Tensor features_of(const FeaturesArguments& arguments) {
  PAL_CHECK(arguments.weights.empty() || arguments.frontend == "clap",
            "features: --weights is read for the front-end clap alone");
  if (arguments.frontend == "yamnet")
    return yamnet_mel(load_samples(arguments.audio, YamnetMel::sample_rate));
  if (arguments.frontend == "kaldi_fbank")
    return kaldi_fbank(load_samples(arguments.audio, KaldiFbank::sample_rate));
  if (arguments.frontend == "whisper80") return whisper_features(arguments, 80);
  if (arguments.frontend == "whisper128") return whisper_features(arguments, 128);
  if (arguments.frontend == "clap") return clap_features(arguments);
  user_error("features: unknown front-end '{}'; known are: yamnet, kaldi_fbank, whisper80, whisper128, clap",
             arguments.frontend);
}

}  // namespace

void add_features_command(CLI::App& app, std::function<int()>& run) {
  auto arguments = std::make_shared<FeaturesArguments>();
  auto* command =
      app.add_subcommand("features", "What a front-end makes of a recording: the tensor 'features'");
  command
      ->add_option("--frontend", arguments->frontend,
                   "yamnet [frames, 64] | kaldi_fbank [frames, 128], neither padded nor normalised | "
                   "whisper80 | whisper128 [mels, 3000] | clap [1001, 64]")
      ->required();
  command->add_option("--audio", arguments->audio, "wav, flac, ogg or mp3")->required();
  command->add_option("--weights", arguments->weights,
                      "clap: a folder with preprocessor_config.json, which sets range and mel scale; without "
                      "it 50 to 14000 Hz, Slaney");
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command
      ->add_option("--long-audio", arguments->long_audio,
                   "what is longer than 30 s for Whisper, 10 s for CLAP: error | crop")
      ->capture_default_str();
  command->footer(
      "Example: pal-inspect features --frontend whisper80 --audio assets/clips/test/scratch/Animal/Owl.wav --out features.safetensors");
  command->callback([arguments, &run] {
    run = [arguments] {
      save_safetensors(arguments->out, {{"features", features_of(*arguments)}});
      return int(kDone);
    };
  });
}

}  // namespace pal

// pal-inspect features: what a front-end makes of a recording.
#include <memory>
#include <string>

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
  std::string frontend, audio, out, long_audio = "error";
};

torch::Tensor whisper_features(const FeaturesArguments& arguments, std::int64_t mels) {
  auto samples = load_samples(arguments.audio, WhisperMel::sample_rate);
  const LongAudio policy = parse_long_audio(arguments.long_audio);
  PAL_CHECK(policy != LongAudio::kChunk,
            "features: --long-audio chunk gives no single [mels, 3000]; known are: error, crop");
  PAL_CHECK(
      samples.size(0) <= WhisperMel::window_samples || policy == LongAudio::kCrop,
      "{}: {:.1f} s long, but Whisper's front-end takes 30 s; give --long-audio crop to take the first 30 s",
      arguments.audio, double(samples.size(0)) / WhisperMel::sample_rate);
  return whisper_mel(samples.slice(0, 0, WhisperMel::window_samples), mels);
}

torch::Tensor features_of(const FeaturesArguments& arguments) {
  if (arguments.frontend == "yamnet")
    return yamnet_mel(load_samples(arguments.audio, YamnetMel::sample_rate));
  if (arguments.frontend == "kaldi_fbank")
    return kaldi_fbank(load_samples(arguments.audio, KaldiFbank::sample_rate));
  if (arguments.frontend == "whisper80") return whisper_features(arguments, 80);
  if (arguments.frontend == "whisper128") return whisper_features(arguments, 128);
  user_error("features: unknown front-end '{}'; known are: yamnet, kaldi_fbank, whisper80, whisper128",
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
                   "whisper80 | whisper128 [mels, 3000]")
      ->required();
  command->add_option("--audio", arguments->audio, "wav, flac, ogg or mp3")->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command
      ->add_option("--long-audio", arguments->long_audio,
                   "what is longer than 30 s, for Whisper: error | crop")
      ->capture_default_str();
  command->footer(
      "Example: pal-inspect features --frontend whisper80 --audio clip.wav --out features.safetensors");
  command->callback([arguments, &run] {
    run = [arguments] {
      save_safetensors(arguments->out, {{"features", features_of(*arguments)}});
      return int(kDone);
    };
  });
}

}  // namespace pal

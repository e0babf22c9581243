// pal-inspect encode: what an encoder makes of a recording, or of features that something else made.
#include <memory>
#include <string>

#include "pal/core/check.h"
#include "pal/core/tensor_source.h"
#include "pal/core/tool.h"
#include "pal/encoders/encoder.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

struct EncodeArguments {
  EncoderOptions encoder;
  std::string audio, features, out;
  bool times = false;
};

torch::Tensor encode_features_file(Encoder& encoder, const std::string& path) {
  const auto features = open_tensors(path)->load("features");
  try {
    return encoder.encode_features(features);
  } catch (const UserError& error) {
    user_error("{}: {}", path, error.what());
  }
}

int run_encode(const EncodeArguments& arguments) {
  const torch::InferenceMode no_gradient;
  const auto encoder = make_encoder(arguments.encoder);
  const auto tokens = arguments.features.empty() ? encode_file(*encoder, arguments.audio)
                                                 : encode_features_file(*encoder, arguments.features);
  save_safetensors(arguments.out, {{"tokens", tokens}});
  for (std::int64_t i = 0; arguments.times && i < tokens.size(0); ++i) {
    const TokenSpan span = encoder->token_span(i);
    fmt::print("{}\t{:.3f}\t{:.3f}\n", i, span.begin, span.end);
  }
  return kDone;
}

}  // namespace

void add_encode_command(CLI::App& app, std::function<int()>& run) {
  auto arguments = std::make_shared<EncodeArguments>();
  arguments->encoder.trim = false;
  auto* command = app.add_subcommand(
      "encode", "What an encoder makes of a recording, or of features: the tensor 'tokens' [N, E]");
  command->add_option("--encoder", arguments->encoder.type, "yamnet | whisper | eat (SSLAM too) | clap")->required();
  command
      ->add_option("--weights", arguments->encoder.path,
                   "its weights: a safetensors file or a Hugging Face folder; for eat also fairseq's *.pt")
      ->required();
  auto* input = command->add_option_group("input", "what is encoded")->require_option(1);
  input->add_option("--audio", arguments->audio, "wav, flac, ogg or mp3");
  input->add_option("--features", arguments->features,
                    "a safetensors file whose tensor 'features' the network is given: yamnet [frames, 64], "
                    "whisper [windows, mels, 3000], eat [windows, frames, 128], normalised, clap [windows, 1001, 64]");
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->add_flag(
      "--trim", arguments->encoder.trim,
      "only the tokens that the clip fills: of 1500 for 30 s (whisper), of 513 for 10.24 s (eat)");
  command
      ->add_option("--long-audio", arguments->encoder.long_audio,
                   "a clip longer than the encoder hears at once (whisper, eat, clap): error | crop | chunk")
      ->capture_default_str();
  command->add_flag("!--no-cls", arguments->encoder.cls,
                    "eat: leave out the CLS token, row 0 of every window");
  command
      ->add_option("--feature-mean", arguments->encoder.feature_mean,
                   "eat: of the log mel energies, as in training")
      ->capture_default_str();
  command->add_option("--feature-std", arguments->encoder.feature_std, "eat: their standard deviation")
      ->capture_default_str();
  command
      ->add_option("--window", arguments->encoder.window,
                   "eat: frames of 10 ms heard at once, a multiple of 16")
      ->capture_default_str();
  command->add_option("--heads", arguments->encoder.heads, "eat: attention heads; 0: width / 64")
      ->capture_default_str();
  command->add_flag("--times", arguments->times, "print each token's number, beginning and end in seconds");
  command->footer(
      "Example: pal-inspect encode --encoder yamnet --weights assets/yamnet.safetensors --audio assets/clips/test/scratch/Animal/Owl.wav "
      "--out tokens.safetensors");
  command->callback([arguments, &run] { run = [arguments] { return run_encode(*arguments); }; });
}

}  // namespace pal

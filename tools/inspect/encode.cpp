// pal-inspect encode: what an encoder makes of a recording.
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
  std::string audio, out;
  bool times = false;
};

int run_encode(const EncodeArguments& arguments) {
  const torch::InferenceMode no_gradient;
  const auto encoder = make_encoder(arguments.encoder);
  const auto tokens = encode_file(*encoder, arguments.audio);
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
  auto* command =
      app.add_subcommand("encode", "What an encoder makes of a recording: the tensor 'tokens' [N, E]");
  command->add_option("--encoder", arguments->encoder.type, "yamnet | whisper | clap")->required();
  command->add_option("--weights", arguments->encoder.path, "its weights: a safetensors file or a Hugging Face folder")->required();
  command->add_option("--audio", arguments->audio, "wav, flac, ogg or mp3")->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->add_flag("--trim", arguments->encoder.trim,
                    "Whisper: only the tokens that the clip fills, of 1500 for 30 s");
  command
      ->add_option("--long-audio", arguments->encoder.long_audio,
                   "what is longer than 30 s for Whisper, 10 s for CLAP: error | crop | chunk")
      ->capture_default_str();
  command->add_flag("--times", arguments->times, "print each token's number, beginning and end in seconds");
  command->footer(
      "Example: pal-inspect encode --encoder yamnet --weights assets/yamnet.safetensors --audio assets/clips/test/scratch/Animal/Owl.wav "
      "--out tokens.safetensors");
  command->callback([arguments, &run] { run = [arguments] { return run_encode(*arguments); }; });
}

}  // namespace pal

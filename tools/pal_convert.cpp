// pal-convert: weights of other programs as safetensors.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/encoders/convert.h"
#include "tools/command_line.h"
#include "tools/convert/export.h"

namespace {

// A program whose weights are converted, as a subcommand.
struct Source {
  const char *name, *description;
  const char *option, *what;  // that names the weights
  const char* format;         // kept in the file's metadata: converted_from
  const char* example;        // its arguments but for --out
  std::function<pal::TensorMap(const std::string&)> convert;
};

void add_source(CLI::App& app, std::function<int()>& run, const Source& source) {
  struct Arguments {
    std::string weights, out;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(source.name, source.description);
  command->add_option(source.option, arguments->weights, source.what)->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->footer(fmt::format("Example: pal-convert {} {} {} --out {}.safetensors", source.name, source.option, source.example, source.name));
  command->callback([arguments, source, &run] {
    run = [arguments, source] {
      const auto tensors = source.convert(arguments->weights);
      pal::save_safetensors(arguments->out, tensors, {{"format", "pt"}, {"converted_from", source.format}});
      fmt::print("{}: {} tensors\n", arguments->out, tensors.size());
      return pal::kDone;
    };
  });
}

const Source kSources[] = {
    {"yamnet", "YAMNet from a TensorFlow checkpoint", "--checkpoint", "PREFIX of PREFIX.index and PREFIX.data-00000-of-00001", "tensorflow",
     "assets/sources/yamnet/variables", pal::yamnet_from_tensorflow},
    {"whisper", "Whisper's encoder from CTranslate2's model.bin", "--ctranslate2", "model.bin", "ctranslate2",
     "assets/sources/whisper-tiny-en.bin", pal::whisper_from_ctranslate2},
    {"fairseq", "EAT's or SSLAM's encoder from fairseq's checkpoint; none of its code is run", "--checkpoint", "*.pt, pretrained or finetuned",
     "fairseq", "tests/golden/eat_tiny_fairseq.pt", pal::eat_from_fairseq},
    {"clap", "CLAP's audio encoder (HTSAT without fusion) from a checkpoint of LAION's program; none of its code is run", "--checkpoint", "*.pt",
     "laion_clap", "tests/golden/clap_tiny_laion.pt", pal::clap_from_laion}};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Weights of other programs as safetensors");
  std::function<int()> run;
  for (const Source& source : kSources) add_source(app, run, source);
  pal::add_export_commands(app, run);
  app.require_subcommand(1);
  app.footer("Example: pal-convert whisper --ctranslate2 assets/sources/whisper-tiny-en.bin --out whisper-tiny-en.safetensors\n"
             "pal-convert SUBCOMMAND --help says more.");
  return pal::run_command(app, argc, argv, "pal-convert", [&] { return run(); });
}

// pal-convert: weights of other programs as safetensors.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/encoders/convert.h"
#include "tools/command_line.h"
#include "tools/convert/export.h"

namespace {

int save(const std::string& out, const pal::TensorMap& tensors, const std::string& format) {
  pal::save_safetensors(out, tensors, {{"format", "pt"}, {"converted_from", format}});
  fmt::print("{}: {} tensors\n", out, tensors.size());
  return pal::kDone;
}

void add_yamnet(CLI::App& app, std::function<int()>& run) {
  struct Arguments {
    std::string checkpoint, out;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("yamnet", "YAMNet from a TensorFlow checkpoint");
  command
      ->add_option("--checkpoint", arguments->checkpoint,
                   "PREFIX of PREFIX.index and PREFIX.data-00000-of-00001")
      ->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->footer(
      "Example: pal-convert yamnet --checkpoint assets/sources/yamnet/variables --out "
      "yamnet.safetensors");
  command->callback([arguments, &run] {
    run = [arguments] {
      return save(arguments->out, pal::yamnet_from_tensorflow(arguments->checkpoint), "tensorflow");
    };
  });
}

void add_whisper(CLI::App& app, std::function<int()>& run) {
  struct Arguments {
    std::string model, out;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("whisper", "Whisper's encoder from CTranslate2's model.bin");
  command->add_option("--ctranslate2", arguments->model, "model.bin")->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->footer(
      "Example: pal-convert whisper --ctranslate2 assets/sources/whisper-tiny-en.bin --out whisper-tiny-en.safetensors");
  command->callback([arguments, &run] {
    run = [arguments] {
      return save(arguments->out, pal::whisper_from_ctranslate2(arguments->model), "ctranslate2");
    };
  });
}

void add_fairseq(CLI::App& app, std::function<int()>& run) {
  struct Arguments {
    std::string checkpoint, out;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "fairseq", "EAT's or SSLAM's encoder from fairseq's checkpoint; none of its code is run");
  command->add_option("--checkpoint", arguments->checkpoint, "*.pt, pretrained or finetuned")->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->footer(
      "Example: pal-convert fairseq --checkpoint tests/golden/eat_tiny_fairseq.pt --out eat-tiny.safetensors");
  command->callback([arguments, &run] {
    run = [arguments] {
      return save(arguments->out, pal::eat_from_fairseq(arguments->checkpoint), "fairseq");
    };
  });
}

void add_clap(CLI::App& app, std::function<int()>& run) {
  struct Arguments {
    std::string checkpoint, out;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("clap", "CLAP's audio encoder (HTSAT without fusion) from a checkpoint of LAION's program; none of its code is run");
  command->add_option("--checkpoint", arguments->checkpoint, "*.pt")->required();
  command->add_option("--out", arguments->out, "the safetensors file to write")->required();
  command->footer("Example: pal-convert clap --checkpoint tests/golden/clap_tiny_laion.pt --out clap-tiny.safetensors");
  command->callback([arguments, &run] {
    run = [arguments] { return save(arguments->out, pal::clap_from_laion(arguments->checkpoint), "laion_clap"); };
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Weights of other programs as safetensors");
  std::function<int()> run;
  add_yamnet(app, run);
  add_whisper(app, run);
  add_fairseq(app, run);
  add_clap(app, run);
  pal::add_export_commands(app, run);
  app.require_subcommand(1);
  app.footer("Example: pal-convert whisper --ctranslate2 assets/sources/whisper-tiny-en.bin --out whisper-tiny-en.safetensors\n"
             "pal-convert SUBCOMMAND --help says more.");
  return pal::run_command(app, argc, argv, "pal-convert", [&] { return run(); });
}

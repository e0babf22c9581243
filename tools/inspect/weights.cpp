// pal-inspect weights: what became of every tensor of a model's files.
#include <memory>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/decoder/load_decoder.h"
#include "pal/encoders/encoder.h"
#include "pal/train/session.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

using Json = nlohmann::json;

struct WeightsArguments {
  std::filesystem::path llm, checkpoint;
  EncoderOptions encoder;
  bool all = false, json = false;
};

// Only an encoder is loaded; the others' files are compared with shapes alone.
LoadReport report_of(const WeightsArguments& a) {
  if (!a.llm.empty()) return compare_decoder(a.llm);
  if (!a.checkpoint.empty()) {
    const auto checkpoint = open_checkpoint(a.checkpoint);
    const auto config = config_of(checkpoint);
    const PalModel shapes(config.model, uint64_t(config.train.seed), torch::kMeta);
    const auto source = checkpoint.open_model();
    return compare_tensors(trained_tensors(named_parameters(shapes), *source), *source);
  }
  PAL_CHECK(!a.encoder.path.empty(), "--encoder needs --weights");
  try {
    return make_encoder(a.encoder)->load_report();
  } catch (const LoadMismatch& mismatch) {
    return mismatch.report();
  }
}

Json to_json(const LoadReport& report) {
  Json tensors = Json::array();
  for (const auto& line : report.lines())
    tensors.push_back({{"name", line.name}, {"fate", fate_name(line.fate)}, {"expected", line.expected}, {"found", line.found}, {"note", line.note}});
  return {{"file", report.where()}, {"fits", report.fits()}, {"tensors", tensors}};
}

int run_weights(const WeightsArguments& a) {
  const auto report = report_of(a);
  if (a.json)
    fmt::print("{}\n", to_json(report).dump());
  else
    fmt::print("{}: {}\n{}", report.where(), report.counts(), report.table({.fold = !a.all}));
  return report.fits() ? kDone : kUserError;
}

}  // namespace

void add_weights_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<WeightsArguments>();
  auto* command = app.add_subcommand("weights", "Every tensor of a model's files: matched, skipped, missing, wrong or unexpected");
  auto* what = command->add_option_group("what", "whose weights")->require_option(1);
  what->add_option("--llm", a->llm, "Hugging Face folder or *.gguf");
  what->add_option("--encoder", a->encoder.type, "yamnet | whisper | eat (SSLAM too) | clap");
  what->add_option("--checkpoint", a->checkpoint, "a checkpoint's folder: its tensors against the model that its config describes");
  command->add_option("--weights", a->encoder.path, "the encoder's weights")->needs("--encoder");
  command->add_flag("--all", a->all, "a line for every tensor; without it, those that differ in one number of their names share one");
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer(
      "The exit code is 2 where something does not fit.\n"
      "Example: pal-inspect weights --encoder yamnet --weights assets/yamnet.safetensors");
  command->callback([a, &run] { run = [a] { return run_weights(*a); }; });
}

}  // namespace pal

// pal-eval: scores a checkpoint on a manifest, or predictions that were made elsewhere.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"
#include "pal/core/tool.h"
#include "pal/train/session.h"
#include "tools/command_line.h"
#include "tools/eval/compare_command.h"
#include "tools/eval/embed_command.h"
#include "tools/eval/probe_command.h"
#include "tools/eval/report_command.h"
#include "tools/eval/score_command.h"

namespace {

using Json = nlohmann::json;

struct Arguments {
  std::filesystem::path config, checkpoint, output, manifest, predictions;
  std::vector<std::string> sets;
  std::string split = "test", device = "auto";
  pal::MetricArguments metric;
  int threads = 0;
  bool withhold_audio = false, json = false;
};

Json describe(const pal::EvaluationOptions& o) {
  Json decoding = {{"protocol", o.protocol}, {"metric", o.metric}, {"batch_size", o.batch_size}};
  if (o.protocol == "likelihood") {
    decoding["answers"] = o.answers;
    decoding["normalize"] = o.normalize;
  } else {
    const auto& g = o.generate;
    decoding["generate"] = {{"max_new_tokens", g.max_new_tokens}, {"temperature", g.temperature}, {"top_k", g.top_k},
                            {"top_p", g.top_p}, {"repetition_penalty", g.repetition_penalty}, {"seed", g.seed}};
  }
  return decoding;
}

// A model in the config that is not the checkpoint's would be ignored without a word. Backend and the like may differ.
void refuse_another_model(const pal::RunConfig& given, const pal::RunConfig& checkpoint, const Arguments& a) {
  std::vector<std::string> different;
  for (const auto& d : pal::diff(pal::run_config_yaml(checkpoint), pal::run_config_yaml(given)))
    if (d.path.starts_with("model.llm") || d.path.starts_with("model.encoders") || d.path.starts_with("model.streams") || d.path.starts_with("model.dtype"))
      different.push_back(fmt::format("{}: {} -> {}", d.path, d.before, d.after));
  PAL_CHECK(different.empty(), "{}: describes another model than {}; pal-eval scores the checkpoint's\n  {}", a.config.string(),
            a.checkpoint.string(), fmt::join(different, "\n  "));
}

// The checkpoint says what the model is; a config, where given, says what is asked and how it is scored.
pal::Session open(const Arguments& a, const pal::Checkpoint& checkpoint) {
  auto session = pal::open_session(checkpoint, a.config.empty() ? a.sets : std::vector<std::string>{}, pal::parse_device(a.device));
  if (a.config.empty()) return session;
  const auto given = pal::load_run_config(a.config, a.sets);
  refuse_another_model(given, session.config, a);
  session.config.data = given.data;
  session.config.eval = given.eval;
  const bool wants_answers = given.eval.protocol == "likelihood" && given.eval.answers.empty() && !given.data.train.empty();
  if (wants_answers) session.config.eval.answers = pal::implied_answers(given.data);
  return session;
}

void make_folder(const std::filesystem::path& output) {
  if (output.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(output, error);
  PAL_CHECK(!error, "--output {}: the folder cannot be made: {}", output.string(), error.message());
}

int evaluate_checkpoint(const Arguments& a) {
  const auto checkpoint = pal::open_checkpoint(a.checkpoint);
  const auto results = a.output / "results.json";
  auto session = open(a, checkpoint);
  const auto manifest = a.manifest.empty() ? pal::manifest_of(session.config.data, a.split) : pal::ManifestPart(a.manifest);
  const Json settings = {{"checkpoint", {{"path", a.checkpoint.string()}, {"step", checkpoint.step}, {"hash", checkpoint.hash}}},
                         {"manifest", {{"path", manifest.path.string()}, {"split", manifest.split}, {"sha256", pal::sha256_of_file(manifest.path)}}},
                         {"decoding", describe(session.config.eval)},
                         {"withhold_audio", a.withhold_audio},
                         {"config", pal::run_config_yaml(session.config)}};
  Json result;
  if (!a.output.empty() && std::filesystem::exists(results)) {
    result = pal::parse_strict_json(pal::read_file(results), results.string(), 64);
    PAL_CHECK(result.is_object() && result.contains("settings") && result.contains("score"), "{}: is no result of pal-eval; remove it or choose another --output",
              results.string());
    PAL_CHECK(result["settings"] == settings, "{}: holds the result of other settings; remove it or choose another --output",
              results.string());
    spdlog::info("{}: is there already, made with the same settings", results.string());
  } else {
    const auto samples = session.samples(manifest);
    pal::check_evaluation(session.config.eval, samples);
    if (!a.withhold_audio) pal::check_recordings(samples, manifest.path);
    make_folder(a.output);  // before the work, not after it
    spdlog::info("{} samples of {}{}", samples.size(), manifest.name(), a.withhold_audio ? ", audio withheld" : "");
    const auto evaluation = pal::evaluate(*session.model, *session.collator, samples, session.config.eval, a.withhold_audio);
    result = {{"settings", settings}, {"score", Json::parse(pal::to_json(evaluation.score))}, {"predictions", evaluation.predictions},
              {"skipped", evaluation.skipped}};
    if (!evaluation.skipped.empty())
      spdlog::info("{} of them left out: none of their references is among the {} answers", evaluation.skipped.size(),
                   session.config.eval.answers.size());
    if (!a.output.empty()) {
      pal::write_file_atomically(results, result.dump(1) + "\n");
      spdlog::info("wrote {}", results.string());
    }
  }
  const auto& score = result["score"];
  if (a.json)
    fmt::print("{}\n", score.dump());
  else
    fmt::print("{} {:.4f}  [{:.4f}, {:.4f}]  n {}\n", score["metric"].get<std::string>(), score["score"].get<double>(),
               score["low"].get<double>(), score["high"].get<double>(), score["n"].get<int64_t>());
  return pal::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Scores an audio LLM, or predictions made elsewhere.");
  Arguments a;
  std::function<int()> run;
  pal::add_compare_command(app, run);
  pal::add_embed_command(app, run);
  pal::add_probe_command(app, run);
  pal::add_report_command(app, run);
  app.add_option("--checkpoint", a.checkpoint, "folder of a checkpoint, for example runs/NAME/final");
  app.add_option("--config", a.config, "take data and eval from here (default: from the checkpoint)");
  app.add_option("--set", a.sets, "override an option of the config: a.b=c")->take_all()->allow_extra_args(false);
  app.add_option("--split", a.split, "train, validation or test: which manifest of the config");
  app.add_option("--manifest", a.manifest, "another manifest");
  app.add_option("--output", a.output, "folder for results.json: config, checkpoint hash, settings, every prediction");
  app.add_flag("--withhold-audio", a.withhold_audio, "control: the model answers without hearing");
  app.add_option("--device", a.device, "auto, cpu or cuda");
  app.add_option("--threads", a.threads, "CPU threads (default: all cores)");
  app.add_option("--predictions", a.predictions, "score these JSON lines instead: {\"id\", \"prediction\", \"references\": [...]}");
  pal::add_metric_options(app, a.metric);  // for --predictions
  app.add_flag("--json", a.json, "print one JSON object");
  app.footer("Examples:\n  pal-eval --checkpoint runs/smoke/final --output runs/smoke/eval\n"
             "  pal-eval --predictions examples/predictions.jsonl --metric ciderd --json");

  return pal::run_command(app, argc, argv, "pal-eval", [&]() -> int {
    PAL_CHECK(!run || (a.predictions.empty() && a.checkpoint.empty()), "--checkpoint and --predictions do not go with a subcommand");
    if (run) return run();
    pal::set_threads(a.threads);
    PAL_CHECK(a.predictions.empty() != a.checkpoint.empty(), "give either --checkpoint or --predictions; try --help");
    PAL_CHECK(a.checkpoint.empty() || a.metric.metric.empty(), "--metric goes with --predictions; a checkpoint is scored by eval.metric: --set eval.metric={}", a.metric.metric);
    if (a.predictions.empty()) return evaluate_checkpoint(a);
    PAL_CHECK(!a.metric.metric.empty(), "--predictions needs --metric");
    return pal::score_command(a.predictions, a.metric, a.json);
  });
}

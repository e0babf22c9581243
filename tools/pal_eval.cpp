// pal-eval: scores a checkpoint on a manifest, or predictions that were made elsewhere.
#include <CLI/CLI.hpp>

#include "pal/core/check.h"
#include "tools/command_line.h"
#include "tools/eval/checkpoint_command.h"
#include "tools/eval/embed_command.h"
#include "tools/eval/score_command.h"

int main(int argc, char** argv) {
  CLI::App app("Scores an audio LLM, or predictions made elsewhere.");
  pal::CheckpointArguments a;
  std::filesystem::path predictions;
  std::string metric;
  int threads = 0;
  bool tokenized = false;
  std::function<int()> run;
  pal::add_embed_command(app, run);
  pal::add_checkpoint_options(app, a);
  app.add_option("--threads", threads, "CPU threads (default: all cores)");
  app.add_option("--predictions", predictions, "score these JSON lines instead: {\"id\", \"prediction\", \"references\": [...]}");
  app.add_option("--metric", metric, "for --predictions: accuracy or ciderd");
  app.add_flag("--json", a.json, "print one JSON object");
  app.add_flag("--tokenized", tokenized, "ciderd: texts are PTB-tokenised already");
  app.footer("Examples:\n  pal-eval --checkpoint runs/smoke/final --output runs/smoke/eval\n"
             "  pal-eval --checkpoint runs/smoke/final --benchmark esc50 --protocol likelihood --manifest assets/clips/test.jsonl\n"
             "  pal-eval --predictions examples/predictions.jsonl --metric ciderd --json");

  return pal::run_command(app, argc, argv, "pal-eval", [&]() -> int {
    PAL_CHECK(!run || (predictions.empty() && a.checkpoint.empty()), "--checkpoint and --predictions do not go with a subcommand");
    if (run) return run();
    pal::set_threads(threads);
    PAL_CHECK(predictions.empty() != a.checkpoint.empty(), "give either --checkpoint or --predictions; try --help");
    if (predictions.empty()) return pal::evaluate_checkpoint(a);
    PAL_CHECK(!metric.empty(), "--predictions needs --metric");
    return pal::score_command(predictions, metric, a.json, tokenized);
  });
}

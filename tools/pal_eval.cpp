// pal-eval: scores a checkpoint on a manifest or a benchmark, or predictions that were made elsewhere. Subcommands are in tools/eval/.
#include <CLI/CLI.hpp>

#include "pal/core/check.h"
#include "tools/command_line.h"
#include "tools/eval/checkpoint_command.h"
#include "tools/eval/compare_command.h"
#include "tools/eval/embed_command.h"
#include "tools/eval/probe_command.h"
#include "tools/eval/report_command.h"
#include "tools/eval/score_command.h"

int main(int argc, char** argv) {
  CLI::App app("Scores an audio LLM, or predictions made elsewhere.");
  pal::CheckpointArguments a;
  pal::MetricArguments metric;
  std::filesystem::path predictions;
  int threads = 0;
  std::function<int()> run;
  pal::add_compare_command(app, run);
  pal::add_embed_command(app, run);
  pal::add_probe_command(app, run);
  pal::add_report_command(app, run);
  pal::add_checkpoint_options(app, a);
  app.add_option("--threads", threads, "CPU threads (default: all cores)");
  app.add_option("--predictions", predictions, "score these JSON lines instead: {\"id\", \"prediction\", \"references\": [...]}");
  pal::add_metric_options(app, metric);  // for --predictions
  app.add_flag("--json", a.json, "print one JSON object");
  app.footer("Examples:\n  pal-eval --checkpoint runs/smoke/final --output runs/smoke/eval\n"
             "  pal-eval --checkpoint runs/smoke/final --benchmark esc50 --protocol likelihood --manifest assets/clips/test.jsonl\n"
             "  pal-eval --predictions examples/predictions.jsonl --metric ciderd --json");

  return pal::run_command(app, argc, argv, "pal-eval", [&]() -> int {
    PAL_CHECK(!run || (predictions.empty() && a.checkpoint.empty()), "--checkpoint and --predictions do not go with a subcommand");
    if (run) return run();
    pal::set_threads(threads);
    PAL_CHECK(predictions.empty() != a.checkpoint.empty(), "give either --checkpoint or --predictions; try --help");
    PAL_CHECK(a.checkpoint.empty() || metric.metric.empty(), "--metric goes with --predictions; a checkpoint is scored by eval.metric: --set eval.metric={}", metric.metric);
    PAL_CHECK(a.checkpoint.empty() || !(metric.tokenized || metric.threshold || metric.absent != "skip"), "--tokenized, --threshold and --absent go with --predictions");
    a.benchmark.java = metric.java;
    if (predictions.empty()) return pal::evaluate_checkpoint(a);
    PAL_CHECK(!metric.metric.empty(), "--predictions needs --metric");
    return pal::score_command(predictions, metric, a.json);
  });
}

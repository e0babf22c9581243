#include "tools/eval/score_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/metrics/metric_kind.h"

namespace pal {

namespace {

// An option of another metric would be ignored without a word.
void goes_with(const std::string& metric, bool given, const char* option, const std::vector<std::string>& metrics) {
  PAL_CHECK(!given || std::ranges::count(metrics, metric) != 0, "{} does not go with the metric {}; it goes with {}", option, metric,
            fmt::join(metrics, ", "));
}

}  // namespace

void add_metric_options(CLI::App& app, MetricArguments& a) {
  app.add_option("--metric", a.metric,
                 "accuracy, micro_f1, macro_f1, map, ciderd, bleu1 to bleu4, rouge_l, meteor or spice. map takes lines "
                 "{\"id\", \"scores\": [...], \"labels\": [0, 1, ...]}, a number a class");
  app.add_flag("--tokenized", a.tokenized, "caption metrics: texts are PTB-tokenised already");
  app.add_option("--threshold", a.threshold, "micro_f1, macro_f1: the lines hold scores as for map; a class is said where its score is above this");
  app.add_option("--absent", a.absent, "map: classes that no line has are left out of the mean (skip) or score 0 (zero), as scikit-learn has it")
      ->check(CLI::IsMember({"skip", "zero"}))->capture_default_str();
  app.add_option("--meteor-jar", a.java.meteor_jar, "meteor: your meteor-1.5.jar with its data/; needs Java");
  app.add_option("--spice-jar", a.java.spice_jar, "spice: your spice-1.0.jar with its lib/ and Stanford CoreNLP 3.6; needs Java");
  app.add_option("--java-seconds", a.java.seconds, "how long a jar may run")->capture_default_str();
}

ScoreOptions score_options(const MetricArguments& a) {
  metric_kind(a.metric);
  goes_with(a.metric, a.tokenized, "--tokenized", {"ciderd", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "meteor", "spice"});
  goes_with(a.metric, a.threshold.has_value(), "--threshold", {"micro_f1", "macro_f1"});
  goes_with(a.metric, a.absent != "skip", "--absent", {"map"});
  goes_with(a.metric, !a.java.meteor_jar.empty(), "--meteor-jar", {"meteor"});
  goes_with(a.metric, !a.java.spice_jar.empty(), "--spice-jar", {"spice"});
  ScoreOptions options;
  options.tokenized = a.tokenized;
  options.threshold = a.threshold;
  options.absent = a.absent == "zero" ? AbsentClasses::kZero : AbsentClasses::kSkip;
  options.java = a.java;
  return options;
}

int score_command(const std::filesystem::path& predictions, const MetricArguments& metric, bool json) {
  const Score score = score_file(predictions, metric.metric, score_options(metric));
  if (json)
    fmt::print("{}\n", to_json(score));
  else if (!score.not_available.empty())
    fmt::print("{} not available: {}\n", score.metric, score.not_available);
  else
    fmt::print("{} {:.4f}  [{:.4f}, {:.4f}]  n {}{}\n", score.metric, score.score, score.low, score.high, score.n,
               score.absent_classes ? fmt::format("  absent classes {}", *score.absent_classes) : "");
  return kDone;
}

}  // namespace pal

#include "tools/eval/compare_command.h"

#include <fmt/format.h>

#include <memory>

#include "pal/core/check.h"
#include "pal/core/printable.h"
#include "pal/core/tool.h"
#include "pal/metrics/comparison.h"
#include "tools/eval/score_command.h"

namespace pal {

namespace {

struct CompareArguments {
  std::filesystem::path a, b;
  MetricArguments metric;
  bool json = false;
};

int run_compare(const CompareArguments& args) {
  MetricArguments metric = args.metric;
  if (!metric.metric.empty()) score_options(metric);  // what is wrong with it is told before files are read
  const auto a = read_result_file(args.a), b = read_result_file(args.b);
  if (metric.metric.empty()) metric.metric = common_metric(a, b, args.a.string(), args.b.string());
  const auto c = compare(a, b, metric.metric, score_options(metric), args.a.string(), args.b.string());
  if (args.json) {
    fmt::print("{}\n", to_json(c));
    return kDone;
  }
  fmt::print("{:.4f}  {}\n{:.4f}  {}\n", c.a, printable(args.a.string()), c.b, printable(args.b.string()));
  fmt::print("{}: difference {:+.4f}  [{:+.4f}, {:+.4f}]  p {:.2g} ({})  n {}\n", c.metric, c.difference, c.low, c.high, c.p_value, c.test, c.n);
  return kDone;
}

}  // namespace

void add_compare_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<CompareArguments>();
  auto* command = app.add_subcommand("compare", "Two result files of the same clips: the difference, its interval, and a p-value");
  command->add_option("a", a->a, "results.json of pal-eval, or JSON lines as for --predictions")->required();
  command->add_option("b", a->b, "the other one")->required();
  add_metric_options(*command, a->metric);
  command->get_option("--metric")->description("as for --predictions (default: the one that the results.json were scored by)");
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer("Example: pal-eval compare examples/predictions.jsonl examples/predictions-other.jsonl --metric ciderd");
  command->callback([a, &run] { run = [a] { return run_compare(*a); }; });
}

}  // namespace pal

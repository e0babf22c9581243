#include "tools/eval/report_command.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "pal/core/files.h"
#include "pal/core/tool.h"
#include "pal/report/report.h"
#include "pal/train/session.h"
#include "tools/command_line.h"

namespace pal {

namespace {

struct ReportArguments {
  std::vector<std::filesystem::path> results;
  std::filesystem::path out = "report.html";
  ReportOptions options;
  std::string device = "auto";
  int threads = 0;
};

int run_report(ReportArguments a) {
  set_threads(a.threads);
  a.options.device = parse_device(a.device);
  std::vector<ReportedResult> results;
  for (const auto& path : a.results) results.push_back(read_reported_result(path));
  const auto page = report_page(make_report(results, a.options));
  write_file_atomically(a.out, page);
  fmt::print("{}: {} results, {:.1f} MB\n", a.out.string(), results.size(), double(page.size()) / 1e6);
  return kDone;
}

}  // namespace

void add_report_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<ReportArguments>();
  auto* command = app.add_subcommand("report", "Results as one HTML page that needs no network: scores, classes, comparisons, cost, and what was heard");
  command->add_option("results", a->results, "results.json of one or more evaluations; the first says which samples are shown")->required();
  command->add_option("--out", a->out, "the page to write")->capture_default_str();
  command->add_option("--samples", a->options.samples, "samples to show one by one, right and wrong ones")->capture_default_str();
  command->add_option("--seconds", a->options.seconds, "of each recording to hear and see, at most 30")->capture_default_str();
  command->add_flag("--scores-only", a->options.scores_only, "open no checkpoint and no recording: no cost, nothing to hear or see");
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads (default: all cores)");
  command->footer("Example: pal-eval report runs/smoke/eval/results.json --out report.html --samples 4");
  command->callback([a, &run] { run = [a] { return run_report(*a); }; });
}

}  // namespace pal

#include "tools/bench/lengths_command.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "pal/bench/training_bench.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/tool.h"
#include "pal/train/session.h"
#include "tools/bench/contest.h"
#include "tools/bench/cost_plot.h"
#include "tools/bench/stage_choice.h"
#include "tools/command_line.h"

namespace pal {

namespace {

using Json = nlohmann::json;

struct LengthsArguments {
  std::filesystem::path config, svg;
  std::vector<std::string> sets, integrations{"plits", "lal", "pal"};
  std::vector<double> seconds{1, 3, 10, 30, 60, 120, 300};
  std::string stage, device = "auto";
  BenchBatch batch;
  int64_t steps = 3;
  int threads = 0;
  bool json = false;
};

Json cost_at(const LengthsArguments& a, const ModelOptions& model, const StageOptions& stage, const std::string& integration, double seconds, torch::Device device) {
  auto batch = a.batch;
  batch.audio_seconds = seconds;
  const auto cost = training_cost(model, stage, batch, a.steps, device);
  return {{"integration", integration}, {"audio_seconds", seconds}, {"step_seconds", spread(cost.step_seconds)},
          {"samples_per_second", double(batch.samples) / median(cost.step_seconds)}, {"beyond_weights_and_optimizer_bytes", cost.beyond_bytes},
          {"activation_bytes", cost.activation_bytes}, {"model_flops", cost.model_flops}};
}

// The longest first: where it does not fit the model, that is told before any other is measured.
Json measure(const LengthsArguments& a, const RunConfig& config, const StageOptions& stage, torch::Device device) {
  auto seconds = a.seconds;
  std::ranges::sort(seconds, std::greater());
  Json results = Json::array();
  for (const double length : seconds)
    for (const auto& integration : a.integrations) {
      auto model = config.model;
      model.streams = integration_streams(config.model.streams, integration);
      spdlog::info("{:g} s of audio: {}", length, integration);
      results.push_back(cost_at(a, model, stage, integration, length, device));
    }
  std::stable_sort(results.begin(), results.end(), [](const Json& x, const Json& y) { return x["audio_seconds"].get<double>() < y["audio_seconds"].get<double>(); });
  return results;
}

PlotPanel panel_of(const Json& results, const std::vector<std::string>& integrations, const std::string& title, const std::string& unit,
                   const std::function<double(const Json&)>& value) {
  PlotPanel panel{title, "seconds of audio a sample", unit, {}};
  for (const auto& integration : integrations) {
    PlotLine line{integration, {}, {}};
    for (const auto& r : results) {
      if (r["integration"] != integration) continue;
      line.x.push_back(r["audio_seconds"].get<double>());
      line.y.push_back(value(r));
    }
    panel.lines.push_back(std::move(line));
  }
  return panel;
}

std::string plot_of(const Json& results, const LengthsArguments& a, const std::string& title) {
  return svg_of(title, {panel_of(results, a.integrations, "Time of a training step", "ms", [](const Json& r) { return 1e3 * r["step_seconds"]["median"].get<double>(); }),
                        panel_of(results, a.integrations, "Activations of a forward", "MiB", [](const Json& r) { return r["activation_bytes"].get<double>() / (1 << 20); })});
}

void print_table(const Json& results) {
  fmt::print("{:>9} {:<12} {:>10} {:>26} {:>16} {:>12}\n", "audio s", "integration", "samples/s", "step ms (min..max)", "activations MiB", "beyond MiB");
  for (const auto& r : results)
    fmt::print("{:>9g} {:<12} {:>10.3g} {:>26} {:>16} {:>12}\n", r["audio_seconds"].get<double>(), r["integration"].get<std::string>(), r["samples_per_second"].get<double>(),
               spread_text(r["step_seconds"], 1e3), mib(r, "activation_bytes"), mib(r, "beyond_weights_and_optimizer_bytes"));
}

int run_lengths(const LengthsArguments& a) {
  PAL_CHECK(!a.seconds.empty() && std::ranges::all_of(a.seconds, [](double s) { return s > 0; }), "--seconds: expected lengths above 0");
  PAL_CHECK(a.integrations.size() <= 4, "--integrations: four at most can be drawn, got {}", a.integrations.size());
  const auto config = load_run_config(a.config, a.sets);
  const auto& stage = chosen_stage(config, a.stage);
  const auto device = parse_device(a.device);
  set_threads(a.threads);
  const auto folder = a.svg.has_parent_path() ? a.svg.parent_path() : std::filesystem::path(".");
  PAL_CHECK(a.svg.empty() || std::filesystem::is_directory(folder), "--svg {}: there is no folder '{}'", a.svg.string(), folder.string());
  const auto results = measure(a, config, stage, device);
  const auto title = fmt::format("{}, stage '{}', {} on {}: {} samples of {} text tokens", a.config.string(), stage.name, config.model.dtype, device.str(), a.batch.samples, a.batch.text_tokens);
  if (!a.svg.empty()) write_file_atomically(a.svg, plot_of(results, a, title));
  if (a.json) {
    const Json report = {{"config", a.config.string()}, {"stage", stage.name}, {"dtype", config.model.dtype}, {"device", device.str()},
                         {"batch", {{"samples", a.batch.samples}, {"text_tokens", a.batch.text_tokens}}}, {"timed_steps", a.steps}, {"results", results}};
    fmt::print("{}\n", report.dump());
    return kDone;
  }
  fmt::print("{}\n", title);
  print_table(results);
  return kDone;
}

}  // namespace

void add_lengths_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<LengthsArguments>();
  auto* command = app.add_subcommand("lengths", "Training steps of PLITS, LAL and PAL as the audio gets longer: time and memory, as a table, JSON or a plot");
  command->add_option("--config", a->config, "a PAL run, YAML: its LLM, streams and stages")->required();
  command->add_option("--set", a->sets, "override an option: a.b=c; may stand several times")->take_all()->allow_extra_args(false);
  command->add_option("--integrations", a->integrations, "which, made from the config's streams")->delimiter(',')->capture_default_str();
  command->add_option("--seconds", a->seconds, "lengths of each sample's audio; each encoder makes as many tokens of it as of a recording")->delimiter(',')->capture_default_str();
  command->add_option("--stage", a->stage, "whose trainable parameters and optimizer (default: the last)");
  command->add_option("--samples", a->batch.samples, "samples of the batch")->capture_default_str();
  command->add_option("--text-tokens", a->batch.text_tokens, "a sample")->capture_default_str();
  command->add_option("--steps", a->steps, "timed steps of each length")->capture_default_str();
  command->add_option("--svg", a->svg, "a file for the plot");
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads (default: all cores)");
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer(
      "Steps and bytes are those of pal-bench without a subcommand. A length that the model has no positions for is an error.\n"
      "Example:\n  pal-bench lengths --config configs/quickstart/smoke.yaml --seconds 1,10 --samples 2 --steps 1");
  command->callback([a, &run] { run = [a] { return run_lengths(*a); }; });
}

}  // namespace pal

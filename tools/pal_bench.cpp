// pal-bench: what PLITS, LAL and PAL cost, side by side. What loading costs is in tools/bench/.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pal/bench/training_bench.h"
#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/train/session.h"
#include "tools/bench/data_command.h"
#include "tools/bench/load_command.h"
#include "tools/command_line.h"

namespace {

using Json = nlohmann::json;

struct Arguments {
  std::filesystem::path config;
  std::vector<std::string> sets, integrations{"plits", "lal", "pal"};
  std::string stage, device = "auto";
  pal::BenchBatch batch;
  int64_t steps = 5, rounds = 2;
  int threads = 0;
  bool json = false;
};

const pal::StageOptions& chosen_stage(const pal::RunConfig& config, const std::string& name) {
  PAL_CHECK(!config.stages.empty(), "the config has no stages; pal-bench takes a stage's steps");
  if (name.empty()) return config.stages.back();
  std::vector<std::string> names;
  for (const auto& stage : config.stages) {
    if (stage.name == name) return stage;
    names.push_back(stage.name);
  }
  pal::user_error("--stage: the config has no stage '{}'; it has: {}", name, fmt::join(names, ", "));
}

// The same work again: its times are added, its bytes and arithmetic are the same.
void add_round(std::map<std::string, pal::TrainingCost>& costs, const std::string& integration, pal::TrainingCost cost) {
  auto& all = costs[integration];
  cost.step_seconds.insert(cost.step_seconds.begin(), all.step_seconds.begin(), all.step_seconds.end());
  all = std::move(cost);
}

Json to_json(const std::string& integration, pal::TrainingCost cost, int64_t samples) {
  std::sort(cost.step_seconds.begin(), cost.step_seconds.end());
  const double median = cost.step_seconds[cost.step_seconds.size() / 2];
  return {{"integration", integration},
          {"samples_per_second", double(samples) / median},
          {"step_seconds", {{"median", median}, {"min", cost.step_seconds.front()}, {"max", cost.step_seconds.back()}}},
          {"activation_bytes", cost.activation_bytes},
          {"beyond_weights_and_optimizer_bytes", cost.beyond_bytes},
          {"weight_bytes", cost.weight_bytes},
          {"optimizer_bytes", cost.optimizer_bytes},
          {"peak_bytes", cost.peak_bytes},
          {"model_flops", cost.model_flops},
          {"model_tflops_per_second", cost.model_flops / median / 1e12}};
}

std::string mib(const Json& bytes) { return fmt::format("{:.1f}", bytes.get<double>() / (1 << 20)); }

void print_table(const Json& results) {
  fmt::print("{:<12} {:>10} {:>26} {:>16} {:>12} {:>12} {:>14}\n", "integration", "samples/s", "step ms (min..max)", "activations MiB",
             "beyond MiB", "peak MiB", "model TFLOP/s");
  for (const auto& r : results) {
    const auto& t = r["step_seconds"];
    fmt::print("{:<12} {:>10.3g} {:>26} {:>16} {:>12} {:>12} {:>14.3g}\n", r["integration"].get<std::string>(),
               r["samples_per_second"].get<double>(),
               fmt::format("{:.1f} ({:.1f}..{:.1f})", 1e3 * t["median"].get<double>(), 1e3 * t["min"].get<double>(), 1e3 * t["max"].get<double>()),
               mib(r["activation_bytes"]), mib(r["beyond_weights_and_optimizer_bytes"]), mib(r["peak_bytes"]),
               r["model_tflops_per_second"].get<double>());
  }
  const auto& first = results.front();
  for (const auto& r : results) {
    if (&r == &first) continue;
    const auto ratio = [&](const char* key) { return r[key].get<double>() / first[key].get<double>(); };
    fmt::print("{} / {}: throughput {:.2f}, activations {:.2f}, beyond weights and optimizer {:.2f}, peak {:.2f}\n",
               r["integration"].get<std::string>(), first["integration"].get<std::string>(), ratio("samples_per_second"),
               ratio("activation_bytes"), ratio("beyond_weights_and_optimizer_bytes"), ratio("peak_bytes"));
  }
}

int bench(const Arguments& a) {
  PAL_CHECK(!a.config.empty(), "give --config, or a subcommand (data, load); try --help");
  PAL_CHECK(a.rounds > 0, "--rounds: expected at least 1, got {}", a.rounds);
  const auto config = pal::load_run_config(a.config, a.sets);
  const auto& stage = chosen_stage(config, a.stage);
  const auto device = pal::parse_device(a.device);
  std::vector<pal::ModelOptions> models;
  for (const auto& integration : a.integrations) {  // all names before any work
    models.push_back(config.model);
    models.back().streams = pal::integration_streams(config.model.streams, integration);
  }
  std::map<std::string, pal::TrainingCost> costs;
  for (int64_t round = 0; round < a.rounds; ++round)  // in turns: a machine that slows down slows all of them
    for (std::size_t i = 0; i < models.size(); ++i) {
      spdlog::info("round {} of {}: {}", round + 1, a.rounds, a.integrations[i]);
      add_round(costs, a.integrations[i], pal::training_cost(models[i], stage, a.batch, a.steps, device));
    }
  Json results = Json::array();
  for (const auto& integration : a.integrations) results.push_back(to_json(integration, costs.at(integration), a.batch.samples));
  const Json report = {{"config", a.config.string()}, {"stage", stage.name}, {"trainable", stage.trainable},
                       {"dtype", config.model.dtype}, {"device", device.str()},
                       {"batch", {{"samples", a.batch.samples}, {"text_tokens", a.batch.text_tokens}, {"audio_tokens", a.batch.audio_tokens}}},
                       {"timed_steps", a.rounds * a.steps}, {"results", results}};
  if (a.json) {
    fmt::print("{}\n", report.dump());
  } else {
    fmt::print("{}, stage '{}', {} on {}: {} samples of {} text and {} audio tokens\n", a.config.string(), stage.name, config.model.dtype,
               device.str(), a.batch.samples, a.batch.text_tokens, a.batch.audio_tokens);
    print_table(results);
  }
  return pal::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Memory and throughput of PLITS, LAL and PAL: training steps on one random batch, in one run.");
  Arguments a;
  std::function<int()> run;
  pal::add_data_command(app, run);
  pal::add_load_command(app, run);
  app.add_option("--config", a.config, "a PAL run, YAML: its LLM, streams and stages");
  app.add_option("--set", a.sets, "override an option: a.b=c; may stand several times")->take_all()->allow_extra_args(false);
  app.add_option("--integrations", a.integrations, "which, made from the config's streams; ratios are to the first")->delimiter(',')->capture_default_str();
  app.add_option("--stage", a.stage, "whose trainable parameters and optimizer (default: the last)");
  app.add_option("--samples", a.batch.samples, "samples of the batch")->capture_default_str();
  app.add_option("--text-tokens", a.batch.text_tokens, "a sample")->capture_default_str();
  app.add_option("--audio-tokens", a.batch.audio_tokens, "a sample, of each encoder")->capture_default_str();
  app.add_option("--steps", a.steps, "timed steps a round")->capture_default_str();
  app.add_option("--rounds", a.rounds, "each integration's turns")->capture_default_str();
  app.add_option("--device", a.device, "auto, cpu or cuda")->capture_default_str();
  app.add_option("--threads", a.threads, "CPU threads (default: all cores)");
  app.add_flag("--json", a.json, "print one JSON object");
  app.footer(
      "A step is connectors, forward, backward and optimizer; encoders do not run. Activations: the most that a forward holds at once.\n"
      "Beyond: the most that a step holds beside weights and optimizer state. Peak: with them. Bytes are those asked of torch's\n"
      "allocator. Model TFLOP/s: the arithmetic that cannot be left out, by the median time.\n"
      "Example:\n  pal-bench --config configs/quickstart/smoke.yaml --integrations plits,lal,pal --samples 4 --audio-tokens 120");

  return pal::run_command(app, argc, argv, "pal-bench", [&] {
    PAL_CHECK(!run || a.config.empty(), "--config does not go with a subcommand");
    if (run) return run();
    pal::set_threads(a.threads);
    return bench(a);
  });
}

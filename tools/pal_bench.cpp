// pal-bench: what PLITS, LAL and PAL cost, side by side, and what they cost a Python program. What loading costs is in tools/bench/.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pal/bench/peer.h"
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
  std::vector<std::string> peer_modes{"eager", "compiled"};
  std::string stage, device = "auto", peer;
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

constexpr const char* kPal = "pal";

// What is timed in turns: an integration by pal, or by the peer.
struct Contender {
  std::string integration, program = kPal;  // or "peer, eager", "peer, compiled"
  std::function<pal::TrainingCost()> take;  // one round
  pal::TrainingCost cost{};                 // of all rounds: their times, and the bytes and arithmetic of any
  std::vector<double> round_medians{};      // seconds

  bool is_peer() const { return program != kPal; }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void take_round(Contender& contender) {
  auto cost = contender.take();
  contender.round_medians.push_back(median(cost.step_seconds));
  const auto& before = contender.cost.step_seconds;
  cost.step_seconds.insert(cost.step_seconds.begin(), before.begin(), before.end());
  contender.cost = std::move(cost);
}

std::vector<Contender> contenders_of(const Arguments& a, const pal::RunConfig& config, const pal::StageOptions& stage, torch::Device device) {
  std::vector<Contender> contenders;
  for (const auto& integration : a.integrations) {  // all names before any work
    auto model = config.model;
    model.streams = pal::integration_streams(config.model.streams, integration);
    contenders.push_back({integration, kPal, [=, &stage] { return pal::training_cost(model, stage, a.batch, a.steps, device); }});
    if (a.peer.empty()) continue;
    for (const auto& mode : a.peer_modes) {
      PAL_CHECK(mode == "eager" || mode == "compiled", "--peer-modes: '{}' is not known; use eager, compiled", mode);
      const auto work = pal::peer_work(model, stage, a.batch, integration, a.steps, device, mode == "compiled");
      contenders.push_back({integration, "peer, " + mode, [=] {
                              const auto peer = pal::peer_cost(a.peer, work);
                              return pal::TrainingCost{.step_seconds = peer.step_seconds, .peak_bytes = peer.peak_bytes.value_or(0)};
                            }});
    }
  }
  return contenders;
}

Json to_json(const Contender& contender, int64_t samples) {
  const auto& cost = contender.cost;
  const double typical = median(cost.step_seconds);
  const auto [least, most] = std::ranges::minmax(cost.step_seconds);
  Json json = {{"integration", contender.integration},
               {"program", contender.program},
               {"samples_per_second", double(samples) / typical},
               {"step_seconds", {{"median", typical}, {"min", least}, {"max", most}}},
               {"peak_bytes", cost.peak_bytes}};
  if (contender.is_peer()) {
    if (cost.peak_bytes == 0) json.erase("peak_bytes");
    return json;
  }
  json["activation_bytes"] = cost.activation_bytes;
  json["beyond_weights_and_optimizer_bytes"] = cost.beyond_bytes;
  json["weight_bytes"] = cost.weight_bytes;
  json["optimizer_bytes"] = cost.optimizer_bytes;
  json["model_flops"] = cost.model_flops;
  json["model_tflops_per_second"] = cost.model_flops / typical / 1e12;
  return json;
}

std::string mib(const Json& result, const char* key) { return result.contains(key) ? fmt::format("{:.1f}", result[key].get<double>() / (1 << 20)) : "-"; }

void print_table(const Json& results) {
  fmt::print("{:<12} {:<15} {:>10} {:>26} {:>16} {:>12} {:>12} {:>14}\n", "integration", "program", "samples/s", "step ms (min..max)", "activations MiB", "beyond MiB",
             "peak MiB", "model TFLOP/s");
  for (const auto& r : results) {
    const auto& t = r["step_seconds"];
    fmt::print("{:<12} {:<15} {:>10.3g} {:>26} {:>16} {:>12} {:>12} {:>14}\n", r["integration"].get<std::string>(), r["program"].get<std::string>(),
               r["samples_per_second"].get<double>(),
               fmt::format("{:.1f} ({:.1f}..{:.1f})", 1e3 * t["median"].get<double>(), 1e3 * t["min"].get<double>(), 1e3 * t["max"].get<double>()),
               mib(r, "activation_bytes"), mib(r, "beyond_weights_and_optimizer_bytes"), mib(r, "peak_bytes"),
               r.contains("model_tflops_per_second") ? fmt::format("{:.3g}", r["model_tflops_per_second"].get<double>()) : "-");
  }
}

// pal's integrations by the first of them.
void print_ratios(const Json& results) {
  const auto& first = results.front();
  for (const auto& r : results) {
    if (r["program"] != kPal || r["integration"] == first["integration"]) continue;
    const auto ratio = [&](const char* key) { return r[key].get<double>() / first[key].get<double>(); };
    fmt::print("{} / {}: throughput {:.2f}, activations {:.2f}, beyond weights and optimizer {:.2f}, peak {:.2f}\n", r["integration"].get<std::string>(),
               first["integration"].get<std::string>(), ratio("samples_per_second"), ratio("activation_bytes"), ratio("beyond_weights_and_optimizer_bytes"),
               ratio("peak_bytes"));
  }
}

// pal by the peer, round by round: what slows the machine for a while slows both.
Json compare(const Contender& own, const Contender& peer) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < own.round_medians.size(); ++i) ratios.push_back(peer.round_medians[i] / own.round_medians[i]);
  const auto [least, most] = std::ranges::minmax(ratios);
  Json json = {{"integration", own.integration}, {"program", peer.program}, {"throughput", {{"median", median(ratios)}, {"min", least}, {"max", most}}}};
  if (peer.cost.peak_bytes > 0) json["peak"] = double(own.cost.peak_bytes) / double(peer.cost.peak_bytes);
  return json;
}

Json compare_all(const std::vector<Contender>& contenders) {
  Json comparisons = Json::array();
  const Contender* own = nullptr;
  for (const auto& contender : contenders)
    if (contender.is_peer())
      comparisons.push_back(compare(*own, contender));
    else
      own = &contender;
  return comparisons;
}

void print_comparisons(const Json& comparisons) {
  for (const auto& c : comparisons) {
    const auto& t = c["throughput"];
    fmt::print("{}: {} / {}: throughput {:.2f} ({:.2f}..{:.2f} by round)", c["integration"].get<std::string>(), kPal, c["program"].get<std::string>(), t["median"].get<double>(),
               t["min"].get<double>(), t["max"].get<double>());
    fmt::print("{}\n", c.contains("peak") ? fmt::format(", peak {:.2f}", c["peak"].get<double>()) : "");
  }
}

int bench(const Arguments& a) {
  PAL_CHECK(!a.config.empty(), "give --config, or a subcommand (data, load); try --help");
  PAL_CHECK(a.rounds > 0, "--rounds: expected at least 1, got {}", a.rounds);
  const auto config = pal::load_run_config(a.config, a.sets);
  const auto& stage = chosen_stage(config, a.stage);
  const auto device = pal::parse_device(a.device);
  auto contenders = contenders_of(a, config, stage, device);
  for (int64_t round = 0; round < a.rounds; ++round)  // in turns: a machine that slows down slows all of them
    for (auto& contender : contenders) {
      spdlog::info("round {} of {}: {} ({})", round + 1, a.rounds, contender.integration, contender.program);
      take_round(contender);
    }
  Json results = Json::array();
  for (const auto& contender : contenders) results.push_back(to_json(contender, a.batch.samples));
  const auto comparisons = compare_all(contenders);
  const Json report = {{"config", a.config.string()}, {"stage", stage.name}, {"trainable", stage.trainable},
                       {"dtype", config.model.dtype}, {"device", device.str()},
                       {"batch", {{"samples", a.batch.samples}, {"text_tokens", a.batch.text_tokens}, {"audio_tokens", a.batch.audio_tokens}}},
                       {"timed_steps", a.rounds * a.steps}, {"results", results}, {"against_peer", comparisons}};
  if (a.json) {
    fmt::print("{}\n", report.dump());
  } else {
    fmt::print("{}, stage '{}', {} on {}: {} samples of {} text and {} audio tokens\n", a.config.string(), stage.name, config.model.dtype,
               device.str(), a.batch.samples, a.batch.text_tokens, a.batch.audio_tokens);
    print_table(results);
    print_ratios(results);
    print_comparisons(comparisons);
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
  app.add_option("--peer", a.peer, "a Python with torch and transformers: times the same steps written with Hugging Face's modules beside ours");
  app.add_option("--peer-modes", a.peer_modes, "eager, compiled (torch.compile)")->delimiter(',')->capture_default_str();
  app.add_option("--device", a.device, "auto, cpu or cuda")->capture_default_str();
  app.add_option("--threads", a.threads, "CPU threads (default: all cores)");
  app.add_flag("--json", a.json, "print one JSON object");
  app.footer(
      "A step is connectors, forward, backward and optimizer; encoders do not run. Activations: the most that a forward holds at once.\n"
      "Beyond: the most that a step holds beside weights and optimizer state. Peak: with them. Bytes are those asked of torch's\n"
      "allocator. Model TFLOP/s: the arithmetic that cannot be left out, by the median time. The peer has no master weights and takes no\n"
      "gradient norm; --set stages.tune.clip_norm=0 and stages.tune.master_weights=false take ours away.\n"
      "Example:\n  pal-bench --config configs/quickstart/smoke.yaml --integrations plits,lal,pal --samples 4 --audio-tokens 120");

  return pal::run_command(app, argc, argv, "pal-bench", [&] {
    PAL_CHECK(!run || a.config.empty(), "--config does not go with a subcommand");
    if (run) return run();
    pal::set_threads(a.threads);
    return bench(a);
  });
}

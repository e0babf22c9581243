// pal-bench: what PLITS, LAL and PAL cost, side by side, and what they cost a Python program. What loading costs is in tools/bench/.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "pal/bench/hearing_bench.h"
#include "pal/bench/peer.h"
#include "pal/bench/step_floor.h"
#include "pal/bench/training_bench.h"
#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/train/session.h"
#include "tools/bench/contest.h"
#include "tools/bench/data_command.h"
#include "tools/bench/generate_command.h"
#include "tools/bench/lengths_command.h"
#include "tools/bench/load_command.h"
#include "tools/bench/stage_choice.h"
#include "tools/command_line.h"

namespace {

using Json = nlohmann::json;

struct Arguments {
  std::filesystem::path config;
  std::vector<std::string> sets, integrations{"plits", "lal", "pal"};
  std::vector<std::string> peer_modes{"eager", "compiled"};
  std::string stage, device = "auto", peer;
  pal::BenchBatch batch;
  int64_t graph_round = 0;
  int64_t steps = 5, rounds = 2;
  int threads = 0;
  bool json = false, steps_only = false;
};

// A contender and, of pal's, what it measured and counted.
struct Measured {
  std::vector<pal::Contender> contenders;
  std::vector<std::shared_ptr<pal::TrainingCost>> costs;  // as many; of a peer: empty
};

pal::Contender own_contender(const std::string& integration, const std::shared_ptr<pal::TrainingCost>& kept, const std::function<pal::TrainingCost()>& take) {
  return {integration, pal::kPal, [=] {
            const auto before = kept->phase_seconds;
            *kept = take();
            for (std::size_t i = 0; i < before.size(); ++i) kept->phase_seconds[i].insert(kept->phase_seconds[i].begin(), before[i].begin(), before[i].end());
            return pal::Round{kept->step_seconds, kept->peak_bytes};
          }};
}

Measured contenders_of(const Arguments& a, const pal::RunConfig& config, const pal::StageOptions& stage, torch::Device device) {
  Measured all;
  for (const auto& integration : a.integrations) {  // all names before any work
    auto model = config.model;
    model.streams = pal::integration_streams(config.model.streams, integration);
    all.costs.push_back(std::make_shared<pal::TrainingCost>());
    all.contenders.push_back(own_contender(integration, all.costs.back(), [=, &stage] { return pal::training_cost(model, stage, a.batch, a.steps, device, {.round = a.graph_round}); }));
    if (a.peer.empty()) continue;
    for (const auto& mode : a.peer_modes) {
      PAL_CHECK(mode == "eager" || mode == "compiled", "--peer-modes: '{}' is not known; use eager, compiled", mode);
      const auto work = pal::peer_work(model, stage, a.batch, integration, a.steps, device, mode == "compiled");
      all.costs.push_back(nullptr);
      all.contenders.push_back({integration, "peer, " + mode, [=] {
                                  const auto peer = pal::peer_cost(a.peer, work);
                                  return pal::Round{peer.seconds, peer.peak_bytes.value_or(0)};
                                }});
    }
  }
  return all;
}

Json to_json(const pal::Contender& contender, const pal::TrainingCost* cost, int64_t samples, const pal::MachinePeaks& peaks) {
  const double typical = pal::median(contender.seconds);
  Json json = {{"integration", contender.integration},
               {"program", contender.program},
               {"samples_per_second", double(samples) / typical},
               {"step_seconds", pal::spread(contender.seconds)}};
  if (contender.peak_bytes > 0) json["peak_bytes"] = contender.peak_bytes;
  if (cost == nullptr) return json;
  if (cost->buckets.batches == 0) json["activation_bytes"] = cost->activation_bytes;  // else a forward is not on its own
  json["beyond_weights_and_optimizer_bytes"] = cost->beyond_bytes;
  if (cost->predicted_peak_bytes > 0) json["predicted_peak_bytes"] = cost->predicted_peak_bytes;
  json["weight_bytes"] = cost->weight_bytes;
  json["optimizer_bytes"] = cost->optimizer_bytes;
  json["allocated_bytes"] = cost->allocated_bytes;
  json["operators"] = cost->operators;
  json["model_flops"] = cost->model_flops;
  json["model_tflops_per_second"] = cost->model_flops / typical / 1e12;
  json["optimizer_traffic_bytes"] = cost->optimizer_traffic;
  json["floor_seconds"] = pal::step_floor(cost->model_flops, cost->optimizer_traffic, peaks);
  if (cost->buckets.batches > 0) json["padding_share"] = cost->buckets.padding_share();
  for (std::size_t i = 0; i < pal::kPhaseNames.size(); ++i) json["phase_seconds"][pal::kPhaseNames[i]] = pal::median(cost->phase_seconds[i]);
  return json;
}

void print_table(const Json& results) {
  fmt::print("{:<12} {:<15} {:>10} {:>26} {:>16} {:>12} {:>12} {:>14}\n", "integration", "program", "samples/s", "step ms (min..max)", "activations MiB", "beyond MiB",
             "peak MiB", "model TFLOP/s");
  for (const auto& r : results) {
    fmt::print("{:<12} {:<15} {:>10.3g} {:>26} {:>16} {:>12} {:>12} {:>14}\n", r["integration"].get<std::string>(), r["program"].get<std::string>(),
               r["samples_per_second"].get<double>(),
               pal::spread_text(r["step_seconds"], 1e3), pal::mib(r, "activation_bytes"), pal::mib(r, "beyond_weights_and_optimizer_bytes"), pal::mib(r, "peak_bytes"),
               r.contains("model_tflops_per_second") ? fmt::format("{:.3g}", r["model_tflops_per_second"].get<double>()) : "-");
  }
}

// The time that pal takes by the least that it could, and where it goes.
void print_phases(const Json& results) {
  for (const auto& r : results) {
    if (r["program"] != pal::kPal) continue;
    const double floor = r["floor_seconds"].get<double>();
    std::vector<std::string> parts;
    for (const char* phase : pal::kPhaseNames) parts.push_back(fmt::format("{} {:.1f}", phase, 1e3 * r["phase_seconds"][phase].get<double>()));
    fmt::print("{}: {:.2f} of the floor of {:.1f} ms; ms by phase: {}\n", r["integration"].get<std::string>(), r["step_seconds"]["median"].get<double>() / floor, 1e3 * floor,
               fmt::join(parts, ", "));
    if (r.contains("predicted_peak_bytes"))
      fmt::print("{}: a peak of {} MiB was predicted, {:.3f} of the measured one\n", r["integration"].get<std::string>(), pal::mib(r, "predicted_peak_bytes"), r["predicted_peak_bytes"].get<double>() / r["peak_bytes"].get<double>());
    if (r.contains("padding_share")) fmt::print("{}: {:.1f}% of the rows fill up a bucket\n", r["integration"].get<std::string>(), 100 * r["padding_share"].get<double>());
  }
}

// Steps can have tokens that no clip gives; then they alone are timed.
pal::HearingCost hearing_of(const pal::ModelOptions& model, const pal::BenchBatch& batch, torch::Device device) {
  try {
    return pal::hearing_cost(model, batch, 3, device);
  } catch (const pal::UserError& error) {
    spdlog::warn("loading and encoding are not timed: {}", error.what());
    return {};
  }
}

// What comes before a step, for the whole batch; empty where nothing is heard.
Json to_json(const pal::HearingCost& hearing) {
  if (hearing.load_seconds.empty()) return Json::object();
  return {{"load", pal::median(hearing.load_seconds)}, {"encode", pal::median(hearing.encode_seconds)}};
}

void print_hearing(const Json& hearing) {
  if (hearing.empty()) return;
  fmt::print("before a step, ms: load {:.1f} (one thread), encode {:.1f}; frozen encoders' results can be cached\n", 1e3 * hearing["load"].get<double>(), 1e3 * hearing["encode"].get<double>());
}

// pal's integrations by the first of them.
void print_ratios(const Json& results) {
  const auto is_own = [](const Json& r) { return r["program"] == pal::kPal; };
  const auto first = std::ranges::find_if(results, is_own);
  for (const auto& r : results) {
    if (!is_own(r) || r == *first) continue;
    const auto ratio = [&](const char* key) { return r.contains(key) ? fmt::format("{:.2f}", r[key].get<double>() / (*first)[key].get<double>()) : "-"; };
    fmt::print("{} / {}: throughput {}, activations {}, beyond weights and optimizer {}, peak {}\n", r["integration"].get<std::string>(),
               (*first)["integration"].get<std::string>(), ratio("samples_per_second"), ratio("activation_bytes"), ratio("beyond_weights_and_optimizer_bytes"),
               ratio("peak_bytes"));
  }
}

int bench(const Arguments& a) {
  PAL_CHECK(!a.config.empty(), "give --config, or a subcommand (data, load, generate, lengths); try --help");
  PAL_CHECK(a.rounds > 0, "--rounds: expected at least 1, got {}", a.rounds);
  const auto config = pal::load_run_config(a.config, a.sets);
  const auto& stage = pal::chosen_stage(config, a.stage);
  const auto device = pal::parse_device(a.device);
  auto all = contenders_of(a, config, stage, device);
  const auto peaks = pal::measure_peaks(device, pal::parse_float_type(config.model.dtype));
  const auto hearing = a.steps_only ? pal::HearingCost() : hearing_of(config.model, a.batch, device);
  pal::take_rounds(all.contenders, a.rounds);
  Json results = Json::array();
  for (std::size_t i = 0; i < all.contenders.size(); ++i)
    if (all.contenders[i].was_measured()) results.push_back(to_json(all.contenders[i], all.costs[i].get(), a.batch.samples, peaks));
  const auto comparisons = pal::compare_with_peers(all.contenders);
  const Json report = {{"config", a.config.string()}, {"stage", stage.name}, {"trainable", stage.trainable},
                       {"dtype", config.model.dtype}, {"device", device.str()},
                       {"peaks", {{"flops_per_second", peaks.flops_per_second}, {"bytes_per_second", peaks.bytes_per_second}}},
                       {"batch", {{"samples", a.batch.samples}, {"text_tokens", a.batch.text_tokens}, {"audio_tokens", a.batch.audio_tokens}}},
                       {"hearing_seconds", to_json(hearing)},
                       {"timed_steps", a.rounds * a.steps}, {"results", results}, {"against_peer", comparisons}};
  if (a.json) {
    fmt::print("{}\n", report.dump());
  } else {
    fmt::print("{}, stage '{}', {} on {}: {} samples of {} text and {} audio tokens\n", a.config.string(), stage.name, config.model.dtype,
               device.str(), a.batch.samples, a.batch.text_tokens, a.batch.audio_tokens);
    print_table(results);
    fmt::print("at most, measured here: {:.3g} TFLOP/s, {:.3g} GB/s\n", peaks.flops_per_second / 1e12, peaks.bytes_per_second / 1e9);
    print_hearing(report["hearing_seconds"]);
    print_phases(results);
    print_ratios(results);
    pal::print_comparisons(comparisons);
  }
  pal::report_failure(all.contenders);
  return pal::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Memory and throughput of PLITS, LAL and PAL: training steps on one random batch, in one run.");
  Arguments a;
  std::function<int()> run;
  pal::add_data_command(app, run);
  pal::add_load_command(app, run);
  pal::add_generate_command(app, run);
  pal::add_lengths_command(app, run);
  app.add_option("--config", a.config, "a PAL run, YAML: its LLM, streams and stages");
  app.add_option("--set", a.sets, "override an option: a.b=c; may stand several times")->take_all()->allow_extra_args(false);
  app.add_option("--integrations", a.integrations, "which, made from the config's streams; ratios are to the first")->delimiter(',')->capture_default_str();
  app.add_option("--stage", a.stage, "whose trainable parameters and optimizer (default: the last)");
  app.add_option("--samples", a.batch.samples, "samples of the batch")->capture_default_str();
  app.add_option("--text-tokens", a.batch.text_tokens, "a sample")->capture_default_str();
  app.add_option("--audio-tokens", a.batch.audio_tokens, "a sample, of each encoder")->capture_default_str();
  app.add_option("--graph-round", a.graph_round, "fill batches up to multiples of so many tokens, and on CUDA take steps as graphs (train.graphs.round); 0: off")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--steps", a.steps, "timed steps a round")->capture_default_str();
  app.add_option("--rounds", a.rounds, "each integration's turns")->capture_default_str();
  app.add_option("--peer", a.peer, "a Python with torch and transformers: times the same steps written with Hugging Face's modules beside ours");
  app.add_option("--peer-modes", a.peer_modes, "eager, compiled (torch.compile)")->delimiter(',')->capture_default_str();
  app.add_option("--device", a.device, "auto, cpu or cuda")->capture_default_str();
  app.add_option("--threads", a.threads, "CPU threads (default: all cores)");
  app.add_flag("--steps-only", a.steps_only, "do not time loading clips and running encoders");
  app.add_flag("--json", a.json, "print one JSON object");
  app.footer(
      "A step is connectors, forward, backward and optimizer; loading clips and running encoders is timed on its own, on noise. Activations: the most that a forward holds at once.\n"
      "Beyond: the most that a step holds beside weights and optimizer state. Peak: with them. Bytes are those asked of torch's\n"
      "allocator. Floor: a step's arithmetic at the speed of a large matrix product, then the optimizer's bytes at that of a copy, both\n"
      "measured at the start. With --graph-round connectors, forward and backward are one, counted as backward. Model TFLOP/s: the arithmetic that cannot be left out, by the median time. The peer has no master weights and takes no\n"
      "gradient norm; --set stages.tune.clip_norm=0 and stages.tune.master_weights=false take ours away.\n"
      "Example:\n  pal-bench --config configs/quickstart/smoke.yaml --integrations plits,lal,pal --samples 4 --audio-tokens 120");

  return pal::run_command(app, argc, argv, "pal-bench", [&] {
    PAL_CHECK(!run || a.config.empty(), "--config does not go with a subcommand");
    if (run) return run();
    pal::set_threads(a.threads);
    return bench(a);
  });
}

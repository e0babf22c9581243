#include "tools/bench/generate_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "pal/bench/generation_bench.h"
#include "pal/bench/peer.h"
#include "pal/bench/step_floor.h"
#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/train/session.h"
#include "tools/bench/contest.h"
#include "tools/command_line.h"

namespace pal {

namespace {

using Json = nlohmann::json;

struct GenerateArguments {
  std::filesystem::path config;
  std::vector<std::string> sets, integrations{"plits", "lal", "pal"};
  std::string device = "auto", peer;
  BenchBatch batch{.samples = 1};
  int64_t new_tokens = 128, runs = 2, rounds = 2;
  int threads = 0;
  bool json = false;
};

// A contender and, of pal's, what it measured and counted.
struct Measured {
  std::vector<Contender> contenders;
  std::vector<std::shared_ptr<GenerationCost>> costs;  // as many; of the peer: empty
};

Measured contenders_of(const GenerateArguments& a, const ModelOptions& base, torch::Device device) {
  Measured all;
  for (const auto& integration : a.integrations) {  // all names before any work
    auto model = base;
    model.streams = integration_streams(base.streams, integration);
    const auto kept = std::make_shared<GenerationCost>();
    all.costs.push_back(kept);
    all.contenders.push_back({integration, kPal, [=] {
                                const auto before = kept->prompt_seconds;
                                *kept = generation_cost(model, a.batch, a.new_tokens, a.runs, device);
                                kept->prompt_seconds.insert(kept->prompt_seconds.begin(), before.begin(), before.end());
                                return Round{kept->seconds, kept->beyond_bytes};
                              }});
    if (a.peer.empty() || integration != "plits") continue;
    const auto work = generating_peer_work(model, a.batch, a.new_tokens, a.runs, device);
    all.costs.push_back(nullptr);
    all.contenders.push_back({integration, "peer, eager", [=] {
                                const auto peer = peer_cost(a.peer, work);
                                return Round{peer.seconds, peer.peak_bytes.value_or(0)};
                              }});
  }
  return all;
}

Json to_json(const Contender& contender, const GenerationCost* cost, const GenerateArguments& a, const MachinePeaks& peaks) {
  const double typical = median(contender.seconds), tokens = double(a.new_tokens);
  Json json = {{"integration", contender.integration},
               {"program", contender.program},
               {"tokens_per_second", double(a.batch.samples) * tokens / typical},
               {"seconds", spread(contender.seconds)}};
  if (contender.peak_bytes > 0) json["beyond_weights_bytes"] = contender.peak_bytes;
  if (cost == nullptr) return json;
  const double prompt = median(cost->prompt_seconds), floor = cost->token_traffic / peaks.read_bytes_per_second;
  json["prompt_seconds"] = prompt;
  json["weight_bytes"] = cost->weight_bytes;
  json["cache_bytes"] = cost->cache_bytes;
  json["token_traffic_bytes"] = cost->token_traffic;
  json["token_floor_seconds"] = floor;
  if (a.new_tokens > 1) json["token_seconds"] = (typical - prompt) / (tokens - 1);  // the first comes with the prompt
  return json;
}

void print_table(const Json& results) {
  fmt::print("{:<12} {:<12} {:>10} {:>26} {:>10} {:>10} {:>10} {:>12} {:>12}\n", "integration", "program", "tokens/s", "ms (min..max)", "prompt ms", "token ms", "floor ms",
             "beyond MiB", "cache MiB");
  const auto ms = [](const Json& r, const char* key) { return r.contains(key) ? fmt::format("{:.2f}", 1e3 * r[key].get<double>()) : "-"; };
  for (const auto& r : results)
    fmt::print("{:<12} {:<12} {:>10.3g} {:>26} {:>10} {:>10} {:>10} {:>12} {:>12}\n", r["integration"].get<std::string>(), r["program"].get<std::string>(),
               r["tokens_per_second"].get<double>(), spread_text(r["seconds"], 1e3), ms(r, "prompt_seconds"), ms(r, "token_seconds"), ms(r, "token_floor_seconds"),
               mib(r, "beyond_weights_bytes"), mib(r, "cache_bytes"));
}

// pal's integrations by the first of them.
void print_ratios(const Json& results) {
  const auto is_own = [](const Json& r) { return r["program"] == kPal; };
  const auto first = std::ranges::find_if(results, is_own);
  for (const auto& r : results) {
    if (!is_own(r) || r == *first) continue;
    const auto ratio = [&](const char* key) { return r[key].get<double>() / (*first)[key].get<double>(); };
    fmt::print("{} / {}: throughput {:.2f}, beyond the weights {:.2f}, cache {:.2f}\n", r["integration"].get<std::string>(), (*first)["integration"].get<std::string>(),
               ratio("tokens_per_second"), ratio("beyond_weights_bytes"), ratio("cache_bytes"));
  }
}

int run_generate(const GenerateArguments& a) {
  PAL_CHECK(a.rounds > 0, "--rounds: expected at least 1, got {}", a.rounds);
  const auto config = load_run_config(a.config, a.sets);
  const auto device = parse_device(a.device);
  set_threads(a.threads);
  auto all = contenders_of(a, config.model, device);
  const auto peaks = measure_peaks(device, parse_float_type(config.model.dtype));
  take_rounds(all.contenders, a.rounds);
  Json results = Json::array();
  for (std::size_t i = 0; i < all.contenders.size(); ++i)
    if (all.contenders[i].was_measured()) results.push_back(to_json(all.contenders[i], all.costs[i].get(), a, peaks));
  const auto comparisons = compare_with_peers(all.contenders);
  if (a.json) {
    const Json report = {{"config", a.config.string()}, {"dtype", config.model.dtype}, {"device", device.str()}, {"new_tokens", a.new_tokens},
                         {"batch", {{"samples", a.batch.samples}, {"text_tokens", a.batch.text_tokens}, {"audio_tokens", a.batch.audio_tokens}}},
                         {"read_bytes_per_second", peaks.read_bytes_per_second}, {"results", results}, {"against_peer", comparisons}};
    fmt::print("{}\n", report.dump());
  } else {
    fmt::print("{}, {} on {}: {} samples of {} text and {} audio tokens, answers of {}\n", a.config.string(), config.model.dtype, device.str(), a.batch.samples,
               a.batch.text_tokens, a.batch.audio_tokens, a.new_tokens);
    print_table(results);
    fmt::print("memory read here: {:.3g} GB/s\n", peaks.read_bytes_per_second / 1e9);
    print_ratios(results);
    print_comparisons(comparisons);
  }
  report_failure(all.contenders);
  return kDone;
}

}  // namespace

void add_generate_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<GenerateArguments>();
  auto* command = app.add_subcommand("generate", "Answers of PLITS, LAL and PAL: tokens a second, memory, and the time of reading weights and cache");
  command->add_option("--config", a->config, "a PAL run, YAML: its LLM and streams")->required();
  command->add_option("--set", a->sets, "override an option: a.b=c; may stand several times")->take_all()->allow_extra_args(false);
  command->add_option("--integrations", a->integrations, "which, made from the config's streams; ratios are to the first")->delimiter(',')->capture_default_str();
  command->add_option("--samples", a->batch.samples, "prompts at once")->capture_default_str();
  command->add_option("--text-tokens", a->batch.text_tokens, "a prompt")->capture_default_str();
  command->add_option("--audio-tokens", a->batch.audio_tokens, "a prompt, of each encoder")->capture_default_str();
  command->add_option("--new-tokens", a->new_tokens, "an answer")->capture_default_str();
  command->add_option("--runs", a->runs, "timed runs a round")->capture_default_str();
  command->add_option("--rounds", a->rounds, "each integration's turns")->capture_default_str();
  command->add_option("--peer", a->peer, "a Python with torch and transformers: times its generate() beside our PLITS");
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads (default: all cores)");
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer(
      "Token ms: of one more token of all samples. Floor ms: reading the weights and the kept keys and values once, at the speed of memory\n"
      "measured at the start. Beyond: the most that is held beside the weights, with the prompt's activations; cache: keys and values alone.\n"
      "Example:\n  pal-bench generate --config configs/quickstart/smoke.yaml --samples 2 --audio-tokens 60 --new-tokens 8");
  command->callback([a, &run] { run = [a] { return run_generate(*a); }; });
}

}  // namespace pal

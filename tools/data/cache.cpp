// pal-data cache: what the frozen encoders of a config make of all clips, to disk, for training to read.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "pal/core/check.h"
#include "pal/core/printable.h"
#include "pal/core/tool.h"
#include "pal/integration/feature_cache_writer.h"
#include "pal/train/session.h"
#include "tools/command_line.h"
#include "tools/data/data.h"

namespace pal {

namespace {

struct CacheArguments {
  std::filesystem::path config, out;
  std::vector<std::string> sets, splits;
  std::string device = "auto";
  int threads = 0, jobs = 0;
  std::int64_t shard_mib = 256;
  bool refresh = false, verify = false;
};

void check_arguments(const CacheArguments& a) {
  PAL_CHECK(a.jobs >= 0 && a.jobs <= 1024, "--jobs: expected 1 to 1024, or 0 for all cores, got {}", a.jobs);
  PAL_CHECK(a.shard_mib >= 1 && a.shard_mib <= (1 << 20), "--shard-mib: expected 1 to {}, got {}", 1 << 20, a.shard_mib);
  PAL_CHECK(!a.verify || !a.refresh, "--verify looks at what is there, and --refresh changes it; give one of them");
  for (const auto& split : a.splits)
    PAL_CHECK(split == "train" || split == "validation" || split == "test", "--split: expected train, validation or test, got '{}'", split);
}

std::vector<Sample> samples_of(const RunConfig& config, const CacheArguments& a) {
  std::vector<Sample> samples;
  const auto& data = config.data;
  const auto add = [&](const std::string& split, bool empty, const auto& read) {
    const bool is_named = std::ranges::count(a.splits, split) > 0;
    PAL_CHECK(!is_named || !empty, "--split {}: the config names no manifest data.{}", split, split);
    if (!empty && (a.splits.empty() || is_named)) std::ranges::move(read(), std::back_inserter(samples));
  };
  add("train", data.train.empty(), [&] { return read_training_set(data.train, data.prompt).samples; });
  add("validation", data.validation.empty(), [&] { return read_manifest(data.validation, data.prompt); });
  add("test", data.test.empty(), [&] { return read_manifest(data.test, data.prompt); });
  return samples;
}

std::vector<const Clip*> clips_of(const std::vector<Sample>& samples) {
  std::vector<const Clip*> clips;
  for (const auto& sample : samples)
    for (const auto& clip : sample.clips) clips.push_back(&clip);
  PAL_CHECK(!clips.empty(), "the manifests hold no clips");
  return clips;
}

// One encoder's; returns whether something is wrong.
bool write(const std::string& name, const EncoderOptions& options, Encoder& encoder, const std::vector<const Clip*>& clips, const CacheArguments& a, int jobs) {
  CacheWriting writing{.shard_bytes = a.shard_mib << 20, .threads = jobs, .refresh = a.refresh, .progress = {}};
  std::int64_t told = 0;
  writing.progress = [&](std::int64_t done, std::int64_t of) {
    if (done * 20 / of == told) return;
    told = done * 20 / of;
    spdlog::info("encoder '{}': {} of {} clips", name, done, of);
  };
  const auto report = write_feature_cache(feature_cache_folder(a.out, name), options, encoder, clips, writing);
  for (const auto& problem : report.unreadable) spdlog::warn("{}", printable(problem));
  fmt::print("{:<12} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>12.1f}\n", name, report.clips, report.known, report.encoded, report.refreshed, report.unreadable.size(),
             report.shards, double(report.bytes) / double(1 << 20));
  return !report.unreadable.empty();
}

bool verify(const std::string& name, const EncoderOptions& options, Encoder& encoder, const std::vector<const Clip*>& clips, const CacheArguments& a, int jobs) {
  const auto problems = verify_feature_cache(feature_cache_folder(a.out, name), options, encoder, clips, jobs);
  for (const auto& problem : problems) spdlog::error("{}", printable(problem));
  fmt::print("{}: {}\n", name, problems.empty() ? "every shard and every recording is what it was" : fmt::format("{} problems", problems.size()));
  return !problems.empty();
}

int run_cache(const CacheArguments& a) {
  check_arguments(a);
  set_threads(a.threads);
  const auto device = parse_device(a.device);
  const auto config = load_run_config(a.config, a.sets);
  PAL_CHECK(!config.model.encoders.empty(), "{}: has no encoders", a.config.string());
  const auto samples = samples_of(config, a);
  const auto clips = clips_of(samples);
  PalModel model(config.model, 0, torch::kMeta);  // the encoders with their weights, the rest by name alone
  const auto frozen = frozen_encoders(model, config.stages);
  PAL_CHECK(!frozen.empty(), "{}: its stages train every encoder; nothing that they give stays as it is", a.config.string());
  const int jobs = a.jobs > 0 ? a.jobs : std::max(1, int(std::thread::hardware_concurrency()));
  bool failed = false;
  if (!a.verify) fmt::print("{:<12} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>12}\n", "encoder", "clips", "known", "encoded", "refreshed", "unreadable", "shards", "MiB");
  for (const auto& [name, encoder] : model.encoders()) {
    if (std::ranges::count(frozen, name) == 0) {
      spdlog::info("encoder '{}': a stage trains it, so nothing of it is stored", name);
      continue;
    }
    encoder->to(device);
    failed |= (a.verify ? verify : write)(name, config.model.encoders.at(name), *encoder, clips, a, jobs);
  }
  return failed ? kFailed : kDone;
}

}  // namespace

void add_cache_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<CacheArguments>();
  auto* command = app.add_subcommand("cache", "Stores what a config's frozen encoders make of all clips, for training with data.cache");
  command->add_option("--config", a->config, "the run, as pal-train takes it")->required();
  command->add_option("--out", a->out, "folder of the cache; what it holds already is kept")->required();
  command->add_option("--split", a->splits, "train, validation or test: the clips of these manifests alone")->delimiter(',');
  command->add_option("--set", a->sets, "override an option of the config: a.b=c")->take_all()->allow_extra_args(false);
  command->add_option("--shard-mib", a->shard_mib, "MiB of a shard, after which the next one begins")->capture_default_str();
  command->add_flag("--refresh", a->refresh, "encode recordings that have changed anew");
  command->add_flag("--verify", a->verify, "write nothing: read every shard and recording whole, and say what is not what it was");
  command->add_option("--jobs", a->jobs, "threads that decode and hash; 0: as many as there are cores")->capture_default_str();
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads of the encoder (default: all cores)");
  command->footer("Exit codes: 0 done, 1 some clips cannot be read (named; the others are stored), or --verify found something, 2 wrong input.\n"
                  "Example: pal-data cache --config configs/quickstart/smoke.yaml --split validation --out cache");
  command->callback([a, &run] { run = [a] { return run_cache(*a); }; });
}

}  // namespace pal

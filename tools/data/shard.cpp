// pal-data shard, pal-data index: data sets as tar files that are read where they lie.
#include <spdlog/spdlog.h>

#include <memory>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/data/shards.h"
#include "tools/data/data.h"

namespace pal {

namespace {

struct ShardArguments {
  std::filesystem::path manifest, out;
  std::string split;
  double megabytes = 1000;
  std::vector<std::filesystem::path> tars;
  bool force = false;
};

void print(const ShardSummary& summary, const std::filesystem::path& index) {
  fmt::print("shards {}  samples {}  recordings {}  {:.1f} MB\n", summary.shards, summary.samples, summary.recordings, double(summary.bytes) / 1e6);
  if (summary.ignored > 0) spdlog::warn("{} members are no recordings of a sample and are left out", summary.ignored);
  spdlog::info("wrote {}", index.string());
}

int run_shard(const ShardArguments& a) {
  PAL_CHECK(a.megabytes > 0 && a.megabytes <= 1e6, "--shard-mb: expected above 0 and at most 1000000, got {}", a.megabytes);
  print(write_shards({a.manifest, a.split}, a.out, std::int64_t(a.megabytes * 1e6)), a.out / "index.jsonl");
  return kDone;
}

int run_index(const ShardArguments& a) {
  PAL_CHECK(a.force || !std::filesystem::exists(a.out), "{}: is there already; give --force to write over it", a.out.string());
  print(index_shards(a.tars, a.out), a.out);
  return kDone;
}

}  // namespace

void add_shard_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<ShardArguments>();
  auto* command = app.add_subcommand("shard", "Copies a manifest and its recordings into tar files, which are read where they lie");
  command->add_option("--manifest", a->manifest, "JSON lines or a JSON array; docs/data.md")->required();
  command->add_option("--split", a->split, "the samples of this split alone");
  command->add_option("--out", a->out, "the folder to make; configs name its index.jsonl as a manifest")->required();
  command->add_option("--shard-mb", a->megabytes, "a tar file ends with the sample that makes it as long as this, MB")->capture_default_str();
  command->footer("Example: pal-data shard --manifest assets/clips/test.jsonl --out runs/shards --shard-mb 10");
  command->callback([a, &run] { run = [a] { return run_shard(*a); }; });
}

void add_index_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<ShardArguments>();
  auto* command = app.add_subcommand("index", "Makes the manifest of tar files in WebDataset's layout that others wrote");
  command->add_option("tars", a->tars, "tar files, not compressed")->required();
  command->add_option("--out", a->out, "the manifest to write")->required();
  command->add_flag("--force", a->force, "write over a file that is there already");
  command->footer("Example: pal-data index runs/shards/shard-000000.tar --out runs/captions.jsonl");
  command->callback([a, &run] { run = [a] { return run_index(*a); }; });
}

}  // namespace pal

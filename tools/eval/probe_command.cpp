#include "tools/eval/probe_command.h"

#include <spdlog/spdlog.h>

#include <memory>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/tool.h"
#include "pal/eval/probe.h"
#include "pal/train/session.h"
#include "tools/command_line.h"

namespace pal {

namespace {

struct ProbeArguments {
  std::filesystem::path checkpoint, manifest, out;
  std::vector<std::string> sets;
  std::string split = "test", device = "auto";
  ProbeOptions how;
  int threads = 0;
  bool force = false;
};

void check_out(const ProbeArguments& a) {
  if (a.out.empty()) return;
  PAL_CHECK(a.force || !std::filesystem::exists(a.out), "{}: is there already; give --force to write over it", a.out.string());
  const auto folder = a.out.has_parent_path() ? a.out.parent_path() : std::filesystem::path(".");
  PAL_CHECK(std::filesystem::is_directory(folder), "{}: the folder {} is not there", a.out.string(), folder.string());
}

std::string name_of(const ProbeRow& row) { return row.number ? fmt::format("{} {}", row.control, *row.number) : row.control; }

// A line as it comes: a probe of many layers takes a while.
void print_row(const ProbeRow& row) {
  fmt::print("{:<14} ", name_of(row));
  if (!row.not_applicable.empty()) {
    fmt::print("not applicable: {}\n", row.not_applicable);
  } else {
    fmt::print("{:>8.4f}  [{:.4f}, {:.4f}]", row.score.score, row.score.low, row.score.high);
    if (row.difference) fmt::print("  {:>+11.4f}  {:>8.2g}", row.difference->difference, row.difference->p_value);
    fmt::print("\n");
  }
  std::fflush(stdout);
}

int run_probe(const ProbeArguments& a) {
  check_out(a);
  set_threads(a.threads);
  const auto checkpoint = open_checkpoint(a.checkpoint);
  auto session = open_session(checkpoint, a.sets, parse_device(a.device));
  const auto manifest = a.manifest.empty() ? manifest_of(session.config.data, a.split) : ManifestPart(a.manifest);
  const auto samples = session.samples(manifest);
  check_recordings(samples, manifest.path);
  const auto& options = session.config.eval;
  fmt::print("{}, {} samples of {}\n{:<14} {:>8}  {:<16}  {:>11}  {:>8}\n", options.metric, samples.size(), manifest.name(), "control", "score", "95 %", "difference", "p");
  const auto report = probe(*session.model, *session.collator, samples, options, a.how, print_row);
  if (a.out.empty()) return kDone;
  nlohmann::ordered_json json = {{"checkpoint", {{"path", a.checkpoint.string()}, {"step", checkpoint.step}, {"hash", checkpoint.hash}}},
                                 {"manifest", {{"path", manifest.path.string()}, {"split", manifest.split}, {"sha256", sha256_of_file(manifest.path)}}},
                                 {"seed", a.how.seed},
                                 {"config", run_config_yaml(session.config)}};
  json.update(to_json(report));
  write_file_atomically(a.out, json.dump(1) + "\n");
  spdlog::info("wrote {}", a.out.string());
  return kDone;
}

}  // namespace

void add_probe_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<ProbeArguments>();
  auto* command = app.add_subcommand("probe", "What a checkpoint listens to: its score with audio cut at layers and heads, exchanged, shuffled, withheld");
  command->add_option("--checkpoint", a->checkpoint, "folder of a checkpoint, for example runs/NAME/final")->required();
  command->add_option("--split", a->split, "train, validation or test: which manifest of the checkpoint's config")->capture_default_str();
  command->add_option("--manifest", a->manifest, "another manifest");
  command->add_option("--set", a->sets, "override an option of the config: a.b=c")->take_all()->allow_extra_args(false);
  command->add_option("--controls", a->how.controls, fmt::format("some of {} (default: all)", fmt::join(probe_controls(), ",")))->delimiter(',');
  command->add_option("--seed", a->how.seed, "of the clips and orders that are drawn")->capture_default_str();
  command->add_option("--out", a->out, "write a JSON file, too");
  command->add_flag("--force", a->force, "write over a file that is there already");
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads (default: all cores)");
  command->footer("Example: pal-eval probe --checkpoint runs/smoke/final --split validation --controls from_layer,other_clip,withheld");
  command->callback([a, &run] { run = [a] { return run_probe(*a); }; });
}

}  // namespace pal

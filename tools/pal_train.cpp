// pal-train: runs every stage of a config, or goes on where an earlier run stopped; as one process, or as one of several.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

#include "pal/core/check.h"
#include "pal/core/logging.h"
#include "pal/core/tool.h"
#include "pal/distributed/agree.h"
#include "pal/distributed/local_launch.h"
#include "pal/train/trainer.h"
#include "tools/command_line.h"

namespace {

struct Arguments {
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::string output, resume = "no", device = "auto";
  int threads = 0;
  int64_t processes = 0;  // to start on this machine; 0: this one trains
  int64_t timeout = 600;  // seconds
  bool dry_run = false, reference = false;
};

void add_options(CLI::App& app, Arguments& a) {
  app.add_option("--config", a.config, "the run, YAML");
  app.add_option("--output", a.output, "folder for logs and checkpoints (default: runs/ and the config's name)");
  app.add_option("--set", a.sets, "override an option: a.b=c; may stand several times")->take_all()->allow_extra_args(false);
  app.add_option("--resume", a.resume, "auto: go on from the newest whole checkpoint; no: refuse a folder that holds a run");
  app.add_option("--device", a.device, "auto, cpu or cuda");
  app.add_option("--threads", a.threads, "CPU threads of a process (default: its share of all cores)");
  app.add_option("--nproc", a.processes, "start so many processes on this machine, which train together; a cluster's launcher (torchrun, srun, mpirun) needs no option")
      ->check(CLI::Range(int64_t{1}, int64_t{1024}));
  app.add_option("--timeout", a.timeout, "seconds that a process waits for the others before it says which one is gone, and ends; after half of them a step that does not end is named, with its samples (default: 600)")->check(CLI::Range(int64_t{1}, int64_t{86400}));
  app.add_flag("--dry-run", a.dry_run, "build everything, print what would be trained, run nothing");
  app.add_flag("--config-reference", a.reference, "print every option of a config as Markdown");
  app.footer("Examples:\n  pal-train --config configs/quickstart/smoke.yaml --output runs/smoke\n"
             "  pal-train --config configs/quickstart/smoke.yaml --output runs/two --nproc 2\n"
             "  pal-train --config configs/quickstart/smoke.yaml --output runs/lora --set 'model.lora=[{layers: llm.layers.*_proj}]' "
             "--set 'stages.tune.trainable=[\"connectors.*\", \"llm.*.lora_*\"]'\n"
             "Exit codes: 0 done, 2 wrong input, 1 anything else, 143 stopped by SIGTERM or SIGUSR1 with a checkpoint saved.");
}

// The command of each process that --nproc starts.
std::vector<std::string> command_without_nproc(int argc, char** argv) {
  std::vector<std::string> command{std::filesystem::read_symlink("/proc/self/exe").string()};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--nproc")
      ++i;
    else if (!argument.starts_with("--nproc="))
      command.push_back(argument);
  }
  return command;
}

void set_threads_of(const pal::Launch& launch, int threads) {
  const auto cores = int64_t(std::thread::hardware_concurrency());
  const bool shared = threads == 0 && launch.world > 1 && launch.local_world > 1;
  pal::set_threads(shared ? int(std::max<int64_t>(1, cores / launch.local_world)) : threads);
}

int train(const Arguments& a, const pal::Launch& launch) {
  const pal::TrainerOptions options{a.output.empty() ? std::filesystem::path("runs") / a.config.stem() : std::filesystem::path(a.output), a.resume == "auto", a.dry_run, std::chrono::seconds(std::max<int64_t>(1, a.timeout / 2))};
  set_threads_of(launch, a.threads);
  const auto device = pal::parse_device(a.device, launch.local_rank);
  pal::ProcessGroup group(launch, device, std::chrono::seconds(a.timeout));
  pal::RunConfig config;
  pal::together(group, [&] { config = pal::load_run_config(a.config, a.sets); });
  switch (pal::train(config, options, device, group)) {
    case pal::TrainingEnd::kStopped: return pal::kTerminated;
    case pal::TrainingEnd::kWasFinished:
      spdlog::info("{}: this run is finished already; its result is {}", options.output.string(), (options.output / "final").string());
      break;
    default: break;
  }
  return pal::kDone;
}

// What another process says is said once.
int train_quietly(const Arguments& a, const pal::Launch& launch) {
  try {
    return train(a, launch);
  } catch (const pal::UserErrorElsewhere&) {
    return pal::kUserError;
  } catch (const pal::ErrorElsewhere&) {
    return pal::kFailed;
  }
}

// Of several processes, the first one says what all do; the others warn, with their number.
void set_up_logging_of(const pal::Launch& launch) {
  if (launch.world == 1) return;
  const auto level = pal::process_environment("PAL_LOG_LEVEL").value_or("");
  pal::set_up_logging(!level.empty() ? level : launch.rank == 0 ? "info" : "warn", fmt::format("process {}", launch.rank));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains an audio LLM: every stage of a config.");
  Arguments a;
  add_options(app, a);
  return pal::run_command(app, argc, argv, "pal-train", [&]() -> int {
    if (a.reference) {
      fmt::print("{}", pal::run_config_reference());
      return pal::kDone;
    }
    PAL_CHECK(!a.config.empty(), "--config is missing; try --help");
    PAL_CHECK(a.resume == "auto" || a.resume == "no", "--resume: expected auto or no, got '{}'", a.resume);
    const auto launch = pal::read_launch();
    PAL_CHECK(a.processes == 0 || launch.by.empty(), "--nproc: {} has started this process as one of {}; leave --nproc out", launch.by, launch.world);
    if (a.processes > 1) return pal::launch_locally(a.processes, command_without_nproc(argc, argv));
    set_up_logging_of(launch);
    return train_quietly(a, launch);
  });
}

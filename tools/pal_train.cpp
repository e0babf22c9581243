// pal-train: runs every stage of a config, or goes on where an earlier run stopped.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/train/trainer.h"
#include "tools/command_line.h"

int main(int argc, char** argv) {
  CLI::App app("Trains an audio LLM: every stage of a config.");
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::string output, resume = "no", device = "auto";
  int threads = 0;
  pal::TrainerOptions options;
  bool reference = false;
  app.add_option("--config", config, "the run, YAML");
  app.add_option("--output", output, "folder for logs and checkpoints (default: runs/ and the config's name)");
  app.add_option("--set", sets, "override an option: a.b=c; may stand several times")->take_all()->allow_extra_args(false);
  app.add_option("--resume", resume, "auto: go on from the newest whole checkpoint; no: refuse a folder that holds a run");
  app.add_option("--device", device, "auto, cpu or cuda");
  app.add_option("--threads", threads, "CPU threads (default: all cores)");
  app.add_flag("--dry-run", options.dry_run, "build everything, print what would be trained, run nothing");
  app.add_flag("--config-reference", reference, "print every option of a config as Markdown");
  app.footer("Examples:\n  pal-train --config configs/quickstart/smoke.yaml --output runs/smoke\n"
             "  pal-train --config configs/quickstart/smoke.yaml --output runs/lora --set 'model.lora=[{layers: llm.layers.*_proj}]' "
             "--set 'stages.tune.trainable=[\"connectors.*\", \"llm.*.lora_*\"]'\n"
             "Exit codes: 0 done, 2 wrong input, 1 anything else, 143 stopped by SIGTERM with a checkpoint saved.");

  return pal::run_command(app, argc, argv, "pal-train", [&]() -> int {
    if (reference) {
      fmt::print("{}", pal::run_config_reference());
      return pal::kDone;
    }
    PAL_CHECK(!config.empty(), "--config is missing; try --help");
    PAL_CHECK(resume == "auto" || resume == "no", "--resume: expected auto or no, got '{}'", resume);
    pal::set_threads(threads);
    options.resume = resume == "auto";
    options.output = output.empty() ? std::filesystem::path("runs") / config.stem() : std::filesystem::path(output);
    switch (pal::train(pal::load_run_config(config, sets), options, pal::parse_device(device))) {
      case pal::TrainingEnd::kStopped: return pal::kTerminated;
      case pal::TrainingEnd::kWasFinished:
        spdlog::info("{}: this run is finished already; its result is {}", options.output.string(), (options.output / "final").string());
        break;
      default: break;
    }
    return pal::kDone;
  });
}

#include "run_folder.h"

#include <spdlog/spdlog.h>

#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/file_lock.h"
#include "pal/train/run_config.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

// What may change between a run and its continuation without changing what is learned.
bool is_harmless(const std::string& path) {
  for (const char* prefix : {"train.save_every", "train.keep", "train.validate_every", "train.tensorboard", "train.log_samples", "train.shard", "train.bad_steps", "train.attention_every", "train.peak_tflops", "train.prometheus", "data.validation",
                             "data.test", "data.cache", "data.encoded_clips_mib", "data.skip_unreadable", "eval."})
    if (path.starts_with(prefix)) return true;
  return false;
}

// Throws UserError with the differences that matter; those that do not are logged.
void check_same_config(const Checkpoint& checkpoint, const std::string& config_text) {
  const auto state = checkpoint.load_state();
  PAL_CHECK(state.contains("config") && state["config"].is_string(), "{}: its state.json holds no config", checkpoint.folder.string());
  // Through the table of today: options that came since then have their defaults, which are no difference.
  const auto then = run_config_yaml(parse_run_config(state["config"], (checkpoint.folder / "state.json").string() + " (config)"));
  std::vector<std::string> refused;
  for (const auto& difference : diff(then, config_text)) {
    const auto line = fmt::format("{}: {} -> {}", difference.path, difference.before, difference.after);
    if (is_harmless(difference.path))
      spdlog::info("the config has changed since {}: {}", checkpoint.folder.string(), line);
    else
      refused.push_back(line);
  }
  PAL_CHECK(refused.empty(), "{}: was made with another config; change it back or choose another --output\n  {}",
            checkpoint.folder.string(), fmt::join(refused, "\n  "));
}

}  // namespace

std::optional<Checkpoint> RunFolder::newest(const std::string& config_text) const {
  auto checkpoint = store_.find_newest();
  PAL_CHECK(checkpoint || store_.empty(),
            "{}: there are checkpoints, but none is whole (the warnings above say why); remove them to begin anew, or choose another --output",
            store_.folder().string());
  if (checkpoint) check_same_config(*checkpoint, config_text);
  return checkpoint;
}

void RunFolder::remove_leftovers() const {
  store_.remove_leftovers();
  remove_checkpoint_leftovers(root_);  // of a final/ that was being written
  for (const auto& entry : fs::directory_iterator(root_)) {
    const auto name = entry.path().filename().string();
    if (entry.is_regular_file() && name.find(".jsonl.") != std::string::npos && name.ends_with(".tmp")) fs::remove(entry.path());
  }
}

bool holds_finished_run(const fs::path& root, bool resume, const std::string& config_text) {
  PAL_CHECK(!fs::exists(root) || fs::is_directory(root), "{}: is a file, but a folder for the run was expected", root.string());
  const bool finished = fs::exists(root / "final" / "manifest.json");
  const bool begun = finished || fs::exists(root / "checkpoints") || fs::exists(root / "log.jsonl");
  PAL_CHECK(!begun || resume, "{}: holds a run already; go on with --resume auto, or choose another --output", root.string());
  if (finished) check_same_config(open_checkpoint(root / "final"), config_text);
  return finished;
}

void claim_run_folder(const fs::path& root) {
  std::error_code error;
  fs::create_directories(root, error);
  PAL_CHECK(!error, "{}: cannot be made: {}", root.string(), error.message());
  FileLock lock(root / "run.lock");
  lock.keep_until_exit();
  PAL_CHECK(lock.is_held(), "{}: another process trains here; choose another --output", root.string());
}

}  // namespace pal

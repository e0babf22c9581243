// The output folder of a run: what is where, and who may write there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "pal/train/checkpoint.h"

namespace pal {

class RunFolder {
 public:
  RunFolder(std::filesystem::path root, int64_t keep) : root_(std::move(root)), store_(root_ / "checkpoints", int(keep)) {}

  std::filesystem::path log() const { return root_ / "log.jsonl"; }
  std::filesystem::path tensorboard() const { return root_ / "tensorboard"; }
  std::filesystem::path final() const { return root_ / "final"; }
  CheckpointStore& checkpoints() { return store_; }

  // The newest whole checkpoint. Throws UserError with the differences where it was made with another config that matters.
  std::optional<Checkpoint> newest(const std::string& config_text) const;

 private:
  std::filesystem::path root_;
  CheckpointStore store_;
};

enum class RunState { kFresh, kUnfinished, kFinished };

// Makes the folder and takes its lock, held until the process ends. Throws UserError where another process trains there, and
// where it holds a run already and `resume` is not set.
RunState prepare_run_folder(const std::filesystem::path& root, bool resume);

}  // namespace pal

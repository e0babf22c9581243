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

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path log() const { return root_ / "log.jsonl"; }
  std::filesystem::path validation_log() const { return root_ / "validation.jsonl"; }
  std::filesystem::path tensorboard() const { return root_ / "tensorboard"; }
  std::filesystem::path final() const { return root_ / "final"; }
  std::filesystem::path diverged() const { return root_ / "diverged"; }  // what a run had when its losses were no numbers
  CheckpointStore& checkpoints() { return store_; }

  // The newest whole checkpoint. Throws UserError where there are checkpoints but none is whole, and with the differences where it was
  // made with another config that matters.
  std::optional<Checkpoint> newest(const std::string& config_text) const;
  // Takes away what killed writers left. To be called with the folder claimed.
  void remove_leftovers() const;

 private:
  std::filesystem::path root_;
  CheckpointStore store_;
};

// Looks, and writes nothing: true where a finished run lies there. Throws UserError where it holds a run and `resume` is not set, the
// finished run is damaged, or it was made with another config that matters.
bool holds_finished_run(const std::filesystem::path& root, bool resume, const std::string& config_text);

// Makes the folder and takes its lock, held until the process ends. Throws UserError where another process trains there.
void claim_run_folder(const std::filesystem::path& root);

}  // namespace pal

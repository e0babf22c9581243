// Checkpoints: folders that are whole or absent.
//
//   checkpoints/best             link to the one with the best validation score so far
//   checkpoints/step-00000120/
//     model.safetensors        the trained tensors by name
//     optimizer.safetensors    AdamW::state(); not there when empty
//     (written by several processes: model-00001-of-00004.safetensors, ... with model.safetensors.index.json, and optimizer-00001-of-00004.safetensors, ...)
//     state.json               the rest that a run goes on from: stage, sampler position, random streams, ...
//     manifest.json            written last: the size and SHA-256 of every file
//
// A checkpoint is written into a folder beside it, NAME.tmp-PID, synced, and then renamed; so a kill -9 or a
// power cut at any moment leaves the old state or the new.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pal/core/tensor_source.h"

namespace pal {

// What one of several processes writes of a checkpoint.
struct CheckpointPart {
  std::int64_t process = 0;    // from 0
  std::int64_t processes = 1;  // how many there are
  TensorMap model;             // some of the trained tensors; each is in one part
  TensorMap optimizer;         // AdamW::state() of this process, or some of it
};

// Writes the part's files into the folder of a draft. Returns what publish() must know of them. Throws as write_checkpoint().
nlohmann::json write_part(const std::filesystem::path& folder, const CheckpointPart& part);

// What is written into a checkpoint.
struct CheckpointContent {
  TensorMap model;       // trained tensors by name
  TensorMap optimizer;   // AdamW::state()
  nlohmann::json state;  // an object
};

// A checkpoint on disk whose files were checked against its manifest.
struct Checkpoint {
  std::filesystem::path folder;  // absolute or relative, as it was opened
  std::int64_t step = 0;         // steps finished when it was written
  std::string hash;              // SHA-256 of the manifest, and so of everything in it

  TensorMap load_model() const;       // trained tensors by name
  std::unique_ptr<TensorSource> open_model() const;  // the same, not read yet
  TensorMap load_optimizer() const;   // empty where none was written; mapped, so that a process reads the slices that it keeps (map_safetensors())
  nlohmann::json load_state() const;  // as it was written
};

// Writes a checkpoint as `folder` itself, replacing what has that name. Throws UserError that names the path
// where the disk is full or the place not writable; nothing is left behind then, and what was there before is
// untouched.
Checkpoint write_checkpoint(const std::filesystem::path& folder, std::int64_t step,
                            const CheckpointContent& content);

// A checkpoint that is being written, beside where it will be; gone with this object unless it was published.
class CheckpointDraft {
 public:
  // Of a checkpoint that will be `target`. Throws UserError where the place is not writable.
  explicit CheckpointDraft(const std::filesystem::path& target);
  ~CheckpointDraft();
  CheckpointDraft(const CheckpointDraft&) = delete;
  CheckpointDraft& operator=(const CheckpointDraft&) = delete;

  const std::filesystem::path& folder() const;  // for write_part()
  // Gives it its name, replacing what has it. parts: what write_part() returned in each process. Throws as write_checkpoint().
  Checkpoint publish(std::int64_t step, const std::vector<nlohmann::json>& parts, const nlohmann::json& state);

 private:
  class Folder;
  std::filesystem::path target_;
  std::unique_ptr<Folder> temporary_;
};

// Checks sizes and hashes. Throws UserError that names the folder and what is wrong with it.
Checkpoint open_checkpoint(const std::filesystem::path& folder);

// Removes from `parent` the folders of writers of checkpoints that were killed. Those of live ones, which hold a lock on them, stay;
// where the file system knows no locks, all stay.
void remove_checkpoint_leftovers(const std::filesystem::path& parent);

// The checkpoints of a run: the folders step-N of one parent folder. One process writes; others may read
// meanwhile.
class CheckpointStore {
 public:
  // Of the run whose checkpoints are in `folder`. keep: how many of the newest stay, at least 1.
  CheckpointStore(std::filesystem::path folder, int keep);

  // A draft of step-N; what killed writers left is removed before. Throws as write_checkpoint().
  std::unique_ptr<CheckpointDraft> draft(std::int64_t step);
  // When it is published: removes all but the newest `keep` up to it, and the best.
  void remove_old(std::int64_t step);
  // Makes `best` in the folder a link to step-N, which stays from now on until another is the best. Throws UserError where it cannot be made.
  void mark_best(std::int64_t step);

  // The newest checkpoint that is whole; none where there is no whole one. Those that are not are named in a
  // warning with the reason, and passed over. Changes nothing on disk.
  std::optional<Checkpoint> find_newest() const;
  bool empty() const;  // whether there is no checkpoint, whole or not

  void remove_leftovers() const { remove_checkpoint_leftovers(folder_); }  // what killed writers left among them

  const std::filesystem::path& folder() const { return folder_; }  // of the run's checkpoints

 private:
  std::filesystem::path folder_;
  int keep_;
};

}  // namespace pal

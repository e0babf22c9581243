// Checkpoints of a run, written while it goes on: each process copies its part, and a thread of it writes the copy.
#pragma once

#include <future>
#include <memory>

#include "pal/core/check.h"
#include "pal/distributed/process_group.h"
#include "pal/train/checkpoint.h"

namespace pal {

// Throws std::runtime_error that names the first tensor which processes have in different bits; of the optimizer where all have all of it.
void check_replicas(ProcessGroup& group, const CheckpointContent& content, bool sharded);

// Writes a checkpoint as `target`, together and at once. Throws UserError, in all processes, where it cannot be written.
Checkpoint save_together(ProcessGroup& group, const std::filesystem::path& target, int64_t step, const CheckpointContent& content, bool sharded);

// All processes of a run have one, and call the same functions in the same order, but for has_written().
class CheckpointSaver {
 public:
  // sharded: whether each process has its own slices of the optimizer's state; else all have all of it.
  CheckpointSaver(ProcessGroup& group, CheckpointStore& store, bool sharded) : group_(group), store_(store), sharded_(sharded) {}

  // Begins a checkpoint of what `content` is now, after the one before is finished; nothing where that step is begun or saved. Throws std::runtime_error where processes have different bits.
  // Where it cannot be written, that is told and passed over, as in finish().
  void begin(int64_t step, const CheckpointContent& content);
  bool has_written() const;  // whether this process is done with its part of what was begun, for better or worse
  // Waits for all parts, and gives the checkpoint its name; nothing where none was begun. One that cannot be written is told: the older ones stay,
  // and the run can go on. Throws its UserError where that is the kMostFailures-th in a row.
  void finish();
  // The same without throwing it: before what ends the run anyway.
  void settle();
  // At once, and throws UserError where it cannot be written. Nothing where that step is saved.
  void save(int64_t step, const CheckpointContent& content);

  int64_t newest() const { return newest_; }       // the step of the newest whole checkpoint; -1: none
  void go_on_from(int64_t step) { newest_ = step; }  // which is one
  // That step's checkpoint, which was begun last or is the newest, is the best so far: marked when it is there, and kept from then on. Nothing where it
  // could not be written.
  void mark_best(int64_t step);

  static constexpr int kMostFailures = 3;

 private:
  void write(int64_t step, const CheckpointContent& content);
  void publish();
  void mark(int64_t step);
  void pass_over(const UserError& problem, int64_t step);

  ProcessGroup& group_;
  CheckpointStore& store_;
  bool sharded_;
  int64_t newest_ = -1, begun_ = -1;
  bool is_best_ = false;  // what was begun
  int failures_ = 0;
  nlohmann::json state_;                    // of what was begun
  std::unique_ptr<CheckpointDraft> draft_;  // of process 0
  std::future<nlohmann::json> written_;     // the last one: while it lives its thread writes into the draft
};

}  // namespace pal

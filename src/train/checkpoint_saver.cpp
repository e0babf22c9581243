#include "checkpoint_saver.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "pal/distributed/agree.h"

namespace pal {

namespace {

// Of tensors that all processes have, those that this one writes: neighbours by name, of about as many bytes as the others'.
TensorMap share_of_tensors(const TensorMap& all, const ProcessGroup& group) {
  int64_t total = 0, before = 0;
  for (const auto& [name, tensor] : all) total += int64_t(tensor.nbytes());
  TensorMap own;
  for (const auto& [name, tensor] : all) {
    const auto writer = std::min(group.size() - 1, before * group.size() / std::max<int64_t>(1, total));  // the last one also has empty tensors at the end
    if (writer == group.rank()) own[name] = tensor;
    before += int64_t(tensor.nbytes());
  }
  return own;
}

// As they are now, whatever becomes of them.
TensorMap copies_of(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.detach().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  return copies;
}

// What this process writes of a checkpoint.
CheckpointPart part_of(const ProcessGroup& group, const CheckpointContent& content, bool sharded) {
  return {group.rank(), group.size(), share_of_tensors(content.model, group), sharded ? content.optimizer : share_of_tensors(content.optimizer, group)};
}

// Process 0 makes the draft; all know its folder.
std::string begin_draft(ProcessGroup& group, std::unique_ptr<CheckpointDraft>& draft, const std::function<std::unique_ptr<CheckpointDraft>()>& make) {
  return on_first(group, [&] {
    draft = make();
    return draft->folder().string();
  });
}

// Throws what a disk or a full memory throws as UserError, which is passed over.
template <typename Body>
auto of_the_disk(Body&& body) {
  try {
    return body();
  } catch (const std::filesystem::filesystem_error& problem) {
    user_error("{}", problem.what());
  } catch (const std::bad_alloc&) {
    user_error("there is not enough memory for a copy");
  }
}

}  // namespace

void check_replicas(ProcessGroup& group, const CheckpointContent& content, bool sharded) {
  std::vector<NamedReplica> replicas;
  for (const auto& [name, tensor] : content.model) replicas.push_back({name, tensor});
  if (!sharded)
    for (const auto& [name, tensor] : content.optimizer) replicas.push_back({"the optimizer's " + name, tensor});
  check_equal(group, replicas);
}

Checkpoint save_together(ProcessGroup& group, const std::filesystem::path& target, int64_t step, const CheckpointContent& content, bool sharded) {
  std::unique_ptr<CheckpointDraft> draft;  // of process 0
  const auto folder = begin_draft(group, draft, [&] { return of_the_disk([&] { return std::make_unique<CheckpointDraft>(target); }); });
  nlohmann::json own;
  together(group, [&] { own = of_the_disk([&] { return write_part(folder, part_of(group, content, sharded)); }); });
  const auto parts = gather_json(group, own);
  Checkpoint saved;
  saved.hash = on_first(group, [&] { return of_the_disk([&] { return draft->publish(step, parts, content.state).hash; }); });
  saved.folder = target;
  saved.step = step;
  return saved;
}

void CheckpointSaver::write(int64_t step, const CheckpointContent& content) {
  check_replicas(group_, content, sharded_);
  const auto folder = begin_draft(group_, draft_, [&] { return of_the_disk([&] { return store_.draft(step); }); });
  auto part = part_of(group_, content, sharded_);
  together(group_, [&] {
    of_the_disk([&] {
      part.model = copies_of(part.model);
      part.optimizer = copies_of(part.optimizer);
    });
  });
  state_ = content.state;
  begun_ = step;
  written_ = std::async(std::launch::async, [folder, part = std::move(part)] { return write_part(folder, part); });
}

void CheckpointSaver::publish() {
  const auto step = std::exchange(begun_, -1);
  const auto draft = std::exchange(draft_, nullptr);
  const bool is_best = std::exchange(is_best_, false);
  nlohmann::json own;
  together(group_, [&] { own = of_the_disk([&] { return written_.get(); }); });
  const auto parts = gather_json(group_, own);
  const auto folder = on_first(group_, [&] {
    return of_the_disk([&] { return draft->publish(step, parts, state_).folder.string(); });
  });
  spdlog::info("step {}: saved {}", step, folder);
  newest_ = step;
  failures_ = 0;
  if (is_best) mark(step);
  if (!group_.is_first()) return;
  try {
    store_.remove_old(step);
  } catch (const UserError& problem) {
    spdlog::warn("old checkpoints stay: {}", problem.what());
  }
}

// A file system may know no links; the checkpoint is there all the same.
void CheckpointSaver::mark(int64_t step) {
  if (!group_.is_first()) return;
  try {
    store_.mark_best(step);
  } catch (const UserError& problem) {
    spdlog::warn("step {} is the best so far, but cannot be marked so: {}", step, problem.what());
  }
}

void CheckpointSaver::pass_over(const UserError& problem, int64_t step) {
  if (++failures_ == kMostFailures) throw;  // what is being handled
  if (dynamic_cast<const UserErrorElsewhere*>(&problem) != nullptr) return;
  spdlog::error("step {}: not saved: {}. Training goes on, {}; {} such failures in a row end it", step, problem.what(),
                newest_ < 0 ? "without a checkpoint so far" : fmt::format("the newest checkpoint is of step {}", newest_), kMostFailures);
}

void CheckpointSaver::begin(int64_t step, const CheckpointContent& content) {
  if (step == begun_ || step == newest_) return;
  finish();
  try {
    write(step, content);
  } catch (const UserError& problem) {
    draft_.reset();
    pass_over(problem, step);
  }
}

void CheckpointSaver::mark_best(int64_t step) {
  is_best_ = step == begun_;
  if (step == newest_) mark(step);
}

bool CheckpointSaver::has_written() const { return begun_ >= 0 && written_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

void CheckpointSaver::finish() {
  if (begun_ < 0) return;
  const auto step = begun_;
  try {
    publish();
  } catch (const UserError& problem) {
    pass_over(problem, step);
  }
}

void CheckpointSaver::settle() {
  try {
    finish();
  } catch (const UserError& problem) {
    spdlog::error("not saved: {}", problem.what());
  }
}

void CheckpointSaver::save(int64_t step, const CheckpointContent& content) {
  settle();
  if (newest_ == step) return;
  write(step, content);
  publish();
}

}  // namespace pal

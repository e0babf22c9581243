#include "../../src/train/checkpoint_saver.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <optional>
#include <thread>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"
#include "support/most_bytes.h"
#include "support/ranks.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

using testing::HasSubstr;

// Every number in it says which step it is of.
CheckpointContent content_of(int64_t step) {
  CheckpointContent content;
  for (const char* name : {"a", "b", "c"}) content.model[name] = torch::full({1000}, double(step));
  content.optimizer["a.exp_avg"] = torch::full({1000}, 2.0 * double(step));
  content.state = {{"step", step}};
  return content;
}

void expect_whole(const fs::path& folder, int64_t step) {
  const auto found = open_checkpoint(folder);
  EXPECT_EQ(found.step, step);
  for (const auto& [name, tensor] : found.load_model()) EXPECT_TRUE(tensor.eq(double(step)).all().item<bool>()) << name;
  EXPECT_EQ(found.load_model().size(), 3u);
  EXPECT_TRUE(found.load_optimizer().at("a.exp_avg").eq(2.0 * double(step)).all().item<bool>());
  EXPECT_EQ(found.load_state().at("step"), step);
}

void wait_until_written(const CheckpointSaver& saver) {
  while (!saver.has_written()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(CheckpointSaver, SavesWhatWasThereWhenItBeganWhateverBecomesOfIt) {
  TemporaryFolder folder;
  for (const int64_t ranks : {1, 3})
    run_ranks(ranks, [&](ProcessGroup& group) {
      CheckpointStore store(folder.path() / std::to_string(ranks), 2);
      CheckpointSaver saver(group, store, /*sharded=*/false);
      auto content = content_of(4);
      EXPECT_FALSE(saver.has_written());
      saver.begin(4, content);
      for (auto& [name, tensor] : content.model) tensor.zero_();
      content.optimizer.at("a.exp_avg").zero_();
      EXPECT_EQ(saver.newest(), -1);
      wait_until_written(saver);
      saver.finish();
      EXPECT_FALSE(saver.has_written());
      EXPECT_EQ(saver.newest(), 4);
      expect_whole(store.folder() / "step-00000004", 4);
    });
}

TEST(CheckpointSaver, TheNextOneFinishesTheOneBeforeAndOldOnesGo) {
  TemporaryFolder folder;
  run_ranks(2, [&](ProcessGroup& group) {
    CheckpointStore store(folder.path(), 2);
    CheckpointSaver saver(group, store, false);
    for (int64_t step = 1; step <= 5; ++step) saver.begin(step, content_of(step));
    saver.save(5, content_of(5));  // which was begun
    EXPECT_EQ(saver.newest(), 5);
  });
  EXPECT_FALSE(fs::exists(folder / "step-00000003"));
  for (const int64_t step : {4, 5}) expect_whole(folder / fmt::format("step-{:08}", step), step);
}

TEST(CheckpointSaver, TheBestStaysAndHasALink) {
  TemporaryFolder folder;
  run_ranks(2, [&](ProcessGroup& group) {
    CheckpointStore store(folder.path(), 1);
    CheckpointSaver saver(group, store, false);
    saver.begin(1, content_of(1));
    saver.mark_best(1);
    for (int64_t step = 2; step <= 4; ++step) saver.begin(step, content_of(step));
    saver.finish();
    group.barrier();  // process 0 removes old ones after the others go on
    expect_whole(store.folder() / "best", 1);
    EXPECT_FALSE(fs::exists(store.folder() / "step-00000003"));
    group.barrier();
    saver.mark_best(3);  // which is not there
    expect_whole(store.folder() / "best", 1);
    group.barrier();
    saver.mark_best(4);  // which is there already
    saver.begin(5, content_of(5));
    saver.finish();
    group.barrier();
    expect_whole(store.folder() / "best", 4);
    EXPECT_FALSE(fs::exists(store.folder() / "step-00000001"));
  });
}

TEST(CheckpointSaver, OneThatCannotBeWrittenIsPassedOverTheThirdInARowIsNot) {
  TemporaryFolder folder;
  for (const int64_t ranks : {1, 2}) {
    const auto root = folder.path() / std::to_string(ranks);
    run_ranks(ranks, [&](ProcessGroup& group) {
      CheckpointStore store(root, 2);
      CheckpointSaver saver(group, store, false);
      saver.save(1, content_of(1));
      std::optional<MostBytes> full;
      const auto fill = [&](bool is_full) {
        group.barrier();
        if (!group.is_first()) return group.barrier();
        is_full ? void(full.emplace(2000)) : full.reset();
        group.barrier();
      };
      fill(true);
      for (const int64_t step : {2, 3}) {
        saver.begin(step, content_of(step));
        saver.finish();
        EXPECT_EQ(saver.newest(), 1);
      }
      fill(false);
      saver.begin(4, content_of(4));
      saver.finish();  // and failures are counted anew
      EXPECT_EQ(saver.newest(), 4);
      fill(true);
      EXPECT_THROW(saver.save(5, content_of(5)), UserError);  // at once is at once
      for (const int64_t step : {6, 7}) {
        saver.begin(step, content_of(step));
        saver.finish();
      }
      saver.begin(8, content_of(8));
      EXPECT_THROW(saver.finish(), UserError);
      fill(false);
    });
    expect_whole(root / "step-00000004", 4);
    expect_whole(root / "step-00000001", 1);
    EXPECT_EQ(std::distance(fs::directory_iterator(root), {}), 2);  // nothing half-written is left
  }
}

TEST(CheckpointSaver, WithoutAPlaceTheRunGoesOnToo) {
  TemporaryFolder folder;
  write_file_atomically(folder / "file", "");
  run_ranks(2, [&](ProcessGroup& group) {
    CheckpointStore store(folder / "file" / "checkpoints", 2);
    CheckpointSaver saver(group, store, false);
    saver.begin(1, content_of(1));
    saver.finish();
    EXPECT_FALSE(saver.has_written());
    EXPECT_EQ(saver.newest(), -1);
  });
}

TEST(CheckpointSaver, BitsThatDifferBetweenProcessesAreNotSaved) {
  TemporaryFolder folder;
  try {
    run_ranks(2, [&](ProcessGroup& group) {
      CheckpointStore store(folder.path(), 2);
      CheckpointSaver saver(group, store, false);
      auto content = content_of(1);
      if (group.rank() == 1) content.model.at("b")[17] += 1e-6;
      saver.begin(1, content);
    });
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("b"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace pal

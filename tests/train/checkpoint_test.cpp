#include "pal/train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/random.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Everything in it says which step it is of.
CheckpointContent content_of(std::int64_t step, std::int64_t elements = 100) {
  return {
      .model = {{"connectors.a.weight", torch::full({elements}, double(step), torch::kFloat32)}},
      .optimizer = {{"connectors.a.weight.exp_avg",
                     torch::full({elements}, 2.0 * double(step), torch::kFloat32)},
                    {"connectors.a.weight.step", torch::scalar_tensor(step, torch::kLong)}},
      .state = {{"stage", "stage1"}, {"sampler", {{"position", 8 * step}}}, {"stream", 0xfedcba9876543210u}}};
}

// As one process does.
Checkpoint save(CheckpointStore& store, std::int64_t step, const CheckpointContent& content) {
  const auto draft = store.draft(step);
  const auto part = write_part(draft->folder(), {.model = content.model, .optimizer = content.optimizer});
  auto saved = draft->publish(step, {part}, content.state);
  store.remove_old(step);
  return saved;
}

void expect_whole(const Checkpoint& found) {
  const double step = double(found.step);
  EXPECT_TRUE(found.load_model().at("connectors.a.weight").eq(step).all().item<bool>());
  const TensorMap optimizer = found.load_optimizer();
  EXPECT_TRUE(optimizer.at("connectors.a.weight.exp_avg").eq(2 * step).all().item<bool>());
  EXPECT_EQ(optimizer.at("connectors.a.weight.step").item<std::int64_t>(), found.step);
  EXPECT_EQ(found.load_state()["sampler"]["position"], 8 * found.step);
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

template <typename Body>
std::string message_of(Body body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Checkpoint, WhatIsReadIsWhatWasWritten) {
  TemporaryFolder folder;
  CheckpointStore store(folder / "checkpoints", 3);  // makes the folder
  EXPECT_FALSE(store.find_newest());
  const Checkpoint saved = save(store, 120, content_of(120));
  EXPECT_EQ(saved.folder, folder / "checkpoints" / "step-00000120");
  EXPECT_THAT(names_in(saved.folder),
              ElementsAre("manifest.json", "model.safetensors", "optimizer.safetensors", "state.json"));
  const auto found = store.find_newest();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 120);
  EXPECT_EQ(found->folder, saved.folder);
  EXPECT_EQ(found->hash, saved.hash);
  EXPECT_EQ(found->load_state(), content_of(120).state);
  expect_whole(*found);
}

TEST(Checkpoint, OfSeveralProcessesIsOneWithAllTheirTensors) {
  const TemporaryFolder folder;
  const auto target = folder.path() / "step-00000003";
  {
    CheckpointDraft draft(target);
    std::vector<nlohmann::json> parts;
    for (std::int64_t process = 0; process < 3; ++process) {
      const auto name = fmt::format("connectors.{}.weight", process);
      parts.push_back(write_part(draft.folder(), {process, 3, {{name, torch::full({4}, double(process))}}, {{name + ".exp_avg", torch::full({4}, 10.0 * double(process))}}}));
    }
    draft.publish(3, parts, {{"stage", "stage1"}});
  }
  EXPECT_THAT(names_in(target), ElementsAre("manifest.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors",
                                            "model.safetensors.index.json", "optimizer-00001-of-00003.safetensors", "optimizer-00002-of-00003.safetensors",
                                            "optimizer-00003-of-00003.safetensors", "state.json"));
  const auto found = open_checkpoint(target);
  ASSERT_EQ(found.load_model().size(), 3u);
  EXPECT_TRUE(found.load_model().at("connectors.2.weight").eq(2).all().item<bool>());
  ASSERT_EQ(found.load_optimizer().size(), 3u);
  EXPECT_TRUE(found.load_optimizer().at("connectors.1.weight.exp_avg").eq(10).all().item<bool>());
  std::ofstream(target / "optimizer-00002-of-00003.safetensors", std::ios::app) << "x";
  EXPECT_THAT(message_of([&] { open_checkpoint(target); }), HasSubstr("optimizer-00002-of-00003.safetensors"));
}

TEST(Checkpoint, ADraftThatIsNotPublishedLeavesNothing) {
  const TemporaryFolder folder;
  {
    CheckpointDraft draft(folder.path() / "step-00000001");
    write_part(draft.folder(), {.model = {{"a", torch::ones({2})}}, .optimizer = {}});
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Checkpoint, ItsHashIsOfAllThatIsInIt) {
  TemporaryFolder folder;
  CheckpointContent content = content_of(1);
  const std::string hash = write_checkpoint(folder / "a", 1, content).hash;
  EXPECT_EQ(write_checkpoint(folder / "b", 1, content).hash, hash);
  EXPECT_EQ(open_checkpoint(folder / "b").hash, hash);
  content.optimizer["connectors.a.weight.exp_avg"][3] = 7.0;
  EXPECT_NE(write_checkpoint(folder / "c", 1, content).hash, hash);
  content = content_of(1);
  content.state["stage"] = "stage2";
  EXPECT_NE(write_checkpoint(folder / "d", 1, content).hash, hash);
}

TEST(Checkpoint, OnlyTheLastFewAreKept) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 2);
  for (int step : {9, 10, 100}) save(store, step, content_of(step));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000010", "step-00000100"));
  EXPECT_THROW(CheckpointStore(folder.path(), 0), UserError);
}

TEST(Checkpoint, ARunThatWentBackKeepsItsOwnCheckpoints) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  save(store, 20, content_of(20));
  fs::resize_file(folder / "step-00000020/model.safetensors", 10);
  save(store, 10, content_of(10));
  EXPECT_EQ(store.find_newest()->step, 10);
  save(store, 20, content_of(20));  // takes the place of the damaged one
  EXPECT_EQ(store.find_newest()->step, 20);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000020"));
}

TEST(Checkpoint, TheSameNameIsReplacedAsAWhole) {
  TemporaryFolder folder;
  write_checkpoint(folder / "final", 1, content_of(1));
  CheckpointContent content = content_of(2);
  content.optimizer.clear();
  write_checkpoint(folder / "final/", 2, content);
  const Checkpoint found = open_checkpoint(folder / "final");
  EXPECT_EQ(found.step, 2);
  EXPECT_TRUE(found.load_optimizer().empty());
  EXPECT_THAT(names_in(folder.path()), ElementsAre("final"));
  EXPECT_THAT(names_in(folder / "final"), ElementsAre("manifest.json", "model.safetensors", "state.json"));
}

TEST(Checkpoint, ADamagedOneIsRefusedWithTheReasonAndTheOlderTaken) {
  struct Case {
    std::function<void(const fs::path&)> damage;
    std::vector<std::string> reason;
  };
  const auto flip = [](const fs::path& file, std::size_t at) {
    std::string bytes = read_file(file);
    bytes[at < bytes.size() ? at : bytes.size() - 1] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
  };
  const std::vector<Case> cases = {
      {[](const fs::path& f) { fs::remove(f / "manifest.json"); }, {"has no manifest.json"}},
      {[](const fs::path& f) { fs::remove(f / "model.safetensors"); },
       {"model.safetensors", "cannot be read"}},
      {[](const fs::path& f) { fs::resize_file(f / "optimizer.safetensors", 200); },
       {"optimizer.safetensors", "has 200 bytes, but the manifest says"}},
      {[&](const fs::path& f) { flip(f / "model.safetensors", 1u << 30); }, {"model.safetensors", "SHA-256"}},
      {[&](const fs::path& f) { flip(f / "state.json", 20); }, {"state.json", "SHA-256"}},
      {[](const fs::path& f) { fs::resize_file(f / "manifest.json", 30); }, {"manifest.json", "is damaged"}},
      {[](const fs::path& f) { std::ofstream(f / "manifest.json") << ""; }, {"manifest.json", "is damaged"}},
      {[](const fs::path& f) { std::ofstream(f / "manifest.json") << "{\"format\": 9}"; }, {"has format 9"}},
      {[](const fs::path& f) {
         std::ofstream(f / "manifest.json") << "{\"format\":1,\"step\":2,\"files\":{}}";
       },
       {"does not list model.safetensors"}},
  };
  for (const auto& [damage, reason] : cases) {
    TemporaryFolder folder;
    CheckpointStore store(folder.path(), 5);
    save(store, 1, content_of(1));
    const fs::path newest = save(store, 2, content_of(2)).folder;
    damage(newest);
    const std::string message = message_of([&] { open_checkpoint(newest); });
    EXPECT_THAT(message, HasSubstr("step-00000002"));
    for (const auto& part : reason) EXPECT_THAT(message, HasSubstr(part));
    const auto found = store.find_newest();
    ASSERT_TRUE(found) << reason.front();
    EXPECT_EQ(found->step, 1) << reason.front();
  }
}

TEST(Checkpoint, OneUnderAnotherStepsNameIsRefused) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 5);
  save(store, 1, content_of(1));
  fs::copy(folder / "step-00000001", folder / "step-00000009", fs::copy_options::recursive);
  EXPECT_EQ(store.find_newest()->step, 1);
}

TEST(Checkpoint, OtherFoldersAreNoCheckpoints) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  for (const char* name : {"step-", "step-x", "step-12x", "step--5", "other"})
    fs::create_directory(folder / name);
  save(store, 1, content_of(1));
  EXPECT_EQ(store.find_newest()->step, 1);
  EXPECT_EQ(names_in(folder.path()).size(), 6u);
}

TEST(Checkpoint, AFullDiskNamesThePathAndLeavesTheOldOnes) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  save(store, 1, content_of(1));
  // A limit on file sizes fails a write in the middle, as a full disk does.
  rlimit before{}, tight{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  tight = {.rlim_cur = 100'000, .rlim_max = before.rlim_max};
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const std::string message = message_of([&] { save(store, 2, content_of(2, 100'000)); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, AllOf(HasSubstr((folder / "step-00000002").string()), HasSubstr("model.safetensors"),
                             HasSubstr("File too large")));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000001"));
  expect_whole(*store.find_newest());
}

TEST(Checkpoint, APlaceThatCannotBeWrittenIsNamed) {
  EXPECT_THAT(message_of([] { CheckpointStore store("/dev/null/checkpoints", 1); save(store, 1, content_of(1)); }),
              HasSubstr("/dev/null/checkpoints/step-00000001"));
}

// Runs `body` in a child process that knows no other end than _exit or a signal.
template <typename Body>
pid_t run_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a test that was stopped
    try {
      body();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  return child;
}

TEST(Checkpoint, AReadOnlyFolderNamesThePathAndLeavesTheOldOnes) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  save(store, 1, content_of(1));
  const CheckpointContent content = content_of(2);
  fs::permissions(folder.path(), fs::perms(0555));
  const pid_t child = run_child([&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) ::_exit(2);  // root may write anywhere
    const std::string message = message_of([&] { save(store, 2, content); });
    ::_exit(message.find((folder / "step-00000002").string()) == 0 &&
                    message.find("denied") != std::string::npos
                ? 0
                : 3);
  });
  int status = 0;
  ::waitpid(child, &status, 0);
  fs::permissions(folder.path(), fs::perms(0755));
  EXPECT_EQ(status, 0);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-00000001"));
}

TEST(Checkpoint, ALiveWritersFolderIsNotTakenForALeftover) {
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  const CheckpointContent content = content_of(1, 3'000'000);
  const pid_t child = run_child([&] {
    for (;;) save(store, 1, content);
  });
  const auto is_writing = [&] {
    for (const auto& name : names_in(folder.path()))
      if (name.find(".tmp-") != std::string::npos && fs::exists(folder / name / "model.safetensors"))
        return true;
    return false;
  };
  for (int i = 0; i < 20; ++i) {  // until it is stopped in the middle
    for (int wait = 0; wait < 2'000 && !is_writing(); ++wait)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    ::kill(child, SIGSTOP);
    ::waitpid(child, nullptr, WUNTRACED);
    if (is_writing()) break;
    ::kill(child, SIGCONT);
  }
  EXPECT_TRUE(is_writing());
  store.remove_leftovers();
  EXPECT_TRUE(is_writing());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(is_writing());
  store.remove_leftovers();
  EXPECT_FALSE(is_writing());
}

TEST(Checkpoint, AWriterKilledAtAnyMomentLeavesAWholeCheckpoint) {
  constexpr std::int64_t kElements = 30'000;  // few enough for LibTorch to use no threads
  TemporaryFolder folder;
  CheckpointStore store(folder.path(), 2);
  save(store, 0, content_of(0, kElements));
  RandomStream random(2024);
  std::int64_t step = 0;
  int killed_while_writing = 0;
  for (int kill = 0; kill < 30 || step < 10 || killed_while_writing < 10; ++kill) {
    ASSERT_LT(kill, 300) << "the writer does not come to write";
    CheckpointContent content = content_of(step, kElements);
    const pid_t child = run_child([&] {
      for (std::int64_t next = step + 1;; ++next) {
        // No tensor operations: their threads did not come along.
        std::fill_n(content.model["connectors.a.weight"].data_ptr<float>(), kElements, float(next));
        std::fill_n(content.optimizer["connectors.a.weight.exp_avg"].data_ptr<float>(), kElements,
                    2 * float(next));
        *content.optimizer["connectors.a.weight.step"].data_ptr<std::int64_t>() = next;
        content.state["sampler"]["position"] = 8 * next;
        save(store, next, content);
        if (next % 2 == 0) save(store, next, content);  // and once more over itself
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(1'000 + random.below(250'000)));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WNOHANG), 0) << "the writer ended by itself";
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);

    for (const auto& name : names_in(folder.path()))
      killed_while_writing += name.find(".tmp-") != std::string::npos;
    const auto found = store.find_newest();
    ASSERT_TRUE(found) << "after kill " << kill;
    expect_whole(*found);
    EXPECT_GE(found->step, step);
    step = found->step;
    // What bears a checkpoint's name is whole, not only the newest.
    for (const auto& name : names_in(folder.path()))
      if (name.find(".tmp-") == std::string::npos) expect_whole(open_checkpoint(folder / name));
  }
  save(store, step + 1, content_of(step + 1));
  EXPECT_EQ(names_in(folder.path()).size(), 2u);  // nothing is left of the killed ones
}

}  // namespace
}  // namespace pal

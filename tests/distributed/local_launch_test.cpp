#include "pal/distributed/local_launch.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <set>
#include <thread>

#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using namespace std::chrono_literals;

class LocalLaunch : public testing::Test {
 protected:
  int run(int64_t processes, const std::string& script, std::chrono::seconds patience = 30s) {
    return launch_locally(processes, {"/bin/sh", "-c", "cd " + folder_.path().string() + "; " + script}, patience);
  }
  std::string read(const std::string& name) { return read_file(folder_.path() / name); }
  TemporaryFolder folder_;
};

TEST_F(LocalLaunch, EveryProcessKnowsItsPlaceAndWhereToMeet) {
  setenv("WORLD_SIZE", "77", 1);
  setenv("PAL_TEST_KEPT", "yes", 1);
  EXPECT_EQ(run(3, "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR $PAL_TEST_KEPT > $RANK; echo $MASTER_PORT > port$RANK"), 0);
  unsetenv("WORLD_SIZE");
  for (const std::string rank : {"0", "1", "2"}) EXPECT_EQ(read(rank), rank + " 3 " + rank + " 3 127.0.0.1 yes\n");
  EXPECT_EQ(read("port0"), read("port2"));
  EXPECT_GT(std::stoi(read("port1")), 1023);
}

TEST_F(LocalLaunch, ReturnsTheCodeOfTheFirstThatFailsAndEndsTheOthers) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(3, "if [ $RANK = 1 ]; then exit 2; fi; exec sleep 60", 0s), 2);
  EXPECT_EQ(run(2, "if [ $RANK = 1 ]; then kill -9 $$; fi; exec sleep 60", 0s), 128 + SIGKILL);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
}

TEST_F(LocalLaunch, TheOthersMayEndByThemselves) {
  EXPECT_EQ(run(2, "if [ $RANK = 1 ]; then exit 7; fi; sleep 1; echo done > told; exit 3"), 7);
  EXPECT_EQ(read("told"), "done\n");
}

TEST_F(LocalLaunch, HandsSignalsOnToAll) {
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);  // the sender's thread must not take it
  std::thread sender([&] {
    while (!std::filesystem::exists(folder_.path() / "ready0") || !std::filesystem::exists(folder_.path() / "ready1")) std::this_thread::sleep_for(10ms);
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(run(2, "trap 'echo stopped > stopped$RANK; exit 143' TERM; touch ready$RANK; while :; do sleep 0.05; done"), 143);
  sender.join();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(read("stopped0") + read("stopped1"), "stopped\nstopped\n");
}

TEST_F(LocalLaunch, AProgramThatIsNotThereFails) { EXPECT_EQ(launch_locally(1, {"/nowhere/program"}), 127); }

}  // namespace
}  // namespace pal

#include "../../src/train/watchdog.h"

#include <gmock/gmock.h>

namespace pal {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;
using testing::Ge;

// What was said, for a test.
class Said {
 public:
  Watchdog::Say say() {
    return [this](const std::string& what, std::chrono::seconds) {
      const std::lock_guard lock(mutex_);
      said_.push_back(what);
    };
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> said_;
};

TEST(Watchdog, NamesWhatDoesNotEndOnceForEachLimit) {
  Said said;
  Watchdog watchdog(50ms, said.say());
  watchdog.begin("step 7");
  std::this_thread::sleep_for(400ms);
  EXPECT_THAT(said.all(), SizeIs(Ge(2)));
  EXPECT_LE(said.all().size(), 8u);
  EXPECT_THAT(said.all(), Each("step 7"));
}

TEST(Watchdog, SaysNothingOfStepsThatEndNorWhileNothingIsDone) {
  Said said;
  Watchdog watchdog(300ms, said.say());
  std::this_thread::sleep_for(350ms);
  for (int step = 0; step < 20; ++step) {
    watchdog.begin("step");
    std::this_thread::sleep_for(20ms);
  }
  watchdog.rest();
  std::this_thread::sleep_for(350ms);
  EXPECT_THAT(said.all(), IsEmpty());
}

}  // namespace
}  // namespace pal

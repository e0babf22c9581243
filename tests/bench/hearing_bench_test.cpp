#include "pal/bench/hearing_bench.h"

#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

ModelOptions heard() {
  ModelOptions o;
  o.encoders["sound"] = {"yamnet", kYamnet};
  return o;
}

TEST(HearingCost, LongerClipsTakeLonger) {
  NEEDS_YAMNET();
  const auto few = hearing_cost(heard(), {.samples = 1, .text_tokens = 2, .audio_tokens = 6}, 3, torch::kCPU);
  const auto many = hearing_cost(heard(), {.samples = 2, .text_tokens = 2, .audio_tokens = 240}, 3, torch::kCPU);
  ASSERT_EQ(few.load_seconds.size(), 3u);
  const auto least = [](const std::vector<double>& seconds) { return *std::min_element(seconds.begin(), seconds.end()); };
  EXPECT_GT(least(few.load_seconds), 0);
  EXPECT_GT(least(many.load_seconds), least(few.load_seconds));      // 80 times as much audio
  EXPECT_GT(least(many.encode_seconds), least(few.encode_seconds));
}

TEST(HearingCost, TokensThatNoClipGivesAreRefused) {
  const auto whisper = std::filesystem::path(PAL_SOURCE_DIR) / "assets/whisper-tiny-en.safetensors";
  if (!std::filesystem::exists(whisper)) GTEST_SKIP() << whisper << " is not there; tools/setup.sh fetches it";
  for (const char* policy : {"crop", "error"}) {
    ModelOptions o;
    o.encoders["speech"] = {.type = "whisper", .path = whisper, .long_audio = policy};
    EXPECT_THROW(hearing_cost(o, {.samples = 1, .text_tokens = 2, .audio_tokens = 1600}, 1, torch::kCPU), UserError) << policy;
  }
}

TEST(HearingCost, NoAudioTakesNoTime) { EXPECT_TRUE(hearing_cost(heard(), {.samples = 1, .text_tokens = 2, .audio_tokens = 0}, 3, torch::kCPU).load_seconds.empty()); }

}  // namespace
}  // namespace pal

// What is heard is the recording, and what is seen is of it.
#include "pal/report/clip_view.h"

#include <gtest/gtest.h>

#include "audio/recording.h"
#include "audio/tar_member.h"
#include "pal/audio/decode.h"
#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

namespace fs = std::filesystem;

class ClipViewTest : public testing::Test {
 protected:
  // The view's sound, through libsndfile.
  Waveform heard(const ClipView& view) {
    write_bytes(folder / "heard.wav", view.wav);
    return decode_audio(folder / "heard.wav");
  }
  TemporaryFolder folder;
};

TEST_F(ClipViewTest, IsHeardAsItWasRecorded) {
  const auto samples = tone(16000, 1.3);
  write_recording(folder / "a.wav", samples, 16000);
  const auto view = view_clip({(folder / "a.wav").string(), {}}, 10);
  const auto wave = heard(view);
  EXPECT_EQ(wave.sample_rate, 16000);
  ASSERT_EQ(wave.samples.size(0), std::int64_t(samples.size()));
  EXPECT_LT((wave.samples - torch::tensor(samples)).abs().max().item<double>(), 2.0 / 32767);  // two roundings to 16 bits
  EXPECT_EQ(view.seconds, 1.3);
  EXPECT_EQ(view.shown, 1.3);
  // What a player goes by: bytes that follow, and bytes a second. Source: Microsoft, "Multiple Channel Audio Data and WAVE Files".
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t(std::uint8_t(view.wav[at + i])) << (8 * i);
    return value;
  };
  EXPECT_EQ(number(4), view.wav.size() - 8);
  EXPECT_EQ(number(28), 32000u);
  EXPECT_EQ(number(40), view.wav.size() - 44);
}

TEST_F(ClipViewTest, OfAnotherRateSoundsAsHighAndLastsAsLong) {
  write_recording(folder / "a.wav", tone(8000, 1.0), 8000);
  const auto wave = heard(view_clip({(folder / "a.wav").string(), {}}, 10));
  ASSERT_EQ(wave.samples.size(0), 16000);
  EXPECT_EQ(torch::fft_rfft(wave.samples).abs().argmax().item<std::int64_t>(), 440);
}

TEST_F(ClipViewTest, ShowsTheFirstSecondsOfItsSegment) {
  const auto samples = tone(16000, 2.0);
  write_recording(folder / "a.wav", samples, 16000);
  const auto view = view_clip({(folder / "a.wav").string(), {0.5, 1.5}}, 0.255);
  EXPECT_EQ(view.seconds, 1.0);
  EXPECT_EQ(view.shown, 0.255);
  const auto part = torch::tensor(samples).slice(0, 8000, 8000 + 4080);
  EXPECT_LT((heard(view).samples - part).abs().max().item<double>(), 2.0 / 32767);
  EXPECT_EQ(view.columns, 26);  // the last one is half full
  ASSERT_EQ(std::int64_t(view.spectrogram.size()), ClipView::bands * view.columns);
  const auto [faintest, loudest] = std::ranges::minmax(view.spectrogram, {}, [](char c) { return std::uint8_t(c); });
  EXPECT_EQ(std::uint8_t(faintest), 0);
  EXPECT_EQ(std::uint8_t(loudest), 255);
}

TEST_F(ClipViewTest, OfWhatIsLouderThanFullScaleDoesNotWrapAround) {
  write_recording(folder / "loud.wav", std::vector<float>(16000, 1.5F), 16000, kFloatWav);
  EXPECT_GT(heard(view_clip({(folder / "loud.wav").string(), {}}, 1)).samples.min().item<double>(), 0.99);
}

TEST_F(ClipViewTest, FindsARecordingInItsShard) {
  write_recording(folder / "a.wav", tone(16000, 0.5), 16000);
  write_recording(folder / "b.wav", tone(16000, 0.7), 16000);
  const auto a = bytes_of(folder / "a.wav"), b = bytes_of(folder / "b.wav");
  write_bytes(folder / "shard.tar", tar_member("a.wav", a) + tar_member("b.wav", b));
  Clip clip{(folder / "shard.tar").string(), {}};
  clip.offset = std::int64_t(tar_member("a.wav", a).size()) + 512;
  clip.bytes = std::int64_t(b.size());
  EXPECT_EQ(view_clip(clip, 10).wav, view_clip({(folder / "b.wav").string(), {}}, 10).wav);
}

}  // namespace
}  // namespace pal

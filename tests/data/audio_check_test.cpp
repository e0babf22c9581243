#include "pal/data/audio_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audio/recording.h"
#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

constexpr int kFlac = SF_FORMAT_FLAC | SF_FORMAT_PCM_16, kMp3 = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;

Sample sample_with(const fs::path& recording, AudioSegment segment = {}) {
  Sample sample;
  sample.id = recording.filename().string();
  sample.clips.push_back({recording.string(), segment});
  return sample;
}

// The problems of a clip, by name.
std::vector<std::string> problems_of(const Sample& sample, const AudioLimits& limits = {}) {
  ClipList clips;
  clips.add(sample);
  std::vector<std::string> names;
  for (const auto& finding : check_audio(clips, limits, 1).findings) names.emplace_back(name_of(finding.problem));
  return names;
}

void cut_to_half(const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); }

class AudioCheck : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::vector<float>& samples, int format = kPcm16Wav, int rate = 16000) {
    write_recording(folder_ / name, samples, rate, format);
    return folder_ / name;
  }
  TemporaryFolder folder_;
};

TEST_F(AudioCheck, SoundRecordingsOfEveryFormatPass) {
  const auto samples = tone(16000, 1.0);
  for (const auto& path : {write("a.wav", samples), write("b.flac", samples, kFlac), write("c.mp3", samples, kMp3)})
    EXPECT_THAT(problems_of(sample_with(path)), testing::IsEmpty()) << path;
}

TEST_F(AudioCheck, WhatIsDamagedOrMissingIsUnreadable) {
  const auto samples = tone(16000, 2.0);
  for (const auto& path : {write("a.wav", samples), write("b.flac", samples, kFlac), write("c.mp3", samples, kMp3)}) {
    cut_to_half(path);
    EXPECT_THAT(problems_of(sample_with(path)), testing::ElementsAre("unreadable")) << path;
  }
  write_bytes(folder_ / "text.wav", "no recording");
  EXPECT_THAT(problems_of(sample_with(folder_ / "text.wav")), testing::ElementsAre("unreadable"));
  EXPECT_THAT(problems_of(sample_with(folder_ / "none.wav")), testing::ElementsAre("unreadable"));
  EXPECT_THAT(problems_of(sample_with(write("d.wav", samples), {.start = 1.0, .end = 3.0})), testing::ElementsAre("unreadable"));
}

TEST_F(AudioCheck, SilenceIsMeasuredByTheLoudestSample) {
  std::vector<float> samples(16000, 0.0f);
  EXPECT_THAT(problems_of(sample_with(write("zeros.wav", samples))), testing::ElementsAre("silent"));
  samples[8000] = 0.0009f;  // -60.9 dB
  EXPECT_THAT(problems_of(sample_with(write("below.wav", samples, kFloatWav))), testing::ElementsAre("silent"));
  samples[8000] = 0.0011f;  // -59.2 dB
  EXPECT_THAT(problems_of(sample_with(write("above.wav", samples, kFloatWav))), testing::IsEmpty());
  EXPECT_THAT(problems_of(sample_with(folder_ / "above.wav"), {.silent_below = -50}), testing::ElementsAre("silent"));
}

TEST_F(AudioCheck, ClippingIsAShareOfSamplesAtFullScale) {
  auto samples = tone(16000, 1.0);
  for (int i = 0; i < 16; ++i) samples[std::size_t(i)] = i % 2 == 0 ? 1.0f : -1.0f;  // 0.1 %: not above it
  EXPECT_THAT(problems_of(sample_with(write("peaks.wav", samples, kFloatWav))), testing::IsEmpty());
  samples[16] = -1.0f;
  EXPECT_THAT(problems_of(sample_with(write("clipped.wav", samples, kFloatWav))), testing::ElementsAre("clipped"));
  EXPECT_THAT(problems_of(sample_with(folder_ / "clipped.wav"), {.clipped_share = 0.01}), testing::IsEmpty());
}

TEST_F(AudioCheck, LengthsAreThoseOfTheSegmentAndRatesThoseOfTheFile) {
  const auto path = write("a.wav", tone(16000, 2.0));
  EXPECT_THAT(problems_of(sample_with(path), {.min_seconds = 2.5}), testing::ElementsAre("too_short"));
  EXPECT_THAT(problems_of(sample_with(path), {.max_seconds = 1.5}), testing::ElementsAre("too_long"));
  EXPECT_THAT(problems_of(sample_with(path, {.start = 0.0, .end = 1.0}), {.max_seconds = 1.5}), testing::IsEmpty());
  EXPECT_THAT(problems_of(sample_with(path, {.start = 1.95, .end = {}})), testing::ElementsAre("too_short"));
  EXPECT_THAT(problems_of(sample_with(path), {.sample_rate = 44100}), testing::ElementsAre("wrong_rate"));
  EXPECT_THAT(problems_of(sample_with(path), {.sample_rate = 16000}), testing::IsEmpty());
}

TEST_F(AudioCheck, AClipOfManySamplesIsLookedAtOnce) {
  const auto path = write("a.wav", tone(16000, 1.0));
  ClipList clips;
  clips.add(sample_with(path));
  clips.add(sample_with(path));
  clips.add(sample_with(path, {.start = 0.5, .end = {}}));
  const auto report = check_audio(clips, {}, 1);
  EXPECT_EQ(report.clips, 2);
  EXPECT_DOUBLE_EQ(report.seconds, 1.5);
}

TEST_F(AudioCheck, TheReportDoesNotDependOnTheNumberOfThreads) {
  ClipList clips;
  for (int i = 0; i < 60; ++i) {
    const auto name = fmt::format("{:02}", i);
    if (i % 3 == 0) write_bytes(folder_ / (name + ".wav"), "no recording");
    if (i % 3 == 1) write(name + ".wav", std::vector<float>(std::size_t(1600 + 16 * i), 0.0f));
    if (i % 3 == 2) cut_to_half(write(name + ".wav", tone(16000, 0.2), kFlac));
    clips.add(sample_with(folder_ / (name + ".wav")));
  }
  const auto one = check_audio(clips, {}, 1), eight = check_audio(clips, {}, 8);
  EXPECT_EQ(one.count(AudioProblem::kUnreadable), 40);
  EXPECT_EQ(one.count(AudioProblem::kSilent), 20);
  EXPECT_EQ(one.seconds, eight.seconds);
  ASSERT_EQ(one.findings.size(), eight.findings.size());
  for (std::size_t i = 0; i < one.findings.size(); ++i) {
    EXPECT_EQ(one.findings[i].clip.path, eight.findings[i].clip.path);
    EXPECT_EQ(one.findings[i].what, eight.findings[i].what);
  }
  EXPECT_THROW(check_audio(clips, {}, 0), UserError);
}

}  // namespace
}  // namespace pal

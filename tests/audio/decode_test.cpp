#include "pal/audio/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/torch.h>

#include <functional>
#include <limits>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "recording.h"
#include "tar_member.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

torch::Tensor as_tensor(const std::vector<float>& values) { return torch::tensor(values); }

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(DecodeAudio, ReadsEveryDeclaredFormat) {
  const TemporaryFolder folder;
  const auto samples = tone(22050, 1.0);
  struct Case {
    const char* name;
    int format;
    double tolerance;
  };
  // 16-bit formats are exact to half a step (1/65536) and libsndfile's rounding; the lossy ones to what their
  // codecs keep.
  for (const Case& test : {Case{"a.wav", kPcm16Wav, 4e-5}, Case{"b.wav", kFloatWav, 0.0},
                           Case{"c.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 4e-5},
                           Case{"d.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 0.05},
                           Case{"e.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 0.05},
                           Case{"f.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 4e-5}}) {
    SCOPED_TRACE(test.name);
    write_recording(folder / test.name, samples, 22050, test.format);
    const Waveform wave = decode_audio(folder / test.name);
    EXPECT_EQ(wave.sample_rate, 22050);
    ASSERT_EQ(wave.samples.size(0), 22050);
    EXPECT_LE(largest_difference(wave.samples, as_tensor(samples)), test.tolerance);
    const AudioInfo info = read_audio_header(folder / test.name);
    EXPECT_EQ(info.frames, 22050);
    EXPECT_EQ(info.channels, 1);
    EXPECT_DOUBLE_EQ(info.seconds(), 1.0);
  }
}

TEST(DecodeAudio, MixesChannelsByTheirMean) {
  const TemporaryFolder folder;
  write_recording(folder / "stereo.wav", {0.5f, 0.25f, -1.0f, 0.5f, 0.0f, 0.125f}, 8000, kFloatWav, 2);
  const Waveform wave = decode_audio(folder / "stereo.wav");
  EXPECT_TRUE(torch::equal(wave.samples, torch::tensor({0.375f, -0.25f, 0.0625f})));
}

TEST(DecodeAudio, ReadsSegmentsOfEveryFormatWhereTheWholeHasThem) {
  const TemporaryFolder folder;
  const auto samples = tone(16000, 3.0);
  for (const auto& [name, format] :
       {std::pair{"a.wav", kPcm16Wav}, std::pair{"b.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
        std::pair{"c.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
        std::pair{"d.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}}) {
    SCOPED_TRACE(name);
    write_recording(folder / name, samples, 16000, format);
    const auto whole = decode_audio(folder / name).samples;
    const auto part = decode_audio(folder / name, {}, {1.25, 2.5}).samples;
    ASSERT_EQ(part.size(0), 20000);
    EXPECT_TRUE(torch::equal(part, whole.slice(0, 20000, 40000)));
    EXPECT_EQ(decode_audio(folder / name, {}, {2.0, std::nullopt}).samples.size(0), 16000);
    EXPECT_EQ(decode_audio(folder / name, {}, {2.0, 3.05}).samples.size(0),
              16000);  // within the slack of rounded times
  }
}

TEST(DecodeAudio, LimitsTheDurationOfWhatIsDecodedNotOfTheFile) {
  const TemporaryFolder folder;
  write_recording(folder / "long.wav", tone(8000, 5.0), 8000);
  const DecodeLimits limits{.max_seconds = 2};
  EXPECT_THROW(decode_audio(folder / "long.wav", limits), UserError);
  EXPECT_EQ(decode_audio(folder / "long.wav", limits, {3.0, 5.0}).samples.size(0), 16000);
}

TEST(DecodeAudio, AnOggCutShortIsAsLongAsWhatItHolds) {  // its header states no length: the declared policy
  const TemporaryFolder folder;
  write_recording(folder / "whole.ogg", tone(16000, 30.0), 16000, SF_FORMAT_OGG | SF_FORMAT_VORBIS);
  const std::string bytes = bytes_of(folder / "whole.ogg");
  write_bytes(folder / "cut.ogg", bytes.substr(0, bytes.size() * 2 / 3));
  const auto length = decode_audio(folder / "cut.ogg").samples.size(0);
  EXPECT_GT(length, 8000);
  EXPECT_LT(length, 480000);
}

// Frames of silence as an encoder without a Xing header writes them: MPEG 1, layer III, 64 kbit/s, mono;
// all-zero side information means that nothing follows.
std::string mp3_frames(int count, int kilobits_index = 5, int frame_bytes = 208) {
  std::string frame = {'\xff', '\xfb', char(kilobits_index << 4), '\xc0'};
  frame.resize(std::size_t(frame_bytes), '\0');
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += frame;
  return bytes;
}

TEST(DecodeAudio, AStretchOfAFileIsARecordingLikeAFileOfItsOwn) {
  const TemporaryFolder folder;
  std::string empty_tag = {'I', 'D', '3', 3, 0, 0, 0, 0, 0, 0};
  empty_tag.resize(21, '\0');  // libsndfile knows what follows as mp3 by the file's name alone
  write_bytes(folder / "whole.mp3", empty_tag + mp3_frames(19));
  const std::string before = tar_member("a.txt", "caption"), mp3 = read_file(folder / "whole.mp3"), after = tar_member("b.wav", std::string(1000, 'x'));
  write_bytes(folder / "shard.tar", before + tar_member("a.mp3", mp3) + after);
  const Recording part(folder / "shard.tar", 1024 + 512, std::int64_t(mp3.size()));
  const auto whole = decode_audio(folder / "whole.mp3").samples;
  EXPECT_GE(whole.size(0), 18 * 1152);
  EXPECT_TRUE(torch::equal(decode_audio(part).samples, whole));
  const auto bytes = std::int64_t(bytes_of(folder / "shard.tar").size());
  EXPECT_THAT([&] { decode_audio(Recording(folder / "shard.tar", bytes - 1024, 1000)); }, ThrowsMessage<UserError>(HasSubstr("cannot be decoded")));
}

// Decoders of mp3 find frames wherever they begin to read: only the header before it says that a stretch is a recording.
TEST(DecodeAudio, AStretchThatIsNoMemberOfATarIsRefused) {
  const TemporaryFolder folder;
  const std::string mp3 = mp3_frames(19);
  const auto bytes = std::int64_t(mp3.size());
  write_bytes(folder / "frames.mp3", mp3.substr(std::size_t(bytes) / 19));
  EXPECT_NO_THROW(decode_audio(folder / "frames.mp3"));
  std::string damaged = tar_member("c.mp3", mp3);
  damaged[0] = 'd';  // the header's sum is of another name
  write_bytes(folder / "shard.tar", tar_member("a.mp3", mp3) + tar_member("b.mp3", mp3) + damaged + tar_header("e.mp3", std::size_t(bytes), '3') + mp3);
  const std::int64_t member = std::int64_t(tar_member("a.mp3", mp3).size());
  EXPECT_NO_THROW(decode_audio(Recording(folder / "shard.tar", 512, bytes)));
  EXPECT_NO_THROW(decode_audio(Recording(folder / "shard.tar", member + 512, bytes)));
  const std::int64_t frame = bytes / 19;
  const std::vector<std::pair<std::int64_t, std::int64_t>> others = {
      {0, bytes}, {511, bytes},       // no room for a header
      {512 + frame, bytes - frame},   // a later frame
      {512, bytes - frame},           // a member's beginning
      {2 * member + 512, bytes},      // a damaged header
      {3 * member + 512, bytes},      // a device's
      {100 * member, bytes}};         // behind the end
  for (const auto& [offset, size] : others)
    EXPECT_THAT([&] { decode_audio(Recording(folder / "shard.tar", offset, size)); },
                ThrowsMessage<UserError>(AllOf(HasSubstr(fmt::format("shard.tar (recording at byte {}): a tar's member of {} bytes was expected", offset, size)),
                                               HasSubstr("pal-data index"))))
        << offset;
}

TEST(DecodeAudio, AnMp3ThatStatesNoLengthIsAsLongAsItsFrames) {
  const TemporaryFolder folder;
  // libsndfile takes both tags for sound: it would promise 34 frames.
  std::string tag = {'I', 'D', '3', 3, 0, 0, 0, 0, 0x1f, 0x76};  // 4086 bytes follow
  tag.resize(4096, '\0');
  write_bytes(folder / "tagged.mp3", tag + mp3_frames(19) + "TAG" + std::string(125, '\0'));
  EXPECT_EQ(decode_audio(folder / "tagged.mp3").samples.size(0), 19 * 1152);
  EXPECT_EQ(read_audio_header(folder / "tagged.mp3").frames, 19 * 1152);
  EXPECT_EQ(decode_audio(folder / "tagged.mp3", {}, {0.1, 0.2}).samples.size(0), 4410);
  EXPECT_THROW(decode_audio(folder / "tagged.mp3", {}, {0.1, 0.9}), UserError);  // past its 0.496 s

  const std::string frames = mp3_frames(20);
  write_bytes(folder / "cut.mp3", frames.substr(0, frames.size() - 100));
  EXPECT_EQ(decode_audio(folder / "cut.mp3").samples.size(0), 19 * 1152);
}

TEST(DecodeAudio, AWavOfUnknownLengthIsReadToItsEnd) {  // what `ffmpeg ... -f wav - | cat` leaves
  const TemporaryFolder folder;
  write_recording(folder / "piped.wav", tone(8000, 0.5), 8000);
  std::string bytes = bytes_of(folder / "piped.wav");
  bytes.replace(4, 4, "\xff\xff\xff\xff");
  bytes.replace(bytes.find("data") + 4, 4, "\xff\xff\xff\xff");
  write_bytes(folder / "piped.wav", bytes);
  EXPECT_EQ(decode_audio(folder / "piped.wav").samples.size(0), 4000);
}

// ---- Bad recordings: each is refused with a message that names the file and says what is wrong.

struct BadRecording {
  const char* name;
  std::function<void(const fs::path&)> make;
  const char* message;  // a part of it
  DecodeLimits limits = {};
  AudioSegment segment = {};
};

void cut_to(const fs::path& path, double part) {
  const std::string bytes = bytes_of(path);
  write_bytes(path, bytes.substr(0, std::size_t(double(bytes.size()) * part)));
}

auto recording_of(int rate, double seconds, int format = kPcm16Wav, int channels = 1) {
  return [=](const fs::path& path) {
    write_recording(path, tone(rate * channels, seconds), rate, format, channels);
  };
}

auto cut_recording(int format, double part) {
  return [=](const fs::path& path) {
    write_recording(path, tone(16000, 3.0), 16000, format);
    cut_to(path, part);
  };
}

auto with_value(float value) {
  return [=](const fs::path& path) {
    auto samples = tone(8000, 1.0);
    samples[5000] = value;
    write_recording(path, samples, 8000, kFloatWav);
  };
}

auto with_sample_rate_field(const char (&field)[5]) {
  const std::string rate(field, 4);
  return [=](const fs::path& path) {
    write_recording(path, tone(8000, 1.0), 8000);
    std::string bytes = bytes_of(path);
    write_bytes(path, bytes.replace(24, 4, rate));
  };
}

const std::vector<BadRecording>& bad_recordings() {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  static const std::vector<BadRecording> table = {
      {"missing.wav", [](const fs::path&) {}, "no such recording"},
      {"folder.wav", [](const fs::path& path) { fs::create_directory(path); },
       "is a folder, but a recording was expected"},
      {"pipe.wav", [](const fs::path& path) { ::mkfifo(path.c_str(), 0600); }, "is no ordinary file"},
      {"empty.wav", [](const fs::path& path) { write_bytes(path, ""); }, "is empty (0 bytes)"},
      {"text.wav", [](const fs::path& path) { write_bytes(path, "This is not a recording at all.\n"); },
       "cannot be decoded as wav, flac, ogg or mp3"},
      {"zeros.mp3", [](const fs::path& path) { write_bytes(path, std::string(5000, '\0')); },
       "cannot be decoded as wav, flac, ogg or mp3"},
      {"head.wav", cut_recording(kPcm16Wav, 0.0003), "cannot be decoded as wav, flac, ogg or mp3"},
      {"head.flac", cut_recording(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0.0003),
       "cannot be decoded as wav, flac, ogg or mp3"},
      {"cut.wav", cut_recording(kPcm16Wav, 0.5),
       "the header promises 96000 bytes of samples, but only 47978 are there"},
      {"cut.flac", cut_recording(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0.5),
       "the header promises 48000 samples a channel, but only"},
      {"cut.mp3", cut_recording(SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 0.5),
       "the header promises 48000 samples a channel, but only"},
      // By its first frames, of 320 kbit/s, libsndfile takes it for a fifth as long as it is and would stop
      // there.
      {"varying.mp3",
       [](const fs::path& path) { write_bytes(path, mp3_frames(4, 14, 1044) + mp3_frames(400, 1, 104)); },
       "decoding stopped after"},
      {"none.wav", [](const fs::path& path) { write_recording(path, {}, 8000); }, "holds no samples"},
      {"nan.wav", with_value(nan), "a sample is not a finite number (NaN or infinity), 0.625 s into"},
      {"infinity.wav", with_value(infinity), "a sample is not a finite number"},
      {"slow.wav", with_sample_rate_field("\x01\0\0\0"),
       "a sample rate from 1000 to 768000 Hz was expected, got 1;"},
      {"fast.wav", with_sample_rate_field("\xff\xff\xff\x0f"),
       "a sample rate from 1000 to 768000 Hz was expected, got 268435455"},
      {"long.wav",
       recording_of(1000, 61),
       "61.0 s to decode, but at most 60.0 s are accepted",
       {.max_seconds = 60}},
      {"hour.wav", recording_of(1000, 3601), "3601.0 s to decode, but at most 3600.0 s are accepted"},
      {"crowd.wav", recording_of(1000, 0.1, kPcm16Wav, 65), "1 to 64 channels were expected, got 65"},
      {"other.aiff", recording_of(8000, 1, SF_FORMAT_AIFF | SF_FORMAT_PCM_16),
       "a recording in wav, flac, ogg or mp3 was expected"},
      {"late.wav",
       recording_of(8000, 1),
       "the segment starts at 2 s, but the recording is 1.000 s long",
       {},
       {2.0, std::nullopt}},
      {"beyond.wav",
       recording_of(8000, 1),
       "the segment ends at 4 s, but the recording is 1.000 s long",
       {},
       {0.5, 4.0}},
      {"reversed.wav", recording_of(8000, 1), "the segment's end must be after its start", {}, {0.5, 0.25}},
      {"negative.wav",
       recording_of(8000, 1),
       "the segment's start must be at least 0 s, got -1",
       {},
       {-1.0, 1.0}},
  };
  return table;
}

TEST(DecodeAudio, RefusesBadRecordingsByNameAndReason) {
  const TemporaryFolder folder;
  for (const BadRecording& bad : bad_recordings()) {
    SCOPED_TRACE(bad.name);
    const fs::path path = folder / bad.name;
    bad.make(path);
    try {
      decode_audio(path, bad.limits, bad.segment);
      ADD_FAILURE() << "was accepted";
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), testing::StartsWith(path.string() + ": "));
      EXPECT_THAT(error.what(), testing::HasSubstr(bad.message));
    }
  }
}

// A flac header may claim 2^36 samples in a file of some kilobytes: nothing of that size may be allocated.
TEST(DecodeAudio, ALyingHeaderCostsNoMemory) {
  const TemporaryFolder folder;
  write_recording(folder / "liar.flac", tone(16000, 1.0), 16000, SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
  std::string bytes = bytes_of(folder / "liar.flac");
  bytes[21] = char(bytes[21] | 0x0f);  // the 36-bit number of samples in STREAMINFO: its highest four bits
  write_bytes(folder / "liar.flac", bytes);
  EXPECT_THROW(decode_audio(folder / "liar.flac"), UserError);  // by the header alone
  const DecodeLimits anything{.max_seconds = 1e12};
  EXPECT_THROW(decode_audio(folder / "liar.flac", anything), UserError);  // after the second that it holds
}

}  // namespace
}  // namespace pal

#include "pal/audio/decode.h"

#include <sndfile.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <vector>

#include "mp3_length.h"
#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"
#include "recording_file.h"
#include "wav_length.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

constexpr sf_count_t kBlockFrames = 1 << 14;
constexpr double kSegmentSlack = 0.1;  // seconds; see AudioSegment::end
constexpr sf_count_t kUnknownFrames = std::numeric_limits<sf_count_t>::max();  // libsndfile's SF_COUNT_MAX

struct CloseSoundFile {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

struct OpenRecording {
  RecordingFile source;  // closed after what reads it
  std::unique_ptr<SNDFILE, CloseSoundFile> file{};
  SF_INFO info{};                           // frames: kUnknownFrames where the file does not tell
  sf_count_t most_frames = kUnknownFrames;  // where libsndfile stops reading, whatever follows
  std::string name{};

  bool length_known() const { return info.frames < kUnknownFrames; }
  bool is_mp3() const { return (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG; }
};

// Frames from `first` up to `last`, or to the file's end where that is not known.
struct FrameRange {
  sf_count_t first = 0;
  sf_count_t last = kUnknownFrames;
};

void check_format(const OpenRecording& recording) {
  switch (recording.info.format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
    case SF_FORMAT_FLAC:
    case SF_FORMAT_OGG:
    case SF_FORMAT_MPEG:
      return;
    default:
      user_error("{}: a recording in wav, flac, ogg or mp3 was expected, got libsndfile's format {:#x}",
                 recording.name, recording.info.format & SF_FORMAT_TYPEMASK);
  }
}

// libsndfile guesses the length of an mp3 that does not state it from the file's size, tags and all.
void measure(OpenRecording& recording) {
  const Mp3Length length = measure_mp3(recording.source.path());
  if (length.stated) return;
  recording.most_frames = recording.info.frames;
  recording.info.frames = length.counted.value_or(kUnknownFrames);
  PAL_CHECK(recording.info.frames > 0, "{}: holds no samples", recording.name);
}

// libsndfile knows an mp3 that begins with other bytes than a frame's or a tag's by its name alone, which a copy in memory has not.
SNDFILE* open_as_mp3(const fs::path& path, SF_INFO& info) {
  const TemporaryFolder folder;
  const fs::path named = folder / "recording.mp3";
  fs::create_symlink(path, named);
  return sf_open(named.c_str(), SFM_READ, &info);
}

// What libsndfile says of a file that it does not open is one text for all threads: where opening fails, it is tried again while no
// other thread opens anything.
void open_file(OpenRecording& recording) {
  const auto& path = recording.source.path();
  static std::shared_mutex opening;
  {
    const std::shared_lock together(opening);
    recording.file.reset(sf_open(path.c_str(), SFM_READ, &recording.info));
  }
  if (recording.file) return;
  const std::unique_lock alone(opening);
  recording.info = {};
  recording.file.reset(sf_open(path.c_str(), SFM_READ, &recording.info));
  const std::string problem = recording.file ? "" : sf_strerror(nullptr);
  if (!recording.file && recording.source.is_copy()) {
    recording.info = {};
    recording.file.reset(open_as_mp3(path, recording.info));
  }
  PAL_CHECK(recording.file, "{}: cannot be decoded as wav, flac, ogg or mp3: {}", recording.name, problem);
}

void check_file(const Recording& recording) {
  std::error_code error;
  const auto name = recording.name();
  const auto status = fs::status(recording.path, error);
  PAL_CHECK(fs::exists(status), "{}: no such recording", name);
  PAL_CHECK(!fs::is_directory(status), "{}: is a folder, but a recording was expected", name);
  PAL_CHECK(fs::is_regular_file(status), "{}: is no ordinary file, but a recording was expected", name);
  PAL_CHECK(fs::file_size(recording.path, error) > 0, "{}: is empty (0 bytes), but a recording was expected", name);
}

OpenRecording open_recording(const Recording& from, const DecodeLimits& limits) {
  check_file(from);
  OpenRecording recording{.source = RecordingFile(from), .name = from.name()};
  open_file(recording);
  check_format(recording);
  const SF_INFO& info = recording.info;
  PAL_CHECK(info.samplerate >= limits.min_rate && info.samplerate <= limits.max_rate,
            "{}: a sample rate from {} to {} Hz was expected, got {}; is the header damaged?", recording.name,
            limits.min_rate, limits.max_rate, info.samplerate);
  PAL_CHECK(info.channels >= 1 && info.channels <= limits.max_channels,
            "{}: 1 to {} channels were expected, got {}", recording.name, limits.max_channels, info.channels);
  PAL_CHECK(info.frames > 0, "{}: holds no samples", recording.name);
  check_wav_length(recording.source.path(), recording.name);
  if (recording.is_mp3()) measure(recording);
  return recording;
}

FrameRange frames_of(const AudioSegment& segment, const OpenRecording& recording) {
  const double rate = recording.info.samplerate;
  const double start = segment.start;
  // 1e12 s at 1 MHz still fits 64 bits; the comparison is also false for NaN.
  PAL_CHECK(start >= 0 && start < 1e12, "{}: the segment's start must be at least 0 s, got {}",
            recording.name, start);
  FrameRange range{std::llround(start * rate), recording.info.frames};
  if (segment.end) {
    PAL_CHECK(*segment.end > start && *segment.end < 1e12,
              "{}: the segment's end must be after its start {} s, got {}", recording.name, start,
              *segment.end);
    const sf_count_t asked = std::max<sf_count_t>(std::llround(*segment.end * rate), range.first + 1);
    PAL_CHECK(!recording.length_known() || double(asked - recording.info.frames) <= kSegmentSlack * rate,
              "{}: the segment ends at {} s, but the recording is {:.3f} s long", recording.name,
              *segment.end, double(recording.info.frames) / rate);
    range.last = std::min(asked, recording.info.frames);
  }
  PAL_CHECK(range.first < range.last, "{}: the segment starts at {} s, but the recording is {:.3f} s long",
            recording.name, start, double(recording.info.frames) / rate);
  return range;
}

void check_length(sf_count_t frames, const OpenRecording& recording, const DecodeLimits& limits) {
  const double seconds = double(frames) / recording.info.samplerate;
  PAL_CHECK(seconds <= limits.max_seconds,
            "{}: {:.1f} s to decode, but at most {:.1f} s are accepted; give a segment, or raise the limit",
            recording.name, seconds, limits.max_seconds);
}

// The mean of the channels of the next block; 0 frames at the end.
sf_count_t read_block(OpenRecording& recording, sf_count_t frames, std::vector<float>& interleaved,
                      std::vector<float>& mono) {
  const int channels = recording.info.channels;
  const sf_count_t got = std::max<sf_count_t>(sf_readf_float(recording.file.get(), interleaved.data(), frames), 0);
  const std::size_t before = mono.size();
  mono.resize(before + std::size_t(got));
  const float* next = interleaved.data();
  for (std::size_t i = before; i < mono.size(); ++i, next += channels) {
    mono[i] = std::accumulate(next, next + channels, 0.0f) / float(channels);
    PAL_CHECK(std::isfinite(mono[i]),
              "{}: a sample is not a finite number (NaN or infinity), {:.3f} s into what is decoded",
              recording.name, double(i) / recording.info.samplerate);
  }
  return got;
}

// Goes to `frame` by seeking; in mp3 by decoding what comes before, because a frame there draws on bits of
// earlier ones and libsndfile's seek gives a damaged beginning.
void go_to(OpenRecording& recording, sf_count_t frame) {
  if (!recording.is_mp3()) {
    PAL_CHECK(frame == 0 || sf_seek(recording.file.get(), frame, SEEK_SET) == frame,
              "{}: the segment's start, sample {}, cannot be reached: {}", recording.name, frame,
              sf_strerror(recording.file.get()));
    return;
  }
  std::vector<float> dropped(std::size_t(kBlockFrames * recording.info.channels));
  while (frame > 0) {
    const sf_count_t got =
        sf_readf_float(recording.file.get(), dropped.data(), std::min(kBlockFrames, frame));
    PAL_CHECK(got > 0, "{}: decoding failed {} samples before the segment's start; is the file cut short?",
              recording.name, frame);
    frame -= got;
  }
}

// What was decoded must be what the file and the caller's segment promise. Never less, silently.
void check_decoded(sf_count_t decoded, const FrameRange& range, const OpenRecording& recording) {
  const double rate = recording.info.samplerate;
  PAL_CHECK(sf_error(recording.file.get()) == SF_ERR_NO_ERROR, "{}: decoding failed after {:.3f} s: {}",
            recording.name, double(decoded) / rate, sf_strerror(recording.file.get()));
  PAL_CHECK(decoded > 0, "{}: holds no samples", recording.name);
  if (range.first + decoded >= range.last) return;
  PAL_CHECK(range.first + decoded < recording.most_frames,
            "{}: decoding stopped after {:.3f} s, before the recording's end: it has no header that states "
            "its length, and a varying "
            "bit rate; write it anew, as wav for example",
            recording.name, double(recording.most_frames) / rate);
  const double missing = double(range.last - range.first - decoded);
  if (recording.length_known()) {
    // Programs that write mp3 count the frames of delay and padding differently.
    constexpr double kFrameOfMp3 = 1152;
    PAL_CHECK(
        missing <= (recording.is_mp3() ? 2 * kFrameOfMp3 : 0),
        "{}: the header promises {} samples a channel, but only {} could be decoded; is the file cut short?",
        recording.name, range.last - range.first, decoded);
  } else {
    PAL_CHECK(range.last == kUnknownFrames || missing <= kSegmentSlack * rate,
              "{}: the segment ends at {:.3f} s, but the recording is {:.3f} s long", recording.name,
              double(range.last) / rate, double(range.first + decoded) / rate);
  }
}

// Memory grows with what the file really holds, so a header that lies about the length costs nothing.
std::vector<float> read_mono(OpenRecording& recording, const FrameRange& range, const DecodeLimits& limits) {
  go_to(recording, range.first);
  std::vector<float> mono;
  std::vector<float> interleaved(std::size_t(kBlockFrames * recording.info.channels));
  const sf_count_t wanted = range.last - range.first;
  while (sf_count_t(mono.size()) < wanted) {
    const sf_count_t block = std::min(kBlockFrames, wanted - sf_count_t(mono.size()));
    if (read_block(recording, block, interleaved, mono) == 0) break;
    if (range.last == kUnknownFrames) check_length(sf_count_t(mono.size()), recording, limits);
  }
  check_decoded(sf_count_t(mono.size()), range, recording);
  return mono;
}

}  // namespace

AudioInfo read_audio_header(const Recording& from, const DecodeLimits& limits) {
  const OpenRecording recording = open_recording(from, limits);
  PAL_CHECK(recording.length_known(), "{}: the header does not say how long the recording is",
            recording.name);
  return {recording.info.frames, recording.info.samplerate, recording.info.channels};
}

Waveform decode_audio(const Recording& from, const DecodeLimits& limits, const AudioSegment& segment) {
  OpenRecording recording = open_recording(from, limits);
  const FrameRange range = frames_of(segment, recording);
  if (range.last < kUnknownFrames) check_length(range.last - range.first, recording, limits);
  const std::vector<float> mono = read_mono(recording, range, limits);
  Waveform waveform{torch::empty(std::int64_t(mono.size()), torch::kFloat32), recording.info.samplerate};
  std::copy(mono.begin(), mono.end(), waveform.samples.data_ptr<float>());
  return waveform;
}

}  // namespace pal

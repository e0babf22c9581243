#include "pal/integration/feature_cache_writer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "pal/core/file_lock.h"
#include "pal/core/files.h"
#include "pal/core/run_tasks.h"
#include "pal/core/safetensors.h"
#include "pal/core/tensor_source.h"
#include "pal/encoders/encoder_identity.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kDecodedAtOnce = 32;  // clips that wait for the encoder
constexpr std::size_t kShown = 10;

std::string_view bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), std::size_t(tensor.nbytes())};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  PAL_CHECK(!error, "{}: cannot be made: {}", folder.string(), error.message());
}

void prepare_folder(const fs::path& folder, const EncoderOptions& options, Encoder& encoder) {
  for (const auto& entry : fs::directory_iterator(folder))  // of a writer that was killed
    if (entry.path().extension() == ".tmp") fs::remove(entry.path());
  if (is_cache_of(folder, options, encoder)) return;
  torch::NoGradGuard no_grad;
  const auto probe = encoder.encode(probe_samples(encoder.sample_rate())).to(torch::kCPU);
  save_safetensors(folder / "encoder.safetensors", {{"probe", probe}}, {{"identity", nlohmann::json(identity_of(options)).dump()}});
}

// The different clips, in their order.
std::vector<const Clip*> without_repetition(const std::vector<const Clip*>& clips) {
  std::vector<const Clip*> different;
  std::unordered_set<std::string> seen;
  for (const Clip* clip : clips)
    if (seen.insert(clip->key()).second) different.push_back(clip);
  return different;
}

// A clip on its way into the cache.
struct Prepared {
  KnownRecording recording;
  torch::Tensor samples;  // not defined where the clip is stored already, or `problem` says why it cannot be read
  std::string problem;
};

class Writer {
 public:
  Writer(const fs::path& folder, Encoder& encoder, const CacheWriting& writing)
      : folder_(folder), encoder_(encoder), writing_(writing), index_(folder, encoder.width()), shard_(index_.next_shard()) {}

  CacheReport write(const std::vector<const Clip*>& clips) {
    report_.clips = std::int64_t(clips.size());
    const auto missing = missing_of(clips);
    for (std::size_t begin = 0; begin < missing.size(); begin += kDecodedAtOnce) {
      const std::span part(missing.data() + begin, std::min(kDecodedAtOnce, missing.size() - begin));
      std::vector<Prepared> prepared(part.size());
      run_tasks(std::int64_t(part.size()), writing_.threads, [&](std::int64_t i) { prepared[std::size_t(i)] = prepare(*part[std::size_t(i)]); });
      for (std::size_t i = 0; i < part.size(); ++i) take(*part[i], prepared[i]);
      if (writing_.progress) writing_.progress(std::int64_t(begin + part.size()), std::int64_t(missing.size()));
    }
    flush();
    return report_;
  }

 private:
  // What is not stored; throws where recordings have changed and must not.
  std::vector<const Clip*> missing_of(const std::vector<const Clip*>& clips) {
    std::vector<char> is_missing(clips.size()), has_changed(clips.size());
    run_tasks(std::int64_t(clips.size()), writing_.threads, [&](std::int64_t i) {
      const auto& clip = *clips[std::size_t(i)];
      const auto known = index_.recording(recording_name(clip));
      if (!known) return void(is_missing[std::size_t(i)] = 1);
      try {
        const bool is_as_it_was = stamp_of(clip) == known->stamp;
        has_changed[std::size_t(i)] = !is_as_it_was && digest_of_hex(sha256_of_recording(clip)) != known->content;
        // One that was only copied or touched gets a line with its new stamp.
        is_missing[std::size_t(i)] = !is_as_it_was || !index_.clip(known->content, clip.segment);
      } catch (const UserError&) {  // gone: prepare() will say so
        is_missing[std::size_t(i)] = 1;
      }
    });
    std::vector<const Clip*> missing;
    std::vector<std::string> changed;
    for (std::size_t i = 0; i < clips.size(); ++i) {
      if (is_missing[i]) missing.push_back(clips[i]);
      if (has_changed[i] && ++report_.refreshed <= std::int64_t(kShown)) changed.push_back(clips[i]->recording().name());
    }
    PAL_CHECK(writing_.refresh || report_.refreshed == 0, "{}: {} recordings have changed since they were encoded; --refresh encodes them anew\n  {}{}",
              folder_.string(), report_.refreshed, fmt::join(changed, "\n  "), report_.refreshed > std::int64_t(kShown) ? "\n  ..." : "");
    report_.known = std::int64_t(clips.size() - missing.size());
    return missing;
  }

  // In one of several threads.
  Prepared prepare(const Clip& clip) const {
    torch::NoGradGuard no_grad;
    Prepared prepared;
    try {
      prepared.recording.stamp = stamp_of(clip);
      prepared.recording.content = digest_of_hex(sha256_of_recording(clip));
      if (!index_.clip(prepared.recording.content, clip.segment)) prepared.samples = load_samples(clip.recording(), encoder_.sample_rate(), {}, clip.segment);
      PAL_CHECK(stamp_of(clip) == prepared.recording.stamp, "{}: was written to while it was read", clip.recording().name());
    } catch (const UserError& problem) {
      prepared.problem = problem.what();
      prepared.samples.reset();
    }
    return prepared;
  }

  void take(const Clip& clip, Prepared& prepared) {
    IndexLine line{recording_name(clip), prepared.recording, clip.segment, rows_, -1, prepared.problem};
    if (prepared.samples.defined()) encode(clip, prepared, line);
    if (line.unreadable.empty() && line.rows < 0) ++report_.known;  // the same clip under another name
    if (!line.unreadable.empty()) report_.unreadable.push_back(line.unreadable);
    if (!line.unreadable.empty() && index_.unreadable(line.path, line.recording.stamp, clip.segment)) return;  // as an earlier run has noted
    if (line.recording.stamp.bytes > 0) lines_ += line.json() + "\n";  // of a recording that is not there nothing is known
    index_.add(shard_, line);
    if (rows_ * encoder_.width() * std::int64_t(sizeof(float)) >= writing_.shard_bytes) flush();
  }

  void encode(const Clip& clip, const Prepared& prepared, IndexLine& line) {
    if (index_.clip(prepared.recording.content, clip.segment)) return;  // a clip of this round holds the same
    torch::NoGradGuard no_grad;
    try {
      tokens_.push_back(encoder_.encode(prepared.samples).to(torch::kCPU));
    } catch (const UserError& problem) {
      line.unreadable = fmt::format("{}: {}", clip.recording().name(), problem.what());
      return;
    }
    PAL_ASSERT(tokens_.back().scalar_type() == torch::kFloat32, "encoders give float32");
    line.rows = tokens_.back().size(0);
    rows_ += line.rows;
    ++report_.encoded;
  }

  void flush() {
    if (lines_.empty()) return;
    const auto tokens = (tokens_.empty() ? torch::zeros({0, encoder_.width()}) : torch::cat(tokens_)).contiguous();
    const auto index = torch::from_blob(lines_.data(), {std::int64_t(lines_.size())}, torch::kUInt8);
    save_safetensors(index_.shard_path(shard_++), {{"tokens", tokens}, {"index", index}}, {{"tokens_sha256", sha256(bytes_of(tokens))}});
    tokens_.clear();
    lines_.clear();
    rows_ = 0;
  }

  fs::path folder_;
  Encoder& encoder_;
  const CacheWriting& writing_;
  FeatureIndex index_;
  std::int32_t shard_;  // the one in work
  CacheReport report_;
  std::vector<torch::Tensor> tokens_;  // of this shard
  std::string lines_;                  // its index
  std::int64_t rows_ = 0;
};

std::vector<std::string> damaged_shards(const fs::path& folder, std::int64_t width, int threads) {
  const FeatureIndex index(folder, width);
  const auto shards = index.shards();
  std::vector<std::string> found(shards.size());
  run_tasks(std::int64_t(shards.size()), threads, [&](std::int64_t i) {
    const SafetensorsFile file(index.shard_path(shards[std::size_t(i)]));
    const auto tokens = file.bytes(file.entry("tokens"));
    const auto hash = sha256({reinterpret_cast<const char*>(tokens.data()), tokens.size()});
    const auto then = file.metadata().find("tokens_sha256");
    if (then == file.metadata().end() || then->second != hash) found[std::size_t(i)] = file.name() + ": its tokens are not what was written";
  });
  std::erase(found, "");
  return found;
}

}  // namespace

CacheReport write_feature_cache(const fs::path& folder, const EncoderOptions& options, Encoder& encoder, const std::vector<const Clip*>& clips,
                                const CacheWriting& writing) {
  PAL_CHECK(writing.shard_bytes > 0 && writing.threads > 0, "a shard of {} bytes, {} threads: expected more than 0", writing.shard_bytes, writing.threads);
  make_folder(folder);
  const FileLock lock(folder / "cache.lock");
  PAL_CHECK(lock.is_held(), "{}: another process writes here", folder.string());
  prepare_folder(folder, options, encoder);
  auto report = Writer(folder, encoder, writing).write(without_repetition(clips));
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("shard-")) continue;
    report.shards += 1;
    report.bytes += std::int64_t(entry.file_size());
  }
  return report;
}

std::vector<std::string> verify_feature_cache(const fs::path& folder, const EncoderOptions& options, Encoder& encoder, const std::vector<const Clip*>& clips,
                                              int threads) {
  PAL_CHECK(is_cache_of(folder, options, encoder), "{}: holds no cache of the encoder; `pal-data cache` makes it", folder.string());
  auto problems = damaged_shards(folder, encoder.width(), threads);
  const FeatureIndex index(folder, encoder.width());
  const auto different = without_repetition(clips);
  std::vector<std::string> found(different.size());
  run_tasks(std::int64_t(different.size()), threads, [&](std::int64_t i) {
    const auto& clip = *different[std::size_t(i)];
    try {
      const auto content = digest_of_hex(sha256_of_recording(clip));
      const auto known = index.recording(recording_name(clip));
      const bool is_other = known && known->content != content;
      if (is_other || !index.clip(content, clip.segment)) found[std::size_t(i)] = fmt::format("{}: {}", clip.recording().name(), is_other ? "has changed since it was encoded" : "is not stored");
    } catch (const UserError& problem) {
      found[std::size_t(i)] = problem.what();
    }
  });
  std::erase(found, "");
  problems.insert(problems.end(), found.begin(), found.end());
  return problems;
}

}  // namespace pal

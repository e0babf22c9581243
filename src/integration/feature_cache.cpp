#include "pal/integration/feature_cache.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "pal/core/safetensors.h"
#include "pal/core/strict_json.h"
#include "pal/core/tensor_source.h"
#include "pal/encoders/encoder_identity.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

constexpr double kProbeTolerance = 1e-3;  // other processors and thread counts round otherwise, by far less; another front-end differs by far more
constexpr std::size_t kShown = 10;

EncoderIdentity identity_in(const SafetensorsFile& file) {
  const auto found = file.metadata().find("identity");
  PAL_CHECK(found != file.metadata().end(), "{}: does not say whose outputs the folder holds", file.name());
  EncoderIdentity identity;
  const auto json = parse_strict_json(found->second, file.name() + ": identity", 2);
  for (const auto& [name, value] : json.items()) {
    PAL_CHECK(value.is_string(), "{}: identity: '{}' must be a text", file.name(), name);
    identity[name] = value.get<std::string>();
  }
  return identity;
}

void check_probe(const fs::path& file, Encoder& encoder) {
  torch::NoGradGuard no_grad;
  const auto then = load_safetensors(file).at("probe").to(torch::kFloat64);
  const auto now = encoder.encode(probe_samples(encoder.sample_rate())).to(torch::kCPU, torch::kFloat64);
  PAL_CHECK(then.sizes() == now.sizes(), "{}: the encoder made {} tokens of the fixed sound, and now {}; its front-end has changed. Encode into another folder",
            file.string(), then.size(0), now.size(0));
  const double apart = ((then - now).norm() / then.norm()).item<double>();
  PAL_CHECK(apart <= kProbeTolerance, "{}: the encoder now gives something else for the fixed sound (by {:.1e}, at most {:.0e} were expected): its front-end or its network has changed. "
            "Encode into another folder", file.string(), apart, kProbeTolerance);
}

std::string clip_name(const Clip& clip) {
  const auto name = clip.recording().name();
  if (!clip.segment.end && clip.segment.start == 0) return name;
  return fmt::format("{} from {} s to {}", name, clip.segment.start, clip.segment.end ? fmt::format("{} s", *clip.segment.end) : "its end");
}

const fs::path& checked(const fs::path& folder, const EncoderOptions& options, Encoder& encoder) {
  PAL_CHECK(is_cache_of(folder, options, encoder), "{}: holds no cache of the encoder; `pal-data cache` makes it", folder.string());
  return folder;
}

}  // namespace

fs::path feature_cache_folder(const fs::path& caches, const std::string& encoder) {
  PAL_CHECK(encoder.find('/') == std::string::npos, "the encoder's name '{}' may hold no '/': its cache is a folder of that name", encoder);
  return caches / encoder;
}

bool is_cache_of(const fs::path& folder, const EncoderOptions& options, Encoder& encoder) {
  const auto path = folder / "encoder.safetensors";
  if (!fs::exists(path)) return false;
  const auto changed = differences(identity_in(SafetensorsFile(path)), identity_of(options));
  PAL_CHECK(changed.empty(), "{}: holds what another encoder gave; encode into another folder, or change it back. What has changed:\n  {}", folder.string(),
            fmt::join(changed, "\n  "));
  check_probe(path, encoder);
  return true;
}

FeatureCache::FeatureCache(const fs::path& folder, const EncoderOptions& options, Encoder& encoder)
    : folder_(checked(folder, options, encoder)), width_(encoder.width()), index_(folder, encoder.width()) {}

Digest FeatureCache::content_of(const Clip& clip, const std::string& name, const RecordingStamp& stamp) const {
  const auto known = index_.recording(name);
  if (known && known->stamp == stamp) return known->content;
  {
    const std::lock_guard lock(mutex_);
    const auto found = hashed_.find(name);
    if (found != hashed_.end() && found->second.stamp == stamp) return found->second.content;
  }
  const auto content = digest_of_hex(sha256_of_recording(clip));  // outside of the lock: other threads go on reading
  const std::lock_guard lock(mutex_);
  hashed_[name] = {stamp, content};
  return content;
}

StoredClip FeatureCache::find(const Clip& clip) const {
  const auto name = recording_name(clip);
  const auto stamp = stamp_of(clip);
  const auto content = content_of(clip, name, stamp);
  if (const auto stored = index_.clip(content, clip.segment)) return *stored;
  if (const auto why = index_.unreadable(name, stamp, clip.segment)) throw UserError(*why);
  const auto known = index_.recording(name);
  if (known && known->content != content)
    throw StaleFeatures(fmt::format("{}: has changed since it was encoded: {} bytes then, {} now; SHA-256 {}... -> {}...", clip.recording().name(), known->stamp.bytes, stamp.bytes,
                                    known->content.hex().substr(0, 12), content.hex().substr(0, 12)));
  throw StaleFeatures(fmt::format("{}: is not in the cache {}", clip_name(clip), folder_.string()));
}

torch::Tensor FeatureCache::read(const Clip& clip) const {
  const auto stored = find(clip);
  auto tokens = torch::empty({stored.rows, width_}, torch::kFloat32);
  const SafetensorsFile file(index_.shard_path(stored.shard));  // opened anew: no limit of open files, and nothing that threads share
  const auto row_bytes = std::uint64_t(width_) * sizeof(float);
  const auto& entry = file.entry("tokens");
  PAL_CHECK(std::uint64_t(stored.first_row + stored.rows) * row_bytes <= entry.end - entry.begin, "{}: has become shorter", file.name());
  file.read(entry, std::uint64_t(stored.first_row) * row_bytes, std::as_writable_bytes(std::span(tokens.data_ptr<float>(), std::size_t(tokens.numel()))));
  return tokens;
}

void FeatureCache::check(const std::vector<const Clip*>& clips) const {
  std::vector<std::string> problems;
  std::size_t count = 0;
  for (const Clip* clip : clips) {
    try {
      find(*clip);
    } catch (const StaleFeatures& problem) {
      if (++count <= kShown) problems.emplace_back(problem.what());
    } catch (const UserError&) {  // unreadable: whoever reads it is told, as without a cache
    }
  }
  if (count == 0) return;
  if (count > kShown) problems.push_back(fmt::format("... and {} more", count - kShown));
  throw StaleFeatures(fmt::format("{}: {} clips cannot be taken from this cache; `pal-data cache` adds what is missing, and with --refresh what has changed\n  {}",
                                  folder_.string(), count, fmt::join(problems, "\n  ")));
}

}  // namespace pal

// What a frozen encoder made of clips, on disk: a folder with encoder.safetensors, which says whose outputs they are, and shards.
//
//   encoder.safetensors      metadata `identity`: see encoders/encoder_identity.h; `probe` [N, E]: the encoder's tokens of a fixed sound
//   shard-000000.safetensors `tokens` [rows, E] float32, the clips' back to back; `index` uint8: a JSON object a clip and line
//
// A clip is known by the hash of its recording's bytes and its segment. While length and time of a recording are those of when it was
// encoded, it is taken to be the same; otherwise it is hashed again, once a process.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "pal/core/check.h"
#include "pal/encoders/encoder.h"
#include "pal/integration/feature_index.h"

namespace pal {

// A clip's recording has changed since it was encoded, or was never encoded: no reason to leave the sample out.
class StaleFeatures : public UserError {
 public:
  using UserError::UserError;
};

// The cache of one encoder, for reading.
class FeatureCache {
 public:
  // Throws UserError where the folder holds no cache, or the outputs of other weights or options, or where the encoder makes something else
  // of the fixed sound than it did (1e-3): with what has changed. `encoder` is asked once, here.
  FeatureCache(const std::filesystem::path& folder, const EncoderOptions& options, Encoder& encoder);

  // The clip's tokens [N, E], as the encoder gave them, on the CPU. Safe to use from several threads. Throws StaleFeatures as above, and
  // UserError, with the reason of then, where the recording could not be decoded.
  torch::Tensor read(const Clip& clip) const;
  // N of these tokens, which are not read. Throws as read().
  std::int64_t rows(const Clip& clip) const { return find(clip).rows; }
  // Throws StaleFeatures that names up to ten of the clips that read() would refuse. Reads no tokens.
  void check(const std::vector<const Clip*>& clips) const;

  std::string describe() const { return folder_.string(); }  // the folder, for messages
  std::size_t clips() const { return index_.clips(); }       // that are stored

 private:
  StoredClip find(const Clip& clip) const;
  Digest content_of(const Clip& clip, const std::string& name, const RecordingStamp& stamp) const;

  std::filesystem::path folder_;
  std::int64_t width_;
  FeatureIndex index_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, KnownRecording> hashed_;  // in this process, by name
};

// Caches by the encoder's name.
using FeatureCaches = std::map<std::string, std::shared_ptr<const FeatureCache>>;

// Where the encoder's cache is in a folder of caches. Throws UserError for a name that is no folder's.
std::filesystem::path feature_cache_folder(const std::filesystem::path& caches, const std::string& encoder);

// Compares encoder.safetensors of `folder` with the encoder and throws UserError as FeatureCache does. Returns false where there is none.
bool is_cache_of(const std::filesystem::path& folder, const EncoderOptions& options, Encoder& encoder);

}  // namespace pal

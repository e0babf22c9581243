// Makes a feature cache, or adds to one (integration/feature_cache.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pal/integration/feature_cache.h"

namespace pal {

// How a cache is written.
struct CacheWriting {
  std::int64_t shard_bytes = std::int64_t{256} << 20;  // a shard holds as many clips as fit, and one at least
  int threads = 1;                                     // that decode and hash; the encoder takes one clip after the other
  bool refresh = false;                                // encode recordings that have changed anew; otherwise they are an error
  std::function<void(std::int64_t done, std::int64_t of)> progress;  // told now and then
};

// What write_feature_cache() did. Every different clip is counted once.
struct CacheReport {
  std::int64_t clips = 0;                // that were asked for
  std::int64_t known = 0;                // of these, stored before
  std::int64_t encoded = 0;              // now
  std::int64_t refreshed = 0;            // clips of recordings that have changed, among the above
  std::vector<std::string> unreadable;   // what the decoder or the encoder says of those it refuses
  std::int64_t shards = 0, bytes = 0;    // of all files in the folder, at the end
};

// Encodes those of the clips that the folder does not hold yet, into new shards. Each is written whole or not at all, so that a killed run
// goes on with what its shards lack. Throws UserError where the folder is another encoder's, another process writes there, or recordings
// have changed (named; nothing is written).
CacheReport write_feature_cache(const std::filesystem::path& folder, const EncoderOptions& options, Encoder& encoder,
                                const std::vector<const Clip*>& clips, const CacheWriting& writing);

// Reads all shards and all recordings whole: what does not hold what it did when the clip was encoded, a line each. Throws as FeatureCache.
std::vector<std::string> verify_feature_cache(const std::filesystem::path& folder, const EncoderOptions& options, Encoder& encoder,
                                              const std::vector<const Clip*>& clips, int threads);

}  // namespace pal

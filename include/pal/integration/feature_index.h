// Which clips a feature cache holds, and where. Millions are held at once, so that everything is known by 128 bits of a hash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pal/data/recording_stamp.h"

namespace pal {

// The first half of a SHA-256.
struct Digest {
  std::uint64_t high = 0, low = 0;  // its 16 bytes

  bool operator==(const Digest&) const = default;  // bit for bit
  std::string hex() const;                         // 32 digits
};

Digest digest_of_hex(std::string_view sha256);  // of 64 hex digits
Digest digest_of(std::string_view text);        // of the text's SHA-256

// What of a recording is a clip, whatever the file is called.
Digest clip_digest(const Digest& content, const AudioSegment& segment);

// A recording as it was when a clip of it was encoded.
struct KnownRecording {
  RecordingStamp stamp;  // of the file
  Digest content;        // of its bytes
};

// Where a clip's tokens are.
struct StoredClip {
  std::int32_t shard = 0;      // number of the file
  std::int64_t first_row = 0;  // of its `tokens`
  std::int64_t rows = 0;       // as many tokens as the encoder gave
};

// One clip in the index of a shard, a JSON object a line.
struct IndexLine {
  std::string path;            // recording_name()
  KnownRecording recording;    // as it was
  AudioSegment segment;        // the clip
  std::int64_t first_row = 0;  // of the shard's tokens
  std::int64_t rows = -1;   // below 0: no tokens here. The same clip is stored already under another name, or it cannot be decoded:
  std::string unreadable;   // why not; empty: it can

  std::string json() const;  // the line
};

// What the shards of one folder hold.
class FeatureIndex {
 public:
  // Reads the indexes of all shards that are there: folder/shard-000000.safetensors and so on. A later line about a recording takes the
  // place of an earlier one. width: of the tokens. Throws UserError that names a shard that does not fit.
  FeatureIndex(const std::filesystem::path& folder, std::int64_t width);

  std::optional<KnownRecording> recording(const std::string& path) const;  // as it was, if any clip of it was encoded
  std::optional<StoredClip> clip(const Digest& content, const AudioSegment& segment) const;  // where its tokens are
  // Why the clip could not be encoded when it was tried; nothing where it could, was not tried, or the file is another by now.
  std::optional<std::string> unreadable(const std::string& path, const RecordingStamp& stamp, const AudioSegment& segment) const;

  void add(std::int32_t shard, const IndexLine& line);           // what a line says of the shard
  std::filesystem::path shard_path(std::int32_t shard) const;    // of the file
  std::int32_t next_shard() const { return next_shard_; }        // the number of the file to come
  std::vector<std::int32_t> shards() const { return shards_; }   // increasing
  std::size_t clips() const { return clips_.size(); }            // that are stored

 private:
  struct Hash {
    std::size_t operator()(const Digest& digest) const { return std::size_t(digest.low); }
  };
  struct Failure {
    RecordingStamp stamp;
    std::string why;
  };
  void read_shard(std::int32_t shard, std::int64_t width);

  std::filesystem::path folder_;
  std::vector<std::int32_t> shards_;
  std::int32_t next_shard_ = 0;
  std::unordered_map<Digest, KnownRecording, Hash> recordings_;  // by the hash of the path
  std::unordered_map<Digest, StoredClip, Hash> clips_;           // by clip_digest()
  std::unordered_map<Digest, Failure, Hash> unreadable_;         // by path and segment
};

}  // namespace pal

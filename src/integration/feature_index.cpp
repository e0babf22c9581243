#include "pal/integration/feature_index.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/safetensors.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "shard-", kSuffix = ".safetensors";

std::uint64_t hex_value(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  PAL_CHECK(error == std::errc() && end == digits.data() + digits.size(), "'{}' are no hex digits", digits);
  return value;
}

std::string segment_text(const AudioSegment& segment) {
  return segment.end ? fmt::format("{} {}", segment.start, *segment.end) : fmt::format("{}", segment.start);
}

Digest path_and_segment(const std::string& path, const AudioSegment& segment) {
  return digest_of(path + '\0' + segment_text(segment));
}

// The number in a shard's name; nothing for other files.
std::optional<std::int32_t> shard_number(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || name.size() <= kPrefix.size() + kSuffix.size()) return std::nullopt;
  std::int32_t number = 0;
  const char* end = name.data() + name.size() - kSuffix.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  return error == std::errc() && stop == end && number >= 0 ? std::optional(number) : std::nullopt;
}

IndexLine parse_line(std::string_view text) {
  const auto json = nlohmann::json::parse(text);
  IndexLine line;
  line.path = json.at("path");
  line.recording.stamp = {json.at("bytes").get<std::int64_t>(), json.at("modified").get<std::int64_t>()};
  line.recording.content = digest_of_hex(json.at("sha256").get<std::string>());
  line.segment.start = json.at("start");
  if (json.contains("end")) line.segment.end = json["end"].get<double>();
  line.first_row = json.value("row", std::int64_t{0});
  line.rows = json.value("rows", std::int64_t{-1});
  line.unreadable = json.value("unreadable", "");
  return line;
}

}  // namespace

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest digest_of_hex(std::string_view sha256) {
  PAL_CHECK(sha256.size() >= 32, "'{}' is no SHA-256", sha256);
  return {hex_value(sha256.substr(0, 16)), hex_value(sha256.substr(16, 16))};
}

Digest digest_of(std::string_view text) { return digest_of_hex(sha256(text)); }

Digest clip_digest(const Digest& content, const AudioSegment& segment) { return digest_of(content.hex() + " " + segment_text(segment)); }

std::string IndexLine::json() const {
  nlohmann::ordered_json json = {{"path", path}, {"bytes", recording.stamp.bytes}, {"modified", recording.stamp.modified},
                                 {"sha256", recording.content.hex()}, {"start", segment.start}};
  if (segment.end) json["end"] = *segment.end;
  if (rows >= 0) json["row"] = first_row, json["rows"] = rows;
  if (!unreadable.empty()) json["unreadable"] = unreadable;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

FeatureIndex::FeatureIndex(const fs::path& folder, std::int64_t width) : folder_(folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (const auto number = shard_number(entry.path().filename().string())) shards_.push_back(*number);
  std::ranges::sort(shards_);
  if (!shards_.empty()) next_shard_ = shards_.back() + 1;
  for (const auto shard : shards_) read_shard(shard, width);
}

void FeatureIndex::read_shard(std::int32_t shard, std::int64_t width) {
  const SafetensorsFile file(shard_path(shard));
  const auto& tokens = file.entry("tokens");
  const auto& index = file.entry("index");
  PAL_CHECK(tokens.dtype == DType::kF32 && tokens.shape.size() == 2 && tokens.shape[1] == width && index.dtype == DType::kU8,
            "{}: is no shard of a feature cache: expected float32 tokens of width {}, and an index", file.name(), width);
  std::string text(index.end - index.begin, '\0');
  file.read(index, 0, std::as_writable_bytes(std::span(text)));
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    ++number;
    try {
      const auto line = parse_line(std::string_view(text).substr(begin, end - begin));
      PAL_CHECK(line.rows < 0 || (line.first_row >= 0 && line.first_row <= tokens.shape[0] - line.rows),
                "rows {} + {} of {}", line.first_row, line.rows, tokens.shape[0]);
      add(shard, line);
    } catch (const std::exception& problem) {
      user_error("{}: line {} of its index is damaged: {}", file.name(), number, problem.what());
    }
    begin = end + 1;
  }
}

void FeatureIndex::add(std::int32_t shard, const IndexLine& line) {
  if (next_shard_ <= shard) next_shard_ = shard + 1, shards_.push_back(shard);
  recordings_[digest_of(line.path)] = line.recording;
  if (line.rows >= 0) clips_[clip_digest(line.recording.content, line.segment)] = {shard, line.first_row, line.rows};
  const auto failure = path_and_segment(line.path, line.segment);
  if (line.unreadable.empty())
    unreadable_.erase(failure);
  else
    unreadable_[failure] = {line.recording.stamp, line.unreadable};
}

fs::path FeatureIndex::shard_path(std::int32_t shard) const { return folder_ / fmt::format("{}{:06}{}", kPrefix, shard, kSuffix); }

std::optional<KnownRecording> FeatureIndex::recording(const std::string& path) const {
  const auto found = recordings_.find(digest_of(path));
  return found == recordings_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<StoredClip> FeatureIndex::clip(const Digest& content, const AudioSegment& segment) const {
  const auto found = clips_.find(clip_digest(content, segment));
  return found == clips_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> FeatureIndex::unreadable(const std::string& path, const RecordingStamp& stamp, const AudioSegment& segment) const {
  const auto found = unreadable_.find(path_and_segment(path, segment));
  return found == unreadable_.end() || found->second.stamp != stamp ? std::nullopt : std::optional(found->second.why);
}

}  // namespace pal

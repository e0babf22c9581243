#include "pal/data/shards.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "manifest_record.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/json_array.h"
#include "pal/core/printable.h"
#include "pal/core/record_limits.h"
#include "pal/core/recording_name.h"
#include "pal/core/strict_json.h"
#include "tar.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr std::array kAudioKeys = {"audio", "audios", "audio_id"};

// What stands before and behind the first dot of the last part of a member's name.
std::pair<std::string, std::string> split_name(const std::string& name) {
  const auto slash = name.rfind('/');
  const auto dot = name.find('.', slash == name.npos ? 0 : slash + 1);
  if (dot == name.npos) return {name, ""};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

// "flac" of "0.flac".
std::string last_ending(const std::string& endings) { return endings.substr(endings.rfind('.') + 1); }

bool is_text(const std::string& ending) { return ending == "json" || ending == "txt"; }

// Where a recording is in the shards.
struct Place {
  std::string tar;  // as the index names it
  std::int64_t offset = 0, bytes = 0;
};

// Makes index lines of members that follow each other.
class Indexer {
 public:
  Indexer(std::ostream& out, ShardSummary& summary) : out_(out), summary_(summary) {}

  void add(const fs::path& tar, const std::string& name_in_index) {
    path_ = tar.string();
    tar_ = name_in_index;
    folder_ = fs::path(tar_).parent_path();
    seen_.clear();
    read_tar(
        tar, [](std::string_view name) { return is_text(last_ending(split_name(std::string(name)).second)); },
        [this](const TarMember& member, std::string text) { take(member, std::move(text)); });
    end_sample();
    summary_.shards += 1;
    summary_.bytes += std::int64_t(fs::file_size(tar));
  }

 private:
  void take(const TarMember& member, std::string text) {
    const auto [key, endings] = split_name(member.name);
    if (key != key_) {
      end_sample();
      PAL_CHECK(seen_.insert(key).second, "{}: member '{}': the members of one sample must follow each other", path_, printable(member.name));
      key_ = key;
    }
    const auto ending = last_ending(endings);
    if (is_recording_name(member.name)) {
      PAL_CHECK(member.bytes > 0, "{}: member '{}': is empty, but a recording was expected", path_, printable(member.name));
      recordings_.push_back(stored_[stored_name(fs::path(tar_).filename() / member.name)] = {tar_, member.offset, member.bytes});
      summary_.recordings += 1;
    } else if (ending == "json") {
      PAL_CHECK(!object_, "{}: member '{}': a second json of one sample", path_, printable(member.name));
      object_ = parse_strict_json(text, fmt::format("{}: member '{}'", path_, printable(member.name)), kDeepestRecord);
      PAL_CHECK(object_->is_object(), "{}: member '{}': a JSON object was expected", path_, printable(member.name));
    } else if (ending == "txt") {
      caption_ = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    } else {
      summary_.ignored += 1;
    }
  }

  void end_sample() {
    if (object_ || caption_) write_sample();
    else summary_.ignored += std::int64_t(recordings_.size());
    key_.clear();
    object_.reset();
    caption_.reset();
    recordings_.clear();
  }

  void write_sample() {
    Json sample = object_ ? std::move(*object_) : Json::object();
    if (caption_ && !object_) sample["captions"] = {*caption_};
    if (!sample.contains("id") || sample["id"].is_null()) sample["id"] = tar_ + "/" + key_;
    const auto places = places_of(sample);
    for (const char* key : kAudioKeys) sample.erase(key);
    for (const auto& place : places) {
      sample["audio"].push_back(place.tar);
      sample["offset"].push_back(place.offset);
      sample["bytes"].push_back(place.bytes);
    }
    out_ << sample.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    summary_.samples += 1;
  }

  // Recordings that the object names by where they are in these shards; else those of its own members.
  std::vector<Place> places_of(const Json& sample) const {
    std::vector<Place> places;
    for (const char* key : kAudioKeys) {
      if (!sample.contains(key)) continue;
      const Json names = sample[key].is_array() ? sample[key] : Json::array({sample[key]});
      for (const Json& name : names)
        if (const auto found = name.is_string() ? stored_.find(stored_name(name.get<std::string>())) : stored_.end(); found != stored_.end())
          places.push_back(found->second);
      if (places.size() == names.size()) return places;
    }
    return recordings_;
  }

  // TAR/MEMBER as objects of the current tar name it: tar files of one data set lie in one folder.
  std::string stored_name(const fs::path& name) const { return (folder_ / name).string(); }

  std::ostream& out_;
  ShardSummary& summary_;
  std::unordered_map<std::string, Place> stored_;  // by stored_name()
  std::unordered_set<std::string> seen_;           // samples of the current tar
  // The current tar and sample.
  std::string path_, tar_, key_;
  fs::path folder_;
  std::optional<Json> object_;
  std::optional<std::string> caption_;
  std::vector<Place> recordings_;
};

// As the index names a tar: relative to its folder, where it is there or below.
std::string name_in_index(const fs::path& tar, const fs::path& index) {
  const auto folder = fs::absolute(index).parent_path().lexically_normal();
  const auto path = fs::absolute(tar).lexically_normal();
  const auto relative = path.lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? path.string() : relative.string();
}

// The tar files of write_shards().
class ShardWriter {
 public:
  ShardWriter(fs::path folder, std::int64_t shard_bytes) : folder_(std::move(folder)), shard_bytes_(shard_bytes) {}

  void add(Json object, const Sample& sample) {
    if (!tar_) open();
    const auto key = fmt::format("{:09}", samples_++);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < sample.clips.size(); ++i) names.push_back(stored(sample.clips[i], fmt::format("{}.{}", key, i)));
    for (const char* audio : kAudioKeys) object.erase(audio);
    if (!names.empty()) object["audio"] = names;
    object["id"] = sample.id;
    tar_->add(key + ".json", object.dump());
    if (tar_->bytes() >= shard_bytes_) close();
  }

  const std::vector<fs::path>& close() {
    if (tar_) tar_->finish();
    tar_.reset();
    return paths_;
  }

 private:
  void open() {
    paths_.push_back(folder_ / fmt::format("shard-{:06}.tar", paths_.size()));
    tar_.emplace(paths_.back());
  }

  // Where the recording is, once it is there.
  std::string stored(const Clip& clip, const std::string& key) {
    PAL_CHECK(clip.bytes == 0, "{}: lies in a shard already", clip.path);
    auto& name = stored_[clip.path];
    if (!name.empty()) return name;
    auto ending = fs::path(clip.path).extension().string();
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    PAL_CHECK(is_recording_name(ending), "{}: a name that ends in .wav, .flac, .ogg, .opus or .mp3 was expected", clip.path);
    tar_->add_file(key + ending, clip.path);
    return name = paths_.back().filename().string() + "/" + key + ending;
  }

  fs::path folder_;
  std::int64_t shard_bytes_, samples_ = 0;
  std::vector<fs::path> paths_;
  std::optional<TarWriter> tar_;
  std::unordered_map<std::string, std::string> stored_;  // by path: TAR/MEMBER
};

// Calls `take` with the objects of one part of a manifest and what they say.
void read_objects(const ManifestPart& part, const std::function<void(const Json&, const Sample&)>& take) {
  const std::string folder = part.path.parent_path().string();
  std::size_t number = 0;
  read_json_records(part.path, [&](const Json& object) {
    const auto sample = sample_of(object, folder, {}, ++number);
    if (part.split.empty() || split_of(object) == part.split) take(object, sample);
  });
}

}  // namespace

ShardSummary index_shards(const std::vector<fs::path>& tars, const fs::path& out) {
  PAL_CHECK(!tars.empty(), "there are no tar files to make an index of");
  ShardSummary summary;
  write_file_atomically(out, [&](std::ostream& stream) {
    Indexer indexer(stream, summary);
    for (const auto& tar : tars) indexer.add(tar, name_in_index(tar, out));
    PAL_CHECK(summary.samples > 0, "{}: none of the {} tar files holds a sample: NAME.json or NAME.txt beside recordings", tars.front().string(), tars.size());
  });
  return summary;
}

ShardSummary write_shards(const ManifestPart& manifest, const fs::path& folder, std::int64_t shard_bytes) {
  PAL_CHECK(shard_bytes > 0, "a shard must have bytes");
  PAL_CHECK(!fs::exists(folder), "{}: is there already; choose another folder, or remove it", folder.string());
  check_recordings(read_manifest(manifest, {}), manifest.path);  // before hours of copying, not in them
  const fs::path partial = folder.string() + ".partial";
  fs::remove_all(partial);
  fs::create_directories(partial);
  ShardSummary summary;
  try {
    ShardWriter writer(partial, shard_bytes);
    read_objects(manifest, [&](const Json& object, const Sample& sample) { writer.add(object, sample); });
    summary = index_shards(writer.close(), partial / "index.jsonl");
    fs::rename(partial, folder);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    throw;
  }
  return summary;
}

}  // namespace pal

// Recordings below a folder, found by their names: how audio lies that everybody fetched himself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>

namespace pal {

// Every wav, flac, ogg, opus and mp3 below a folder, by its name without folder and ending.
class RecordingIndex {
 public:
  // Walks through `folder`, which may itself be a link, but follows no links to folders in it. Throws UserError where it cannot.
  explicit RecordingIndex(const std::filesystem::path& folder);

  // The path below the folder; none where there is no such recording. Of several with this name the first by path.
  const std::string* find(const std::string& name) const;

  std::int64_t size() const { return std::int64_t(paths_.size()); }  // different names
  std::int64_t duplicates() const { return duplicates_; }            // recordings whose name another one has

 private:
  void add(const std::filesystem::path& relative);

  std::unordered_map<std::string, std::string> paths_;
  std::int64_t duplicates_ = 0;
};

}  // namespace pal

#include "pal/import/recording_index.h"

#include <algorithm>

#include "pal/core/check.h"
#include "pal/core/recording_name.h"

namespace pal {
namespace fs = std::filesystem;

RecordingIndex::RecordingIndex(const fs::path& folder) {
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied, error);
  PAL_CHECK(!error, "{}: cannot be looked through: {}", folder.string(), error.message());
  for (const auto end = fs::recursive_directory_iterator(); entries != end; entries.increment(error)) {
    PAL_CHECK(!error, "{}: cannot be looked through: {}", folder.string(), error.message());
    const auto& entry = *entries;
    std::error_code ignored;  // of a link that leads nowhere: no recording
    if (is_recording_name(entry.path().string()) && entry.is_regular_file(ignored)) add(entry.path().lexically_relative(folder));
  }
}

void RecordingIndex::add(const fs::path& relative) {
  const auto [place, is_new] = paths_.try_emplace(relative.stem().string(), relative.string());
  if (is_new) return;
  ++duplicates_;
  place->second = std::min(place->second, relative.string());  // whatever the order in which the file system lists them
}

const std::string* RecordingIndex::find(const std::string& name) const {
  const auto found = paths_.find(name);
  return found == paths_.end() ? nullptr : &found->second;
}

}  // namespace pal

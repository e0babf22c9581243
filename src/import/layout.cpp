#include "layout.h"

#include "pal/core/check.h"

namespace pal {
namespace fs = std::filesystem;

std::vector<PublishedSplit> splits_in(const ImportOptions& options, const std::vector<PublishedSplit>& known) {
  std::vector<PublishedSplit> there;
  std::vector<std::string> names, files;
  for (const auto& split : known) {
    names.push_back(split.name);
    if (!options.split.empty() && options.split != split.name) continue;
    files.push_back(split.file.string());
    std::error_code ignored;
    if (fs::is_regular_file(options.root / split.file, ignored)) there.push_back(split);
  }
  PAL_CHECK(!files.empty(), "--split: {} has no split '{}'; it has: {}", options.dataset, options.split, fmt::join(names, ", "));
  PAL_CHECK(!there.empty(), "{}: is no folder of {}: {} {} not there", options.root.string(), options.dataset, fmt::join(files, ", "),
            files.size() == 1 ? "is" : "are");
  return there;
}

std::optional<fs::path> first_there(const fs::path& root, const std::vector<fs::path>& candidates) {
  std::error_code ignored;
  for (const auto& candidate : candidates)
    if (fs::exists(root / candidate, ignored)) return candidate;
  return std::nullopt;
}

}  // namespace pal

// What importers share in finding their way through a published folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pal/import/import.h"

namespace pal {

// A split as its authors publish it.
struct PublishedSplit {
  std::string name;
  std::filesystem::path file;  // that lists its recordings, below the root
  std::int64_t recordings = 0;
};

// The splits whose files are in the root, of those that the user asks for. Throws UserError where the one that is asked for is not known or
// its file is not there, and where none is.
std::vector<PublishedSplit> splits_in(const ImportOptions& options, const std::vector<PublishedSplit>& known);

// The first of the folders or files below the root that is there; none where none is.
std::optional<std::filesystem::path> first_there(const std::filesystem::path& root, const std::vector<std::filesystem::path>& candidates);

}  // namespace pal

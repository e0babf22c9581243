// Files that are one JSON array of objects, of any size, read object by object.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>

namespace pal {

// Calls `take` with each object of the array, of which one at a time is in memory; what it throws as UserError counts as that
// object's problem, at the line where the object begins. Afterwards throws UserError with the first 20 problems, "FILE:LINE: ..."
// each, if there were any. An object has 1 MiB and 16 levels at most; what is not JSON ends the reading with an error.
void read_json_array(const std::filesystem::path& path, const std::function<void(const nlohmann::json&)>& take);

// The same of a file that is either such an array or has an object a line (json_lines.h), by its first character.
void read_json_records(const std::filesystem::path& path, const std::function<void(const nlohmann::json&)>& take);

}  // namespace pal

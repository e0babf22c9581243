// Files of one JSON object a line, read strictly: every problem with its file and line.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace pal {

// Calls `take` with the object of every line that is not empty; what it throws as UserError counts as that line's
// problem. Afterwards throws UserError with the first 20 problems, "FILE:LINE: ..." each, if there were any.
// A line has 1 MiB at most. Throws UserError where the file cannot be read or holds no object.
void read_json_lines(const std::filesystem::path& path,
                     const std::function<void(const nlohmann::json&)>& take);

// The value of `key`; UserError names the key where it is missing or not of the type that `kind` says in words.
const nlohmann::json& required(const nlohmann::json& object, const char* key, const char* kind,
                               bool (nlohmann::json::*has_type)() const noexcept);

// The object's "id", a string or a whole number, as text.
std::string required_id(const nlohmann::json& object);

}  // namespace pal

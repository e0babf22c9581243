#include "pal/core/json_lines.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/line_problems.h"
#include "pal/core/strict_json.h"
#include "pal/core/record_limits.h"

namespace pal {

namespace {

using nlohmann::json;

void take_line(const char* line, const std::function<void(const json&)>& take) {
  const json object = parse_strict_json(line, "not valid JSON", kDeepestRecord);
  PAL_CHECK(object.is_object(), "expected a JSON object, got {}", object.type_name());
  take(object);
}

}  // namespace

void read_json_lines(const std::filesystem::path& path, const std::function<void(const json&)>& take) {
  std::error_code ignored;
  PAL_CHECK(!std::filesystem::is_directory(path, ignored), "{}: is a folder, but a file was expected",
            path.string());
  std::ifstream file(path, std::ios::binary);
  PAL_CHECK(file, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  LineProblems problems(path.string());
  std::size_t objects = 0;
  std::vector<char> line(kLongestRecord + 1);
  for (std::size_t number = 1; file.getline(line.data(), std::streamsize(line.size())) || file.gcount() > 0;
       ++number) {
    try {
      if (file.fail()) {  // the buffer was full before the line's end
        file.clear();
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
        user_error("a line of more than {} bytes", kLongestRecord);
      }
      // A zero byte would hide what follows it.
      const std::size_t length = std::size_t(file.gcount()) - (file.eof() ? 0 : 1);
      PAL_CHECK(std::strlen(line.data()) == length, "a zero byte in the text");
      if (std::strspn(line.data(), " \t\r") == length) continue;
      ++objects;
      take_line(line.data(), take);
    } catch (const UserError& error) {
      problems.add(number, error.what());
    }
  }
  PAL_CHECK(!file.bad(), "{}: reading failed: {}", path.string(), std::strerror(errno));
  problems.raise();
  PAL_CHECK(objects > 0, "{}: expected a JSON object on each line, got an empty file", path.string());
}

const json& required(const json& object, const char* key, const char* kind,
                     bool (json::*has_type)() const noexcept) {
  const auto found = object.find(key);
  PAL_CHECK(found != object.end(), "'{}' is missing", key);
  PAL_CHECK(((*found).*has_type)(), "'{}': expected {}, got {}", key, kind, found->type_name());
  return *found;
}

std::string required_id(const json& object) {
  const auto found = object.find("id");
  PAL_CHECK(found != object.end(), "'id' is missing");
  if (found->is_number_integer()) return found->dump();
  PAL_CHECK(found->is_string(), "'id': expected a string or a whole number, got {}", found->type_name());
  return found->get<std::string>();
}

}  // namespace pal

#include "pal/core/json_array.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "pal/core/json_lines.h"
#include "pal/core/line_problems.h"
#include "pal/core/record_limits.h"
#include "strict_events.h"

namespace pal {

namespace {

using nlohmann::json;
constexpr int kEof = std::char_traits<char>::eof();

// The file's characters, counted on their way to the parser.
struct Characters {
  explicit Characters(std::streambuf* stream) : buffer(stream) { advance(); }

  void advance() {
    if (current == '\n') ++line;
    current = buffer->sbumpc();
    // Between objects there may be any space, as long as the parser then finds what it looks for.
    if (++since_record > kLongestRecord) user_error("an object of more than {} bytes", kLongestRecord);
  }

  std::streambuf* buffer;
  int current = 0;
  std::size_t line = 1;
  std::size_t since_record = 0;  // characters since the last object ended
};

// What nlohmann's parser reads from.
struct CharacterIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  char operator*() const { return char(from->current); }
  CharacterIterator& operator++() {
    from->advance();
    return *this;
  }
  bool at_end() const { return from == nullptr || from->current == kEof; }
  bool operator==(const CharacterIterator& other) const { return at_end() == other.at_end(); }

  Characters* from = nullptr;  // none: the end
};

class ArrayReader {
 public:
  ArrayReader(const std::filesystem::path& path, std::streambuf* buffer, const std::function<void(const json&)>& take)
      : take_(take), problems_(path.string()), characters_(buffer) {}

  void read() {
    try {
      const auto on_event = [this](int depth, json::parse_event_t event, json& parsed) { return keep(depth, event, parsed); };
      const json nothing = json::parse(CharacterIterator{&characters_}, CharacterIterator{}, on_event);
      PAL_ASSERT(nothing.empty(), "an object of the array was kept in memory");
    } catch (const json::exception& error) {
      problems_.add(characters_.line, fmt::format("not valid JSON: {:.300}", reason_of(error)));
    } catch (const UserError& error) {
      problems_.add(characters_.line, error.what());
    }
    problems_.raise();
  }

 private:
  // Whether the parser keeps what it has read: never an object of the array, which has been taken by then.
  bool keep(int depth, json::parse_event_t event, json& parsed) {
    strict_.check(depth, event, parsed);
    if (depth != 1) {
      PAL_CHECK(depth > 0 || event == json::parse_event_t::array_start || event == json::parse_event_t::array_end,
                "expected a JSON array of objects");
      return true;
    }
    if (event == json::parse_event_t::object_start) begins_ = characters_.line;
    if (event == json::parse_event_t::key || event == json::parse_event_t::object_start) return true;
    if (event == json::parse_event_t::object_end) take(parsed);
    PAL_CHECK(event == json::parse_event_t::object_end, "expected objects in the array, got {}",
              event == json::parse_event_t::array_start ? "an array" : parsed.type_name());
    return false;
  }

  void take(const json& object) {
    try {
      take_(object);
    } catch (const UserError& error) {
      problems_.add(begins_, error.what());
    }
    characters_.since_record = 0;
  }

  const std::function<void(const json&)>& take_;
  LineProblems problems_;
  Characters characters_;
  StrictEvents strict_{kDeepestRecord + 1};  // the array is a level of its own
  std::size_t begins_ = 1;                   // line of the object that is being read
};

std::ifstream open_file(const std::filesystem::path& path) {
  std::error_code ignored;
  PAL_CHECK(!std::filesystem::is_directory(path, ignored), "{}: is a folder, but a file was expected", path.string());
  std::ifstream file(path, std::ios::binary);
  PAL_CHECK(file, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  return file;
}

}  // namespace

void read_json_array(const std::filesystem::path& path, const std::function<void(const json&)>& take) {
  auto file = open_file(path);
  std::size_t objects = 0;
  const std::function<void(const json&)> count_and_take = [&](const json& object) {
    ++objects;
    take(object);
  };
  ArrayReader(path, file.rdbuf(), count_and_take).read();
  PAL_CHECK(objects > 0, "{}: expected a JSON array of objects, got an empty one", path.string());
}

void read_json_records(const std::filesystem::path& path, const std::function<void(const json&)>& take) {
  char first = 0;
  {
    auto file = open_file(path);
    file >> first;  // passes over white space
  }
  if (first == '[')
    read_json_array(path, take);
  else
    read_json_lines(path, take);
}

}  // namespace pal

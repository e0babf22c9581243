#include "pal/eval/answer_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/json_lines.h"
#include "pal/core/strict_json.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

using nlohmann::json;

constexpr std::size_t kLargestFile = std::size_t{16} << 30;

std::string header_of(const std::string& settings) { return json{{"pal_answers", 1}, {"settings", settings}}.dump(); }

// A file up to its last line end: what is behind it is torn.
std::string_view whole_lines(std::string_view content) { return content.substr(0, content.rfind('\n') + 1); }  // npos + 1 is 0

void check_header(const fs::path& path, std::string_view line, const std::string& settings) {
  if (line == header_of(settings)) return;
  const auto header = json::parse(line, nullptr, /*allow_exceptions=*/false);
  PAL_CHECK(header.is_object() && header.contains("pal_answers"), "{}:1: is no answers file of pal-eval; remove it or choose another --output",
            path.string());
  user_error("{}:1: holds answers of other settings; remove it or choose another --output", path.string());
}

json to_json(std::int64_t index, const Answer& answer) {
  json line = {{"index", index}, {"id", answer.id}, {"prediction", answer.text}};
  if (!answer.likelihoods.empty()) line["likelihoods"] = answer.likelihoods;
  return line;
}

void read_line(std::string_view line, const std::string& where, Answers& answers) {
  const auto object = parse_strict_json(line, where, 2);
  PAL_CHECK(object.is_object(), "{}: expected an object, got {}", where, object.type_name());
  Answer answer{required_id(object), required(object, "prediction", "a string", &json::is_string), {}};
  if (object.contains("likelihoods")) {
    for (const auto& value : required(object, "likelihoods", "a list of numbers", &json::is_array)) {
      PAL_CHECK(value.is_number(), "{}: 'likelihoods': expected a list of numbers, got a list with {}", where, value.dump());
      answer.likelihoods.push_back(value);
    }
  }
  const std::int64_t index = required(object, "index", "a whole number", &json::is_number_integer);
  const auto [place, is_new] = answers.emplace(index, answer);
  PAL_CHECK(is_new || to_json(index, place->second) == to_json(index, answer), "{}: sample {} ('{}') is answered differently elsewhere; were the "
            "ranks run on different machines? Remove the answers of one", where, index, answer.id);
}

// Calls `take` with every whole line behind the header, and its number.
void read_file_of_answers(const fs::path& path, const std::string& settings, Answers& answers) {
  const auto file = read_file(path, kLargestFile);
  const auto content = whole_lines(file);
  std::int64_t number = 1;
  for (std::size_t begin = 0; begin < content.size(); ++number) {
    const auto end = content.find('\n', begin);
    const auto line = content.substr(begin, end - begin);
    if (number == 1)
      check_header(path, line, settings);
    else
      read_line(line, fmt::format("{}:{}", path.string(), number), answers);
    begin = end + 1;
  }
}

bool is_answer_file(const fs::path& path) {
  const auto name = path.filename().string();
  return name.starts_with("answers-") && path.extension() == ".jsonl";
}

}  // namespace

std::string answer_file_name(std::int64_t rank, std::int64_t ranks) { return fmt::format("answers-{}-of-{}.jsonl", rank, ranks); }

AnswerFile::AnswerFile(const fs::path& path, const std::string& settings)
    : path_(path), lock_(path), descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  PAL_CHECK(descriptor_ >= 0, "{}: cannot be written: {}", path.string(), std::strerror(errno));
  try {
    PAL_CHECK(lock_.is_held(), "{}: another process of the same rank writes it; choose another --output", path.string());
    const auto content = read_file(path, kLargestFile);
    const auto kept = whole_lines(content).size();
    const bool is_torn_header = kept == 0 && header_of(settings).starts_with(content);
    if (!is_torn_header) check_header(path, std::string_view(content).substr(0, content.find('\n')), settings);
    PAL_CHECK(::ftruncate(descriptor_, off_t(kept)) == 0, "{}: cannot be cut: {}", path.string(), std::strerror(errno));
    if (kept == 0) write(header_of(settings) + "\n");
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

AnswerFile::~AnswerFile() { ::close(descriptor_); }

void AnswerFile::append(std::int64_t first, std::span<const Answer> answers) {
  std::string lines;
  for (const auto& answer : answers) lines += to_json(first++, answer).dump() + "\n";
  write(lines);
}

void AnswerFile::write(const std::string& lines) {
  for (std::size_t done = 0; done < lines.size();) {
    const auto wrote = ::write(descriptor_, lines.data() + done, lines.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    PAL_CHECK(wrote > 0, "{}: writing failed: {}", path_.string(), std::strerror(errno));
    done += std::size_t(wrote);
  }
  PAL_CHECK(::fdatasync(descriptor_) == 0 || errno == EINVAL, "{}: cannot be written to disk: {}", path_.string(), std::strerror(errno));
}

Answers read_answers(const fs::path& folder, const std::string& settings) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (is_answer_file(entry.path())) files.push_back(entry.path());
  std::ranges::sort(files);
  Answers answers;
  for (const auto& file : files) read_file_of_answers(file, settings, answers);
  return answers;
}

}  // namespace pal

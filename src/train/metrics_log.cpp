#include "pal/train/metrics_log.h"

#include <limits>
#include <string>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/logging.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

bool has_step(const nlohmann::json& line) {
  return line.is_object() && line.contains("step") && line["step"].is_number_integer();
}

// The lines of `history` up to `finished_steps`.
std::string cut_history(const fs::path& path, const std::string& history, std::int64_t finished_steps) {
  std::string kept;
  std::size_t start = 0, number = 0;
  while (start < history.size()) {
    const std::size_t end = history.find('\n', start);
    if (end == std::string::npos) break;  // a killed writer's unfinished line
    const std::string text = history.substr(start, end + 1 - start);
    start = end + 1;
    ++number;
    const auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!has_step(line))
      spdlog::warn("{}:{}: not a JSON object with a 'step'; the line is dropped", path.string(), number);
    else if (line["step"].get<std::int64_t>() <= finished_steps)
      kept += text;
  }
  return kept;
}

// The file without what is beyond `finished_steps`.
fs::path cut(fs::path file, std::int64_t finished_steps) {
  if (!fs::exists(file)) return file;
  const std::string history = read_file(file, std::numeric_limits<std::size_t>::max());
  const std::string kept = cut_history(file, history, finished_steps);
  if (kept.size() != history.size()) write_file_atomically(file, kept);
  return file;
}

}  // namespace

MetricsLog::MetricsLog(fs::path file, std::int64_t finished_steps) : file_(cut(std::move(file), finished_steps)) {}

void MetricsLog::write(const nlohmann::json& line) {
  PAL_ASSERT(has_step(line), "a line of the metrics log needs an integer 'step'");
  file_.append(line.dump() + '\n');
}

}  // namespace pal

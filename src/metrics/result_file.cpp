#include "pal/metrics/result_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/json_lines.h"
#include "pal/core/strict_json.h"

namespace pal {

namespace {

using nlohmann::json;

constexpr int kDeepest = 64;  // levels of a results.json, which holds a whole config

// Takes clips one after the other into a ResultFile.
class Clips {
 public:
  void take(const json& clip) {
    std::string id;
    if (clip.contains("scores")) {
      id = result_.classes.emplace_back(read_clip_scores(clip, result_.classes.empty() ? nullptr : &result_.classes[0])).id;
    } else {
      auto& one = result_.predictions.emplace_back(read_prediction(clip));
      id = one.id;
      const auto label = clip.find("label");  // of benchmarks whose free text was taken for a class: that is what is scored
      if (label != clip.end() && label->is_string()) one.prediction = label->get<std::string>();
      const auto score = clip.find("score");
      if (score != clip.end() && score->is_number()) result_.clip_scores.push_back(score->get<double>());
    }
    PAL_CHECK(ids_.insert(id).second, "id '{}' was there before", id);
    PAL_CHECK(result_.classes.empty() || result_.predictions.empty(), "expected either answers or scores by class, got both");
  }
  ResultFile finish(std::string metric) {
    result_.metric = std::move(metric);
    if (result_.metric.empty() || result_.clip_scores.size() != result_.predictions.size()) result_.clip_scores.clear();
    return std::move(result_);
  }

 private:
  ResultFile result_;
  std::set<std::string> ids_;
};

// Whether it begins with an object that fills a line and has an id, as JSON lines do. A results.json has none at its top.
bool holds_lines(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  while (std::getline(file, line) && line.find_first_not_of(" \t\r") == std::string::npos) {
  }
  const auto first = line.size() > std::size_t{1} << 20 ? json(json::value_t::discarded)
                                                        : json::parse(line, [](int depth, json::parse_event_t, json&) { return depth < kDeepest; }, false);
  return first.is_object() && first.contains("id");
}

std::string metric_of(const json& results) {
  const auto score = results.find("score");
  if (score == results.end() || !score->is_object()) return "";
  const auto metric = score->find("metric");
  return metric != score->end() && metric->is_string() ? metric->get<std::string>() : "";
}

ResultFile read_results(const std::filesystem::path& path) {
  const json results = parse_strict_json(read_file(path), path.string(), kDeepest);
  PAL_CHECK(results.is_object() && results.contains("predictions") && results["predictions"].is_array() && !results["predictions"].empty(),
            "{}: expected a results.json of pal-eval, with 'predictions', or JSON lines, each with an 'id'", path.string());
  Clips clips;
  std::size_t number = 0;
  for (const json& clip : results["predictions"]) {
    try {
      PAL_CHECK(clip.is_object(), "expected a JSON object, got {}", clip.type_name());
      clips.take(clip);
    } catch (const UserError& error) {
      user_error("{}: predictions[{}]: {}", path.string(), number, error.what());
    }
    ++number;
  }
  return clips.finish(metric_of(results));
}

}  // namespace

ResultFile read_result_file(const std::filesystem::path& path) {
  if (!holds_lines(path)) return read_results(path);
  Clips clips;
  read_json_lines(path, [&](const json& object) { clips.take(object); });
  return clips.finish("");
}

}  // namespace pal

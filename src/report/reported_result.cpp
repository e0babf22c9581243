#include "pal/report/reported_result.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"

namespace pal {

namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 16;  // results nest five levels

Score score_of(const Json& json) {
  Score score;
  score.metric = json.at("metric").get<std::string>();
  score.score = json.at("score").get<double>();
  score.low = json.at("low").get<double>();
  score.high = json.at("high").get<double>();
  score.n = json.at("n").get<int64_t>();
  return score;
}

void read_settings(const Json& settings, ReportedResult& result) {
  const auto& checkpoint = settings.at("checkpoint");
  result.checkpoint = checkpoint.at("path").get<std::string>();
  result.checkpoint_hash = checkpoint.at("hash").get<std::string>();
  result.step = checkpoint.at("step").get<int64_t>();
  const auto& manifest = settings.at("manifest");
  result.manifest.path = manifest.at("path").get<std::string>();
  result.manifest.split = manifest.value("split", "");
  result.manifest_sha256 = manifest.at("sha256").get<std::string>();
  const auto& decoding = settings.at("decoding");
  result.protocol = decoding.at("protocol").get<std::string>();
  result.answers = decoding.value("answers", std::vector<std::string>{});
  result.withhold_audio = settings.at("withhold_audio").get<bool>();
  result.config = settings.at("config").get<std::string>();
}

void read_predictions(const Json& lines, ReportedResult& result) {
  for (const auto& line : lines) {
    result.predictions.push_back({line.at("id").get<std::string>(), line.at("prediction").get<std::string>(),
                                  line.at("references").get<std::vector<std::string>>()});
    if (line.contains("label")) result.labels.push_back(line["label"].get<std::string>());
    if (line.contains("score")) result.score.per_sample.push_back(line["score"].get<double>());
  }
}

}  // namespace

const Prediction* ReportedResult::find(const std::string& id) const {
  const auto found = std::ranges::find(predictions, id, &Prediction::id);
  return found == predictions.end() ? nullptr : &*found;
}

std::vector<Prediction> ReportedResult::classified() const {
  auto classes = predictions;
  for (std::size_t i = 0; i < labels.size(); ++i) classes[i].prediction = labels[i];
  return classes;
}

bool ReportedResult::is_right_or_wrong() const {
  return !score.per_sample.empty() && std::ranges::all_of(score.per_sample, [](double s) { return s == 0 || s == 1; });
}

ReportedResult read_reported_result(const std::filesystem::path& path) {
  const auto json = parse_strict_json(read_file(path), path.string(), kDeepest);
  ReportedResult result;
  result.path = path;
  try {
    read_settings(json.at("settings"), result);
    result.score = score_of(json.at("score"));
    read_predictions(json.at("predictions"), result);
    result.skipped = json.at("skipped").size();
  } catch (const Json::exception& error) {
    user_error("{}: is no results.json of pal-eval: {}", path.string(), error.what());
  }
  PAL_CHECK(!result.predictions.empty(), "{}: holds no predictions", path.string());
  PAL_CHECK(result.labels.empty() || result.labels.size() == result.predictions.size(), "{}: {} of {} predictions have a label; expected all or none", path.string(),
            result.labels.size(), result.predictions.size());
  const auto scored = result.score.per_sample.size();
  PAL_CHECK(scored == 0 || scored == result.predictions.size(), "{}: {} of {} predictions have a score; expected all or none", path.string(),
            scored, result.predictions.size());
  return result;
}

}  // namespace pal

#include "pal/report/report.h"

#include <algorithm>
#include <cmath>
#include <spdlog/spdlog.h>

#include "pal/core/base64.h"
#include "pal/core/check.h"
#include "pal/report/answer_cost.h"
#include "pal/report/class_table.h"
#include "pal/report/listening.h"
#include "pal/report/paired_results.h"
#include "sample_views.h"

namespace pal {

namespace {

using Json = nlohmann::json;

constexpr int64_t kBins = 160;  // of attention over time

// PLITS, LAL or PAL, and each stream in words.
void describe_model(const ReportedResult& result, Json& json) {
  const auto& streams = parse_run_config(result.config, result.path.string() + ": config").model.streams;
  bool lal = false, plits = false;
  std::vector<std::string> texts;
  for (const auto& stream : streams) {
    const bool is_lal = stream.integration == Integration::kLal;
    (is_lal ? lal : plits) = true;
    texts.push_back(fmt::format("{} ({}, {}) by {}", stream.name, stream.encoder, stream.connector.type, is_lal ? "LAL" : "PLITS"));
  }
  json["integration"] = lal && plits ? "PAL" : lal ? "LAL" : plits ? "PLITS" : "text only";
  json["streams"] = fmt::format("{}", fmt::join(texts, "; "));
}

Json classes_json(const ClassTable& table) {
  Json rows = Json::array(), confusion = Json::array();
  const auto or_null = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  for (const auto& row : table.rows)
    rows.push_back({{"name", row.name}, {"n", row.n}, {"said", row.said}, {"precision", or_null(row.precision)},
                    {"recall", or_null(row.recall)}, {"f1", or_null(row.f1)}});
  for (const auto& [cell, count] : table.confusion) confusion.push_back({cell.first, cell.second, count});
  return {{"rows", rows}, {"confusion", confusion}, {"outside", table.outside}};
}

Json result_json(const ReportedResult& result) {
  const auto& s = result.score;
  Json json = {{"path", result.path.string()}, {"checkpoint", result.checkpoint}, {"hash", result.checkpoint_hash}, {"step", result.step},
               {"manifest", result.manifest.name()}, {"protocol", result.protocol}, {"withheld", result.withhold_audio},
               {"metric", s.metric}, {"score", s.score}, {"low", s.low}, {"high", s.high}, {"n", s.n}, {"skipped", result.skipped}};
  describe_model(result, json);
  const bool of_classes = s.metric == "accuracy" || s.metric == "micro_f1" || s.metric == "macro_f1";
  if (of_classes)
    if (const auto table = class_table(result.classified(), result.labels.empty() ? result.answers : std::vector<std::string>{})) json["classes"] = classes_json(*table);
  return json;
}

Json comparisons_json(const std::vector<ReportedResult>& results) {
  Json all = Json::array();
  for (std::size_t a = 0; a < results.size(); ++a)
    for (std::size_t b = a + 1; b < results.size(); ++b) {
      const auto paired = compare_results(results[a], results[b]);
      Json one = {{"a", a}, {"b", b}};
      if (!paired.missing.empty())
        one["missing"] = paired.missing;
      else
        one.update({{"difference", paired.test.difference}, {"p", paired.test.p_value}, {"n", paired.test.n}, {"test", paired.test.test},
                    {"only_a", paired.only_a}, {"only_b", paired.only_b}});
      all.push_back(std::move(one));
    }
  return all;
}

// Bytes over 0 to the largest, base64; what is drawn needs no more.
Json over_time_json(const std::vector<double>& weights) {
  if (weights.empty()) return nullptr;
  const double most = std::ranges::max(weights);
  std::string bytes;
  for (double value : weights) bytes.push_back(char(uint8_t(most > 0 ? std::lround(255 * value / most) : 0)));
  return {{"most", most}, {"bins", base64(bytes)}};
}

Json listening_json(const Listening& listening) {
  Json streams = Json::array();
  for (const auto& stream : listening.streams) {
    Json layers = Json::array();
    for (const auto& layer : stream.layers) {
      Json over_time = Json::array();
      for (const auto& of_word : layer.over_time) over_time.push_back(over_time_json(of_word));
      layers.push_back({{"layer", layer.layer}, {"share", layer.share}, {"over_time", std::move(over_time)}});
    }
    streams.push_back({{"name", stream.name}, {"integration", stream.integration == Integration::kLal ? "LAL" : "PLITS"},
                       {"tokens", stream.tokens}, {"layers", std::move(layers)}});
  }
  return {{"words", listening.words}, {"streams", std::move(streams)}};
}

Session open_model(const ReportedResult& result, torch::Device device) {
  const auto checkpoint = open_checkpoint(result.checkpoint);
  PAL_CHECK(checkpoint.hash == result.checkpoint_hash, "{}: was made by another checkpoint than {} holds now; evaluate again, or give --scores-only",
            result.path.string(), result.checkpoint);
  return open_session(checkpoint, {}, device);
}

// Cost, and where the words of the answers to the shown samples looked.
void add_model_views(const ReportedResult& result, std::size_t place, const std::vector<Sample>& shown, const ReportOptions& options, Json& report) {
  spdlog::info("{}: opening {}", result.path.string(), result.checkpoint);
  auto session = open_model(result, options.device);
  std::vector<std::string> ids;
  for (const auto& one : result.predictions) ids.push_back(one.id);
  const auto cost = answer_cost(session, samples_of(result, ids), result.withhold_audio);
  report["results"][place]["cost"] = {{"gflop", cost.gflop}, {"rows", cost.rows}, {"audio_keys", cost.audio_keys}, {"activation_mib", cost.activation_mib}};
  if (result.withhold_audio) return;
  for (std::size_t s = 0; s < shown.size(); ++s) {
    auto& view = report["samples"][s];
    if (!view.contains("clip")) continue;
    auto& answer = view["answers"][place];
    answer["listening"] = listening_json(listen(session, shown[s], answer["text"].get<std::string>(), view["clip"]["shown"].get<double>(), kBins));
  }
}

}  // namespace

Json make_report(const std::vector<ReportedResult>& results, const ReportOptions& options) {
  PAL_CHECK(!results.empty(), "a report needs at least one results.json");
  PAL_CHECK(options.samples >= 0, "the number of samples to show must be at least 0, got {}", options.samples);
  Json report = {{"results", Json::array()}, {"comparisons", comparisons_json(results)}, {"samples", Json::array()},
                 {"scores_only", options.scores_only}};
  for (const auto& result : results) report["results"].push_back(result_json(result));

  const auto ids = shown_ids(results, options.samples);
  std::vector<Sample> shown;
  if (!options.scores_only) shown = samples_of(results.front(), ids);
  for (std::size_t s = 0; s < ids.size(); ++s)
    report["samples"].push_back(sample_view(ids[s], results, shown.empty() ? nullptr : &shown[s], options.seconds));
  if (!options.scores_only)
    for (std::size_t r = 0; r < results.size(); ++r) add_model_views(results[r], r, shown, options, report);
  return report;
}

}  // namespace pal

#include "sample_views.h"

#include <algorithm>
#include <set>

#include "pal/core/base64.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/report/choose_samples.h"
#include "pal/report/clip_view.h"
#include "pal/train/run_config.h"

namespace pal {

namespace {

using Json = nlohmann::json;

std::optional<double> score_of(const ReportedResult& result, const std::string& id) {
  const auto* found = result.find(id);
  if (found == nullptr || result.score.per_sample.empty()) return std::nullopt;
  return result.score.per_sample[std::size_t(found - result.predictions.data())];
}

std::string question_of(const Sample& sample) {
  std::string question;
  for (const auto& message : prompt_of(sample))
    if (message.role != "system") question += (question.empty() ? "" : "\n") + message.content;
  return question;
}

Json view_json(const ClipView& view) {
  return {{"seconds", view.seconds},      {"shown", view.shown},     {"wav", base64(view.wav)},
          {"columns", view.columns},      {"bands", ClipView::bands}, {"spectrogram", base64(view.spectrogram)}};
}

}  // namespace

std::vector<std::string> shown_ids(const std::vector<ReportedResult>& results, int64_t count) {
  std::vector<std::string> common;
  for (const auto& one : results.front().predictions)
    if (std::ranges::all_of(results, [&](const ReportedResult& r) { return r.find(one.id) != nullptr; })) common.push_back(one.id);
  std::vector<std::vector<double>> scores;
  for (const auto& result : results) {
    auto& of_result = scores.emplace_back();
    for (const auto& id : common)
      if (const auto score = score_of(result, id)) of_result.push_back(*score);
  }
  std::vector<std::string> ids;
  for (std::size_t place : choose_samples(scores, common.size(), std::size_t(count))) ids.push_back(common[place]);
  return ids;
}

std::vector<Sample> samples_of(const ReportedResult& result, const std::vector<std::string>& ids) {
  const auto& manifest = result.manifest;
  PAL_CHECK(sha256_of_file(manifest.path) == result.manifest_sha256,
            "{}: was made from another {} than is there now; evaluate again, or give --scores-only", result.path.string(), manifest.path.string());
  const auto prompt = parse_run_config(result.config, result.path.string() + ": config").data.prompt;
  const std::set<std::string> wanted(ids.begin(), ids.end());
  std::vector<Sample> samples;
  read_manifest(manifest, prompt, [&](Sample sample) {
    if (wanted.contains(sample.id)) samples.push_back(std::move(sample));
  });
  PAL_CHECK(samples.size() == wanted.size(), "{}: {} holds {} of its {} samples", result.path.string(), manifest.name(), samples.size(), wanted.size());
  std::ranges::sort(samples, {}, [&](const Sample& sample) { return std::ranges::find(ids, sample.id) - ids.begin(); });
  return samples;
}

Json sample_view(const std::string& id, const std::vector<ReportedResult>& results, const Sample* sample, double seconds) {
  Json view = {{"id", id}, {"references", results.front().find(id)->references}, {"answers", Json::array()}};
  for (const auto& result : results) {
    Json answer = {{"text", result.find(id)->prediction}};
    if (const auto score = score_of(result, id)) answer["score"] = *score;
    if (result.is_right_or_wrong()) answer["right"] = *score_of(result, id) == 1;
    view["answers"].push_back(std::move(answer));
  }
  if (sample == nullptr) return view;
  view["question"] = question_of(*sample);
  if (sample->clips.size() == 1)
    view["clip"] = view_json(view_clip(sample->clips[0], seconds));
  else
    view["clip_missing"] = sample->clips.empty() ? "a sample of text alone" : fmt::format("{} recordings; only single ones are drawn", sample->clips.size());
  return view;
}

}  // namespace pal

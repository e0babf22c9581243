#include "pal/eval/benchmark_run.h"

#include <algorithm>
#include <functional>
#include <set>

#include "pal/core/check.h"
#include "pal/eval/label_scores.h"

namespace pal {

namespace {

using Json = nlohmann::json;

std::vector<ClassScores> class_scores(std::span<const std::string> labels, std::span<const Sample> samples,
                                      const std::function<std::vector<double>(std::size_t)>& scores_of) {
  std::vector<ClassScores> clips;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    auto& clip = clips.emplace_back(ClassScores{samples[i].id, scores_of(i), {}});
    const std::set<std::string_view> own(samples[i].labels.begin(), samples[i].labels.end());
    for (const auto& label : labels) clip.labels.push_back(own.contains(label));
  }
  return clips;
}

// `describe` adds what a protocol has to say of clip i, whose best class is `best`.
BenchmarkResult score_classes_of(const Benchmark& benchmark, std::span<const std::string> labels, std::span<const Sample> samples,
                                 std::span<const Answer> answers, std::vector<ClassScores> classes,
                                 const std::function<void(Json&, std::size_t i, std::size_t best)>& describe) {
  BenchmarkResult result{score_by_class(classes, std::string(benchmark.metric)), Json::array(), std::move(classes), {}};
  const auto best = best_classes(result.classes);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    Json line = {{"id", answers[i].id}, {"prediction", answers[i].text}, {"references", samples[i].labels}, {"label", labels[best[i]]}};
    describe(line, i, best[i]);
    result.predictions.push_back(std::move(line));
  }
  add_sample_scores(result.score, result.predictions);
  return result;
}

}  // namespace

std::vector<std::string> labels_of(std::span<const Sample> samples) {
  std::set<std::string> labels;
  for (const auto& sample : samples) labels.insert(sample.labels.begin(), sample.labels.end());
  return {labels.begin(), labels.end()};
}

void check_benchmark(const Benchmark& benchmark, std::span<const Sample> samples, std::span<const std::string> labels) {
  PAL_CHECK(!benchmark.has_labels() || labels.size() > 1, "{}: expected at least two labels in the manifest, got {}", benchmark.name, labels.size());
  for (const auto& sample : samples) {
    if (!benchmark.has_labels()) {
      PAL_CHECK(sample.labels.empty(), "sample '{}': has labels, but {} needs captions", sample.id, benchmark.name);
      continue;
    }
    PAL_CHECK(!sample.labels.empty(), "sample '{}': has no labels, which {} needs; see `labels` in docs/data.md", sample.id, benchmark.name);
    for (const auto& label : sample.labels)
      PAL_CHECK(std::ranges::binary_search(labels, label), "sample '{}': its label '{}' is not among the classes", sample.id, label);
  }
}

void ask_as_ltu(const Benchmark& benchmark, const std::string& system, std::vector<Sample>& samples) {
  for (auto& sample : samples) {
    const auto answer = sample.messages.back();
    sample.messages.clear();
    if (!system.empty()) sample.messages.push_back({"system", system});
    sample.messages.push_back({"user", std::string(benchmark.question)});
    sample.messages.push_back(answer);
  }
}

EvaluationOptions benchmark_options(const Benchmark& benchmark, const std::string& protocol, std::span<const std::string> labels,
                                    const PromptOptions& prompt, EvaluationOptions given) {
  PAL_CHECK(protocol == "ltu" || protocol == "likelihood", "--protocol: expected ltu or likelihood, got '{}'", protocol);
  PAL_CHECK(protocol == "ltu" || benchmark.has_labels(), "--protocol likelihood: {} has captions and no labels to choose from; use ltu",
            benchmark.name);
  given.metric = benchmark.metric;
  given.skip_unanswerable = false;  // every clip of a benchmark counts
  given.protocol = protocol == "ltu" ? "generate" : "likelihood";
  given.answers.clear();
  if (protocol == "likelihood")
    for (const auto& label : labels) given.answers.push_back(answer_of_label(prompt, label));
  return given;
}

BenchmarkResult score_similarities(const Benchmark& benchmark, std::span<const std::string> labels, std::span<const Sample> samples,
                                   std::span<const Answer> answers, const torch::Tensor& similarities) {
  const auto rows = similarities.contiguous();
  const int64_t width = rows.size(1);
  const auto scores_of = [&](std::size_t i) {
    const auto* row = rows.data_ptr<double>() + int64_t(i) * width;
    return std::vector<double>(row, row + width);
  };
  auto classes = class_scores(labels, samples, scores_of);
  return score_classes_of(benchmark, labels, samples, answers, std::move(classes), [&](Json& line, std::size_t i, std::size_t best) {
    line["text"] = answer_text(benchmark, answers[i].text);
    line["similarity"] = rows[int64_t(i)][int64_t(best)].item<double>();
  });
}

BenchmarkResult score_likelihoods(const Benchmark& benchmark, std::span<const std::string> labels, std::span<const Sample> samples,
                                  std::span<const Answer> answers) {
  auto classes = class_scores(labels, samples, [&](std::size_t i) { return answers[i].likelihoods; });
  return score_classes_of(benchmark, labels, samples, answers, std::move(classes), [](Json&, std::size_t, std::size_t) {});
}

BenchmarkResult score_captions(const Benchmark& benchmark, std::span<const Sample> samples, std::span<const Answer> answers, const JavaScorers& java) {
  std::vector<Prediction> predictions;
  BenchmarkResult result;
  result.predictions = Json::array();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto references = references_of(samples[i]);
    auto& scored = predictions.emplace_back(Prediction{answers[i].id, plain_caption(answer_text(benchmark, answers[i].text)), {}});
    for (const auto& reference : references) scored.references.push_back(plain_caption(reference));
    result.predictions.push_back({{"id", answers[i].id}, {"prediction", answers[i].text}, {"references", references}, {"text", scored.prediction}});
  }
  result.score = score_predictions(predictions, std::string(benchmark.metric));
  ScoreOptions options;
  options.java = java;
  for (const char* metric : {"meteor", "spice"}) result.others.push_back(score_predictions(predictions, metric, options));
  add_sample_scores(result.score, result.predictions);
  return result;
}

}  // namespace pal

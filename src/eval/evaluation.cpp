#include "pal/eval/evaluation.h"

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "pal/eval/answering.h"
#include "pal/eval/label_scores.h"
#include "pal/metrics/words.h"

namespace pal {

namespace {

using Json = nlohmann::json;

void check_options(const EvaluationOptions& options) {
  PAL_CHECK(options.protocol == "likelihood" || options.protocol == "generate",
            "eval: protocol '{}' is not known; use likelihood or generate", options.protocol);
  PAL_CHECK(options.normalize == "none" || options.normalize == "token", "eval: normalize '{}' is not known; use none or token",
            options.normalize);
  PAL_CHECK(options.protocol != "likelihood" || options.answers.size() > 1,
            "eval: the likelihood protocol needs at least two answers to choose from; set eval.answers, or data.train so that its "
            "answers are taken (if there are at most 1,000), or eval.protocol: generate");
  PAL_CHECK(options.metric != "map" || options.protocol == "likelihood",
            "eval: metric map needs a score for each answer, which generated text has not; set eval.protocol: likelihood");
  PAL_CHECK(options.batch_size > 0, "eval: batch_size must be above 0, got {}", options.batch_size);
}

// Which samples are scored: with skip_unanswerable, those with a reference among the answers, compared as accuracy compares.
std::vector<bool> are_scored(const EvaluationOptions& options, const std::vector<Sample>& samples) {
  if (options.protocol != "likelihood" || !options.skip_unanswerable) return std::vector<bool>(samples.size(), true);
  std::set<std::string> answers;
  for (const auto& answer : options.answers) answers.insert(trimmed_lower(answer));
  std::vector<bool> scored;
  for (const auto& sample : samples) {
    const auto references = references_of(sample);
    scored.push_back(std::any_of(references.begin(), references.end(),
                                 [&](const std::string& reference) { return answers.contains(trimmed_lower(reference)); }));
  }
  return scored;
}

}  // namespace

void check_evaluation(const EvaluationOptions& options, const std::vector<Sample>& samples) {
  check_options(options);
  const auto scored = are_scored(options, samples);
  PAL_CHECK(std::find(scored.begin(), scored.end(), true) != scored.end(),
            "eval: none of the {} samples has a reference among the answers", samples.size());
}

AskedSamples asked_samples(const EvaluationOptions& options, const std::vector<Sample>& samples) {
  AskedSamples asked;
  const auto scored = are_scored(options, samples);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (scored[i])
      asked.samples.push_back(samples[i]);
    else
      asked.skipped.push_back(samples[i].id);
  }
  return asked;
}

Evaluation score_answers(const EvaluationOptions& options, const AskedSamples& asked, const std::vector<Answer>& answers) {
  PAL_ASSERT(answers.size() == asked.samples.size(), "{} answers to {} samples", answers.size(), asked.samples.size());
  Evaluation result;
  result.skipped = asked.skipped;
  result.predictions = Json::array();
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    predictions.push_back({answers[i].id, answers[i].text, references_of(asked.samples[i])});
    Json line = {{"id", answers[i].id}, {"prediction", answers[i].text}, {"references", predictions.back().references}};
    if (!answers[i].likelihoods.empty()) line["likelihoods"] = answers[i].likelihoods;
    result.predictions.push_back(std::move(line));
  }
  if (options.metric == "map")
    result.score = score_classes(likelihoods_by_class(options, asked.samples, answers), options.metric);
  else
    result.score = score_predictions(predictions, options.metric);
  add_sample_scores(result.score, result.predictions);
  return result;
}

Evaluation evaluate(PalModel& model, const Collator& collator, const std::vector<Sample>& samples,
                    const EvaluationOptions& options, bool withhold_audio, const std::function<bool()>& stopped) {
  check_evaluation(options, samples);
  const auto asked = asked_samples(options, samples);
  Answerer answerer(model, collator, options, withhold_audio);
  std::vector<Answer> answers;
  for (int64_t batch = 0; batch < answerer.batches(asked.samples); ++batch) {
    if (stopped && stopped()) throw EvaluationStopped();
    for (auto& answer : answerer.answer(asked.samples, batch)) answers.push_back(std::move(answer));
  }
  return score_answers(options, asked, answers);
}

std::vector<std::string> answers_of(const std::vector<Sample>& samples) {
  std::set<std::string> answers;
  for (const auto& sample : samples) answers.insert(sample.messages.back().content);
  return {answers.begin(), answers.end()};
}

}  // namespace pal

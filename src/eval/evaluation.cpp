#include "pal/eval/evaluation.h"

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "pal/metrics/words.h"

namespace pal {

namespace {

using Json = nlohmann::json;

// What the model answers to a batch, and for the likelihood protocol how likely each answer is.
struct Answers {
  std::vector<std::string> texts;
  torch::Tensor likelihoods;  // [samples, answers] float64; not defined for generated answers
};

Answers likeliest(PalModel& model, const PalBatch& batch, const std::vector<std::vector<int64_t>>& candidates,
                  const EvaluationOptions& options) {
  Answers answers;
  answers.likelihoods = score_continuations(model, run_prompt(model, batch), candidates);
  if (options.normalize == "token") {
    std::vector<double> lengths;
    for (const auto& candidate : candidates) lengths.push_back(double(candidate.size()));
    answers.likelihoods = answers.likelihoods / torch::tensor(lengths, torch::kFloat64);
  }
  const auto best = answers.likelihoods.argmax(-1);
  for (int64_t s = 0; s < best.numel(); ++s) answers.texts.push_back(options.answers[std::size_t(best[s].item<int64_t>())]);
  return answers;
}

Answers generated(PalModel& model, const PalBatch& batch, const Collator& collator, const EvaluationOptions& options,
                  int64_t first_index) {
  Answers answers;
  for (const auto& ids : generate(model, batch, collator.tokenizer().stop_tokens(), options.generate, first_index))
    answers.texts.push_back(collator.tokenizer().decode(ids, /*skip_special=*/true));
  return answers;
}

void check_options(const EvaluationOptions& options) {
  PAL_CHECK(options.protocol == "likelihood" || options.protocol == "generate",
            "eval: protocol '{}' is not known; use likelihood or generate", options.protocol);
  PAL_CHECK(options.normalize == "none" || options.normalize == "token", "eval: normalize '{}' is not known; use none or token",
            options.normalize);
  PAL_CHECK(options.protocol != "likelihood" || options.answers.size() > 1,
            "eval: the likelihood protocol needs at least two answers to choose from; set eval.answers, or data.train so that its "
            "answers are taken (if there are at most 1,000), or eval.protocol: generate");
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

Evaluation evaluate(PalModel& model, const Collator& collator, const std::vector<Sample>& given,
                    const EvaluationOptions& options, bool withhold_audio, const std::function<bool()>& stopped) {
  check_evaluation(options, given);
  torch::NoGradGuard no_grad;
  const bool closed = options.protocol == "likelihood";
  std::vector<std::vector<int64_t>> candidates;
  if (closed)
    for (const auto& answer : options.answers) candidates.push_back(collator.answer_tokens(answer));

  Evaluation result;
  std::vector<Sample> samples;
  const auto scored = are_scored(options, given);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (scored[i])
      samples.push_back(given[i]);
    else
      result.skipped.push_back(given[i].id);
  }
  result.predictions = Json::array();
  std::vector<Prediction> predictions;
  for (std::size_t begin = 0; begin < samples.size(); begin += std::size_t(options.batch_size)) {
    if (stopped && stopped()) throw EvaluationStopped();
    const std::size_t end = std::min(samples.size(), begin + std::size_t(options.batch_size));
    std::vector<const Sample*> part;
    for (std::size_t i = begin; i < end; ++i) part.push_back(&samples[i]);
    const auto batch = collator.collate(part, Purpose::kAnswering, withhold_audio);
    const auto answers = closed ? likeliest(model, batch, candidates, options)
                                : generated(model, batch, collator, options, int64_t(begin));
    for (std::size_t i = 0; i < part.size(); ++i) {
      predictions.push_back({part[i]->id, answers.texts[i], references_of(*part[i])});
      Json line = {{"id", part[i]->id}, {"prediction", answers.texts[i]}, {"references", predictions.back().references}};
      if (answers.likelihoods.defined()) {
        const auto row = answers.likelihoods[int64_t(i)].contiguous();
        line["likelihoods"] = std::vector<double>(row.data_ptr<double>(), row.data_ptr<double>() + row.numel());
      }
      result.predictions.push_back(std::move(line));
    }
  }
  result.score = score_predictions(predictions, options.metric);
  for (std::size_t i = 0; i < result.score.per_sample.size(); ++i) {  // empty for F1, which is no mean over clips
    result.predictions[i]["score"] = result.score.per_sample[i];
    if (options.metric == "accuracy") result.predictions[i]["correct"] = result.score.per_sample[i] == 1.0;
  }
  return result;
}

std::vector<std::string> answers_of(const std::vector<Sample>& samples) {
  std::set<std::string> answers;
  for (const auto& sample : samples) answers.insert(sample.messages.back().content);
  return {answers.begin(), answers.end()};
}

}  // namespace pal

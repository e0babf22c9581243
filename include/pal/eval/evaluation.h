// Scoring a model on a manifest: answers, by likelihood or generated, and what they are worth.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/eval/answer_file.h"
#include "pal/eval/evaluation_options.h"
#include "pal/integration/collate.h"
#include "pal/metrics/score.h"

namespace pal {

// The answers and what they are worth.
struct Evaluation {
  Score score;                       // with its interval
  std::vector<std::string> skipped;  // ids of unanswerable samples
  nlohmann::json predictions;        // [{id, prediction, references, score, correct (accuracy), likelihoods?}], in the manifest's order
};

// Thrown by evaluate() where it was asked to stop.
struct EvaluationStopped : std::exception {
  const char* what() const noexcept override { return "the evaluation was stopped"; }  // for whoever does not expect it
};

// Throws UserError for what evaluate() would throw after its work or before it: an unknown protocol, a likelihood without answers, no
// sample that can be answered. Cheap.
void check_evaluation(const EvaluationOptions& options, const std::vector<Sample>& samples);

// What is asked: the samples that are scored, in order, and the ids of those that are left out.
struct AskedSamples {
  std::vector<Sample> samples;       // that are scored
  std::vector<std::string> skipped;  // ids of the others
};

// With skip_unanswerable, samples with a reference among the answers, compared as accuracy compares; otherwise all.
AskedSamples asked_samples(const EvaluationOptions& options, const std::vector<Sample>& samples);

// Scores answers to the samples, in their order. Throws UserError for a metric that does not fit.
Evaluation score_answers(const EvaluationOptions& options, const AskedSamples& asked, const std::vector<Answer>& answers);

// Asks and scores. `withhold_audio` answers without hearing: every stream is empty. Samples are taken in order, so results do not depend on the
// batch size beyond rounding. Throws UserError for an unknown protocol and for a likelihood without answers.
Evaluation evaluate(PalModel& model, const Collator& collator, const std::vector<Sample>& samples,
                    const EvaluationOptions& options, bool withhold_audio = false,
                    const std::function<bool()>& stopped = {});

// The different answers of a manifest, sorted: what a closed set of labels is.
std::vector<std::string> answers_of(const std::vector<Sample>& samples);

}  // namespace pal

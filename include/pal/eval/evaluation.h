// Scoring a model on a manifest: answers, by likelihood or generated, and what they are worth.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/eval/generate.h"
#include "pal/integration/collate.h"
#include "pal/metrics/score.h"

namespace pal {

// How a model is asked and scored.
struct EvaluationOptions {
  std::string protocol = "likelihood";  // likelihood: the likeliest of `answers`; generate: free text
  std::string metric = "accuracy";      // see metrics/score.h
  std::vector<std::string> answers;     // likelihood: what may be answered; empty: the answers of the training manifest
  std::string normalize = "none";       // likelihood: none: the whole answer's; token: the mean a token
  bool skip_unanswerable = false;       // likelihood: leave out samples none of whose references is in `answers`; counted
  int64_t batch_size = 8;               // samples at a time
  GenerateOptions generate;             // of free text
};

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

// `withhold_audio` answers without hearing: every stream is empty. Samples are taken in order, so results do not depend on the
// batch size beyond rounding. Throws UserError for an unknown protocol and for a likelihood without answers.
Evaluation evaluate(PalModel& model, const Collator& collator, const std::vector<Sample>& samples,
                    const EvaluationOptions& options, bool withhold_audio = false,
                    const std::function<bool()>& stopped = {});

// The different answers of a manifest, sorted: what a closed set of labels is.
std::vector<std::string> answers_of(const std::vector<Sample>& samples);

}  // namespace pal

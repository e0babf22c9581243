// How a model is asked and scored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pal/eval/generate.h"

namespace pal {

// Of an evaluation.
struct EvaluationOptions {
  std::string protocol = "likelihood";  // likelihood: the likeliest of `answers`; generate: free text
  std::string metric = "accuracy";      // see metrics/score.h; map: of the answers' likelihoods
  std::vector<std::string> answers;     // likelihood: what may be answered; empty: the answers of the training manifest
  std::string normalize = "none";       // likelihood: none: the whole answer's; token: the mean a token
  bool skip_unanswerable = false;       // likelihood: leave out samples none of whose references is in `answers`; counted
  int64_t batch_size = 8;               // samples at a time
  GenerateOptions generate;             // of free text
};

}  // namespace pal

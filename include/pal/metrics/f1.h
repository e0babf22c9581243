// F1: the harmonic mean of precision and recall, over all decisions (micro) or by class (macro).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pal/metrics/class_scores.h"
#include "pal/metrics/predictions.h"

namespace pal {

// Whether a clip was said to have a class, and whether it has it.
struct Decision {
  int32_t label;          // the class
  bool said, true_label;  // the model says so, the reference says so
};

// Only decisions with `said` or `true_label` are kept: the others do not enter F1.
struct Decisions {
  int32_t classes = 0;                         // how many there are
  std::vector<std::vector<Decision>> by_clip;  // in the order of the clips
};

// Said where the score is above `threshold`. Throws UserError without clips.
Decisions decisions(std::span<const ClassScores> clips, double threshold);

// One answer a clip, compared as accuracy does (accuracy.h). The classes are those of the references; an answer that
// matches a reference is right, another one misses the first reference's class, and counts for the class it names.
Decisions decisions(std::span<const Prediction> predictions);

// F1 of all decisions together. weights: how often each clip counts; empty: once each. Equal to scikit-learn's
// f1_score, with 0 where nothing was said and nothing true.
double micro_f1(const Decisions& decisions, std::span<const int32_t> weights = {});
// The plain mean of all classes' F1, with weights as above.
double macro_f1(const Decisions& decisions, std::span<const int32_t> weights = {});

}  // namespace pal

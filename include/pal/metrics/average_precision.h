// Average precision of class scores, and its mean over classes (mAP).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pal/metrics/class_scores.h"

namespace pal {

// One class's clips, ordered once; the bootstrap then asks again and again with other weights.
class PrecisionRecall {
 public:
  // Throws UserError for a score that is not a number.
  PrecisionRecall(std::span<const double> scores, std::span<const uint8_t> labels);

  // The sum of (R_k - R_(k-1)) P_k over the distinct scores, from the highest down: clips of equal score are taken
  // together, so their order is of no consequence. Equal to scikit-learn's average_precision_score. NaN where no clip
  // has the class. weights: how often each clip counts, in the order of `scores`; empty: once each.
  double average_precision(std::span<const int32_t> weights = {}) const;

 private:
  struct Clip {
    int32_t index;
    bool positive, last_of_its_score;
  };
  std::vector<Clip> clips_;  // by falling score
};

// What a class without a positive clip does to a mean over classes.
enum class AbsentClasses {
  kSkip,  // it is left out
  kZero,  // it scores 0, as in scikit-learn
};

// The mean over classes and what it is the mean of.
struct MeanAveragePrecision {
  double mean = 0;                // NaN under kSkip where no class has a positive clip
  int64_t absent = 0;             // classes without a positive clip
  std::vector<double> per_class;  // NaN for those
};

// The curves of all classes. Throws UserError without clips, and for a score that is not a number.
std::vector<PrecisionRecall> precision_recall(std::span<const ClassScores> clips);

// The mean over `classes`. weights: as for average_precision().
MeanAveragePrecision mean_average_precision(std::span<const PrecisionRecall> classes, AbsentClasses absent,
                                            std::span<const int32_t> weights = {});

}  // namespace pal

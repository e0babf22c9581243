// The metrics' names, and what kind of number each gives.
#pragma once

#include <string>

namespace pal {

// How a metric's score of a set comes about.
enum class MetricKind {
  kMeanOfClips,  // each clip has a score, and their mean is the set's: accuracy, ciderd, rouge_l, spice
  kWholeSet,     // the set is scored as a whole: micro_f1, macro_f1, map, bleu1 to bleu4, meteor
};

// Throws UserError for a name that is none of these, with the list.
MetricKind metric_kind(const std::string& metric);

}  // namespace pal

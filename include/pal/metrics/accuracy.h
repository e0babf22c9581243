// Accuracy of free-text answers.
#pragma once

#include <span>
#include <vector>

#include "pal/metrics/predictions.h"

namespace pal {

// 1 for each prediction that equals any of its references after trimming and lower-casing (words.h), else 0.
std::vector<double> accuracy_per_sample(std::span<const Prediction> predictions);

}  // namespace pal

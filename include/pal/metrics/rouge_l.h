// ROUGE-L (Lin 2004): how much of a caption lies in the same order in a reference.
#pragma once

#include <span>
#include <vector>

#include "pal/metrics/words.h"

namespace pal {

// The score of each clip, 0 to 1: from the longest common subsequence with each reference, the best precision and the
// best recall, joined as (1 + b^2) p r / (r + b^2 p) with b = 1.2. Equal to pycocoevalcap's Rouge, which splits words
// at single spaces (split_at_spaces). Throws UserError for a clip without references.
std::vector<double> rouge_l(std::span<const CaptionWords> clips);

}  // namespace pal

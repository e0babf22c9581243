// CIDEr-D, the consensus metric of captions (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726).
#pragma once

#include <span>
#include <vector>

#include "pal/metrics/words.h"

namespace pal {

// The score of each clip, 0 to 10; their mean is the score of the set. N-grams of 1 to 4 words, weighted by count and
// log(clips / clips whose references hold it), with the references of the clips given; clipped cosine with every
// reference, a Gaussian penalty (sigma 6) on the difference of length, averaged over references and n, times 10.
// Equal to pycocoevalcap's Cider (its length in bigrams differs by the same as one in words). A set of one clip
// scores 0, since every n-gram is then in every clip. Throws UserError for a clip without references.
std::vector<double> cider_d(std::span<const CaptionWords> clips);

}  // namespace pal

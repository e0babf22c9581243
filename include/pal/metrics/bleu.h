// BLEU (Papineni et al. 2002), of a whole set of captions.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "pal/metrics/words.h"

namespace pal {

// What BLEU adds up over clips.
struct BleuCounts {
  std::array<double, 4> ngrams{};   // of the candidate, by length
  std::array<double, 4> matched{};  // of those, in a reference, at most as often as in one reference
  double candidate_words = 0;       // of the candidate
  double reference_words = 0;       // of the reference of the nearest length, the shorter of two
};

// Throws UserError for a clip without references.
std::vector<BleuCounts> bleu_counts(std::span<const CaptionWords> clips);

// BLEU-n (n of 1 to 4) from added counts: the geometric mean of the shares matched, times the brevity penalty. Equal to
// pycocoevalcap's Bleu, with its tiny constants in place of smoothing. 0 to 1.
double bleu(const BleuCounts& counts, int n);

}  // namespace pal

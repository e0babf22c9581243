// Text as the metrics compare it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pal/metrics/predictions.h"

namespace pal {

// The parts between white space, as Python's str.split() takes it (Unicode white space, so a no-break space parts too).
std::vector<std::string> split_words(std::string_view text);

// The parts between single spaces, as Python's str.split(" ") takes it: two spaces have an empty word between them.
std::vector<std::string> split_at_spaces(std::string_view text);

// Without white space at both ends, in lower case (Unicode, no language's special rules): Python's strip().lower().
std::string trimmed_lower(std::string_view text);

// One clip's answer and references as words, for the caption metrics.
struct CaptionWords {
  std::vector<std::string> candidate;                // the answer
  std::vector<std::vector<std::string>> references;  // one or more
};

// PTB-tokenized (metrics/ptb_tokenizer.h), or as they are where `tokenized`; then split into words by `split`.
// Throws UserError that names the id whose text is too long for the tokenizer.
std::vector<CaptionWords> caption_words(std::span<const Prediction> predictions, bool tokenized,
                                        std::vector<std::string> (*split)(std::string_view) = split_words);

}  // namespace pal

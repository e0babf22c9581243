// The rules of the Penn Treebank tokenizer, as data.
#pragma once

#include <string>
#include <vector>

namespace pal::detail {

// At each place the rule with the longest match wins, the first one where several are equally long. What lies behind
// the last group is context: it counts for the length of the match, and is read again.
struct PtbRule {
  enum class Result {
    kToken,        // every group of the pattern is a token, or the whole match where it has none
    kContraction,  // as kToken; its typographic apostrophe becomes a plain one
    kNothing,      // space or punctuation that no metric counts
  };
  const char* name;
  std::string pattern;  // ICU regular expression, UTF-8
  Result result = Result::kToken;
};

const std::vector<PtbRule>& ptb_rules();

}  // namespace pal::detail

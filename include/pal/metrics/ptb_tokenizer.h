// Penn Treebank tokenization of captions, as the caption metrics expect it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pal {

// Splits captions as pycocoevalcap does before it scores them (Stanford's PTBTokenizer 3.4.1 with -preserveLines
// -lowerCase, then its list of punctuation taken out): "A dog's bark (far away)." -> "a dog 's bark -lrb- far away -rrb-".
// Source: the documented behaviour of that tokenizer, and its answers; see tests/parity for how near the two are.
// Two traps of the original are kept, for scores that compare: bracket tokens such as -lrb- survive (they are lower-cased
// before the punctuation list, which has them in capitals), and a fraction or a phone number is one token with a
// no-break space inside ("1\u00a01/2"). Line breaks in a caption count as spaces.
// One object is for one thread; making one costs some milliseconds.
class PtbTokenizer {
 public:
  PtbTokenizer();
  ~PtbTokenizer();
  PtbTokenizer(const PtbTokenizer&) = delete;
  PtbTokenizer& operator=(const PtbTokenizer&) = delete;

  // The tokens of the UTF-8 `caption`, lower-cased, without punctuation, joined by single spaces.
  // Throws UserError for a caption of more than 20,000 bytes.
  std::string tokenize(std::string_view caption);

 private:
  struct Rules;
  std::unique_ptr<Rules> rules_;
};

}  // namespace pal

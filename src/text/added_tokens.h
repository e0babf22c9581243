// Added tokens such as <|im_start|>: found in a text before anything else is done to it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pal {

// The flags are those of Hugging Face's AddedToken.
struct AddedToken {
  std::int64_t id = 0;
  std::string content;
  bool special = false;      // left out of decoded text on request
  bool single_word = false;  // only where no letter, digit or underscore touches it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and behind it
  bool normalized = false;   // looked for in the normalised text
};

// Tokens and their ids, as a file lists them.
using VocabularyList = std::vector<std::pair<std::string, std::int64_t>>;

// Throws UserError where a token has two ids or an id two tokens: such a tokenizer would encode one way and decode another.
void check_added_tokens(const std::vector<AddedToken>& tokens, const VocabularyList& vocabulary,
                        const std::string& where);

// Finds the leftmost and of those the longest added token, again and again. Thread-safe.
class AddedTokenFinder {
 public:
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  struct Part {
    std::string_view text;
    std::optional<std::int64_t> id;  // none: ordinary text
  };
  // The text in its order; ordinary parts are not empty.
  std::vector<Part> split(std::string_view text) const;

 private:
  struct Match {
    std::size_t begin;
    std::size_t end;
    const AddedToken* token;
  };
  std::optional<Match> find(std::string_view text, std::size_t from) const;

  // A trie over the bytes of the contents; node 0 is its root.
  struct Node {
    std::map<char, std::size_t> next;
    std::optional<std::size_t> token;  // of tokens_: its content ends here
  };
  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
};

}  // namespace pal

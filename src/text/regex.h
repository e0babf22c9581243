// ICU regular expressions over UTF-8, kept to what Oniguruma reads alike.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// A stretch of a text: bytes [begin, end), and whether the pattern matched it.
struct Stretch {
  std::size_t begin;
  std::size_t end;
  bool matched;
};

// Thread-safe.
class Regex {
 public:
  Regex(std::string_view pattern, std::string_view where);
  ~Regex();
  // The text as matches and what lies between them, in order, nothing left out. `text` is well-formed UTF-8.
  // Throws UserError where the pattern takes too long or too much memory.
  std::vector<Stretch> split(std::string_view text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
  std::string where_;
};

// `text` with every character that means something in a pattern escaped.
std::string escape_regex(std::string_view text);

}  // namespace pal

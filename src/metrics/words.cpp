#include "pal/metrics/words.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "pal/core/check.h"
#include "pal/metrics/ptb_tokenizer.h"

namespace pal {

namespace {

// Python's str.isspace(): the Unicode property and the four ASCII separators.
bool is_space(UChar32 c) { return u_isUWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

icu::UnicodeString unicode(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), int32_t(text.size())));
}

}  // namespace

std::vector<std::string> split_words(std::string_view utf8) {
  const icu::UnicodeString text = unicode(utf8);
  std::vector<std::string> words;
  int32_t begin = 0;
  for (int32_t i = 0; i <= text.length(); ++i) {  // all white space is in the first plane: one code unit each
    if (i < text.length() && !is_space(text[i])) continue;
    if (i > begin) text.tempSubStringBetween(begin, i).toUTF8String(words.emplace_back());
    begin = i + 1;
  }
  return words;
}

std::vector<std::string> split_at_spaces(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string trimmed_lower(std::string_view utf8) {
  const icu::UnicodeString text = unicode(utf8);
  int32_t begin = 0, end = text.length();
  while (begin < end && is_space(text[begin])) ++begin;
  while (end > begin && is_space(text[end - 1])) --end;
  std::string result;
  icu::UnicodeString(text, begin, end - begin).toLower(icu::Locale::getRoot()).toUTF8String(result);
  return result;
}

std::vector<CaptionWords> caption_words(std::span<const Prediction> predictions, bool tokenized,
                                        std::vector<std::string> (*split)(std::string_view)) {
  PtbTokenizer tokenizer;
  std::vector<CaptionWords> all;
  all.reserve(predictions.size());
  for (const Prediction& one : predictions) {
    const auto words = [&](const std::string& text) {
      return split(tokenized ? text : tokenizer.tokenize(text));
    };
    try {
      CaptionWords& caption = all.emplace_back();
      caption.candidate = words(one.prediction);
      for (const std::string& reference : one.references) caption.references.push_back(words(reference));
    } catch (const UserError& error) {
      user_error("id '{}': {}", one.id, error.what());
    }
  }
  return all;
}

}  // namespace pal

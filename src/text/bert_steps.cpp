// The steps of BERT's tokenizers: BertNormalizer and BertPreTokenizer of Hugging Face tokenizers.
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include "normalizer.h"
#include "pre_tokenizer.h"
#include "unicode.h"
#include "unicode_8.h"

namespace pal {
namespace {

// The blocks that BERT takes for Chinese: ideographs, also as compatibility characters; no kana, no hangul.
bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_white_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

bool is_bert_punctuation(char32_t c) {
  return (c < 0x80 && u_isgraph(static_cast<UChar32>(c)) && !u_isalnum(static_cast<UChar32>(c))) ||
         is_punctuation_in_unicode_8(c);
}

// Rust's char::to_lowercase: each character by itself, so that a sigma is never final.
void append_lower(std::string& text, char32_t c) {
  append_utf8(text, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
  if (c == 0x130) append_utf8(text, 0x307);  // the only one that becomes two
}

class BertNormalizer : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options) : options_(options), nfd_(make_nfd()) {}

  void apply(std::string& text) const override {
    if (options_.clean_text || options_.chinese) text = cleaned(text);
    if (options_.strip_accents) {
      nfd_->apply(text);
      text = without_marks(text);
    }
    if (options_.lowercase) text = lowered(text);
  }

 private:
  std::string cleaned(std::string_view text) const {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
      const char32_t c = next_code_point(text, at);
      const bool white = options_.clean_text && (c == '\t' || c == '\n' || c == '\r');
      if (options_.clean_text && !white && (c == 0 || c == 0xFFFD || is_other_in_unicode_8(c))) continue;
      if (white || (options_.clean_text && is_white_space(c))) {
        result += ' ';
      } else if (options_.chinese && is_chinese(c)) {
        result += ' ';
        append_utf8(result, c);
        result += ' ';
      } else {
        append_utf8(result, c);
      }
    }
    return result;
  }

  static std::string without_marks(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
      const char32_t c = next_code_point(text, at);
      if (!is_nonspacing_mark_in_unicode_8(c)) append_utf8(result, c);
    }
    return result;
  }

  static std::string lowered(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) append_lower(result, next_code_point(text, at));
    return result;
  }

  BertNormalizerOptions options_;
  std::unique_ptr<Normalizer> nfd_;
};

class BertPreTokenizer : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    std::vector<std::string_view> views;
    for (std::string_view view : pieces.views) cut(view, views);
    pieces.views = std::move(views);
  }

 private:
  static void cut(std::string_view view, std::vector<std::string_view>& words) {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < view.size();) {
      const std::size_t before = at;
      const char32_t c = next_code_point(view, at);
      const bool white = is_white_space(c);
      if (!white && !is_bert_punctuation(c)) continue;
      if (before > begin) words.push_back(view.substr(begin, before - begin));
      if (!white) words.push_back(view.substr(before, at - before));
      begin = at;
    }
    if (begin < view.size()) words.push_back(view.substr(begin));
  }
};

}  // namespace

std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer() { return std::make_unique<BertPreTokenizer>(); }

}  // namespace pal

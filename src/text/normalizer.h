// What is done to a text before it is cut into words: the normalizers of Hugging Face tokenizers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pal {

// One step. Thread-safe.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(std::string& text) const = 0;
};

// NFC and NFD: Unicode normalisation forms C and D, by the tables that the reference uses.
std::unique_ptr<Normalizer> make_nfc();
std::unique_ptr<Normalizer> make_nfd();
// Prepend: `prefix` before a text that is not empty.
std::unique_ptr<Normalizer> make_prepend(std::string prefix);
// Replace: every `from` (not empty) becomes `to`.
std::unique_ptr<Normalizer> make_replace(std::string from, std::string to);

// BertNormalizer, in the order in which it works.
struct BertNormalizerOptions {
  bool clean_text = true;     // control characters go, every white space is a space
  bool chinese = true;        // spaces around Chinese characters
  bool strip_accents = true;  // NFD, then marks without width go
  bool lowercase = true;
};
std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options);

}  // namespace pal

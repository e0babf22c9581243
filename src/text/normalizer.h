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

// NFC: Unicode normalisation form C, by the tables that the reference uses.
std::unique_ptr<Normalizer> make_nfc();
// Prepend: `prefix` before a text that is not empty.
std::unique_ptr<Normalizer> make_prepend(std::string prefix);
// Replace: every `from` (not empty) becomes `to`.
std::unique_ptr<Normalizer> make_replace(std::string from, std::string to);

}  // namespace pal

#include "normalizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uniset.h>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

// Hugging Face's tokenizers normalise by the tables of Unicode 9 (crate unicode-normalization-alignments): characters
// that came later do not combine or move. ICU's own tables would order 98 marks differently (seen with 0.23).
icu::FilteredNormalizer2 unicode_9(const icu::Normalizer2* (*instance)(UErrorCode&)) {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::UnicodeSet known(u"[:Age=9.0:]", status);
  const icu::Normalizer2* form = instance(status);
  PAL_ASSERT(U_SUCCESS(status), "ICU has no data to normalise by: {}", u_errorName(status));
  return {*form, known};
}

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(const icu::Normalizer2* (*instance)(UErrorCode&)) : form_(unicode_9(instance)) {}
  void apply(std::string& text) const override {
    UErrorCode status = U_ZERO_ERROR;
    std::string normalized;
    icu::StringByteSink<std::string> sink(&normalized);
    form_.normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr,
                        status);
    PAL_ASSERT(U_SUCCESS(status), "normalisation of {} bytes failed: {}", text.size(), u_errorName(status));
    text = std::move(normalized);
  }

 private:
  icu::FilteredNormalizer2 form_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(std::string& text) const override {
    if (!text.empty()) text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  void apply(std::string& text) const override { replace_all(text, from_, to_); }

 private:
  std::string from_;
  std::string to_;
};

}  // namespace

std::unique_ptr<Normalizer> make_nfc() { return std::make_unique<UnicodeForm>(&icu::Normalizer2::getNFCInstance); }

std::unique_ptr<Normalizer> make_nfd() { return std::make_unique<UnicodeForm>(&icu::Normalizer2::getNFDInstance); }

std::unique_ptr<Normalizer> make_prepend(std::string prefix) {
  return std::make_unique<Prepend>(std::move(prefix));
}

std::unique_ptr<Normalizer> make_replace(std::string from, std::string to) {
  return std::make_unique<Replace>(std::move(from), std::move(to));
}

}  // namespace pal

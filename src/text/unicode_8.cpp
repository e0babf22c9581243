#include "unicode_8.h"

#include <unicode/uniset.h>

#include "pal/core/check.h"

namespace pal {
namespace {

icu::UnicodeSet make_set(const char16_t* pattern) {
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeSet set(pattern, status);
  PAL_ASSERT(U_SUCCESS(status), "ICU does not read the set: {}", u_errorName(status));
  set.freeze();  // fast, and safe to share among threads
  return set;
}

}  // namespace

// Seen by comparing every code point with tokenizers 0.23: these changed their category since, such as U+1734, a mark without width then.

bool is_other_in_unicode_8(char32_t code_point) {
  static const icu::UnicodeSet set = make_set(u"[[[:Cc:][:Cf:][:Co:]] & [:Age=8.0:]]");
  return set.contains(static_cast<UChar32>(code_point));
}

bool is_nonspacing_mark_in_unicode_8(char32_t code_point) {
  static const icu::UnicodeSet set = make_set(u"[[[:Mn:] & [:Age=8.0:]] - [\\u1885\\u1886\\uA9BD\\U000111C9] [\\u1734]]");
  return set.contains(static_cast<UChar32>(code_point));
}

bool is_punctuation_in_unicode_8(char32_t code_point) {
  static const icu::UnicodeSet set = make_set(u"[[[:P:] & [:Age=8.0:]] [\\U000111C9\\u166D]]");
  return set.contains(static_cast<UChar32>(code_point));
}

}  // namespace pal

// Kinds of characters by the tables of Unicode 8, which Hugging Face's BERT steps (crate unicode_categories) still use.
#pragma once

namespace pal {

// Characters that came after Unicode 8 are of no kind; the few whose category changed since then have their old one.
bool is_other_in_unicode_8(char32_t code_point);             // Cc, Cf, Co
bool is_nonspacing_mark_in_unicode_8(char32_t code_point);   // Mn
bool is_punctuation_in_unicode_8(char32_t code_point);       // P

}  // namespace pal

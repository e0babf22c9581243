#include "pal/metrics/ptb_tokenizer.h"

#include <unicode/locid.h>
#include <unicode/regex.h>
#include <unicode/unistr.h>

#include <map>
#include <set>
#include <vector>

#include "pal/core/check.h"
#include "ptb_rules.h"

namespace pal {

namespace {

// Some rules look far ahead, so hostile text costs the square of its length; no caption is as long as this.
constexpr std::size_t kLongestCaption = 20'000;

struct Match {
  const detail::PtbRule* rule = nullptr;
  icu::RegexMatcher* matcher = nullptr;
  int32_t length = 0;  // with the context
};

// What a token is written as where that is not its own text.
icu::UnicodeString written(icu::UnicodeString token) {
  token.toLower(icu::Locale::getRoot());
  static const std::map<icu::UnicodeString, icu::UnicodeString> kWhole = {
      {"&amp;", "&"},    {"&lt;", "<"},      {"&gt;", ">"},        {"&quot;", ""},     {"&nbsp;", ""},
      {"&mdash;", ""},   {"&apos;", ""},     {"&ndash;", ""},      {"[", "-lsb-"},     {"]", "-rsb-"},
      {"{", "-lcb-"},    {"}", "-rcb-"},     {u"\u00A2", "cents"}, {u"\u00A3", "#"},   {u"\u20AC", "$"},
      {u"\u00A4", "$"},  {u"\u00BC", "1/4"}, {u"\u00BD", "1/2"},   {u"\u00BE", "3/4"}, {u"\u2153", "1/3"},
      {u"\u2154", "2/3"}};
  const auto whole = kWhole.find(token);
  if (whole != kWhole.end()) return whole->second;
  token.findAndReplace("&amp;", "&");
  token.findAndReplace("&apos;", "'");
  icu::UnicodeString text;
  for (int32_t i = 0; i < token.length(); ++i) {
    switch (const char16_t c = token[i]) {
      case u'(':
        text += "-lrb-";
        break;
      case u')':
        text += "-rrb-";
        break;
      case u' ':
        text += u'\u00A0';
        break;  // a space inside a token does not part it
      case u'\u00AD':
        break;  // soft hyphen
      default:
        text += c;
    }
  }
  return text;
}

bool is_ascii_letter(char16_t c) { return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z'); }

// The end of the plain word at `place`, or `place` where the rules must look. English letters up to a space can only be
// a word (the other rules that start so need a mark), unless it is one of the few that are two tokens. Most of a caption
// is such words: this makes tokenizing several times faster.
int32_t end_of_plain_word(const icu::UnicodeString& text, int32_t place) {
  static const std::set<icu::UnicodeString> kSplit = {"cannot", "gonna", "wanna", "gotta", "lemme", "gimme"};
  int32_t end = place;
  while (end < text.length() && is_ascii_letter(text[end])) ++end;
  if (end < text.length() && text[end] != u' ') return place;
  icu::UnicodeString word = text.tempSubStringBetween(place, end);
  return kSplit.contains(word.toLower(icu::Locale::getRoot())) ? place : end;
}

}  // namespace

struct PtbTokenizer::Rules {
  std::vector<std::unique_ptr<icu::RegexMatcher>> matchers;

  Rules() {
    for (const auto& rule : detail::ptb_rules()) {
      UErrorCode status = U_ZERO_ERROR;
      matchers.push_back(
          std::make_unique<icu::RegexMatcher>(icu::UnicodeString::fromUTF8(rule.pattern), 0, status));
      PAL_ASSERT(U_SUCCESS(status), "rule '{}' of the PTB tokenizer: {}", rule.name, u_errorName(status));
    }
  }

  // The longest match at `place`.
  Match longest(int32_t place) {
    Match best;
    for (std::size_t i = 0; i < matchers.size(); ++i) {
      UErrorCode status = U_ZERO_ERROR;
      if (!matchers[i]->lookingAt(place, status)) continue;
      const int32_t length = matchers[i]->end(status) - place;
      if (length > best.length) best = {&detail::ptb_rules()[i], matchers[i].get(), length};
    }
    return best;
  }
};

PtbTokenizer::PtbTokenizer() : rules_(std::make_unique<Rules>()) {}
PtbTokenizer::~PtbTokenizer() = default;

std::string PtbTokenizer::tokenize(std::string_view caption) {
  using Result = detail::PtbRule::Result;
  PAL_CHECK(caption.size() <= kLongestCaption,
            "PTB tokenizer: a caption of {} bytes ('{}...'), expected {} at most", caption.size(),
            caption.substr(0, 40), kLongestCaption);
  const auto text = icu::UnicodeString::fromUTF8(icu::StringPiece(caption.data(), int32_t(caption.size())));
  for (auto& matcher : rules_->matchers) matcher->reset(text);
  std::string joined;
  const auto add = [&](Result result, int32_t begin, int32_t end) {
    if (result == Result::kNothing) return;
    icu::UnicodeString token = written(text.tempSubStringBetween(begin, end));
    if (result == Result::kContraction) token.findAndReplace(u"\u2019", "'");
    if (token.isEmpty()) return;
    if (!joined.empty()) joined += ' ';
    token.toUTF8String(joined);
  };
  for (int32_t place = 0; place < text.length();) {
    if (text[place] == u' ') {
      ++place;
      continue;
    }
    if (const int32_t end = end_of_plain_word(text, place); end > place) {
      add(Result::kToken, place, end);
      place = end;
      continue;
    }
    const Match match = rules_->longest(place);
    if (match.rule == nullptr) {  // a character that no rule knows is left out, as the original does
      place = text.moveIndex32(place, 1);
      continue;
    }
    int32_t end = place;
    for (int32_t group = 1; group <= match.matcher->groupCount(); ++group) {
      UErrorCode status = U_ZERO_ERROR;
      const int32_t begin = match.matcher->start(group, status);
      if (begin < 0) continue;
      end = match.matcher->end(group, status);
      add(match.rule->result, begin, end);
    }
    if (end == place) {  // a rule without groups
      end = place + match.length;
      add(match.rule->result, place, end);
    }
    place = end;
  }
  return joined;
}

}  // namespace pal

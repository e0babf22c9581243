#include "ptb_rules.h"

#include <map>

#include "pal/core/check.h"

namespace pal::detail {
namespace {

// Abbreviations that keep their period wherever they stand.
const char* const kTitles =
    "(?i:mr|mrs|ms|drs?|profs?|gens?|reps?|attys?|lt|lieut|cols?|govs?|adm|rev|maj|sgt|cpl|pvt|pfc|spc|sfc|"
    "capt|ste?|"
    "ave|pres|hon|brig|co?mdr|sens?|supts?|insp|det|asst|assoc|treas|mme|mlle|msgr|messrs|ens|invt|elec|cie|"
    "mt|ft|wm|"
    "jos|alex|cf|ph|vs|natl|dept|adj|adv)|[mM][ft]g";
// Those that often end a sentence: months, days, companies, states.
const char* const kMonthsCompaniesStates =
    "(?i:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu(?:rs)?|fri|jr|sr|esq|blvd|rd|sq|ct|"
    "rt|bldg|est|"
    "ext|tel|sys|seq|inc|cos?|corp|plc|ltd|bros|bhd|assn|univ|intl|etc|al|ph\\.d|ala|ariz|calif|colo|conn|"
    "dak|fla|ga|ind|"
    "kans?|ky|md|mich|minn|mo|mont|neb|nev|okla|penn|tenn|va|vt|wisc?|wyo)|[pP]p?t[ey]s?|"
    // words but for their capital
    "A(?i:z|rk)|D(?i:el)|I(?i:ll)|L(?i:a)|M(?i:ass|iss)|O(?i:re)|P(?i:a)|T(?i:ex)|W(?i:ash)";
// A single letter before one of these ends its sentence: "plan B. The dog".
const char* const kSentenceStarters =
    "A(?i:bout|ccording|dditionally|fter|n|s|t)?|B(?i:ut)|E(?i:arlier)|H(?i:e|er|ere|owever)|I(?i:f|n|t)|L(?"
    "i:ast)|"
    "M(?i:any|ore)|N(?i:ow)|O(?i:nce|ne|ther|ur)|S(?i:he|ince|o|ome|uch)|T(?i:hat|he|heir|hen|here|hese|hey|"
    "his)|"
    "W(?i:e|hat|hen|hile)|Y(?i:et|ou)";

// The names that the patterns below use in braces.
const std::map<std::string, std::string>& names() {
  static const std::map<std::string, std::string> all = {
      {"letter", R"([\p{L}\p{M}\u00AD])"},  // of any script, with its accents
      {"digit", R"(\p{Nd})"},
      {"alnum", R"([\p{L}\p{M}\p{Nd}\u00AD])"},
      {"word", "(?:{letter}{alnum}*)"},
      {"space", R"([ \t\u00A0\u2000-\u200A\u3000\n\r\f])"},
      {"apos", R"((?:['\u2019\u0092]|&apos;))"},
      {"any apos", R"((?:['`\u2018\u2019\u201B\u0091\u0092]|&apos;))"},
      {"hyphen", R"([-_\u058A\u2010\u2011])"},
      {"separated", R"((?:[.:,\u066B\u066C]{digit}+))"},
      {"short", "(?:[A-Za-z0-9]+(?:-[A-Za-z]+){0,2})"},
      {"part", "(?:(?:[dDoOlL]{any apos}{alnum})?{alnum}+)"},
      {"contraction", "{apos}(?i:[sdm]|ll|re|ve)"},
      {"not", "(?i:n(?:{apos}|`)t)"},
      {"tag name", "(?:[A-Za-z][A-Za-z0-9_:.-]*)"},
      {"attribute", R"((?:{space}+[A-Za-z]+(?:="[^"\r\n]*")?))"},
      {"address", R"([^ \t\n\f\r"<>|(){}\u00A0])"},
      {"domain", R"([^ \t\n\f\r"<>|(){}\u00A0.])"},
      {"gap", R"([- \u00A0])"},
      {"titles", kTitles},
      {"months companies states", kMonthsCompaniesStates},
      {"starters", kSentenceStarters},
  };
  return all;
}

// Puts the named patterns in; quantifiers such as {2,} hold no letters and stay.
std::string expand(const std::string& pattern) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool named = pattern[i] == '{' && i + 1 < pattern.size() && pattern[i + 1] >= 'a' &&
                       pattern[i + 1] <= 'z' && (i == 0 || pattern[i - 1] != 'p');
    if (!named) {
      text += pattern[i];
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    const std::string name = pattern.substr(i + 1, end - i - 1);
    PAL_ASSERT(names().contains(name), "PTB tokenizer: no pattern is named '{}'", name);
    text += expand(names().at(name));
    i = end;
  }
  return text;
}

std::vector<PtbRule> make_rules() {
  using enum PtbRule::Result;
  return {
      {"space", "{space}+", kNothing},
      {"tag", R"(<(?:[!?][^>\r\n]+|/{tag name}|{tag name}{attribute}*{space}*/?)>)"},
      {"entity", "(?i:&(?:amp|lt|gt|nbsp|quot|apos|[mn]dash|[aeiou](?:acute|grave|uml)|#[0-9]+);)"},
      {"dash", R"(-{1,4}|[\u2013\u2014\u2015\u0096\u0097])", kNothing},
      {"long dash", "-{5,}"},
      {"cannot", "((?i:can))((?i:not))"},
      {"gonna", "((?i:gon|wan))((?i:na))|((?i:got))((?i:ta))|((?i:lem|gim))((?i:me))"},
      {"'tis", "({apos}(?i:t))(?i:is|was)"},
      {"word before n't", R"(({letter}*[\p{L}\p{M}--[nN]]){not})"},
      {"n't", "{not}", kContraction},
      {"word before a contraction", "({word}){contraction}"},
      {"contraction", "({contraction})(?:[^A-Za-z]|$)", kContraction},
      {"words with marks between", "{word}(?:[.!?]{word})+"},
      {"name with apostrophe",
       "[A-HJ-XZdlno]{any apos}{letter}{2,}|{letter}+[aeiouyAEIOUY]{any apos}[aeiouA-Z]{letter}*"},
      {"o'o", "[oO]{apos}[oO]"},
      {"known apostrophe", "(?i:c'mon|e'er|s'mores|ev'ry|li'l|nat'l|nor'easter|{apos}(?:em|til|cause))"},
      {"clipped word", "{apos}[nN]{apos}?|[lLdDjJ]{apos}|(?i:dunkin|somethin|ol){apos}"},
      {"y'", "([yY]{apos}){letter}"},
      {"decade", "{apos}[2-9]0[sS]"},
      {"year", "{apos}{digit}{digit}(?={space}|$)"},
      {"address of a page", R"(https?://{address}+[^ \t\n\f\r"<>|(){}\u00A0.!?,;])"},
      {"e-mail", R"((?:mailto:)?[A-Za-z0-9]{address}*@(?:{domain}+\.)*{domain}+)"},
      {"hash tag", "@[A-Za-z_][A-Za-z_0-9]*|#{letter}+"},
      {"number", "[-+]?(?:{digit}+{separated}*|{separated}+)"},
      {"fraction", R"((?:{digit}{1,4}{gap})?{digit}{1,4}(?:\\?/|\u2044){digit}{1,4})"},
      {"one-sign fraction", R"([\u00BC-\u00BE\u2153-\u215E])"},
      {"hyphenated", "{part}(?:{hyphen}{part})*"},
      {"title", R"((?:{titles})\.)"},
      {"month, company or state", R"(((?:{months companies states})\.)(?:[\s\S]{2}|[\s\S]?$))"},
      {"hyphenated number", "[A-Za-z0-9][A-Za-z0-9.,]*(?:-[A-Za-z0-9]+)+"},
      {"alternatives", R"({short}(?:\\?/{short}){1,2})"},
      {"capitals joined", "[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+"},
      {"programming language", R"([cC](?:\+\+|#))"},
      {"telephone",
       R"((?:\([0-9]{2,3}\)[ \u00A0]?|(?:\+\+?)?(?:[0-9]{2,4}{gap})?[0-9]{2,4}{gap})[0-9]{3,4}{gap}?[0-9]{3,5})"},
      {"letter that ends a sentence", R"(([A-Za-z])\.{space}+(?:{starters}){space})"},
      {"acronym", R"([A-Za-z](?:\.[A-Za-z])*\.)"},
      {"number's abbreviation", R"(((?i:ca|figs?|prop|nos?|art|op|pp)\.){space}*{digit})"},
      {"period inside a sentence", R"(({alnum}+(?:-{alnum}+)*\.)[,;:\u3001])"},
      {"currency", R"([A-Z]*\$|[\u00A2-\u00A5\u20A0\u20AC])"},
      {"smiley", R"([<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]](?!{alnum}))"},
      {"upright smiley", R"([-^x=~<>']_[-^x=~<>']|\([-^x=~<>'][_.]?[-^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\))"},
      {"bracket", R"([()\[\]{}])"},
      {"guillemets", "<<|>>"},
      {"ellipsis", R"(\.{3,}|\.(?:[ \u00A0]\.){2,}|[\u2026\u0085])", kNothing},
      {"mark", "[.,:;?!]", kNothing},
      {"marks", "[?!]{2,}"},
      {"stars", R"((?:\\?\*)+|_+|#+|@+)"},
      {"opening quote", R"(((?:['\u2018\u201B]))[A-Za-z][^ \t\n\r\u00A0])", kNothing},
      {"quote", R"(''|``|["'`\u2018\u2019\u201B\u201C\u201D\u0091-\u0094\u00AB\u00BB\u2039\u203A])",
       kNothing},
      {"symbol",
       R"([-+%&~^|\\/<>=]|[\u00A1\u00A6-\u00A9\u00AC\u00AE-\u00B4\u00B6-\u00B9\u00BF\u00D7\u00F7])"},
      {"symbol of another script",
       R"([\u0387\u060C\u061B\u061F\u066A\u06D4\u0964\u0965\u0E3F\u2016\u2017\u201A\u201E-\u2023\u2030-\u2038\u203B]|)"
       R"([\u203E-\u2042\u2044\u2070-\u208E\u20A4\u2100-\u214F\u2155-\u215E\u2190-\u2BFF\u3001\u3002\u3012\u30FB]|)"
       R"([\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65\uFFE0\uFFE1\uFFE5\uFFE6])"},
  };
}

}  // namespace

const std::vector<PtbRule>& ptb_rules() {
  static const std::vector<PtbRule> rules = [] {
    auto all = make_rules();
    for (auto& rule : all) rule.pattern = expand(rule.pattern);
    return all;
  }();
  return rules;
}

}  // namespace pal::detail

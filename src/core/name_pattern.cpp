#include "pal/core/name_pattern.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "pal/core/suggest.h"

namespace pal {

namespace {

// Patterns that match something: every name with its layer numbers as `*`, and every beginning of it with
// `.*`.
std::set<std::string> possible_patterns(const std::vector<std::string>& names) {
  std::set<std::string> patterns;
  for (const auto& name : names) {
    std::string pattern;
    std::string_view rest = name;
    for (;;) {
      const auto dot = rest.find('.');
      const std::string_view part = rest.substr(0, dot);
      const bool number = !part.empty() && std::all_of(part.begin(), part.end(),
                                                       [](unsigned char c) { return std::isdigit(c); });
      pattern += number ? "*" : part;
      if (dot == std::string_view::npos) break;
      patterns.insert(pattern + ".*");
      pattern += '.';
      rest.remove_prefix(dot + 1);
    }
    patterns.insert(pattern);
  }
  return patterns;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) {
  // The shortest stretch for each star but the last; on a mismatch only the newest star needs to grow.
  std::size_t p = 0, n = 0, star = std::string_view::npos, star_end = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string near_patterns(std::string_view pattern, const std::vector<std::string>& names) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& candidate : possible_patterns(names))
    ranked.emplace_back(edit_distance(pattern, candidate), "'" + candidate + "'");
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > 3) ranked.resize(3);
  std::vector<std::string> nearest;
  for (auto& [distance, name] : ranked) nearest.push_back(std::move(name));
  return fmt::format("{}", fmt::join(nearest, ", "));
}

}  // namespace pal

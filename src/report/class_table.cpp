#include "pal/report/class_table.h"

#include <algorithm>

#include "pal/metrics/words.h"

namespace pal {

namespace {

using Names = std::map<std::string, std::string>;  // as compared -> as spelled

Names class_names(std::span<const Prediction> predictions, const std::vector<std::string>& closed) {
  Names names;
  for (const auto& answer : closed) names.emplace(trimmed_lower(answer), answer);
  for (const auto& one : predictions)
    for (const auto& reference : one.references) names.emplace(trimmed_lower(reference), reference);
  return names;
}

std::string reference_of(const Prediction& one, const std::string& answer) {
  for (const auto& reference : one.references)
    if (trimmed_lower(reference) == answer) return answer;
  return trimmed_lower(one.references.front());
}

void add_ratios(ClassRow& row) {
  const auto ratio = [](int64_t part, int64_t whole) { return whole == 0 ? std::nullopt : std::optional(double(part) / double(whole)); };
  row.precision = ratio(row.hits, row.said);
  row.recall = ratio(row.hits, row.n);
  row.f1 = ratio(2 * row.hits, row.n + row.said);
}

}  // namespace

std::optional<ClassTable> class_table(std::span<const Prediction> predictions, const std::vector<std::string>& closed, std::size_t most) {
  const auto names = class_names(predictions, closed);
  if (closed.empty() && names.size() > most) return std::nullopt;
  ClassTable table;
  std::map<std::string, int64_t> row_of;
  for (const auto& [compared, spelled] : names) {
    row_of[compared] = int64_t(table.rows.size());
    table.rows.emplace_back().name = spelled;
  }
  const int64_t no_class = int64_t(table.rows.size());
  for (const auto& one : predictions) {
    const auto answer = trimmed_lower(one.prediction);
    const auto said = row_of.find(answer);
    const int64_t from = row_of.at(reference_of(one, answer)), to = said == row_of.end() ? no_class : said->second;
    ++table.rows[std::size_t(from)].n;
    ++table.confusion[{from, to}];
    if (to == no_class)
      ++table.outside;
    else
      ++table.rows[std::size_t(to)].said;
    if (from == to) ++table.rows[std::size_t(from)].hits;
  }
  for (auto& row : table.rows) add_ratios(row);
  return table;
}

}  // namespace pal

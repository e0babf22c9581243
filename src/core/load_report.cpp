#include "pal/core/load_report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "pal/core/logging.h"

namespace pal {

namespace {

constexpr std::size_t kMostLinesOfAnError = 12;  // of each fate
constexpr std::size_t kLongestRanges = 24;  // characters of {0-3,7,9-27}; more become a star

// In the order of a table: what needs mending comes first.
constexpr std::array kFates = {LoadFate::kMissing,    LoadFate::kShape,   LoadFate::kType,
                               LoadFate::kUnexpected, LoadFate::kSkipped, LoadFate::kMatched};

bool is_problem(LoadFate fate) { return fate != LoadFate::kMatched && fate != LoadFate::kSkipped; }

// A name with its numbers taken out: "layers.*.weight" and {3}. Numbers are whole parts between dots, of up to 9 digits.
struct Pattern {
  std::vector<std::optional<std::string>> parts;  // nothing for a number
  std::vector<std::uint32_t> numbers;
};

Pattern pattern_of(const std::string& name) {
  Pattern pattern;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    std::uint32_t number = 0;
    const char *first = name.data() + begin, *last = name.data() + end;
    const auto read = std::from_chars(first, last, number);
    const bool is_number = begin < end && end - begin <= 9 && read.ec == std::errc() && read.ptr == last &&
                           (*first != '0' || end - begin == 1);
    pattern.parts.push_back(is_number ? std::nullopt : std::optional(name.substr(begin, end - begin)));
    if (is_number) pattern.numbers.push_back(number);
    begin = end + 1;
  }
  return pattern;
}

// "0-3,7,9-27"
std::string ranges_of(const std::set<std::uint32_t>& numbers) {
  std::vector<std::string> ranges;
  for (auto next = numbers.begin(); next != numbers.end();) {
    const std::uint32_t first = *next;
    std::uint32_t last = first;
    while (++next != numbers.end() && *next == last + 1) ++last;
    ranges.push_back(first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last));
  }
  return fmt::format("{}", fmt::join(ranges, ","));
}

// Tensors that differ only in the numbers of their names.
struct Group {
  const LoadLine* line;                         // the first
  Pattern pattern;                              // of its name
  std::vector<std::set<std::uint32_t>> numbers;  // that occur at each place
  std::int64_t tensors = 0;
  std::string name() const;
};

// The numbers of the one place where they differ are listed; of several places not every combination need be there.
std::string Group::name() const {
  if (tensors == 1) return line->name;
  const auto varies = [](const std::set<std::uint32_t>& n) { return n.size() > 1; };
  const bool listed = std::ranges::count_if(numbers, varies) == 1;
  std::vector<std::string> parts;
  std::size_t place = 0;
  for (const auto& part : pattern.parts) {
    if (part) {
      parts.push_back(*part);
      continue;
    }
    const auto ranges = ranges_of(numbers[place]);
    const bool one = !varies(numbers[place++]);
    parts.push_back(one ? ranges : listed && ranges.size() <= kLongestRanges ? "{" + ranges + "}" : "*");
  }
  return fmt::format("{}", fmt::join(parts, "."));
}

std::vector<Group> groups_of(const std::vector<LoadLine>& lines, const LoadReport::TableOptions& options) {
  std::vector<Group> groups;
  using Key = std::tuple<LoadFate, std::vector<std::optional<std::string>>, std::string, std::string, std::string>;
  std::map<Key, std::size_t> known;
  for (const LoadFate fate : kFates) {
    if (options.problems_only && !is_problem(fate)) continue;
    for (const LoadLine& line : lines) {
      if (line.fate != fate) continue;
      const auto pattern = pattern_of(line.name);
      const auto next = groups.size();
      const auto place =
          options.fold ? known.emplace(Key(fate, pattern.parts, line.expected, line.found, line.note), next).first->second
                       : next;
      if (place == next)
        groups.push_back({&line, pattern, std::vector<std::set<std::uint32_t>>(pattern.numbers.size())});
      ++groups[place].tensors;
      for (std::size_t i = 0; i < pattern.numbers.size(); ++i) groups[place].numbers[i].insert(pattern.numbers[i]);
    }
  }
  return groups;
}

using Row = std::array<std::string, 6>;

Row row_of(const Group& group) {
  const auto text = [](const std::string& cell) { return cell.empty() ? std::string("-") : cell; };
  return {fate_name(group.line->fate), fmt::format("{}", group.tensors), group.name(),
          text(group.line->expected),  text(group.line->found),          group.line->note};
}

std::string aligned(const std::vector<Row>& rows) {
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i == 1 ? fmt::format(" {:>{}} ", row[i], widths[i]) : fmt::format(" {:<{}}", row[i], widths[i] + (i != 0));
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

const char* fate_name(LoadFate fate) {
  switch (fate) {
    case LoadFate::kMatched: return "matched";
    case LoadFate::kSkipped: return "skipped";
    case LoadFate::kMissing: return "missing";
    case LoadFate::kShape: return "wrong shape";
    case LoadFate::kType: return "wrong type";
    case LoadFate::kUnexpected: return "unexpected";
  }
  PAL_ASSERT(false, "no such fate: {}", int(fate));
}

std::int64_t LoadReport::count(LoadFate fate) const { return std::ranges::count(lines_, fate, &LoadLine::fate); }

bool LoadReport::fits() const {
  return std::ranges::none_of(lines_, [](const LoadLine& line) { return is_problem(line.fate); });
}

std::string LoadReport::counts() const {
  std::vector<std::string> texts{fmt::format("{} matched", count(LoadFate::kMatched))};
  for (const LoadFate fate : {LoadFate::kSkipped, LoadFate::kMissing, LoadFate::kShape, LoadFate::kType, LoadFate::kUnexpected})
    if (const auto tensors = count(fate); tensors > 0) texts.push_back(fmt::format("{} {}", tensors, fate_name(fate)));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string LoadReport::table(const TableOptions& options) const {
  const auto groups = groups_of(lines_, options);
  std::map<LoadFate, std::size_t> shown;
  std::vector<Row> rows{{"", "tensors", "name", "expected", "found", ""}};
  for (const Group& group : groups)
    if (shown[group.line->fate]++ < options.most_lines) rows.push_back(row_of(group));
  std::string text = aligned(rows);
  if (const std::size_t left_out = groups.size() + 1 - rows.size(); left_out > 0)
    text += fmt::format("  ... and {} more lines; pal-inspect weights prints all\n", left_out);
  return text;
}

void LoadReport::check() const {
  if (fits()) return;
  auto message = fmt::format("{}: its tensors do not fit {}: {}\n{}", where_, what_, counts(),
                             table({.problems_only = true, .most_lines = kMostLinesOfAnError}));
  message.pop_back();  // the newline
  throw LoadMismatch(message, *this);
}

void LoadReport::log() const {
  spdlog::info("{}: {} tensors", where_, counts());
  if (spdlog::should_log(spdlog::level::debug)) spdlog::debug("{}\n{}", where_, table());
}

}  // namespace pal

#include "pal/metrics/class_scores.h"

#include <set>

#include "pal/core/check.h"
#include "pal/core/json_lines.h"

namespace pal {

namespace {

using nlohmann::json;

template <typename T>
std::vector<T> read_numbers(const json& object, const char* key, const char* kind,
                            bool (*valid)(const json&)) {
  std::vector<T> numbers;
  for (const json& number : required(object, key, kind, &json::is_array)) {
    PAL_CHECK(valid(number), "'{}': expected {}, got a list with {}", key, kind, number.dump());
    numbers.push_back(number.get<T>());
  }
  PAL_CHECK(!numbers.empty(), "'{}': expected {}, got an empty list", key, kind);
  return numbers;
}

}  // namespace

ClassScores read_clip_scores(const json& object, const ClassScores* first) {
  ClassScores one{required_id(object),
          read_numbers<double>(object, "scores", "a list of numbers",
                               [](const json& x) { return x.is_number(); }),
          read_numbers<uint8_t>(object, "labels", "a list of 0 and 1",
                                [](const json& x) { return x == 0 || x == 1; })};
  PAL_CHECK(one.scores.size() == one.labels.size(), "expected as many labels as scores, got {} and {}", one.labels.size(),
            one.scores.size());
  PAL_CHECK(first == nullptr || one.scores.size() == first->scores.size(), "expected {} classes as in the first line, got {}",
            first->scores.size(), one.scores.size());
  return one;
}

std::vector<ClassScores> read_class_scores(const std::filesystem::path& path) {
  std::vector<ClassScores> all;
  std::set<std::string> ids;
  read_json_lines(path, [&](const json& object) {
    ClassScores one = read_clip_scores(object, all.empty() ? nullptr : &all[0]);
    PAL_CHECK(ids.insert(one.id).second, "id '{}' was there before", one.id);
    all.push_back(std::move(one));
  });
  return all;
}

}  // namespace pal

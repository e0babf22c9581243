// What makes our JSON strict, as a callback of nlohmann's parser: no key twice in an object, no nesting beyond a depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "pal/core/check.h"

namespace pal {

class StrictEvents {
 public:
  explicit StrictEvents(int deepest) : deepest_(deepest) {}

  // Throws UserError for what is not strict. `depth`: containers that are open around the value.
  void check(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::array_start || event == Event::object_start)
      PAL_CHECK(depth < deepest_, "nested more than {} levels deep", deepest_);
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key)
      PAL_CHECK(keys_.back().insert(parsed.get_ref<const std::string&>()).second, "{:.200} stands there twice", parsed.dump());
  }

 private:
  int deepest_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

// What nlohmann says of text that is no JSON, without the input that it quotes, at any length, at its end.
inline std::string reason_of(const nlohmann::json::exception& error) {
  const std::string_view message = error.what();
  return std::string(message.substr(0, message.find("; last read")));
}

}  // namespace pal

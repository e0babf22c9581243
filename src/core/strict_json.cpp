#include "pal/core/strict_json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "pal/core/check.h"

namespace pal {

nlohmann::json parse_strict_json(std::string_view text, const std::string& where, int deepest) {
  using nlohmann::json;
  std::vector<std::unordered_set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::array_start:
      case json::parse_event_t::object_start:
        PAL_CHECK(depth < deepest, "{}: nested more than {} levels deep", where, deepest);
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        break;
      case json::parse_event_t::object_end:
        keys.pop_back();
        break;
      case json::parse_event_t::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        PAL_CHECK(keys.back().insert(key).second, "{}: {:.200} stands there twice", where, parsed.dump());
        break;
      }
      default:
        break;
    }
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    const std::string_view message = error.what();  // its end quotes the input, at any length
    user_error("{}: is not valid JSON: {:.300}", where, message.substr(0, message.find("; last read")));
  }
}

}  // namespace pal

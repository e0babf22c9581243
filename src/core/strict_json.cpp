#include "pal/core/strict_json.h"

#include "strict_events.h"

namespace pal {

nlohmann::json parse_strict_json(std::string_view text, const std::string& where, int deepest) {
  using nlohmann::json;
  StrictEvents strict(deepest);
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    try {
      strict.check(depth, event, parsed);
    } catch (const UserError& error) {
      user_error("{}: {}", where, error.what());
    }
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    user_error("{}: is not valid JSON: {:.300}", where, reason_of(error));
  }
}

}  // namespace pal

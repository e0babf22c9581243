// JSON that machines wrote and that we do not trust.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace pal {

// Parses `text`. Throws UserError "WHERE: ..." for anything that is not JSON in UTF-8, for an object that has a key twice (of which
// other readers silently take the last), and for arrays and objects nested more than `deepest` levels deep.
nlohmann::json parse_strict_json(std::string_view text, const std::string& where, int deepest);

}  // namespace pal

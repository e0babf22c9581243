// Text of unknown origin on its way to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace pal {

// `text` with control characters as \xNN, so that a label or a file name cannot move the cursor, colour or retitle a terminal.
// keep_newlines: line ends stay what they are.
std::string printable(std::string_view text, bool keep_newlines = false);

}  // namespace pal

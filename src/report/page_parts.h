// The page's parts as they stand in src/report/page/, put into the program by CMake.
#pragma once

#include <string_view>

namespace pal {

extern const std::string_view kPageHtml;    // with the places {{policy}}, {{style}}, {{data}} and {{script}}
extern const std::string_view kPageStyle;   // CSS
extern const std::string_view kPageScript;  // JavaScript

}  // namespace pal

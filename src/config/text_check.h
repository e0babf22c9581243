// What is checked of a text before yaml-cpp sees it.
#pragma once

#include <string>
#include <string_view>

#include "pal/config/yaml_parser.h"

namespace pal {

// Throws UserError where `text` is larger than YamlLimits::kFileBytes, is not UTF-8, or has control characters
// (yaml-cpp takes the byte 4 for the end of its input).
void check_text(std::string_view text, const std::string& source, Lines lines);

// What may be behind yaml-cpp's `message` about `line` (from 0; -1: unknown): "" or "; is a ']' missing?".
std::string syntax_hint(std::string_view message, std::string_view text, int line);

}  // namespace pal

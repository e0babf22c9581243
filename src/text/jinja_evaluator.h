// Runs a parsed template.
#pragma once

#include <string>

#include "jinja_parser.h"
#include "jinja_value.h"

namespace pal::jinja {

// The template's output with `variables`. Throws UserError with the line where the template raises an exception, does
// what is not supported, or takes too much time or memory.
std::string render(const Body& body, Dictionary variables);

}  // namespace pal::jinja

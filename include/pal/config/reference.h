// The reference of a config as Markdown, from the table that validates it.
#pragma once

#include <string>

#include "pal/config/fields.h"

namespace pal {

// A heading, then one table for each struct: key path, type, default, allowed values, meaning.
// A path of a list's element ends in [], one of a map's value in .<name>.
std::string reference_of(const std::string& title, Fields& fields);

// The reference of the struct T with its default values.
template <class T>
std::string reference(const std::string& title) {
  T defaults{};
  Fields fields;
  describe(fields, defaults);
  return reference_of(title, fields);
}

}  // namespace pal

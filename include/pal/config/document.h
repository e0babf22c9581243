// A config as the user gives it: a file, the files that it inherits from, and --set flags.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pal/config/node.h"

namespace pal {

// Reads `path`. Its key `base` names a file, or a list of files, relative to it, that it inherits from: maps merge key by key,
// scalars and lists replace, a later file wins over an earlier one and the inheriting file over all. A map that starts
// with !replace inherits nothing. Then `sets` ("KEY.PATH=VALUE", the values of the --set flags) are applied in their order.
// Throws UserError: wrong YAML (see yaml_parser.h), a missing base, a base that leads back to itself, a wrong --set.
Node load_document(const std::filesystem::path& path, const std::vector<std::string>& sets = {});

// Applies one "KEY.PATH=VALUE". VALUE is YAML on one line and replaces what stood there; missing maps are made;
// an element of a list is named by its index or by its key `name`: "stages.align.steps=5".
void apply_set(Node& root, const std::string& set);

}  // namespace pal

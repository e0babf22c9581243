// YAML text to nodes, strictly and within bounds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pal/config/node.h"

namespace pal {

// What a document may be at most; beyond it lies a mistake or an attack.
struct YamlLimits {
  static constexpr std::size_t kFileBytes = std::size_t{1} << 20;  // of one file
  static constexpr std::size_t kKeyBytes = 256;                    // of one key
  static constexpr int kDepth = 32;                                // nested lists and maps
  // Of all values with their aliases expanded: their text and kNodeBytes each.
  static constexpr std::size_t kExpandedBytes = std::size_t{4} << 20;
  static constexpr std::size_t kNodeBytes = 128;  // counted for each value, beside its text
};

// How lines are named: "pal.yaml:3" for a file, the bare source for a --set flag.
enum class Lines { kNumbered, kBare };

// The one YAML document in `text`; null where it is empty. `source` names it in messages.
// Throws UserError "source:line: ..." on wrong YAML, text that is not UTF-8, a key given twice in a map, several documents,
// tags other than !replace, keys that are not plain words, and what exceeds YamlLimits.
Node parse_yaml(std::string_view text, const std::string& source, Lines lines = Lines::kNumbered);

}  // namespace pal

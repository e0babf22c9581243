// A resolved config as text: what checkpoints and result files hold, and how two of them differ.
#pragma once

#include <string>
#include <vector>

#include "pal/config/fields.h"
#include "pal/config/node.h"

namespace pal {

// A node as YAML: maps and lists of maps in block style, other lists on one line.
std::string block_text(const Node& node);
// A node on one line: "{type: mlp, layers: [1, 2]}".
std::string flow_text(const Node& node);

// All options of a config, defaults included, in the table's order. parse_yaml and ConfigReader read it back as the same struct.
template <class T>
std::string to_yaml(const T& config) {
  return block_text(ConfigValue<T>::write(config));
}

// One value that two dumps do not have in common.
struct Difference {
  std::string path;    // "train.steps", "stages.0.name"
  std::string before;  // on one line; "(absent)" where the key is not there
  std::string after;   // as `before`
};

// The values that differ between two dumps of to_yaml, in the order of `before`, then what only `after` has.
std::vector<Difference> diff(const Node& before, const Node& after);
// `before` and `after` are YAML text; throws UserError where one is not.
std::vector<Difference> diff(const std::string& before, const std::string& after);

}  // namespace pal

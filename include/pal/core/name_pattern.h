// Patterns on the names of parameters and modules: what a stage trains, where LoRA is put.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pal {

// Whether the pattern covers the whole name: `*` stands for any number of characters, dots included; every other character for itself.
// "llm.*" matches llm.norm.weight, "llm" does not.
bool matches_pattern(std::string_view pattern, std::string_view name);

// For messages: the three patterns nearest to `pattern` that match one of `names` at least, as "'a.*', 'a.b', 'c'".
std::string near_patterns(std::string_view pattern, const std::vector<std::string>& names);

}  // namespace pal

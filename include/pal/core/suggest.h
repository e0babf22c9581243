// "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pal {

// How many letters to insert, drop or replace to turn `a` into `b` (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, at most 2 letters or a third of the word away; "" where none is that near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean 'learning_rate'?", or else "; LABEL: a, b, c", or "" without candidates.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates,
                       std::string_view label);

}  // namespace pal

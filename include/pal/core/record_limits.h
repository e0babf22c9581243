// How large one record of a file of many may be, whether it stands in a line or in an array.
#pragma once

#include <cstddef>

namespace pal {

inline constexpr std::size_t kLongestRecord = 1 << 20;  // bytes
inline constexpr int kDeepestRecord = 16;               // levels of lists and objects

}  // namespace pal

// Random orders.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "pal/core/random.h"

namespace pal {

// Puts items into an order that is as likely as any other (Fisher and Yates, the last place first).
template <typename Item>
void shuffle(std::vector<Item>& items, RandomStream& random) {
  for (std::size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random.below(i + 1)]);
}

}  // namespace pal

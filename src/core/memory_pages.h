// How the system provides large memory that is about to be filled: in large pages, and at once. Both only save time; where the system
// does not know them, nothing happens.
#pragma once

#include <cstddef>
#include <span>

namespace pal {

// Has the memory, of which nothing was touched yet, consist of large pages where it is long enough for them.
void prefer_large_pages(std::span<std::byte> memory);

// Provides the memory's pages now. While it is filled they would come one by one, which costs more than copying does.
void provide_pages(std::span<std::byte> memory);

}  // namespace pal

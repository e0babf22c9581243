// The header of a tar's member, which lies in the 512 bytes before what the member holds.
#pragma once

#include <cstdint>
#include <span>

namespace pal {

constexpr std::size_t kTarHeader = 512;  // bytes. Source: POSIX.1-2017, pax, "ustar Interchange Format"

// Whether it is the header of an ordinary file of so many bytes. Where a member has more headers (pax, long names), this is the last.
bool is_tar_header(std::span<const char, kTarHeader> header, std::int64_t bytes);

}  // namespace pal

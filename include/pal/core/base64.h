// Bytes as text, for data URIs and JSON.
#pragma once

#include <string>
#include <string_view>

namespace pal {

// RFC 4648, with padding, without line breaks.
std::string base64(std::string_view bytes);

}  // namespace pal

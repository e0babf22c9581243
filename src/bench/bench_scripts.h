// Files of this folder that stand in the program (cmake/PalEmbed.cmake).
#pragma once

#include <string_view>

namespace pal {

extern const std::string_view kPytorchPeer;  // pytorch_peer.py

}  // namespace pal

// Which files are recordings, by their names.
#pragma once

#include <string_view>

namespace pal {

// Whether the name ends in .wav, .flac, .ogg, .opus or .mp3, in capitals or not.
bool is_recording_name(std::string_view name);

}  // namespace pal

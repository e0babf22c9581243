// Whether a wav file holds what its header promises: libsndfile quietly shortens one that does not.
#pragma once

#include <filesystem>
#include <string>

namespace pal {

// Throws UserError, which calls the file by `name`, where the 'data' chunk of a RIFF wav file reaches past the end of the file. Lengths that
// streaming programs leave open (0, or within 64 KiB of the largest 32-bit number) promise nothing. Other
// files pass.
void check_wav_length(const std::filesystem::path& path, const std::string& name);

}  // namespace pal

// How long an mp3 is: libsndfile only estimates it where the file does not state it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace pal {

struct Mp3Length {
  bool stated = false;  // by a Xing, Info or VBRI header, which libsndfile reads
  // Samples a channel, counted frame by frame; absent where stated, and where the frames cannot be followed
  // to the end (junk between them, free format, another layer than III).
  std::optional<std::int64_t> counted;
};

// Throws UserError where the file cannot be read.
Mp3Length measure_mp3(const std::filesystem::path& path);

}  // namespace pal

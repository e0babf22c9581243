// The recording that a clip is decoded from, a file or a stretch of one: its name, how to see in no time that it is still the same, and its content's hash.
#pragma once

#include <cstdint>
#include <string>

#include "pal/data/manifest.h"

namespace pal {

// What changes where a file is written to. A copy may differ in `modified` and hold the same.
struct RecordingStamp {
  std::int64_t bytes = 0;     // the recording's length
  std::int64_t modified = 0;  // its file: nanoseconds since 1970

  bool operator==(const RecordingStamp&) const = default;  // the file is taken to be the same
};

// Names the clip's recording from wherever a program is started.
std::string recording_name(const Clip& clip);
// Throws UserError where there is no such file.
RecordingStamp stamp_of(const Clip& clip);
// SHA-256 of the recording's bytes, 64 hex digits: reads all of them. Throws UserError where they cannot be read.
std::string sha256_of_recording(const Clip& clip);

}  // namespace pal

// A stretch of time of a recording.
#pragma once

#include <optional>

namespace pal {

// The part of a recording to decode, in seconds from its beginning.
struct AudioSegment {
  double start = 0;           // of the first sample
  std::optional<double> end;  // absent: to the end. May lie up to 0.1 s past it, as the rounded times of data sets do
};

}  // namespace pal

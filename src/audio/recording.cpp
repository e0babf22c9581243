#include "pal/audio/recording.h"

#include <fmt/format.h>

namespace pal {

std::string Recording::name() const { return is_part() ? fmt::format("{} (recording at byte {})", path.string(), offset) : path.string(); }

}  // namespace pal

// Logging: spdlog on stderr. Results go to stdout, so a tool's output can be piped.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace pal {

// Sends all logging to stderr as "[12:34:56] I message", the letter being the level.
// level: trace, debug, info, warn, error, off. who: which of several processes this is, put before each message; empty: the only one. Throws
// UserError for another word.
void set_up_logging(const std::string& level = "info", const std::string& who = "");

}  // namespace pal

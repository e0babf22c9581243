#include "pal/core/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include "pal/core/check.h"

namespace pal {

void set_up_logging(const std::string& level) {
  const auto parsed = spdlog::level::from_str(level);
  PAL_CHECK(parsed != spdlog::level::off || level == "off",
            "log level '{}' is not known; use trace, debug, info, warn, error or off", level);
  auto logger = std::make_shared<spdlog::logger>("pal", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%^[%H:%M:%S] %L %v%$");
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(logger);
}

}  // namespace pal

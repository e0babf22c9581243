#include "pal/core/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "pal/core/check.h"
#include "pal/core/printable.h"

namespace pal {

namespace {

// The message. Ids and paths in it come from manifests, which anyone may have written.
class PrintableMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& target) override {
    const std::string text = printable({message.payload.data(), message.payload.size()}, /*keep_newlines=*/true);
    target.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PrintableMessage>(); }
};

}  // namespace

void set_up_logging(const std::string& level, const std::string& who) {
  const auto parsed = spdlog::level::from_str(level);
  PAL_CHECK(parsed != spdlog::level::off || level == "off",
            "log level '{}' is not known; use trace, debug, info, warn, error or off", level);
  auto logger = std::make_shared<spdlog::logger>("pal", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PrintableMessage>('*').set_pattern("%^[%H:%M:%S] %L " + (who.empty() ? "" : who + ": ") + "%*%$");
  logger->set_formatter(std::move(formatter));
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(logger);
}

}  // namespace pal

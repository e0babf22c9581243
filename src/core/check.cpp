#include "pal/core/check.h"

namespace pal::detail {

void assertion_failed(const char* condition, const char* file, int line, const std::string& message) {
  throw std::logic_error(fmt::format("{}:{}: {} does not hold: {}", file, line, condition, message));
}

}  // namespace pal::detail

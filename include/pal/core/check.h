// Errors: what the user can mend (exit code 2, message only) and what is our own mistake (exit code 1).
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace pal {

// A mistake in what the user gave: a config, a file, a flag. The message says where, what was expected,
// what was found and, where it helps, what to do.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws UserError with the formatted message.
template <typename... Args>
[[noreturn]] void user_error(fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(fmt::format(format, std::forward<Args>(args)...));
}

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line, const std::string& message);
}  // namespace detail

}  // namespace pal

// The user's input must satisfy `condition`; otherwise throws UserError with the formatted message.
#define PAL_CHECK(condition, ...)                  \
  do {                                             \
    if (!(condition)) ::pal::user_error(__VA_ARGS__); \
  } while (false)

// Our own code must satisfy `condition`; otherwise throws std::logic_error with file and line.
#define PAL_ASSERT(condition, ...)                                                                      \
  do {                                                                                                  \
    if (!(condition)) ::pal::detail::assertion_failed(#condition, __FILE__, __LINE__, fmt::format(__VA_ARGS__)); \
  } while (false)

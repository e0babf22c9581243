#include "pal/core/line_problems.h"

#include "pal/core/check.h"

namespace pal {

namespace {
constexpr std::size_t kShown = 20;
}

void LineProblems::add(std::size_t line, std::string_view what) {
  if (++count_ <= kShown) shown_.push_back(fmt::format("{}:{}: {}", file_, line, what));
}

void LineProblems::raise() const {
  if (count_ == 0) return;
  std::string text;
  for (const std::string& problem : shown_) text += (text.empty() ? "" : "\n") + problem;
  if (count_ > shown_.size()) text += fmt::format("\n... and {} more", count_ - shown_.size());
  throw UserError(text);
}

}  // namespace pal

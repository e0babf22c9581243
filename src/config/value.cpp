#include "pal/config/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pal/core/suggest.h"
#include "pal/core/check.h"

namespace pal::detail {

namespace {

// std::from_chars over the whole of `text`.
template <class T>
std::errc parse_whole(const std::string& text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop != end ? std::errc::invalid_argument : error;
}

bool has_leading_zero(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

bool is_plain_scalar(const Node& node) { return node.is_scalar() && !node.quoted; }

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string number_hint(const Node& node) {
  if (!node.is_scalar()) return "";
  if (node.quoted) return "; write it without quotes";
  if (node.text.find('_') != std::string::npos || node.text.find(',') != std::string::npos) {
    return "; write it without separators";
  }
  if (node.text.starts_with('+')) return "; write it without '+'";
  return has_leading_zero(node.text) ? "; write it without leading zeros" : "";
}

std::string boolean_hint(const Node& node) {
  if (!node.is_scalar()) return "";
  const std::string word = lower_case(node.text);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return "; write true";
  if (word == "false" || word == "no" || word == "off" || word == "0") return "; write false";
  return "";
}

}  // namespace

void add_mismatch(const Place& at, Problems& problems, const std::string& expected, const std::string& hint) {
  const std::string null_hint = at.node.is_null() ? "; give a value, or leave the key out" : "";
  problems.add(at, fmt::format("expected {}, got {}{}{}", expected, shown(at.node), hint, null_hint));
}

bool expect_kind(const Place& at, Problems& problems, Node::Kind kind, const std::string& expected) {
  if (at.node.kind == kind) return true;
  const bool lone_element = kind == Node::Kind::kList && at.node.is_scalar();
  add_mismatch(at, problems, expected,
               lone_element ? fmt::format("; write [{}]", at.node.text.substr(0, 40)) : "");
  return false;
}

std::optional<std::int64_t> read_integer(const Place& at, Problems& problems, std::int64_t lowest,
                                         std::int64_t highest) {
  std::int64_t value = 0;
  const bool plain = is_plain_scalar(at.node) && !has_leading_zero(at.node.text);
  const std::errc error = plain ? parse_whole(at.node.text, value) : std::errc::invalid_argument;
  if (error == std::errc::invalid_argument) {
    add_mismatch(at, problems, "an integer", number_hint(at.node));
    return std::nullopt;
  }
  if (error != std::errc() || value < lowest || value > highest) {
    add_mismatch(at, problems, fmt::format("an integer from {} to {}", lowest, highest));
    return std::nullopt;
  }
  return value;
}

std::optional<double> read_number(const Place& at, Problems& problems, double largest) {
  double value = 0;
  const bool plain = is_plain_scalar(at.node) && !has_leading_zero(at.node.text);
  const std::errc error = plain ? parse_whole(at.node.text, value) : std::errc::invalid_argument;
  if (error == std::errc::invalid_argument) {
    add_mismatch(at, problems, "a number", number_hint(at.node));
    return std::nullopt;
  }
  if (error != std::errc() || !std::isfinite(value) || std::abs(value) > largest) {
    add_mismatch(at, problems, fmt::format("a finite number of at most {:.2g}", largest));
    return std::nullopt;
  }
  return value;
}

std::optional<bool> read_boolean(const Place& at, Problems& problems) {
  if (is_plain_scalar(at.node) && at.node.text == "true") return true;
  if (is_plain_scalar(at.node) && at.node.text == "false") return false;
  add_mismatch(at, problems, "true or false", boolean_hint(at.node));
  return std::nullopt;
}

std::optional<std::string> read_text(const Place& at, Problems& problems, const std::string& expected) {
  if (!expect_kind(at, problems, Node::Kind::kScalar, expected)) return std::nullopt;
  return at.node.text;
}

std::optional<std::size_t> read_choice(const Place& at, Problems& problems,
                                       const std::vector<std::string>& names) {
  if (!expect_kind(at, problems, Node::Kind::kScalar, one_of(names))) return std::nullopt;
  const auto found = std::ranges::find(names, at.node.text);
  if (found != names.end()) return found - names.begin();
  const std::string near = nearest(at.node.text, names);
  problems.add(at, fmt::format("expected {}; got {}{}", one_of(names), shown(at.node),
                               near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
  return std::nullopt;
}

std::string one_of(const std::vector<std::string>& names) {
  return fmt::format("one of {}", fmt::join(names, ", "));
}

Node write_number(double value) {
  PAL_ASSERT(std::isfinite(value), "a config cannot hold {}", value);
  return Node::scalar(fmt::format("{}", value));  // the shortest text that reads back as the same double
}

}  // namespace pal::detail

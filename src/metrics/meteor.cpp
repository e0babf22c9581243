#include "pal/metrics/meteor.h"

#include <fmt/ranges.h>

#include <charconv>

#include "java.h"
#include "pal/core/check.h"

namespace pal {

namespace {

// Words as the jar is told them. Three strokes part the fields of a line, so they must not come from a caption.
std::string field(const std::vector<std::string>& words) {
  std::string text = fmt::format("{}", fmt::join(words, " "));
  for (std::size_t at; (at = text.find("|||")) != std::string::npos;) text.erase(at, 3);
  return text;
}

std::vector<double> numbers(const std::string& line) {
  std::vector<double> all;
  for (const std::string& word : split_words(line)) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), all.emplace_back());
    PAL_CHECK(error == std::errc() && end == word.data() + word.size(), "meteor: expected numbers from the jar, got '{:.200}'", line);
  }
  return all;
}

}  // namespace

Meteor::Meteor(const std::filesystem::path& jar, double seconds)
    : java_(detail::java_command("meteor", jar, "2G", {"-", "-", "-stdio", "-l", "en", "-norm"}), seconds, "meteor's jar") {}

Meteor::Counts Meteor::counts(const CaptionWords& clip) {
  std::string line = "SCORE";
  for (const auto& reference : clip.references) line += " ||| " + field(reference);
  java_.write_line(line + " ||| " + field(clip.candidate));
  return numbers(java_.read_line());
}

double Meteor::score(const Counts& counts) {
  java_.write_line(fmt::format("EVAL ||| {}", fmt::join(counts, " ")));
  java_.read_line();  // each clip's; then that of all, and here there is one
  const std::string answer = java_.read_line();
  const auto score = numbers(answer);
  PAL_CHECK(score.size() == 1, "meteor: expected one number from the jar, got '{:.200}'", answer);
  return score[0];
}

}  // namespace pal

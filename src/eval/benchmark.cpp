#include "pal/eval/benchmark.h"

#include <algorithm>
#include <array>
#include <vector>

#include "pal/core/check.h"
#include "pal/metrics/words.h"

namespace pal {

namespace {

constexpr std::string_view kDescribe = "Close-ended question: Write an audio caption describing the sound.";
constexpr std::string_view kPrefix = "Audio caption";
constexpr std::string_view kSpaces = " \t\n\v\f\r";

constexpr AnswerPart kColon = AnswerPart::kAfterLastColon, kCaption = AnswerPart::kAfterAudioCaption;

constexpr std::array<Benchmark, 7> kBenchmarks = {{
    // name, question, part of an answer, underscores are spaces, metric, classes
    {"esc50", kDescribe, kColon, true, "accuracy", 50},
    {"dcase2017", kDescribe, kColon, true, "micro_f1", 17},
    {"vocalsound", kDescribe, kColon, true, "accuracy", 6},
    {"fsd50k", kDescribe, kCaption, true, "map", 200},
    {"audioset", kDescribe, kCaption, false, "map", 527},
    {"audiocaps", "Close-ended question: Write an audio caption describing the sound, in AudioCaps style.", kColon, false, "ciderd", 0},
    {"clotho", "Close-ended question: Create a caption for audio, in Clotho style.", kColon, false, "ciderd", 0},
}};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpaces);
  return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string without_quotes(std::string_view text) {
  std::string result(text);
  std::erase(result, '"');
  return result;
}

// Behind the last "Audio caption" and the colon that follows it; a caption may hold other colons.
std::string_view after_audio_caption(std::string_view answer) {
  const auto at = answer.rfind(kPrefix);
  if (at == answer.npos) return answer;
  answer = trimmed(answer.substr(at + kPrefix.size()));
  return answer.starts_with(':') ? answer.substr(1) : answer;
}

std::string sound_of(std::string_view text) { return "sound of " + trimmed_lower(text); }

bool is_ascii_punctuation(char c) { return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~'); }

}  // namespace

std::span<const Benchmark> benchmarks() { return kBenchmarks; }

const Benchmark& find_benchmark(const std::string& name) {
  const auto found = std::ranges::find(kBenchmarks, name, &Benchmark::name);
  if (found != kBenchmarks.end()) return *found;
  std::vector<std::string_view> names;
  for (const auto& benchmark : kBenchmarks) names.push_back(benchmark.name);
  user_error("--benchmark: '{}' is not known; use {}", name, fmt::join(names, ", "));
}

std::string answer_text(const Benchmark& benchmark, std::string_view answer) {
  std::string text;
  if (benchmark.part == AnswerPart::kAfterAudioCaption)
    text = trimmed(after_audio_caption(without_quotes(answer)));
  else
    text = trimmed(answer.substr(answer.rfind(':') + 1));  // npos + 1 is 0: all of it
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string answer_query(std::string_view answer_text) { return sound_of(answer_text); }

std::string label_query(const Benchmark& benchmark, std::string_view label) {
  std::string text(label);
  if (benchmark.underscores_are_spaces) std::ranges::replace(text, '_', ' ');
  return sound_of(text);
}

std::string plain_caption(std::string_view caption) {
  std::string text(caption);
  std::erase_if(text, is_ascii_punctuation);
  return trimmed_lower(text);
}

}  // namespace pal

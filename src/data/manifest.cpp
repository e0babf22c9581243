#include "pal/data/manifest.h"

#include <set>
#include <unordered_set>

#include "manifest_record.h"
#include "pal/core/check.h"
#include "pal/core/json_array.h"

namespace pal {

namespace {

// Splits as messages name them: at most ten.
std::string list_of(const std::set<std::string>& splits) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> shown;
  for (const auto& split : splits)
    if (shown.size() < kShown) shown.push_back(split.empty() ? "(none)" : split);
  return fmt::format("{}{}", fmt::join(shown, ", "), splits.size() > kShown ? ", ..." : "");
}

}  // namespace

std::string Clip::key() const {
  return fmt::format("{}\n{}\n{}\n{}", path, offset, segment.start, segment.end.value_or(-1.0));
}

std::string answer_of_label(const PromptOptions& options, const std::string& label) {
  constexpr std::string_view kPlace = "{label}";
  std::string answer = options.answer;
  for (auto at = answer.find(kPlace); at != answer.npos; at = answer.find(kPlace, at + label.size())) answer.replace(at, kPlace.size(), label);
  return answer;
}

std::string ManifestPart::name() const { return split.empty() ? path.string() : fmt::format("{} (split {})", path.string(), split); }

void read_manifest(const ManifestPart& part, const PromptOptions& options, const std::function<void(Sample)>& take) {
  const std::string folder = part.path.parent_path().string();
  std::unordered_set<std::string> ids;
  std::set<std::string> splits;
  std::size_t number = 0, taken = 0;
  read_json_records(part.path, [&](const nlohmann::json& object) {
    ++number;
    auto sample = sample_of(object, folder, options, number);
    PAL_CHECK(ids.insert(sample.id).second, "id '{}' stands twice", sample.id);
    const auto split = split_of(object);
    if (splits.size() < 1000) splits.insert(split);  // for the message below alone
    if (!part.split.empty() && split != part.split) return;
    ++taken;
    take(std::move(sample));
  });
  PAL_CHECK(taken > 0, "{}: none of the {} samples is of the split '{}'; there are: {}", part.path.string(), number, part.split,
            list_of(splits));
}

std::vector<Sample> read_manifest(const ManifestPart& part, const PromptOptions& options) {
  std::vector<Sample> samples;
  read_manifest(part, options, [&](Sample sample) { samples.push_back(std::move(sample)); });
  return samples;
}

void check_recordings(const std::vector<Sample>& samples, const std::filesystem::path& manifest) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> missing;
  std::unordered_set<std::string_view> seen;
  for (const auto& sample : samples)
    for (const auto& clip : sample.clips)
      if (seen.insert(clip.path).second && !std::filesystem::exists(clip.path))
        missing.push_back(fmt::format("{} (sample '{}')", clip.path, sample.id));
  const std::size_t count = missing.size();
  if (count > kShown) missing.resize(kShown);
  PAL_CHECK(count == 0, "{}: {} of {} recordings are not there:\n  {}{}", manifest.string(), count, seen.size(),
            fmt::join(missing, "\n  "), count > kShown ? "\n  ..." : "");
}

std::vector<Message> prompt_of(const Sample& sample) { return {sample.messages.begin(), sample.messages.end() - 1}; }

std::vector<std::string> references_of(const Sample& sample) {
  if (!sample.references.empty()) return sample.references;
  return {sample.messages.back().content};
}

}  // namespace pal

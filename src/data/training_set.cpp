#include "pal/data/training_set.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>

#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {

bool TrainingSources::weighted() const {
  return std::ranges::any_of(list, [](const TrainingSource& source) { return source.weight > 0; });
}

std::string TrainingSources::name() const {
  std::vector<std::string> names;
  for (const auto& source : list) names.push_back(source.manifest.name());
  return fmt::format("{}", fmt::join(names, ", "));
}

TrainingSet read_training_set(const TrainingSources& sources, const PromptOptions& prompt) {
  TrainingSet set;
  const bool several = sources.list.size() > 1;
  std::string hashes;
  for (std::size_t i = 0; i < sources.list.size(); ++i) {
    const auto& manifest = sources.list[i].manifest;
    const auto before = set.samples.size();
    read_manifest(manifest, prompt, [&](Sample sample) {
      if (several) sample.id = fmt::format("{}:{}", i + 1, sample.id);
      set.samples.push_back(std::move(sample));
    });
    set.source_sizes.push_back(std::int64_t(set.samples.size() - before));
    set.sha256 = sha256_of_file(manifest.path);
    hashes += set.sha256 + manifest.split;
  }
  if (several) set.sha256 = sha256(hashes);
  return set;
}

std::vector<std::int32_t> files_of(const std::vector<Sample>& samples) {
  std::unordered_map<std::string_view, std::int32_t> numbers;
  std::vector<std::int32_t> files;
  files.reserve(samples.size());
  for (const auto& sample : samples) {
    const std::string_view path = sample.clips.empty() ? std::string_view() : sample.clips.front().path;
    files.push_back(numbers.try_emplace(path, std::int32_t(numbers.size())).first->second);
  }
  return files;
}

}  // namespace pal

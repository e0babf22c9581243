#include "pal/train/stage_policy.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "pal/core/check.h"
#include "pal/core/name_pattern.h"

namespace pal {

namespace {

std::vector<std::string> names_of(const std::vector<NamedParameter>& parameters) {
  std::vector<std::string> names;
  for (const auto& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace

std::vector<bool> trained_by(const std::vector<NamedParameter>& parameters,
                             const std::vector<std::string>& patterns) {
  std::vector<bool> included(parameters.size()), excluded(parameters.size());
  for (const std::string& pattern : patterns) {
    const bool excludes = pattern.starts_with('!');
    const std::string_view glob = std::string_view(pattern).substr(excludes ? 1 : 0);
    bool found = false;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!matches_pattern(glob, parameters[i].name)) continue;
      found = true;
      (excludes ? excluded : included)[i] = true;
    }
    PAL_CHECK(found, "trainable: '{}' matches no parameter; near it are {}", pattern, near_patterns(glob, names_of(parameters)));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) included[i] = included[i] && !excluded[i];
  return included;
}

std::vector<GroupCount> apply_stage_policy(const std::vector<NamedParameter>& parameters,
                                           const std::vector<std::string>& patterns) {
  const std::vector<bool> trained = trained_by(parameters, patterns);
  PAL_CHECK(std::find(trained.begin(), trained.end(), true) != trained.end(),
            "trainable: [{}] leaves nothing to train", fmt::join(patterns, ", "));
  std::vector<GroupCount> counts;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, value] = parameters[i];
    value.set_requires_grad(trained[i]);
    if (!trained[i]) value.mutable_grad().reset();
    const std::string group = parameter_group(name);
    auto count = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.group == group; });
    if (count == counts.end()) count = counts.insert(count, GroupCount{.group = group});
    ++(trained[i] ? count->trainable_tensors : count->frozen_tensors);
    (trained[i] ? count->trainable_parameters : count->frozen_parameters) += value.numel();
  }
  return counts;
}

std::string format_group_counts(const std::vector<GroupCount>& counts) {
  GroupCount all{.group = "all"};
  std::size_t width = std::string_view("group").size();
  for (const auto& count : counts) {
    all.trainable_tensors += count.trainable_tensors;
    all.trainable_parameters += count.trainable_parameters;
    all.frozen_tensors += count.frozen_tensors;
    all.frozen_parameters += count.frozen_parameters;
    width = std::max(width, count.group.size());
  }
  std::string table = fmt::format("{:{}}  {:>16} {:>10}  {:>16} {:>10}\n", "group", width, "trainable",
                                  "in tensors", "frozen", "in tensors");
  const auto add = [&](const GroupCount& c) {
    table += fmt::format("{:{}}  {:>16} {:>10}  {:>16} {:>10}\n", c.group, width, c.trainable_parameters,
                         c.trainable_tensors, c.frozen_parameters, c.frozen_tensors);
  };
  for (const auto& count : counts) add(count);
  add(all);
  return table;
}

}  // namespace pal

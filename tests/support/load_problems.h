// What a strict loader refuses, as short texts that tests can compare.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "pal/core/load_report.h"

namespace pal {

// "missing: NAME, expected [2], found nothing": one text for every problem; empty where `load` accepts.
inline std::vector<std::string> load_problems(const std::function<void()>& load) {
  std::vector<std::string> problems;
  try {
    load();
  } catch (const LoadMismatch& mismatch) {
    for (const auto& line : mismatch.report().lines())
      if (line.fate != LoadFate::kMatched && line.fate != LoadFate::kSkipped)
        problems.push_back(fmt::format("{}: {}, expected {}, found {}", fate_name(line.fate), line.name,
                                       line.expected.empty() ? "nothing" : line.expected, line.found.empty() ? "nothing" : line.found));
  }
  return problems;
}

}  // namespace pal

#include "tools/bench/contest.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <torch/cuda.h>

#include <algorithm>

namespace pal {

namespace {

using Json = nlohmann::json;

Json compare(const Contender& own, const Contender& peer) {
  std::vector<double> ratios;
  const auto rounds = std::min(own.round_medians.size(), peer.round_medians.size());
  for (std::size_t i = 0; i < rounds; ++i) ratios.push_back(peer.round_medians[i] / own.round_medians[i]);
  Json json = {{"integration", own.integration}, {"program", peer.program}, {"throughput", spread(ratios)}};
  if (own.peak_bytes > 0 && peer.peak_bytes > 0) json["peak"] = double(own.peak_bytes) / double(peer.peak_bytes);
  return json;
}

// A contender may be another program, which needs what this one's allocator would keep of a round that is over.
void give_back_device_memory() {
  if (!torch::cuda::is_available()) return;
  try {
    c10::getDeviceAllocator(c10::kCUDA)->emptyCache();
  } catch (const std::exception& error) {  // of a device that has failed nothing can be asked; what was measured is to be printed all the same
    spdlog::warn("device memory is not given back: {}", error.what());
  }
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void take_rounds(std::vector<Contender>& contenders, int64_t rounds) {
  for (int64_t round = 0; round < rounds; ++round)
    for (auto& contender : contenders) {
      if (contender.failure) continue;
      spdlog::info("round {} of {}: {} ({})", round + 1, rounds, contender.integration, contender.program);
      try {
        const auto taken = contender.take();
        contender.round_medians.push_back(median(taken.seconds));
        contender.seconds.insert(contender.seconds.end(), taken.seconds.begin(), taken.seconds.end());
        contender.peak_bytes = taken.peak_bytes;
      } catch (const std::exception& error) {
        contender.failure = std::current_exception();
        spdlog::warn("{} ({}) failed and is left out from here on: {}", contender.integration, contender.program, error.what());
      }
      give_back_device_memory();
    }
  if (std::ranges::none_of(contenders, &Contender::was_measured)) report_failure(contenders);
}

void report_failure(const std::vector<Contender>& contenders) {
  for (const auto& contender : contenders)
    if (contender.failure) std::rethrow_exception(contender.failure);
}

Json spread(const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  return {{"median", median(values)}, {"min", least}, {"max", most}};
}

std::string spread_text(const Json& spread, double scale) {
  const auto number = [&](const char* key) { return scale * spread[key].get<double>(); };
  return fmt::format("{:.1f} ({:.1f}..{:.1f})", number("median"), number("min"), number("max"));
}

Json compare_with_peers(const std::vector<Contender>& contenders) {
  Json comparisons = Json::array();
  const Contender* own = nullptr;
  for (const auto& contender : contenders)
    if (!contender.is_peer())
      own = &contender;
    else if (own->was_measured() && contender.was_measured())
      comparisons.push_back(compare(*own, contender));
  return comparisons;
}

void print_comparisons(const Json& comparisons) {
  for (const auto& c : comparisons) {
    const auto& t = c["throughput"];
    fmt::print("{}: {} / {}: throughput {:.2f} ({:.2f}..{:.2f} by round){}\n", c["integration"].get<std::string>(), kPal, c["program"].get<std::string>(),
               t["median"].get<double>(), t["min"].get<double>(), t["max"].get<double>(), c.contains("peak") ? fmt::format(", peak {:.2f}", c["peak"].get<double>()) : "");
  }
}

std::string mib(const Json& result, const char* key) { return result.contains(key) ? fmt::format("{:.1f}", result[key].get<double>() / (1 << 20)) : "-"; }

}  // namespace pal

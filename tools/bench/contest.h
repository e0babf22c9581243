// pal's integrations and their peers, timed in turns.
#pragma once

#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pal {

constexpr const char* kPal = "pal";

// What one round gave.
struct Round {
  std::vector<double> seconds;  // one a timed piece of work
  int64_t peak_bytes = 0;       // 0: not known
};

// An integration by pal, or by the peer.
struct Contender {
  std::string integration, program = kPal;  // or "peer, eager", "peer, compiled"
  std::function<Round()> take;

  std::vector<double> seconds{}, round_medians{};  // of all rounds; a median each
  int64_t peak_bytes = 0;
  std::exception_ptr failure{};  // what ended a round; it takes no more

  bool is_peer() const { return program != kPal; }
  bool was_measured() const { return !seconds.empty(); }
};

double median(std::vector<double> values);  // of at least one

// A machine that slows down slows all of them. A contender that fails does not cost the others their figures; throws only where all fail.
void take_rounds(std::vector<Contender>& contenders, int64_t rounds);
// For when all is printed: throws what the first one that failed has thrown.
void report_failure(const std::vector<Contender>& contenders);

// {"median", "min", "max"}
nlohmann::json spread(const std::vector<double>& values);
std::string spread_text(const nlohmann::json& spread, double scale);  // "12.3 (11.9..13.0)"

// Each peer and the last one of pal's before it: throughput by the rounds of both, and peaks where both are known.
nlohmann::json compare_with_peers(const std::vector<Contender>& contenders);
void print_comparisons(const nlohmann::json& comparisons);

// A number of `result` in MiB; "-" where it is not there.
std::string mib(const nlohmann::json& result, const char* key);

}  // namespace pal

#include "pal/core/random.h"

#include <cmath>
#include <numbers>

#include "pal/core/check.h"

namespace pal {

std::uint64_t RandomStream::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t stream_seed(std::uint64_t seed, std::string_view name, std::uint64_t index) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a of the name
  for (unsigned char c : name) hash = (hash ^ c) * 0x100000001b3ULL;
  RandomStream mix(seed);
  RandomStream named(mix.next() ^ hash);
  RandomStream indexed(named.next() ^ index);
  return indexed.next();
}

double RandomStream::uniform() { return double(next() >> 11) * 0x1.0p-53; }

std::uint64_t RandomStream::below(std::uint64_t bound) {
  PAL_ASSERT(bound > 0, "a random number below 0 was asked for");
  const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t value = next();
    if (value >= rejected) return value % bound;
  }
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace pal

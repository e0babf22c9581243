#include "tools/eval/rank.h"

#include <torch/torch.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "pal/core/check.h"

namespace pal {

namespace {

int64_t number_in(const char* name) {
  const char* found = std::getenv(name);
  PAL_CHECK(found, "{} is not set, but the other one of RANK and WORLD_SIZE is; set both or none, or give --rank and --ranks", name);
  const std::string_view text = found;
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  PAL_CHECK(error == std::errc() && end == text.data() + text.size(), "{}: expected a whole number, got '{}'", name, text);
  return value;
}

}  // namespace

Rank rank_of_process(long rank, long ranks) {
  PAL_CHECK((rank < 0) == (ranks == 0), "--rank and --ranks go together");
  Rank result{rank, ranks};
  if (ranks == 0) {
    if (!std::getenv("RANK") && !std::getenv("WORLD_SIZE")) return {};
    result = {number_in("RANK"), number_in("WORLD_SIZE")};
  }
  PAL_CHECK(result.ranks > 0 && result.rank >= 0 && result.rank < result.ranks, "rank {} of {} ranks: a rank is at least 0 and below their number",
            result.rank, result.ranks);
  return result;
}

int64_t gpu_of_process() {
  if (!std::getenv("LOCAL_RANK")) return 0;
  const int64_t local_rank = number_in("LOCAL_RANK");
  PAL_CHECK(local_rank >= 0, "LOCAL_RANK: expected at least 0, got {}", local_rank);
  return local_rank % std::max<int64_t>(1, int64_t(torch::cuda::device_count()));
}

}  // namespace pal

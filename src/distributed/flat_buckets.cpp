#include "pal/distributed/flat_buckets.h"

#include <algorithm>

namespace pal {

std::vector<FlatBucket> make_buckets(const std::vector<at::Tensor>& parameters, int64_t bytes, int64_t processes) {
  std::vector<FlatBucket> buckets;
  int64_t held = 0;
  at::ScalarType type{};
  for (std::size_t i = parameters.size(); i-- > 0;) {
    const auto own = int64_t(parameters[i].nbytes());
    if (buckets.empty() || held + own > bytes || parameters[i].scalar_type() != type) {
      buckets.emplace_back();
      held = 0;
      type = parameters[i].scalar_type();
    }
    buckets.back().parameters.push_back(i);
    buckets.back().elements += parameters[i].numel();
    held += own;
  }
  for (auto& bucket : buckets) bucket.padded = (bucket.elements + processes - 1) / processes * processes;
  return buckets;
}

std::vector<ParameterSlice> slices_of(const FlatBucket& bucket, const std::vector<at::Tensor>& parameters, int64_t process, int64_t processes) {
  const int64_t size = bucket.padded / processes, first = process * size, last = first + size;
  std::vector<ParameterSlice> slices;
  int64_t begin = 0;
  for (const auto i : bucket.parameters) {
    const int64_t end = begin + parameters[i].numel();
    const auto from = std::max(begin, first), to = std::min(end, last);
    if (from < to) slices.push_back({i, from - begin, to - begin});
    begin = end;
  }
  return slices;
}

std::vector<ParameterSlice> slices_of(const std::vector<FlatBucket>& buckets, const std::vector<at::Tensor>& parameters, int64_t process, int64_t processes) {
  std::vector<ParameterSlice> all;
  for (const auto& bucket : buckets)
    for (const auto& slice : slices_of(bucket, parameters, process, processes)) all.push_back(slice);
  return all;
}

}  // namespace pal

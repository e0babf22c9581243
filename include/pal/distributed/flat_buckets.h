// How parameters are put together for exchanges, and what of them each process keeps where they are sharded (Rajbhandari et al. 2020, "ZeRO").
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pal {

// Parameters of one dtype, one behind the other, as one vector.
struct FlatBucket {
  std::vector<std::size_t> parameters;  // by number, in the order in which they lie
  int64_t elements = 0;                 // of all of them
  int64_t padded = 0;                   // the same, up to a multiple of the processes

  bool operator==(const FlatBucket&) const = default;  // the same
};

// A stretch of a parameter's elements, row by row.
struct ParameterSlice {
  std::size_t parameter = 0;  // by number
  int64_t begin = 0;          // first element
  int64_t end = 0;            // behind the last one

  int64_t size() const { return end - begin; }                  // elements
  auto operator<=>(const ParameterSlice&) const = default;      // by parameter, then by place
};

// Every parameter is in one bucket. The last are first, as they are in a backward. bytes: of a bucket, unless one parameter has more.
std::vector<FlatBucket> make_buckets(const std::vector<at::Tensor>& parameters, int64_t bytes, int64_t processes);

// What of a bucket is a process's, an equal stretch of it, in the order in which it lies; without the padding.
std::vector<ParameterSlice> slices_of(const FlatBucket& bucket, const std::vector<at::Tensor>& parameters, int64_t process, int64_t processes);

// The slices of all buckets.
std::vector<ParameterSlice> slices_of(const std::vector<FlatBucket>& buckets, const std::vector<at::Tensor>& parameters, int64_t process, int64_t processes);

}  // namespace pal

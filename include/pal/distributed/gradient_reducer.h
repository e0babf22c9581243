// Sums gradients over processes while the backward still runs: parameters are put together in buckets, and a bucket is exchanged as soon as
// its last gradient is there (Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training"). Sharded, each process
// gets its slices of the sums alone (Rajbhandari et al. 2020, "ZeRO").
#pragma once

#include <functional>
#include <vector>

#include "pal/distributed/flat_buckets.h"
#include "pal/distributed/process_group.h"

namespace pal {

// How gradients are exchanged.
struct ReducerOptions {
  bool sharded = false;                        // each process gets its slices (slices_of()), not all of every sum
  int64_t bucket_bytes = int64_t{25} << 20;    // of what is exchanged at once, at least one parameter
};

// Of the same parameters, in the same order, in every process.
class GradientReducer {
 public:
  // Takes parameter i's gradient of this process away from wherever it is summed, [its shape]; undefined where there is none.
  using Take = std::function<at::Tensor(std::size_t i)>;
  // Hands back a sum over all processes, [slice.size()]: of whole parameters, or of this process's slices. Not called where no process had a gradient.
  using Give = std::function<void(const ParameterSlice& slice, const at::Tensor& gradient)>;

  // group must outlive it; the parameters' hooks are its own as long as it lives.
  GradientReducer(ProcessGroup& group, std::vector<at::Tensor> parameters, Take take, Give give, const ReducerOptions& options = {});
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  // The next backward is exchanged, so that gradients are whole when it has passed them. Without this, a backward exchanges nothing.
  // wide: gradients of bf16 and fp16 parameters are sums of several parts in fp32, and are exchanged as such.
  void begin(bool wide = false);
  // Exchanges what that backward did not reach, and waits for all. Must follow every begin(); also where this process had nothing to compute.
  void finish();

  std::size_t buckets() const { return buckets_.size(); }  // how many exchanges a step takes, beside a small one
  int64_t bytes() const;                                   // of a step's sums, where every gradient has its parameter's dtype

 private:
  struct Bucket {
    FlatBucket layout;
    std::vector<ParameterSlice> given;  // to this process, one behind the other in `sums`
    std::size_t missing = 0;            // gradients that are not there yet
    at::Tensor flat;                    // [padded] of all of them
    at::Tensor sums;                    // flat itself, or this process's part
    PendingExchange exchange;
  };
  class Hook;

  void ready(std::size_t parameter);
  void begin_sums();
  void begin_sum(Bucket& bucket);

  ProcessGroup& group_;
  std::vector<at::Tensor> parameters_;
  Take take_;
  Give give_;
  ReducerOptions options_;
  std::vector<Bucket> buckets_;
  std::vector<std::size_t> bucket_of_;  // by parameter
  std::vector<char> is_ready_;          // by parameter
  std::size_t begun_ = 0;               // buckets: all processes exchange them in this order
  bool is_last_ = false;                // the backward of now
  bool wide_ = false;
  at::Tensor used_;                     // [parameters], int32: in how many processes there is a gradient
};

// Makes parameters whole again after each process has changed its slices of them.
void gather_slices(ProcessGroup& group, const std::vector<at::Tensor>& parameters, int64_t bucket_bytes = ReducerOptions{}.bucket_bytes);

}  // namespace pal

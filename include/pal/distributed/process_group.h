// The processes of a run, and how they exchange tensors: c10d's NCCL between GPUs, its Gloo between CPUs.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "pal/distributed/launch.h"

namespace pal {

// An exchange that was begun.
class PendingExchange {
 public:
  PendingExchange() = default;  // nothing to wait for

  // Returns when the tensors may be used: on a GPU by what is queued after this call. Throws ProcessLost where another process is gone.
  void wait();

 private:
  friend class ProcessGroup;
  struct Work;
  std::shared_ptr<Work> work_;
};

// Another process does not answer: it has ended, or hangs.
class ProcessLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;  // what is known of it
};

// All processes call the same functions in the same order, with tensors of the same shapes and dtypes on their devices. A group of one
// process returns at once and changes nothing.
class ProcessGroup {
 public:
  ProcessGroup();  // of this process alone
  // Meets the others. timeout: of that, and of every exchange. Throws UserError where the address cannot be listened at, and ProcessLost where
  // not all come. Where SIGPIPE would end the program, it is ignored from here on: writing to a process that is gone is an error like others.
  ProcessGroup(const Launch& launch, at::Device device, std::chrono::milliseconds timeout);
  ~ProcessGroup();
  ProcessGroup(ProcessGroup&&) noexcept;             // the other one may only be destroyed
  ProcessGroup& operator=(ProcessGroup&&) noexcept;  // the same

  int64_t rank() const { return rank_; }   // of this process
  int64_t size() const { return size_; }   // how many there are
  bool is_first() const { return rank_ == 0; }  // whether this one writes what is written once

  void sum(const at::Tensor& tensor);                          // in place, over all processes
  PendingExchange begin_sum(const at::Tensor& tensor);         // the same, in the background
  void largest(const at::Tensor& tensor);                      // in place, each element's greatest
  void broadcast(const at::Tensor& tensor, int64_t root = 0);  // in place, from process `root`
  // input: [size() * n], output: [n], this process's part of the sum.
  PendingExchange begin_reduce_scatter(const at::Tensor& output, const at::Tensor& input);
  // input: [n], output: [size() * n], the inputs in the order of ranks.
  PendingExchange begin_all_gather(const at::Tensor& output, const at::Tensor& input);
  std::vector<std::string> gather(const std::string& text);  // one of each process, at all of them
  // Those that do not run, or have not come to what this one waits for, for people; empty where there are none. Takes some seconds; for another thread than the
  // one that waits.
  std::string missing() const;
  void barrier();                                            // returns when all have come

 private:
  struct Implementation;
  int64_t rank_ = 0, size_ = 1;
  std::unique_ptr<Implementation> impl_;  // nothing: alone
};

}  // namespace pal

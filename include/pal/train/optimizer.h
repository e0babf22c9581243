// AdamW whose state is kept by parameter name (Loshchilov & Hutter 2019, algorithm 2, as torch.optim.AdamW).
//
// Under bf16 and fp16 a step is often smaller than half the gap between two numbers and would be lost; so
// such parameters have an fp32 master copy that takes the step, and are its rounding.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pal/core/tensor_source.h"
#include "pal/distributed/flat_buckets.h"
#include "pal/train/named_parameter.h"

namespace pal {

// The options of AdamW; the defaults are torch's, but for the decay.
struct AdamWOptions {
  double learning_rate = 1e-3;        // of now; set_learning_rate() changes it
  double beta1 = 0.9;                 // decay of the mean of gradients
  double beta2 = 0.999;               // decay of the mean of their squares
  double eps = 1e-8;                  // added to the root of the latter
  double weight_decay = 0.0;          // decoupled: value *= 1 - learning_rate * weight_decay
  bool skip_decay_of_vectors = true;  // no decay for tensors of at most one dimension: norms and biases
  bool master_weights =
      true;           // bf16 and fp16 parameters: fp32 master copy and state; else all in their dtype
  bool fused = true;  // one kernel for many tensors; false: the plain reference below
  // Gradients are scaled and converted to fp32 this many elements at a time (256 MB), not all at once.
  std::int64_t bucket_elements = std::int64_t{1} << 26;
};

// The type of the state of a parameter of this type, and of what takes the step: float32 where there are master copies.
at::ScalarType state_type(at::ScalarType value, const AdamWOptions& options);

struct AdamWBucket;
struct ClippedGradients;

// Norms of a step's gradients.
struct GradientNorms {
  double total = 0;                      // of all gradients together, before the limit is applied
  std::map<std::string, double> groups;  // by parameter_group; total^2 is the sum of their squares
  bool finite() const;                   // no NaN or infinity among the gradients
};

// The optimizer. Holds the parameters' tensors, so they must stay the module's.
class AdamW {
 public:
  // Parameters that need no gradient get no state and are left alone. State starts as zeros, master copies as
  // the values of now. slices: of the others, by their number among them, what this process steps and holds the state of, as one of several; not given: all.
  // Throws UserError for an option out of its range.
  AdamW(const std::vector<NamedParameter>& parameters, const AdamWOptions& options, const std::optional<std::vector<ParameterSlice>>& slices = std::nullopt);

  // Adds the gradients of now to sums in fp32 (fp64 for fp64 parameters) that the next clip() and step() use, and takes them off the
  // parameters. For steps of several parts: sums of many parts in bf16 would lose what the last ones say.
  void accumulate();

  // The parameters that need a gradient, in the order of all: what take_gradient() and slices count.
  std::vector<at::Tensor> trained() const;
  // Takes the gradient of now, and the sum of earlier ones, away from parameter i: for exchanging it. Undefined where there is none.
  at::Tensor take_gradient(std::size_t i);
  // Adds to what the next clip() and step() use for a slice, which must be one of this optimizer's: [slice.size()], in the parameter's dtype or in fp32.
  void give_gradient(const ParameterSlice& slice, const at::Tensor& gradient);

  // For the next step: it uses gradients times `scale` (1 / target tokens), and times max_norm / total norm where that is below 1; max_norm 0 sets no
  // limit. It changes nothing where a gradient is NaN or infinite, or `loss` (a scalar; not given: none). The stored gradients stay as they are.
  // On a GPU this only launches work. sum: adds a tensor up over the processes that have the other slices, in place; with it the device is waited for.
  void clip(double scale, double max_norm, const at::Tensor& loss = {}, const std::function<void(const at::Tensor&)>& sum = {});

  // Takes a step with learning_rate(), as the last clip() said, which is used up; without one, gradients are used as they are. Parameters without a
  // gradient are left alone, and their step count too. On a GPU the step is launched before the device is waited for, once, to return the norms
  // that clip() measured (of scaled gradients; empty without a clip()). Where it found them or the loss not finite, nothing has changed.
  GradientNorms step() {
    launch();
    return finish();
  }
  // The first half of step(): all but to wait. Gradients may go then (zero_grad()), and the host may do other things; finish() must follow before
  // anything else that clips, steps, saves or loads.
  void launch();
  // The second half: waits for the device, counts the step and returns the norms.
  GradientNorms finish();

  // Gradients to none; also of a step that is launched, which does not need them any more.
  void zero_grad();

  void set_learning_rate(double rate) { options_.learning_rate = rate; }  // of the next step
  double learning_rate() const { return options_.learning_rate; }         // of the next step
  const AdamWOptions& options() const { return options_; }                // with the learning rate of now

  // NAME.exp_avg, NAME.exp_avg_sq (the parameter's shape), NAME.step (a scalar, int64), NAME.master where
  // there is one; of a slice NAME.exp_avg[BEGIN:END], a vector. The tensors are the optimizer's own: the next step changes them.
  TensorMap state() const;

  // Takes the state from `saved`, which must hold that of all trained parameters, whole or in any slices, in their shapes and dtypes, and nothing else.
  // Otherwise throws LoadMismatch, whose message begins with `source` (a file), and changes nothing.
  void load(const TensorMap& saved, const std::string& source);

 private:
  struct Trained {
    NamedParameter parameter;
    at::Tensor sum;  // of the parts' gradients; undefined: the step has one part
    bool decays = false;
  };
  struct Entry {  // what is stepped: a parameter or a slice of one
    ParameterSlice slice;
    at::Tensor value;                // shares the parameter's storage: its shape, or a vector
    at::Tensor exp_avg, exp_avg_sq;  // value's shape
    at::Tensor master;               // undefined: the value takes the step itself
    at::Tensor given;                // gradient of all processes; undefined: the parameter's own counts
    std::int64_t steps = 0;
  };
  at::Tensor gradient(const Entry& entry) const;
  std::string name(const Entry& entry, const char* field) const;
  AdamWBucket bucket_of(const std::vector<Entry*>& entries) const;
  std::vector<Entry*> launch_buckets(const ClippedGradients& clipped);  // returns those that are stepped

  std::vector<Trained> trained_;
  std::vector<Entry> entries_;
  std::map<ParameterSlice, std::size_t> entry_of_;
  AdamWOptions options_;
  std::shared_ptr<ClippedGradients> clipped_;  // what the last clip() found; null: no clip() since the last step
  std::shared_ptr<ClippedGradients> launched_;  // of the step that is launched and not finished
  std::vector<Entry*> stepped_;                 // by that step
};

// One step on one tensor in its own dtype, in plain tensor operations: what the fused kernel is held to.
// steps: how many this one makes, from 1. Changes value, exp_avg and exp_avg_sq, all of one shape and dtype.
void adamw_reference_step(const at::Tensor& value, const at::Tensor& gradient, const at::Tensor& exp_avg,
                          const at::Tensor& exp_avg_sq, std::int64_t steps, double weight_decay,
                          const AdamWOptions& options);

}  // namespace pal

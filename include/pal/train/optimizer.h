// AdamW whose state is kept by parameter name (Loshchilov & Hutter 2019, algorithm 2, as torch.optim.AdamW).
//
// Under bf16 and fp16 a step is often smaller than half the gap between two numbers and would be lost; so
// such parameters have an fp32 master copy that takes the step, and are its rounding.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pal/core/tensor_source.h"
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
  // the values of now. Throws UserError for an option out of its range.
  AdamW(const std::vector<NamedParameter>& parameters, const AdamWOptions& options);

  // Adds the gradients of now to sums in fp32 (fp64 for fp64 parameters) that the next clip() and step() use, and takes them off the
  // parameters. For steps of several parts: sums of many parts in bf16 would lose what the last ones say.
  void accumulate();

  // The parameters that it steps, in its order: what take_gradient() and give_gradient() count.
  std::vector<at::Tensor> trained() const;
  // Takes the gradient of now, and the sum of earlier ones, away from parameter i: for exchanging it. Undefined where there is none.
  at::Tensor take_gradient(std::size_t i);
  // What the next clip() and step() use for parameter i, in its dtype or in fp32, its shape.
  void give_gradient(std::size_t i, const at::Tensor& gradient);

  // Norms of the gradients times `scale` (1 / target tokens). The next step uses gradients times `scale`, and
  // times max_norm / total where that is below 1; max_norm 0 sets no limit. The stored gradients stay as they
  // are. Waits for the device once.
  GradientNorms clip(double scale, double max_norm);

  // Takes a step with learning_rate(). Parameters without a gradient are left alone, and their step count
  // too. Returns false and changes nothing where the last clip() found NaN or infinity. Uses up what clip()
  // set.
  bool step();

  // Gradients to none.
  void zero_grad();

  void set_learning_rate(double rate) { options_.learning_rate = rate; }  // of the next step
  double learning_rate() const { return options_.learning_rate; }         // of the next step
  const AdamWOptions& options() const { return options_; }                // with the learning rate of now

  // NAME.exp_avg, NAME.exp_avg_sq (the parameter's shape), NAME.step (a scalar, int64), NAME.master where
  // there is one. The tensors are the optimizer's own: the next step changes them.
  TensorMap state() const;

  // Takes the state from `saved`, which must hold exactly these names with their shapes and dtypes. Otherwise
  // throws LoadMismatch, whose message begins with `source` (a file), and changes nothing.
  void load(const TensorMap& saved, const std::string& source);

 private:
  struct Entry {
    NamedParameter parameter;
    at::Tensor exp_avg, exp_avg_sq;
    at::Tensor master;  // undefined: the parameter takes the step itself
    at::Tensor sum;     // of the parts' gradients; undefined: the step has one part
    const at::Tensor& gradient() const { return sum.defined() ? sum : parameter.value.grad(); }
    std::int64_t steps = 0;
    bool decays = false;
  };
  void step_bucket(const std::vector<Entry*>& bucket);

  std::vector<Entry> entries_;
  AdamWOptions options_;
  double gradient_scale_ = 1.0;  // of the next step
  bool finite_ = true;           // what the last clip() found
};

// One step on one tensor in its own dtype, in plain tensor operations: what the fused kernel is held to.
// steps: how many this one makes, from 1. Changes value, exp_avg and exp_avg_sq, all of one shape and dtype.
void adamw_reference_step(const at::Tensor& value, const at::Tensor& gradient, const at::Tensor& exp_avg,
                          const at::Tensor& exp_avg_sq, std::int64_t steps, double weight_decay,
                          const AdamWOptions& options);

}  // namespace pal

#include "pal/train/stage.h"

namespace pal {

AdamWOptions adamw_options(const StageOptions& stage) {
  AdamWOptions o;
  o.learning_rate = stage.learning_rate;
  o.beta1 = stage.beta1;
  o.beta2 = stage.beta2;
  o.eps = stage.eps;
  o.weight_decay = stage.weight_decay;
  o.master_weights = stage.master_weights;
  return o;
}

}  // namespace pal

#include "pal/encoders/load_weights.h"

namespace pal {

LoadReport load_weights(torch::nn::Module& module, const TensorSource& source, const std::string& prefix,
                        const std::vector<OtherTensors>& others) {
  LoadPlan plan{"the encoder", {}, others};
  for (const auto& item : module.named_parameters()) plan.wanted.push_back({prefix + item.key(), item.value()});
  for (const auto& item : module.named_buffers()) plan.wanted.push_back({prefix + item.key(), item.value()});
  return load_tensors(plan, source);
}

}  // namespace pal

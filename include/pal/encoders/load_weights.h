// Weights from a file into a module, by name and strictly.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "pal/core/load_tensors.h"

namespace pal {

// Fills each parameter and buffer NAME of `module` from `prefix` + NAME of `source`. others: what the file may hold beside them.
// Throws and logs as load_tensors().
LoadReport load_weights(torch::nn::Module& module, const TensorSource& source, const std::string& prefix = "",
                        const std::vector<OtherTensors>& others = {});

}  // namespace pal

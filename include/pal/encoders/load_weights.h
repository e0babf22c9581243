// Weights from a file into a module, by name and strictly.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "pal/core/tensor_source.h"

namespace pal {

// Copies `prefix` + NAME of `source` into each parameter and buffer NAME of `module`, converting the element
// type. Tensors whose names begin with one of `ignored` may be there and are not used: the log says which. Throws one UserError
// that lists every missing, unexpected, mis-shaped and quantised tensor by name and shape; the module is then unchanged.
void load_weights(torch::nn::Module& module, const TensorSource& source, const std::string& prefix = "",
                  const std::vector<std::string>& ignored = {});

}  // namespace pal

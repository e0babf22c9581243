// Tensors of torch.save()'s files.
#pragma once

#include <filesystem>
#include <memory>

#include "pal/core/tensor_source.h"

namespace pal {

// Throws UserError as TorchFile does.
std::unique_ptr<TensorSource> open_torch_file(const std::filesystem::path& path);

}  // namespace pal

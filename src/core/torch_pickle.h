// Tensors by name in the pickle of torch.save().
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "pal/core/torch_file.h"

namespace pal {

struct TorchPickle {
  std::map<std::string, TorchEntry> tensors;  // `storage` is the key alone
  std::map<std::string, std::string>
      unreadable;  // with elements of a type that cannot be read, which is named
};

// where: for messages. Throws UserError as TorchFile does.
TorchPickle read_torch_pickle(std::span<const std::byte> bytes, const std::string& where);

}  // namespace pal

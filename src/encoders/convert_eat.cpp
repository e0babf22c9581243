#include "eat_weights.h"
#include "pal/core/check.h"
#include "pal/encoders/convert.h"
#include "pal/encoders/eat.h"

namespace pal {

TensorMap eat_from_fairseq(const std::filesystem::path& path) {
  const EatEncoder all_is_there({.type = "eat", .path = path});  // or else it says what is not
  const auto source = open_eat_weights(path);
  TensorMap tensors;
  for (const auto& name : source->names()) tensors[name] = source->load(name);
  return tensors;
}

}  // namespace pal

#include "clap_weights.h"
#include "pal/core/check.h"
#include "pal/encoders/clap.h"
#include "pal/encoders/convert.h"

namespace pal {

TensorMap clap_from_laion(const std::filesystem::path& path) {
  const ClapEncoder all_is_there({.type = "clap", .path = path});  // or else it says what is not
  const auto source = open_clap_weights(path);
  TensorMap tensors;
  for (const auto& name : source->names()) tensors[name] = source->load(name);
  return tensors;
}

}  // namespace pal

#include "pal/core/check.h"
#include "pal/encoders/clap.h"
#include "weight_shapes.h"

namespace pal {

namespace {

constexpr std::int64_t kWidest = 1 << 12;
constexpr std::int64_t kMostHeads = 1 << 10;

std::string block_name(std::int64_t stage, std::int64_t block) {
  return fmt::format("layers.{}.blocks.{}.", stage, block);
}

}  // namespace

HtsatOptions htsat_options(const TensorSource& source, const std::string& prefix) {
  const WeightShapes shapes(source, prefix);
  PAL_CHECK(!shapes.has("patch_embed.mel_conv2d.weight"),
            "{}: is a CLAP with fusion (enable_fusion: it has {}patch_embed.mel_conv2d.weight), which hears "
            "random crops of a "
            "long clip; only CLAP without fusion is supported",
            source.describe(), prefix);
  HtsatOptions sizes;
  sizes.width = shapes.size("patch_embed.proj.weight", 4, 0, kWidest);
  for (std::int64_t stage = 0; stage < HtsatOptions::stages; ++stage) {
    auto& depth = sizes.depths[std::size_t(stage)];
    const std::string table = "attention.self.relative_position_bias_table";
    for (depth = 0; shapes.has(block_name(stage, depth) + table);) ++depth;
    PAL_CHECK(depth > 0, "{}: a CLAP of {} stages was expected, but there is no tensor {}{}{}",
              source.describe(), HtsatOptions::stages, prefix, block_name(stage, 0), table);
    const std::int64_t heads = shapes.size(block_name(stage, 0) + table, 2, 1, kMostHeads);
    PAL_CHECK(sizes.channels(stage) % heads == 0, "{}: {} heads do not divide the {} channels of {}layers.{}",
              source.describe(), heads, sizes.channels(stage), prefix, stage);
    sizes.heads[std::size_t(stage)] = heads;
  }
  const std::string intermediate = block_name(0, 0) + "intermediate.dense.weight";
  const std::int64_t hidden = shapes.size(intermediate, 2, 0, 64 * kWidest);
  PAL_CHECK(hidden % sizes.width == 0, "{}: {}{} has {} rows, no multiple of the width {}", source.describe(),
            prefix, intermediate, hidden, sizes.width);
  sizes.ffn_factor = hidden / sizes.width;
  return sizes;
}

}  // namespace pal

#include "pal/audio/whisper_mel.h"
#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/encoders/whisper.h"
#include "weight_shapes.h"

namespace pal {

namespace {

constexpr std::int64_t kMostMels = 1 << 10, kWidest = 1 << 14, kWidestFfn = 1 << 16, kMostLayers = 1 << 10;
constexpr std::int64_t kHeadWidth = 64;  // of every published Whisper

WhisperOptions sizes_of(const WeightShapes& shapes) {
  WhisperOptions sizes;
  sizes.width = shapes.size("conv1.weight", 3, 0, kWidest);
  sizes.mels = shapes.size("conv1.weight", 3, 1, kMostMels);
  sizes.ffn = shapes.size("layers.0.fc1.weight", 2, 0, kWidestFfn);
  for (sizes.layers = 1; shapes.has(fmt::format("layers.{}.fc1.weight", sizes.layers));) ++sizes.layers;
  PAL_CHECK(sizes.layers <= kMostLayers, "{}: {} layers; at most {} were expected", shapes.where(),
            sizes.layers, kMostLayers);
  return sizes;
}

// Dropouts, and what only the decoder or its training reads (scale_embedding too), change nothing here.
void check_config(const ConfigJson& config, const WhisperOptions& sizes) {
  const auto type = config.get<std::string>("model_type");
  PAL_CHECK(type == "whisper", "{}: model_type '{}' is no Whisper; whisper is", config.where(), type);
  config.refuse_unless<std::string>("activation_function", "gelu");
  config.refuse_unless("max_source_positions", std::int64_t{WhisperOptions::positions});
  config.check_agrees("num_mel_bins", sizes.mels);
  config.check_agrees("d_model", sizes.width);
  config.check_agrees("encoder_layers", sizes.layers);
  config.check_agrees("encoder_ffn_dim", sizes.ffn);
}

void check_front_end(const ConfigJson& config, const WhisperOptions& sizes) {
  config.refuse_unless<std::string>("feature_extractor_type", "WhisperFeatureExtractor");
  config.refuse_unless("sampling_rate", std::int64_t{WhisperMel::sample_rate});
  config.refuse_unless("n_fft", std::int64_t{WhisperMel::fft});
  config.refuse_unless("hop_length", std::int64_t{WhisperMel::hop});
  config.refuse_unless("chunk_length", WhisperMel::window_samples / WhisperMel::sample_rate);
  config.refuse_unless("padding_value", 0.0);
  config.refuse_unless("dither", 0.0);
  config.check_agrees("feature_size", sizes.mels);
}

}  // namespace

WhisperOptions whisper_options(const std::filesystem::path& path, const TensorSource& source,
                               const std::string& prefix) {
  const WeightShapes shapes(source, prefix);
  WhisperOptions sizes = sizes_of(shapes);
  if (const auto config = ConfigJson::beside(path, "config.json")) {
    check_config(*config, sizes);
    sizes.heads = config->get<std::int64_t>("encoder_attention_heads");
    PAL_CHECK(sizes.heads >= 1 && sizes.width % sizes.heads == 0,
              "{}: encoder_attention_heads: {} heads do not divide the width {}", config->where(),
              sizes.heads, sizes.width);
  } else {
    PAL_CHECK(sizes.width % kHeadWidth == 0,
              "{}: the width {} is no multiple of {}, and there is no config.json beside it that says the "
              "number of heads",
              source.describe(), sizes.width, kHeadWidth);
    sizes.heads = sizes.width / kHeadWidth;
  }
  if (const auto config = ConfigJson::feature_extractor(path)) check_front_end(*config, sizes);
  return sizes;
}

}  // namespace pal

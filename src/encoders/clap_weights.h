// CLAP's weights under Hugging Face's names, whoever wrote them.
#pragma once

#include <filesystem>
#include <memory>

#include "pal/core/tensor_source.h"

namespace pal {

// A checkpoint of LAION's own program (laion_clap, open_clap) is read as if it were the audio part of a Hugging Face model: queries, keys and
// values are split; text tower, projections, the spectrogram's own weights and the AudioSet head are left out; what else has no
// counterpart keeps its own name. Any other file is opened as it is.
std::unique_ptr<TensorSource> open_clap_weights(const std::filesystem::path& path);

}  // namespace pal

// EAT's and SSLAM's weights under Hugging Face's names, whoever wrote them.
#pragma once

#include <filesystem>
#include <memory>

#include "pal/core/tensor_source.h"

namespace pal {

// A file of fairseq, pretrained or finetuned, is read as if it were one of Hugging Face: the teacher (_ema), the decoder and the state of
// the training are left out, what else has no counterpart there keeps its own name. Any other file is opened as it is.
std::unique_ptr<TensorSource> open_eat_weights(const std::filesystem::path& path);

}  // namespace pal

// Weights of other programs under this project's names, ready for save_safetensors().
#pragma once

#include <filesystem>
#include <string>

#include "pal/core/tensor_source.h"

namespace pal {

// PREFIX of a TensorFlow checkpoint that holds YAMNet's 55 layers as .../layer_with_weights-0 to -54 ->
// stem.*, blocks.0.depthwise.* to blocks.12.pointwise.* (weight [out, in / groups, k, k], bias, mean,
// variance), classifier.weight [521, 1024], classifier.bias. Throws UserError where a tensor is missing or
// has another shape.
TensorMap yamnet_from_tensorflow(const std::string& prefix);

// model.bin of a Whisper in CTranslate2's form -> the encoder under Hugging Face's names (model.encoder.*),
// in the stored element type. The fused query, key and value projection is split; Whisper's keys have no
// bias, so that part must be zero. Throws UserError where a variable of the encoder is missing, unexpected,
// quantised, or has another shape.
TensorMap whisper_from_ctranslate2(const std::filesystem::path& path);

// EAT or SSLAM from fairseq's *.pt, pretrained or finetuned -> Hugging Face's names (model.*), in the stored element types. The
// decoder, the teacher and the state of the training are left out. Throws UserError where a tensor of the encoder is missing,
// unexpected or has another shape. No code of the file is run.
TensorMap eat_from_fairseq(const std::filesystem::path& path);

// CLAP without fusion from a checkpoint of LAION's program (*.pt) -> its audio encoder under Hugging Face's names
// (audio_model.audio_encoder.*), in the stored element types. Everything else is left out. Throws UserError where a tensor of the encoder
// is missing, unexpected or has another shape. No code of the file is run.
TensorMap clap_from_laion(const std::filesystem::path& path);

}  // namespace pal

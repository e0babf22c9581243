// Decoders as Hugging Face folders, so that other programs load them.
#pragma once

#include <nlohmann/json.hpp>

#include "pal/decoder/decoder.h"

namespace pal {

// What config.json says of the decoder. Throws UserError for a shape that no supported architecture of transformers has, named.
nlohmann::json hugging_face_config(const DecoderOptions& options, torch::ScalarType dtype);

// How transformers names a parameter of Decoder: "model.layers.0.mlp.up_proj.weight".
std::string hugging_face_name(const std::string& parameter);

// Writes config.json and model.safetensors into `folder` (made where it is missing): weights in the decoder's type, adapters merged into
// them. Throws UserError for a shape that no supported architecture of transformers has, named, and where a file cannot be written.
void save_decoder(const Decoder& decoder, const std::filesystem::path& folder);

}  // namespace pal

// Decoders as Hugging Face folders, so that other programs load them.
#pragma once

#include "pal/decoder/decoder.h"

namespace pal {

// Writes config.json and model.safetensors into `folder` (made where it is missing): weights in the decoder's type, adapters merged into
// them. Throws UserError for a shape that no supported architecture of transformers has, named, and where a file cannot be written.
void save_decoder(const Decoder& decoder, const std::filesystem::path& folder);

}  // namespace pal

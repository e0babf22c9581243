// LoRA adapters of decoders as Hugging Face's peft keeps them: a folder with adapter_config.json and adapter_model.safetensors.
#pragma once

#include "pal/decoder/decoder.h"

namespace pal {

// Puts the adapter of `folder` into the decoder's linear layers. Throws UserError for another kind of adapter, for options that are not
// computed exactly here (named), and for tensors that do not fit, all by name.
void load_peft_adapter(Decoder& decoder, const std::filesystem::path& folder);

// Writes the decoder's adapters, of whatever ranks and scales, into `folder`, so that peft loads them. base_model: what
// adapter_config.json names as the model that they belong to. Throws UserError where there is no adapter.
void save_peft_adapter(const Decoder& decoder, const std::filesystem::path& folder, const std::string& base_model);

}  // namespace pal

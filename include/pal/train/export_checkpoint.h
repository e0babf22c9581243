// A checkpoint as other programs read it, and as pal reads it back.
//
//   OUT/config.json, model.safetensors, tokenizer files   the LLM, adapters merged: transformers loads it
//   OUT/pal/                                              a checkpoint whose LLM is OUT: connectors and what else was trained; pal-generate,
//                                                         pal-eval and pal-inspect take it like any other
#pragma once

#include <filesystem>

namespace pal {

// Throws UserError where `out` exists already, and as open_checkpoint(), save_decoder() and save_tokenizer() do; nothing is left behind then.
void export_checkpoint(const std::filesystem::path& checkpoint, const std::filesystem::path& out);

// An LLM alone, whatever its format, as a Hugging Face folder. dtype: of its weights, see parse_float_type().
void export_llm(const std::filesystem::path& llm, const std::string& dtype, const std::filesystem::path& out);

// The LLM's adapters as peft's folder.
void export_adapter(const std::filesystem::path& checkpoint, const std::filesystem::path& out);

}  // namespace pal

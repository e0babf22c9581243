// Decoders from Hugging Face folders and GGUF files, strictly: every tensor matched by name and shape, or an error that lists
// what is missing, unexpected or of another shape.
#pragma once

#include "pal/decoder/decoder.h"

namespace pal {

// The shape alone; reads no weights.
DecoderOptions read_decoder_options(const std::filesystem::path& path);

// Loads weights. path: a folder with config.json and model.safetensors (or its sharded index), or a *.gguf file.
Decoder load_decoder(const std::filesystem::path& path, torch::ScalarType dtype = torch::kFloat32,
                     torch::Device device = torch::kCPU);

// A decoder of the given shape with normally distributed weights (0.02, norms 1), for tests and benchmarks.
Decoder random_decoder(const DecoderOptions& options, uint64_t seed, torch::ScalarType dtype = torch::kFloat32,
                       torch::Device device = torch::kCPU);

}  // namespace pal

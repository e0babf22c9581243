// Decoders from Hugging Face folders and GGUF files, strictly: every tensor matched by name and shape, or a LoadMismatch.
#pragma once

#include "pal/core/load_report.h"
#include "pal/decoder/decoder.h"

namespace pal {

// The shape alone; reads no weights.
DecoderOptions read_decoder_options(const std::filesystem::path& path);

// Loads weights, see load_tensors(). path: a folder with config.json and model.safetensors (or its sharded index), or a *.gguf file.
Decoder load_decoder(const std::filesystem::path& path, torch::ScalarType dtype = torch::kFloat32,
                     torch::Device device = torch::kCPU);

// What load_decoder() would make of every tensor; reads no data.
LoadReport compare_decoder(const std::filesystem::path& path);

// A decoder of the given shape with normally distributed weights (0.02, norms 1), for tests and benchmarks.
Decoder random_decoder(const DecoderOptions& options, uint64_t seed, torch::ScalarType dtype = torch::kFloat32,
                       torch::Device device = torch::kCPU);

}  // namespace pal

// What decides what an encoder makes of a recording, so that stored outputs can be told from stale ones.
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

#include "pal/encoders/encoder.h"

namespace pal {

// An encoder's kind, options and weights as texts by name: "options.window" -> "1024", "weights.model.safetensors" -> its SHA-256.
using EncoderIdentity = std::map<std::string, std::string>;

// Reads the weights files whole. The path is no part of it: weights may be moved. Throws UserError where they cannot be read.
EncoderIdentity identity_of(const EncoderOptions& options);

// What is another, each as "options.window: 1024 -> 512"; "(none)" stands for what one of both does not have.
std::vector<std::string> differences(const EncoderIdentity& then, const EncoderIdentity& now);

// A second of a fixed sound, [rate] float32: what the encoder makes of it shows whether front-end and network compute what they did when
// something was stored. sample_rate: Hz.
torch::Tensor probe_samples(int sample_rate);

}  // namespace pal

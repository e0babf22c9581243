// From an object of a manifest to a sample, whichever of the three forms it has.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "pal/data/manifest.h"

namespace pal {

// Paths are made relative to `folder`. `number`: the object's, from 1, which names it where it has no id. Throws UserError.
Sample sample_of(const nlohmann::json& object, const std::string& folder, const PromptOptions& options, std::size_t number);

// The object's "split"; empty where it has none. Throws UserError where it is no text.
std::string split_of(const nlohmann::json& object);

}  // namespace pal

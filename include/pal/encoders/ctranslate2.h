// CTranslate2's model.bin: the name of a model's kind, and its variables.
#pragma once

#include <filesystem>
#include <string>

#include "pal/core/tensor_source.h"

namespace pal {

// What a model.bin holds.
struct CTranslate2Model {
  std::string spec;     // kind of model, e.g. WhisperSpec
  TensorMap variables;  // as stored; aliases of a variable are left out
};

// Reads binary versions 4 to 6. Throws UserError that names file and variable where the file is missing,
// damaged, cut short or longer than its contents, or of another version. Source: CTranslate2,
// python/ctranslate2/specs/model_spec.py (ModelSpec.save).
CTranslate2Model read_ctranslate2(const std::filesystem::path& path);

}  // namespace pal

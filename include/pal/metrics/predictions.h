// Prediction files: what a model answered, and what would have been right.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pal {

// One answer and its references.
struct Prediction {
  std::string id;                       // of the sample
  std::string prediction;               // the answer
  std::vector<std::string> references;  // one or more
};

// Reads JSON lines {"id", "prediction", "references": [...]}, as any model can write them. An id is a string or a whole
// number; keys beyond these three are left alone; empty lines are skipped; a line has 1 MiB at most.
// Throws UserError with the first 20 problems, each as FILE:LINE (no JSON, a key that is missing or of another type, no
// reference, an id that was there before), and for a file without predictions.
std::vector<Prediction> read_predictions(const std::filesystem::path& path);

// The same of one object. Throws UserError that names the key.
Prediction read_prediction(const nlohmann::json& object);

// Writes such a file atomically.
void write_predictions(const std::filesystem::path& path, const std::vector<Prediction>& predictions);

}  // namespace pal

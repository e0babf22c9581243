// Files of scores by class, for the metrics of clips that may have several labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pal {

// One clip's scores.
struct ClassScores {
  std::string id;               // of the clip
  std::vector<double> scores;   // [C], the higher the likelier
  std::vector<uint8_t> labels;  // [C], 1 where the clip has the class, else 0
};

// Reads JSON lines {"id", "scores": [...], "labels": [...]}, all with the same number of classes; other keys are left
// alone. Throws UserError as read_predictions does; also for labels other than 0 and 1.
std::vector<ClassScores> read_class_scores(const std::filesystem::path& path);

// The same of one object, which must have as many classes as `first`, where one is given. Throws UserError that names the key.
ClassScores read_clip_scores(const nlohmann::json& object, const ClassScores* first = nullptr);

}  // namespace pal

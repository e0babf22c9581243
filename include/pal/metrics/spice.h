// SPICE (Anderson et al. 2016) by its authors' own program.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "pal/metrics/words.h"

namespace pal {

// The F-score of each clip, 0 to 1, by the user's spice-1.0.jar, run as pycocoevalcap runs it but for its cache:
// `java -jar -Xmx8G JAR IN -out OUT -subset -silent`. Beside the jar must lie its lib/ with Stanford CoreNLP 3.6 and its
// models, which no package ships. It may run for `seconds`; everything it does wrong is a UserError.
std::vector<double> spice(std::span<const CaptionWords> clips, const std::filesystem::path& jar, double seconds);

}  // namespace pal

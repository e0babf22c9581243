// The samples that a report shows one by one, as JSON.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/report/report.h"

namespace pal {

// Ids that all results hold, in the first one's order, and of them those that are shown.
std::vector<std::string> shown_ids(const std::vector<ReportedResult>& results, int64_t count);

// The samples of the ids, from the manifest that the result names. Throws UserError where it has changed since.
std::vector<Sample> samples_of(const ReportedResult& result, const std::vector<std::string>& ids);

// {id, question, references, clip?, clip_missing?, answers: [{text, score?}]}: `answers` in the order of the results.
nlohmann::json sample_view(const std::string& id, const std::vector<ReportedResult>& results, const Sample* sample, double seconds);

}  // namespace pal

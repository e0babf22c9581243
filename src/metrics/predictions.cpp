#include "pal/metrics/predictions.h"

#include <set>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/json_lines.h"

namespace pal {

namespace {

using nlohmann::json;

std::vector<std::string> read_references(const json& object) {
  std::vector<std::string> references;
  for (const json& reference : required(object, "references", "a list of strings", &json::is_array)) {
    PAL_CHECK(reference.is_string(), "'references': expected a list of strings, got a list with a {}",
              reference.type_name());
    references.push_back(reference);
  }
  PAL_CHECK(!references.empty(), "'references': expected at least one, got an empty list");
  return references;
}

}  // namespace

Prediction read_prediction(const json& object) {
  return {required_id(object), required(object, "prediction", "a string", &json::is_string), read_references(object)};
}

std::vector<Prediction> read_predictions(const std::filesystem::path& path) {
  std::vector<Prediction> predictions;
  std::set<std::string> ids;
  read_json_lines(path, [&](const json& object) {
    Prediction one = read_prediction(object);
    PAL_CHECK(ids.insert(one.id).second, "id '{}' was there before", one.id);
    predictions.push_back(std::move(one));
  });
  return predictions;
}

void write_predictions(const std::filesystem::path& path, const std::vector<Prediction>& predictions) {
  write_file_atomically(path, [&](std::ostream& out) {
    for (const Prediction& one : predictions) {
      const nlohmann::ordered_json line = {
          {"id", one.id}, {"prediction", one.prediction}, {"references", one.references}};
      // A model may have produced broken UTF-8; the replacement character shows where.
      out << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    }
  });
}

}  // namespace pal

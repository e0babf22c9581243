// VocalSound: 21,024 recordings of 6 human sounds.
//
//   ROOT/audio_16k/f0003_0_cough.wav       or ROOT/audio_44k, the same recordings
//   ROOT/class_labels_indices_vs.csv       index,mid,display_name
//   ROOT/datafiles/{tr,val,te}.json        {"data": [{"wav": "/somewhere/f0003_0_cough.wav", "labels": "/m/01b_21"}, ...]}
//
// The paths in the JSON files are those of the authors' machine; recordings are found by their names, as the authors' prep_data.py does.
// Source: the README of github.com/YuanGongND/vocalsound, section "Dataset Details", and src/prep_data.py there. The splits' sizes: section 3 of
// arXiv 2205.03433; they add up to the 21,024 of the README.
#include <map>
#include <nlohmann/json.hpp>

#include "datasets.h"
#include "layout.h"
#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/core/files.h"
#include "pal/core/json_lines.h"
#include "pal/core/strict_json.h"
#include "pal/import/csv.h"

namespace pal {

namespace {

using Classes = std::map<std::string, std::string>;  // machine id: name

Classes read_classes(const std::filesystem::path& file) {
  Classes classes;
  read_csv(file, {}, {"mid", "display_name"},
           [&](const CsvRow& row) { classes[row.required("mid")] = row.required("display_name"); });
  return classes;
}

void import_split(const std::filesystem::path& file, const std::string& split, const std::string& audio, const Classes& classes,
                  ImportSink& sink) {
  constexpr std::size_t kLargest = 64 << 20;
  constexpr int kDeepest = 8;
  const auto parsed = parse_strict_json(read_file(file, kLargest), file.string(), kDeepest);
  PAL_CHECK(parsed.is_object() && parsed.contains("data") && parsed["data"].is_array(), "{}: expected {{\"data\": [...]}}", file.string());
  std::size_t number = 0;
  for (const auto& entry : parsed["data"]) {
    ++number;
    try {
      PAL_CHECK(entry.is_object(), "expected an object, got {}", entry.type_name());
      const std::string wav = required(entry, "wav", "a text", &nlohmann::json::is_string);
      const std::string label = required(entry, "labels", "a text", &nlohmann::json::is_string);
      const auto found = classes.find(label);
      PAL_CHECK(found != classes.end(), "the label '{}' is not among the {} classes", label, classes.size());
      const auto name = std::filesystem::path(wav).filename().string();
      sink.add({.id = "vocalsound/" + name, .split = split, .audio = audio + "/" + name, .labels = {found->second}});
    } catch (const UserError& error) {
      user_error("{}: entry {} of 'data': {}", file.string(), number, error.what());
    }
  }
}

}  // namespace

void import_vocalsound(const ImportOptions& options, ImportSink& sink) {
  const auto splits = splits_in(options, {{"train", "datafiles/tr.json", 15570}, {"val", "datafiles/val.json", 1860}, {"test", "datafiles/te.json", 3594}});
  const auto audio = first_there(options.root, {"audio_16k", "audio_44k"});
  PAL_CHECK(audio, "{}: has neither audio_16k nor audio_44k", options.root.string());
  const auto classes = read_classes(options.root / "class_labels_indices_vs.csv");
  sink.publish_labels(6);
  for (const auto& split : splits) sink.declare(split.name, split.recordings);
  for (const auto& split : splits) import_split(options.root / split.file, split.name, audio->string(), classes, sink);
}

}  // namespace pal

// Clotho 2.1: 5,929 recordings of 15 to 30 s, five captions each.
//
//   ROOT/clotho_captions_{development,validation,evaluation}.csv     file_name,caption_1,caption_2,caption_3,caption_4,caption_5
//   ROOT/{development,validation,evaluation}/*.wav                   what the archives hold; or each in ROOT/clotho_audio_SPLIT
//
// Source: zenodo record 4783391, section "Usage". That page says 3,840, 1,046 and 1,045 recordings; version 2.1 holds 3,839, 1,045 and 1,045
// (soundata.readthedocs.io counts the same 5,929).
#include "datasets.h"
#include "layout.h"
#include "pal/core/check.h"
#include "pal/import/csv.h"

namespace pal {
namespace fs = std::filesystem;

void import_clotho(const ImportOptions& options, ImportSink& sink) {
  const auto splits = splits_in(options, {{"development", "clotho_captions_development.csv", 3839},
                                          {"validation", "clotho_captions_validation.csv", 1045},
                                          {"evaluation", "clotho_captions_evaluation.csv", 1045}});
  const std::vector<std::string> columns = {"file_name", "caption_1", "caption_2", "caption_3", "caption_4", "caption_5"};
  for (const auto& split : splits) sink.declare(split.name, split.recordings);
  for (const auto& split : splits) {
    const fs::path archive = "clotho_audio_" + split.name;
    const auto folder = first_there(options.root, {split.name, archive / split.name, archive}).value_or(split.name);
    read_csv(options.root / split.file, {}, columns, [&](const CsvRow& row) {
      const auto& name = row.required("file_name");
      ImportedSample sample = {.id = "clotho/" + split.name + "/" + name, .split = split.name, .audio = (folder / name).string()};
      for (std::size_t i = 1; i < columns.size(); ++i) sample.captions.push_back(row.required(columns[i]));
      sink.add(sample);
    });
  }
}

}  // namespace pal

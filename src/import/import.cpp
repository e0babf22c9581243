#include "pal/import/import.h"

#include <algorithm>

#include "datasets.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/suggest.h"

namespace pal {

namespace {

struct Importer {
  const char* name;
  void (*run)(const ImportOptions&, ImportSink&);
};

constexpr Importer kImporters[] = {
    {"esc50", import_esc50},       {"vocalsound", import_vocalsound}, {"dcase2017", import_dcase2017}, {"fsd50k", import_fsd50k},
    {"audioset", import_audioset}, {"audiocaps", import_audiocaps},   {"clotho", import_clotho},       {"openaqa", import_openaqa},
};

const Importer& importer_of(const std::string& dataset) {
  const auto found = std::ranges::find_if(kImporters, [&](const Importer& importer) { return importer.name == dataset; });
  PAL_CHECK(found != std::end(kImporters), "unknown data set '{}'{}", dataset, suggestion(dataset, dataset_names(), "known are"));
  return *found;
}

}  // namespace

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& importer : kImporters) all.push_back(importer.name);
    return all;
  }();
  return names;
}

ImportReport import_dataset(const ImportOptions& options) {
  const Importer& importer = importer_of(options.dataset);
  std::error_code ignored;
  PAL_CHECK(std::filesystem::is_directory(options.root, ignored), "--root {}: is no folder", options.root.string());
  ImportReport report;
  write_file_atomically(options.out, [&](std::ostream& out) {
    ImportSink sink(options, out);
    importer.run(options, sink);
    report = sink.finish();
  });
  return report;
}

}  // namespace pal

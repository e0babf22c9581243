// ESC-50: 2,000 recordings of 5 s, 50 classes, 5 folds of 400.
//
//   ROOT/audio/1-100032-A-0.wav
//   ROOT/meta/esc50.csv          filename,fold,target,category,esc10,src_file,take
//
// Source: the README of github.com/karolpiczak/ESC-50, sections "Repository content" and "Download".
#include "datasets.h"
#include "pal/core/check.h"
#include "pal/import/csv.h"

namespace pal {

void import_esc50(const ImportOptions& options, ImportSink& sink) {
  constexpr std::int64_t kFolds = 5, kOfAFold = 400, kClasses = 50;
  sink.publish_labels(kClasses);
  for (std::int64_t fold = 1; fold <= kFolds; ++fold) sink.declare(fmt::format("fold{}", fold), kOfAFold);
  read_csv(options.root / "meta" / "esc50.csv", {}, {"filename", "fold", "category"}, [&](const CsvRow& row) {
    const auto& fold = row["fold"];
    PAL_CHECK(fold.size() == 1 && fold[0] >= '1' && fold[0] <= '0' + kFolds, "'fold': expected 1 to {}, got '{}'", kFolds, fold);
    const auto& name = row.required("filename");
    sink.add({.id = "esc50/" + name, .split = "fold" + fold, .audio = "audio/" + name, .labels = {row.required("category")}});
  });
}

}  // namespace pal

// FSD50K: 51,197 recordings, 200 classes, several a recording.
//
//   ROOT/FSD50K.ground_truth/dev.csv            fname,labels,mids,split    split is train or val; labels are separated by commas
//   ROOT/FSD50K.ground_truth/eval.csv           fname,labels,mids
//   ROOT/FSD50K.ground_truth/vocabulary.csv     index,label,mid, without a row of names
//   ROOT/FSD50K.dev_audio/64760.wav, ROOT/FSD50K.eval_audio/37199.wav
//
// Source: zenodo record 4060432, sections "Files" and "Ground truth"; train and val: section 5.1 of arXiv 2010.00475.
#include <unordered_set>

#include "datasets.h"
#include "layout.h"
#include "pal/core/check.h"
#include "pal/import/csv.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

using Vocabulary = std::unordered_set<std::string>;

Vocabulary read_vocabulary(const fs::path& file) {
  Vocabulary vocabulary;
  read_csv(file, {.names = {"index", "label", "mid"}}, {}, [&](const CsvRow& row) { vocabulary.insert(row.required("label")); });
  return vocabulary;
}

std::vector<std::string> labels_of(const std::string& list, const Vocabulary& vocabulary) {
  std::vector<std::string> labels;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    labels.push_back(list.substr(begin, end - begin));
    PAL_CHECK(vocabulary.contains(labels.back()), "the label '{}' is not in vocabulary.csv", labels.back());
    begin = end + 1;
  }
  return labels;
}

void add(const CsvRow& row, const std::string& split, const std::string& folder, const Vocabulary& vocabulary, ImportSink& sink) {
  const auto& name = row.required("fname");
  sink.add({.id = "fsd50k/" + name, .split = split, .audio = folder + "/" + name + ".wav", .labels = labels_of(row.required("labels"), vocabulary)});
}

}  // namespace

void import_fsd50k(const ImportOptions& options, ImportSink& sink) {
  const fs::path lists = "FSD50K.ground_truth";
  const auto splits = splits_in(options, {{"train", lists / "dev.csv", 36796}, {"val", lists / "dev.csv", 4170}, {"eval", lists / "eval.csv", 10231}});
  const auto vocabulary = read_vocabulary(options.root / lists / "vocabulary.csv");
  sink.publish_labels(200);
  for (const auto& split : splits) sink.declare(split.name, split.recordings);
  if (splits.front().name != "eval")
    read_csv(options.root / lists / "dev.csv", {}, {"fname", "labels", "split"}, [&](const CsvRow& row) {
      const auto& split = row["split"];
      PAL_CHECK(split == "train" || split == "val", "'split': expected train or val, got '{}'", split);
      add(row, split, "FSD50K.dev_audio", vocabulary, sink);
    });
  if (splits.back().name == "eval")
    read_csv(options.root / lists / "eval.csv", {}, {"fname", "labels"},
             [&](const CsvRow& row) { add(row, "eval", "FSD50K.eval_audio", vocabulary, sink); });
}

}  // namespace pal

// DCASE 2017. Two tasks of the challenge are called by this name; the root says which is meant.
//
// Task 4, sound events for smart cars: the benchmark of LTU and of the paper. 17 classes, several a recording, cut from AudioSet to 10 s.
//
//   ROOT/groundtruth_weak_label_training_set.csv                       -5QrBL6MzLg_60.000_70.000.wav <tab> 60.000 <tab> 70.000 <tab> Train horn
//   ROOT/groundtruth_weak_label_testing_set.csv                        one row for each class of a recording
//   ROOT/groundtruth_release/groundtruth_weak_label_evaluation_set.csv
//   ROOT/**/Y-5QrBL6MzLg_60.000_70.000.wav                             in any folder, with or without the Y that the authors put first
//
// The lists may also lie in ROOT/groundtruth_release or ROOT/metadata. Source: the README of github.com/ankitshah009/
// Task-4-Large-scale-weakly-supervised-sound-event-detection-for-smart-cars and its lists; 1,103 for evaluation: the README of
// github.com/yongxuUSTC/dcase2017_task4_cvssp. LTU's classes: src/ltu/eval/labels/class_labels_indices_dcase.csv of github.com/YuanGongND/ltu.
//
// Task 1, acoustic scenes: TUT Acoustic Scenes 2017. 15 classes, one a recording, 10 s.
//
//   ROOT/TUT-acoustic-scenes-2017-development/meta.txt                              audio/b020_90_100.wav <tab> beach <tab> b020
//   ROOT/TUT-acoustic-scenes-2017-development/evaluation_setup/fold1_train.txt      and fold1_evaluate.txt, for --split fold1_train
//   ROOT/TUT-acoustic-scenes-2017-evaluation/meta.txt                               or evaluation_setup/evaluate.txt
//   ROOT/TUT-acoustic-scenes-2017-{development,evaluation}/audio/*.wav
//
// Source: dcase.community/challenge2017/task-acoustic-scene-classification and zenodo records 400515 and 1040168: 312 recordings a class for
// development, 108 for evaluation.
#include <optional>

#include "datasets.h"
#include "layout.h"
#include "pal/core/check.h"
#include "pal/import/csv.h"
#include "pal/import/recording_index.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

const CsvFormat kWeakLabels = {.delimiter = '\t', .names = {"file", "start", "end", "label"}};
const CsvFormat kScenes = {.delimiter = '\t', .names = {"file", "scene"}};

// ---- task 4

struct CarEvents {
  const char* split;
  std::int64_t recordings;
};
constexpr CarEvents kCarEvents[] = {{"training", 51172}, {"testing", 488}, {"evaluation", 1103}};

std::optional<fs::path> weak_labels(const fs::path& root, const std::string& split) {
  const auto file = "groundtruth_weak_label_" + split + "_set.csv";
  return first_there(root, {file, "groundtruth_release/" + file, "metadata/" + file});
}

void add_car_events(const ImportedSample& sample, const RecordingIndex& recordings, const fs::path& root, ImportSink& sink) {
  const std::string name = fs::path(sample.audio).stem().string();
  const std::string* path = recordings.find("Y" + name);
  if (path == nullptr) path = recordings.find(name);
  if (path == nullptr) return sink.add_missing(sample.split, sample.audio);
  ImportedSample found = sample;
  found.audio = *path;
  sink.add_from(root, found);
}

// The rows of a recording need not stand together: they are sorted by class.
void import_car_events(const fs::path& root, const fs::path& list, const std::string& split, const RecordingIndex& recordings,
                       ImportSink& sink) {
  std::vector<ImportedSample> samples;
  std::unordered_map<std::string, std::size_t> index;
  read_csv(root / list, kWeakLabels, {}, [&](const CsvRow& row) {
    const auto& name = row.required("file");
    const auto [place, is_new] = index.try_emplace(name, samples.size());
    if (is_new) samples.push_back({.id = "dcase2017/" + name, .split = split, .audio = name});
    samples[place->second].labels.push_back(row.required("label"));
  });
  for (const auto& sample : samples) add_car_events(sample, recordings, root, sink);
}

void import_task4(const ImportOptions& options, ImportSink& sink) {
  std::vector<PublishedSplit> known;
  for (const auto& [split, recordings] : kCarEvents) {
    const std::string name = split;
    known.push_back({name, weak_labels(options.root, name).value_or("groundtruth_weak_label_" + name + "_set.csv"), recordings});
  }
  const auto splits = splits_in(options, known);
  const RecordingIndex recordings(options.root);
  sink.publish_labels(17);
  for (const auto& split : splits) sink.declare(split.name, split.recordings);
  for (const auto& split : splits) import_car_events(options.root, split.file, split.name, recordings, sink);
}

// ---- task 1

const fs::path kDevelopment = "TUT-acoustic-scenes-2017-development", kEvaluation = "TUT-acoustic-scenes-2017-evaluation";

std::vector<PublishedSplit> scene_splits(const fs::path& root) {
  const auto evaluation = first_there(root, {kEvaluation / "meta.txt", kEvaluation / "evaluation_setup" / "evaluate.txt"});
  std::vector<PublishedSplit> splits = {{"development", kDevelopment / "meta.txt", 4680},
                                        {"evaluation", evaluation.value_or(kEvaluation / "meta.txt"), 1620}};
  for (int fold = 1; fold <= 4; ++fold)
    for (const char* part : {"train", "evaluate"}) {
      const auto name = fmt::format("fold{}_{}", fold, part);
      splits.push_back({name, kDevelopment / "evaluation_setup" / (name + ".txt"), 0});
    }
  return splits;
}

void import_task1(const ImportOptions& options, ImportSink& sink) {
  auto splits = splits_in(options, scene_splits(options.root));
  if (options.split.empty()) std::erase_if(splits, [](const auto& split) { return split.recordings == 0; });  // folds: parts of development
  sink.publish_labels(15);
  for (const auto& split : splits)
    sink.declare(split.name, split.recordings > 0 ? std::optional(split.recordings) : std::nullopt);
  for (const auto& split : splits) {
    const fs::path folder = *split.file.begin();
    read_csv(options.root / split.file, kScenes, {}, [&](const CsvRow& row) {
      const auto path = (folder / row.required("file")).string();
      sink.add({.id = "dcase2017/" + path, .split = split.name, .audio = path, .labels = {row.required("scene")}});
    });
  }
}

}  // namespace

void import_dcase2017(const ImportOptions& options, ImportSink& sink) {
  const bool scenes = first_there(options.root, {kDevelopment, kEvaluation}).has_value();
  bool events = false;
  for (const auto& set : kCarEvents) events = events || weak_labels(options.root, set.split).has_value();
  PAL_CHECK(scenes || events,
            "{}: has neither the lists of DCASE 2017's task 4 (groundtruth_weak_label_*_set.csv) nor the folders of its task 1 "
            "(TUT-acoustic-scenes-2017-*)",
            options.root.string());
  PAL_CHECK(!scenes || !events, "{}: holds both DCASE 2017's task 1 and its task 4; give each a folder of its own", options.root.string());
  if (scenes)
    import_task1(options, sink);
  else
    import_task4(options, sink);
}

}  // namespace pal

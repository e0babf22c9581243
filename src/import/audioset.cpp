// AudioSet: segments of 10 s of YouTube videos, 527 classes, several a segment. Its audio is not published; everybody fetches his own.
//
//   ROOT/{balanced_train,unbalanced_train,eval}_segments.csv   # YTID, start_seconds, end_seconds, positive_labels
//                                                              -0RWZT-miFs, 420.000, 430.000, "/m/03v3yw,/m/0k4j"
//   ROOT/class_labels_indices.csv                              index,mid,display_name
//   ROOT/**/-0RWZT-miFs.wav                                    a recording of the segment alone, in any folder
//
// A recording of the video VIDEO from START on is looked for by these names, with the ending of a format that is read: VIDEO, YVIDEO (as
// tools write it that take a leading - for an option), VIDEO_START (seconds, 30), VIDEO_START_END (30_40, 30.000_40.000) and
// YVIDEO_30.000_40.000. It is taken for the segment alone, cut out of the video: the manifest gives no start and end.
// Source: research.google.com/audioset/download.html; sizes: the headers of the lists (num_segs), which are somewhat below what that page says.
#include "datasets.h"
#include "layout.h"
#include "pal/core/check.h"
#include "pal/import/csv.h"
#include "pal/import/recording_index.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

const CsvFormat kSegments = {.names = {"video", "start", "end", "labels"}, .comment = '#'};

std::unordered_map<std::string, std::string> read_classes(const fs::path& file) {
  std::unordered_map<std::string, std::string> names;
  read_csv(file, {}, {"mid", "display_name"}, [&](const CsvRow& row) { names[row.required("mid")] = row.required("display_name"); });
  return names;
}

double seconds_of(const std::string& text) {
  try {
    std::size_t used = 0;
    const double seconds = std::stod(text, &used);
    if (used == text.size() && seconds >= 0 && seconds < 1e9) return seconds;
  } catch (const std::exception&) {  // below
  }
  user_error("expected seconds, got '{}'", text);
}

const std::string* find_segment(const RecordingIndex& recordings, const std::string& video, double start, double end) {
  const auto cut = fmt::format("_{:.3f}_{:.3f}", start, end);
  for (const auto& name : {video, "Y" + video, video + fmt::format("_{:.0f}", start), video + fmt::format("_{:.0f}_{:.0f}", start, end),
                           video + cut, "Y" + video + cut})
    if (const std::string* path = recordings.find(name)) return path;
  return nullptr;
}

}  // namespace

void import_audioset(const ImportOptions& options, ImportSink& sink) {
  const auto splits = splits_in(options, {{"balanced_train", "balanced_train_segments.csv", 22160},
                                          {"unbalanced_train", "unbalanced_train_segments.csv", 2041789},
                                          {"eval", "eval_segments.csv", 20371}});
  const auto classes = read_classes(options.root / "class_labels_indices.csv");
  const RecordingIndex recordings(options.root);
  if (recordings.duplicates() > 0) sink.note(fmt::format("{} recordings have the name of another one and are not used", recordings.duplicates()));
  sink.publish_labels(527);
  for (const auto& split : splits) sink.declare(split.name, split.recordings);
  for (const auto& split : splits)
    read_csv(options.root / split.file, kSegments, {}, [&](const CsvRow& row) {
      const auto& video = row.required("video");
      ImportedSample sample = {.id = "audioset/" + video, .split = split.name};
      const auto& list = row.required("labels");
      for (std::size_t begin = 0, end = 0; begin < list.size(); begin = end + 1) {
        end = std::min(list.find(',', begin), list.size());
        const auto found = classes.find(list.substr(begin, end - begin));
        PAL_CHECK(found != classes.end(), "the label '{}' is not in class_labels_indices.csv", list.substr(begin, end - begin));
        sample.labels.push_back(found->second);
      }
      const std::string* path = find_segment(recordings, video, seconds_of(row["start"]), seconds_of(row["end"]));
      if (path == nullptr) return sink.add_missing(split.name, video);
      sample.audio = *path;
      sink.add_from(options.root, sample);
    });
}

}  // namespace pal

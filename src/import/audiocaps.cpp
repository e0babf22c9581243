// AudioCaps: captions of AudioSet segments of 10 s; one a recording to train on, five to validate and test on.
//
//   ROOT/dataset/{train,val,test}.csv     audiocap_id,youtube_id,start_time,caption; or ROOT/dataset2.0/..., or ROOT/{train,val,test}.csv
//   ROOT/**/r1nicOVtvkQ_130.wav           a recording of the segment alone, in any folder
//
// The audio is not published. A recording is looked for by the names YOUTUBEID_START, YOUTUBEID, YYOUTUBEID, YYOUTUBEID_130.000_140.000, or,
// below a folder of the split's name, by any of its captions' audiocap_id, as the package audiocaps-download names it.
// Source: README.md, dataset/README.md and dataset2.0/README.md of github.com/cdjkim/audiocaps; recordings by split: table 2 of ACL N19-1011, and
// aac-datasets.readthedocs.io. Version 2.0 publishes captions by split, not recordings.
#include <map>

#include "datasets.h"
#include "layout.h"
#include "pal/core/check.h"
#include "pal/import/csv.h"
#include "pal/import/recording_index.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

// A segment with its captions.
struct Segment {
  std::string video, start;
  std::vector<std::string> captions, caption_ids;
};

// The captions of a segment need not stand together.
std::vector<Segment> read_segments(const fs::path& file) {
  std::vector<Segment> segments;
  std::unordered_map<std::string, std::size_t> index;
  read_csv(file, {}, {"audiocap_id", "youtube_id", "start_time", "caption"}, [&](const CsvRow& row) {
    const auto& video = row.required("youtube_id");
    const auto& start = row.required("start_time");
    const auto [place, is_new] = index.try_emplace(video + "_" + start, segments.size());
    if (is_new) segments.push_back({video, start, {}, {}});
    segments[place->second].captions.push_back(row.required("caption"));
    segments[place->second].caption_ids.push_back(row.required("audiocap_id"));
  });
  return segments;
}

class Recordings {
 public:
  Recordings(const fs::path& root, const std::string& split) : everywhere_(root) {
    std::error_code ignored;
    for (const fs::path& folder : {fs::path(split), "audio" / fs::path(split)})
      if (fs::is_directory(root / folder, ignored)) by_caption_.emplace_back(folder, RecordingIndex(root / folder));
  }

  // The path below the root; empty: not there.
  std::string find(const Segment& segment) const {
    for (const auto& name : {segment.video + "_" + segment.start, segment.video, "Y" + segment.video, cut_name(segment)})
      if (const std::string* path = everywhere_.find(name)) return *path;
    for (const auto& [folder, recordings] : by_caption_)
      for (const auto& id : segment.caption_ids)
        if (const std::string* path = recordings.find(id)) return (folder / *path).string();
    return "";
  }

 private:
  static std::string cut_name(const Segment& segment) {
    const double start = std::atof(segment.start.c_str());
    return fmt::format("Y{}_{:.3f}_{:.3f}", segment.video, start, start + 10);
  }

  RecordingIndex everywhere_;
  std::vector<std::pair<fs::path, RecordingIndex>> by_caption_;
};

}  // namespace

void import_audiocaps(const ImportOptions& options, ImportSink& sink) {
  const auto lists = first_there(options.root, {"dataset", "dataset2.0"}).value_or("");
  const bool second_version = lists == "dataset2.0";
  const auto splits = splits_in(options, {{"train", lists / "train.csv", 49838}, {"val", lists / "val.csv", 495}, {"test", lists / "test.csv", 975}});
  for (const auto& split : splits) sink.declare(split.name, second_version ? std::nullopt : std::optional(split.recordings));
  for (const auto& split : splits) {
    const Recordings recordings(options.root, split.name);
    for (const auto& segment : read_segments(options.root / split.file)) {
      const std::string name = segment.video + "_" + segment.start;
      const std::string path = recordings.find(segment);
      if (path.empty())
        sink.add_missing(split.name, name);
      else
        sink.add_from(options.root, {.id = "audiocaps/" + name, .split = split.name, .audio = path, .captions = segment.captions});
    }
  }
}

}  // namespace pal

// Where importers put samples: it checks them, counts them and writes the manifest's lines.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "pal/import/import.h"

namespace pal {

// A sample as a data set has it. Empty: does not have it.
struct ImportedSample {
  std::string id{};     // different from all others of the data set
  std::string split{};  // as the data set names it
  std::string audio{};  // path below the root
  std::vector<std::string> labels{};
  std::vector<std::string> captions{};
  std::string instruction{}, output{};
};

class ImportSink {
 public:
  ImportSink(const ImportOptions& options, std::ostream& out);

  // A split that is there, with the recordings that were published. All are declared before samples are added, but for OpenAQA's sources.
  void declare(const std::string& split, std::optional<std::int64_t> published);
  void publish_labels(std::int64_t published) { report_.published_labels = published; }
  // Ids are numbers in a file, so that none can stand twice; those of millions need not be held.
  void ids_are_numbers() { check_ids_ = false; }
  void note(std::string text) { report_.notes.push_back(std::move(text)); }

  // Whether samples of the split are asked for.
  bool wants(const std::string& split) const { return options_.split.empty() || options_.split == split; }

  // Writes the sample, or counts it as missing where its recording is not there. Throws UserError for an id that stands twice, a path that
  // leads out of the root, and text that is not UTF-8.
  void add(const ImportedSample& sample);
  // The same for a recording below another folder than the root; `audio` is below `folder` and is known to be there.
  void add_from(const std::filesystem::path& folder, const ImportedSample& sample);
  // A recording that the data set names, by `name`, is not there.
  void add_missing(const std::string& split, const std::string& name);

  // After all samples. Throws UserError where nothing was asked for that is there.
  ImportReport finish();

 private:
  SplitReport& split_of(const std::string& name);
  void write(const ImportedSample& sample, const std::string& path);
  void write_line(const ImportedSample& sample, const std::string& id, const std::string& path, const std::vector<std::string>& captions);
  std::string path_in_manifest(const std::filesystem::path& recording) const;

  const ImportOptions& options_;
  std::ostream& out_;
  std::filesystem::path manifest_folder_, root_;  // absolute
  ImportReport report_;
  std::unordered_set<std::string> ids_, labels_, missing_;
  bool check_ids_ = true;
};

// Throws UserError where `path`, which a data set's own files name, is absolute, goes up by '..' or holds a zero byte.
void check_below_root(const std::string& path);

}  // namespace pal

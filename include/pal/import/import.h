// From a data set's own published folder to a manifest (data/manifest.h), with counts against what was published.
//
// A data set's file in src/import/ says how its folder is laid out, what was published about it and where that is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pal {

// What is imported, from where, to where.
struct ImportOptions {
  std::string dataset;                                 // one of dataset_names()
  std::filesystem::path root;                          // its folder
  std::filesystem::path out;                           // the manifest to write
  std::string split;                                   // this split alone; empty: all that are there
  std::filesystem::path json;                          // openaqa: its file of questions; empty: openaqa_5.6M.json in the root
  std::map<std::string, std::filesystem::path> audio;  // openaqa: folder of the recordings of each source; others lie in the root
  bool each_caption = false;                           // a sample for every caption, to train on, not one for every recording, to score on
};

// One split, or one source of OpenAQA.
struct SplitReport {
  std::string name;                         // of the split, or of the source
  std::int64_t samples = 0;                 // written: lines of the manifest
  std::int64_t named = 0;                   // recordings that the data set's files name; OpenAQA: questions
  std::int64_t missing = 0;                 // of those: not in the folder, and hence not in the manifest
  std::optional<std::int64_t> published{};  // how many `named` should be, as the authors say; none where they do not
};

// What an import found.
struct ImportReport {
  std::vector<SplitReport> splits;              // in the data set's order
  std::vector<std::string> missing;             // every recording that is named and not there, as the data set names it
  std::int64_t labels = 0;                      // different ones
  std::optional<std::int64_t> published_labels;  // as the authors say
  std::vector<std::string> notes;               // what else the user should know
};

// The data sets that can be imported.
const std::vector<std::string>& dataset_names();

// Writes the manifest, atomically, and says what it holds. Recordings that lie below the manifest's folder are named relative to it, so
// that both can be moved together; others by their absolute path. Samples whose recordings are not in the folder are left out and counted.
// Throws UserError, and writes nothing: for a data set, split or folder that is not there, for bad rows as FILE:LINE, for names that lead out
// of the folder, and where not one recording was found.
ImportReport import_dataset(const ImportOptions& options);

}  // namespace pal

// Answers kept as they are made, so that a killed evaluation goes on where it was, and several ranks can share one.
//
//   {"pal_answers": 1, "settings": "5f3a..."}                             the SHA-256 of what the answers depend on
//   {"id": "esc50/1-100032-A-0.wav", "index": 0, "prediction": "..."}     a sample, by its number among the samples; with "likelihoods" where there are
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pal/core/file_lock.h"

namespace pal {

// What a model answered to a sample.
struct Answer {
  std::string id;                   // of the sample
  std::string text;                 // as the model said it; for likelihood, the likeliest answer
  std::vector<double> likelihoods;  // of each answer, log-probabilities; empty for generated text
};

// Answers by the samples' numbers.
using Answers = std::map<std::int64_t, Answer>;

// The answers file of one rank, for appending. Another process cannot open it for writing as long as this object lives.
class AnswerFile {
 public:
  // Opens or makes the file; a torn last line, which a kill has left, is cut off. Throws UserError where the file is of other settings, is no
  // answers file, or another process writes it.
  AnswerFile(const std::filesystem::path& path, const std::string& settings_sha256);
  ~AnswerFile();
  AnswerFile(const AnswerFile&) = delete;
  AnswerFile& operator=(const AnswerFile&) = delete;

  // Appends the answers to the samples from number `first` on, and syncs them to disk.
  void append(std::int64_t first, std::span<const Answer> answers);

 private:
  void write(const std::string& lines);

  std::filesystem::path path_;
  FileLock lock_;
  int descriptor_;
};

// The name of a rank's answers file.
std::string answer_file_name(std::int64_t rank, std::int64_t ranks);

// All answers of a folder's answers files, whatever number of ranks made them; torn last lines are left alone, they may be being written.
// Throws UserError as AnswerFile, and where two files answer one sample differently.
Answers read_answers(const std::filesystem::path& folder, const std::string& settings_sha256);

}  // namespace pal

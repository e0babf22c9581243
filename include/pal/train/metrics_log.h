// The history of a run as JSON lines, one object a step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "pal/core/append_file.h"

namespace pal {

// Each line has a number "step": how many steps were finished when it was written. On resume, the lines of
// steps that will be done again are cut, so every step stands in the file once.
class MetricsLog {
 public:
  // Opens `file` (its folder must exist) to go on after `finished_steps`; 0 starts the history afresh.
  // Lines beyond it, and a last line that a killed writer left unfinished, are cut; the file is replaced in
  // one move. Other lines that are no JSON object with a "step" are cut with a warning that names them.
  // Throws UserError where the file cannot be written.
  explicit MetricsLog(std::filesystem::path file, std::int64_t finished_steps = 0);

  // Appends one line and hands it to the operating system at once. `line` must have an integer "step".
  // JSON has no NaN or infinity: they are written as null. Where the disk is full, lines wait (append_file.h).
  void write(const nlohmann::json& line);
  void finish() { file_.finish(); }  // throws UserError where lines still wait

 private:
  AppendFile file_;
};

}  // namespace pal

// What became of every tensor when weights were read: of those that are wanted, and of those that the file holds. Torch-free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pal/core/check.h"

namespace pal {

// What became of one tensor. The last four are problems.
enum class LoadFate {
  kMatched,     // in the file, of the right shape and kind
  kSkipped,     // in the file, known and not needed: the note says why
  kMissing,     // wanted, not in the file
  kShape,       // of another shape
  kType,        // of element types that cannot be converted: integers for floats, quantised ones, ...
  kUnexpected,  // in the file, and nothing is known of it
};

// "matched", "skipped", "missing", "wrong shape", "wrong type", "unexpected"
const char* fate_name(LoadFate fate);

// One tensor of a report.
struct LoadLine {
  LoadFate fate;         // what became of it
  std::string name;      // in the file
  std::string expected;  // its shape and, where it matters, its type, as text; empty where nothing was expected
  std::string found;     // the same of what the file holds; empty where it holds nothing
  std::string note;      // why it is skipped, or what else is to be said; mostly empty
};

// The tensors of one file, folder or checkpoint.
class LoadReport {
 public:
  LoadReport() = default;  // of nothing
  // where: the file, for messages. what: what the tensors are for: "the decoder that its config describes".
  LoadReport(std::string where, std::string what) : where_(std::move(where)), what_(std::move(what)) {}

  // One tensor more.
  void add(LoadLine line) { lines_.push_back(std::move(line)); }

  const std::string& where() const { return where_; }           // the file, as given
  const std::vector<LoadLine>& lines() const { return lines_; }  // in the order in which they were added
  std::int64_t count(LoadFate fate) const;                       // tensors with that fate
  bool fits() const;                                             // whether there is no problem

  // "272 matched, 1 skipped, 2 missing": what there is, and always the matched.
  std::string counts() const;

  // What a table shows.
  struct TableOptions {
    bool problems_only = false;           // leave out the matched and the skipped
    bool fold = true;                     // one line for tensors that differ only in a number of their names: layers.{0-27}.x
    std::size_t most_lines = SIZE_MAX;    // of each fate; beyond them, a line says how many are left out
  };
  // Aligned columns, problems first, each line indented by two spaces and ended by a newline, a heading above.
  std::string table(const TableOptions& options) const;
  std::string table() const { return table(TableOptions()); }  // folded and whole

  // Throws LoadMismatch where something does not fit: counts, and a table of the problems with 12 lines at most of each kind.
  void check() const;
  // The counts at info, the table at debug.
  void log() const;

 private:
  std::string where_, what_;
  std::vector<LoadLine> lines_;
};

// Weights that do not fit what they are for.
class LoadMismatch : public UserError {
 public:
  // report: the one that does not fit.
  LoadMismatch(const std::string& message, LoadReport report) : UserError(message), report_(std::move(report)) {}
  const LoadReport& report() const { return report_; }  // of all tensors, those that fit too

 private:
  LoadReport report_;
};

}  // namespace pal

// What is wrong in the lines of a file, told all at once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// Collects problems while a file is read on. The first 20 are kept, all are counted.
class LineProblems {
 public:
  explicit LineProblems(std::string file) : file_(std::move(file)) {}  // `file` as messages name it

  // Something is wrong in line `line`, counted from 1.
  void add(std::size_t line, std::string_view what);
  // Throws UserError, "FILE:LINE: what" a problem and how many more there are; nothing where there is none.
  void raise() const;

 private:
  std::string file_;
  std::vector<std::string> shown_;
  std::size_t count_ = 0;
};

}  // namespace pal

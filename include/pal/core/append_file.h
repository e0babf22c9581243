// A file that grows by whole pieces: a history that must not end a run of days because a disk is full for an hour.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pal {

// One open file. Not to be used from several threads at once.
class AppendFile {
 public:
  // Opens `path` to append, and makes it where it is missing. Throws UserError where that cannot be done.
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();  // what waits then is lost
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Hands the piece to the operating system at once. Where that fails, the file keeps its whole pieces, a warning says so, and this piece waits in
  // memory to be tried again before the next.
  void append(std::string_view piece);
  // Throws UserError where pieces still wait and cannot be written now.
  void finish();

  const std::filesystem::path& path() const { return path_; }  // as it was given

 private:
  bool write_waiting();

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::string waiting_;
  bool failed_ = false;  // the last time
};

}  // namespace pal

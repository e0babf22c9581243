// One process at a time in a folder.
#pragma once

#include <filesystem>

namespace pal {

// The lock of a file, which is made where there is none and stays. The lock ends with this object, or with the process, however it ends.
class FileLock {
 public:
  // Takes it where nobody else has it; see is_held(). Throws UserError where the file cannot be made.
  explicit FileLock(const std::filesystem::path& file);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  bool is_held() const { return is_held_; }         // false: another process, or another object, has it
  void keep_until_exit() { is_kept_ = true; }       // it ends with the process alone

 private:
  int descriptor_;
  bool is_held_, is_kept_ = false;
};

}  // namespace pal

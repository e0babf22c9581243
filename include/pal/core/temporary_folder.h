// A folder for as long as an object lives.
#pragma once

#include <filesystem>
#include <string>

namespace pal {

// A new, empty folder among the system's temporary files; it goes away, with all that is in it, with this object.
class TemporaryFolder {
 public:
  TemporaryFolder();  // throws UserError where it cannot be made
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }                               // of the folder
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }  // of what is in it

 private:
  std::filesystem::path path_;
};

}  // namespace pal

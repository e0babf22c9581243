// A recording as a file of its own, which is what libsndfile opens.
#pragma once

#include "pal/audio/recording.h"

namespace pal {

// The recording's file itself; for a stretch of one, a copy that lies in memory and is gone with this object.
class RecordingFile {
 public:
  // Throws UserError where the stretch is not in the file or cannot be read.
  explicit RecordingFile(const Recording& recording);
  ~RecordingFile();
  RecordingFile(RecordingFile&& other) noexcept;
  RecordingFile& operator=(RecordingFile&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  bool is_copy() const { return memory_ >= 0; }  // whose path says nothing of the format

 private:
  std::filesystem::path path_;
  int memory_ = -1;  // descriptor of the copy
};

}  // namespace pal

// Scalars as TensorBoard event files, written without TensorFlow: TFRecord frames around small protobuf
// messages. Source: tensorflow/core/lib/io/record_writer.h (frames), event.proto and summary.proto
// (messages).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pal/core/append_file.h"

namespace pal {

// A number to be drawn.
struct Scalar {
  std::string tag;  // "train/loss": TensorBoard groups by what stands before the slash
  double value;     // stored as float32; NaN and infinity are drawn as such
};

// An event file that is being written.
class TensorboardLog {
 public:
  // Creates events.out.tfevents.TIME.HOST.PID in `folder`, which is made where it is missing. A run that goes
  // on after `finished_steps` makes TensorBoard drop what older files in the folder hold of later steps.
  // Throws UserError where the file cannot be written.
  explicit TensorboardLog(const std::filesystem::path& folder, std::int64_t finished_steps = 0);

  // One event with all `scalars` of a step, handed to the operating system at once; where the disk is full, it waits (append_file.h).
  void write(std::int64_t step, const std::vector<Scalar>& scalars);

  void finish() { file_->finish(); }  // throws UserError where events still wait

  const std::filesystem::path& path() const { return file_->path(); }  // of the event file

 private:
  void append(const std::string& event);

  std::optional<AppendFile> file_;  // from the constructor on
};

// What the files are made of.
std::uint32_t crc32c(std::string_view bytes);  // Castagnoli, RFC 3720 appendix B.4
std::string tfrecord(
    std::string_view payload);                // length, masked checksum of it, payload, masked checksum of it
std::string version_event(double wall_time);  // the first event of a file; wall_time: seconds since 1970
std::string restart_event(double wall_time,
                          std::int64_t first_step);  // drops older events from first_step on
std::string scalar_event(double wall_time, std::int64_t step, const std::vector<Scalar>& scalars);  // the values of a step

}  // namespace pal

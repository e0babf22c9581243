#include "pal/train/tensorboard.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>

#include "pal/core/check.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0u);
    table[i] = value;
  }
  return table;
}

template <typename Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(value); ++i) bytes += char((value >> (8 * i)) & 0xff);
  return bytes;
}

// A checksum of data that itself holds checksums is weak; so TFRecord stores it rotated and shifted.
std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

// Protobuf fields: a key (field number and wire type), then the value.
std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += char(value | 0x80);
  return bytes + char(value);
}
std::string key(int field, int wire_type) {
  return varint(std::uint64_t(field) << 3 | std::uint64_t(wire_type));
}
std::string integer_field(int field, std::int64_t value) {
  return key(field, 0) + varint(std::uint64_t(value));
}
std::string double_field(int field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string bytes_field(int field, std::string_view value) {
  return key(field, 2) + varint(value.size()) + std::string(value);
}
std::string float_field(int field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "host";
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t value = ~0u;
  for (unsigned char byte : bytes) value = (value >> 8) ^ kTable[(value ^ byte) & 0xff];
  return ~value;
}

std::string tfrecord(std::string_view payload) {
  const std::string length = little_endian(std::uint64_t(payload.size()));
  return length + little_endian(masked_crc(length)) + std::string(payload) +
         little_endian(masked_crc(payload));
}

// Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7
std::string version_event(double wall_time) {
  return double_field(1, wall_time) + bytes_field(3, "brain.Event:2");
}

std::string restart_event(double wall_time, std::int64_t first_step) {
  const std::string session_log = integer_field(1, 1);  // SessionLog: status = 1, which is START = 1
  return double_field(1, wall_time) + integer_field(2, first_step) + bytes_field(7, session_log);
}

std::string scalar_event(double wall_time, std::int64_t step, const std::vector<Scalar>& scalars) {
  std::string summary;  // Summary: value = 1, repeated; Value: tag = 1, simple_value = 2
  for (const auto& [tag, value] : scalars)
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, float(value)));
  return double_field(1, wall_time) + integer_field(2, step) + bytes_field(5, summary);
}

TensorboardLog::TensorboardLog(const fs::path& folder, std::int64_t finished_steps) {
  std::error_code error;
  fs::create_directories(folder, error);
  PAL_CHECK(!error, "{}: cannot be made: {}", folder.string(), error.message());
  const double now = seconds_now();
  const std::string name =
      fmt::format("events.out.tfevents.{:010d}.{}.{}", std::int64_t(now), host_name(), ::getpid());
  // TensorBoard reads the files of a folder in the order of their names: a name that is taken gets a suffix.
  auto path = folder / name;
  for (int i = 1; fs::exists(path); ++i) path = folder / fmt::format("{}.{}", name, i);
  file_.emplace(path);
  append(version_event(now));
  if (finished_steps > 0) append(restart_event(now, finished_steps + 1));
}

void TensorboardLog::write(std::int64_t step, const std::vector<Scalar>& scalars) {
  append(scalar_event(seconds_now(), step, scalars));
}

void TensorboardLog::append(const std::string& event) { file_->append(tfrecord(event)); }

}  // namespace pal

// Tar files, through libarchive: written plain, and listed with the place of every member, so that members can be read where they lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct archive;

namespace pal {

// A member of a tar file.
struct TarMember {
  std::string name;         // its path in the tar
  std::int64_t offset = 0;  // of its first byte in the file
  std::int64_t bytes = 0;   // its length
};

// Calls `take` with the ordinary files of a tar, in its order. `text`: the content of members whose name ends in one of the endings
// that `reads_text` accepts; of others nothing is read. Throws UserError that names file and member: for what is no tar or compressed
// (its members lie nowhere), for names that lead out of the folder it would be unpacked in, for links and devices, for members cut short, and for texts longer than
// kLongestRecord. Folders are passed over.
void read_tar(const std::filesystem::path& path, const std::function<bool(std::string_view)>& reads_text,
              const std::function<void(const TarMember& member, std::string text)>& take);

// Writes one tar file. What is in it depends on nothing but what is added: no times, users or modes.
class TarWriter {
 public:
  // Makes the file. Throws UserError where it cannot be written.
  explicit TarWriter(std::filesystem::path path);
  ~TarWriter();

  void add(const std::string& name, std::string_view content);
  // A copy of a file. Throws UserError where it cannot be read, or changes meanwhile.
  void add_file(const std::string& name, const std::filesystem::path& file);
  std::int64_t bytes() const;  // so far
  void finish();               // ends the file and has it written to the disk

 private:
  struct Close {
    void operator()(archive* a) const;
  };
  void begin(const std::string& name, std::int64_t bytes);
  void write(const void* data, std::size_t bytes);

  std::filesystem::path path_;
  std::unique_ptr<archive, Close> archive_;
};

}  // namespace pal

#include "fuzz_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "pal/core/check.h"

namespace pal::fuzz {

namespace {

namespace fs = std::filesystem;

class ProcessFolder {
 public:
  ProcessFolder() {
    const fs::path memory = "/dev/shm";
    std::error_code ignored;
    std::string name = ((fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path()) / "pal-fuzz-XXXXXX").string();
    PAL_ASSERT(::mkdtemp(name.data()) != nullptr, "{} cannot be made", name);
    path_ = name;
  }
  ~ProcessFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Where the file begins that the line "@NAME" announces: the line's begin and the byte behind it.
struct Mark {
  std::size_t line, begin;
};

Mark find_mark(std::string_view input, const std::string& line) {
  const std::size_t at = input.find(line);
  return at == input.npos ? Mark{input.size(), input.size()} : Mark{at, at + line.size()};
}

}  // namespace

bool accepts(const std::function<void()>& attempt) {
  try {
    attempt();
    return true;
  } catch (const UserError&) {
    return false;
  }
}

int try_reader(std::string_view input, Allowance allowance, const std::function<void()>& read) {
  static const bool explain = std::getenv("PAL_FUZZ_EXPLAIN") != nullptr;
  const AllocationLimit limit(allowance.fixed + allowance.per_byte * input.size());
  std::string verdict = "accepted";
  try {
    read();
  } catch (const UserError& error) {
    if (explain) verdict = std::string("refused: ") + error.what();
  }
  if (explain) fmt::print(stderr, "pal: {} bytes in, {} held at once; {}\n", input.size(), limit.most(), verdict);
  return 0;
}

const fs::path& folder() {
  static const ProcessFolder only;
  return only.path();
}

fs::path put(const char* name, std::string_view bytes) {
  fs::path path = folder() / name;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  PAL_ASSERT(file >= 0, "{} cannot be written", path.string());
  const auto written = ::write(file, bytes.data(), bytes.size());
  ::close(file);
  PAL_ASSERT(written == ssize_t(bytes.size()), "{} cannot be written", path.string());
  return path;
}

fs::path put_files(std::string_view input, const char* first, std::initializer_list<const char*> names) {
  std::size_t first_bytes = input.size();
  for (const char* name : names) {
    const Mark mark = find_mark(input, std::string("\n@") + name + "\n");
    first_bytes = std::min(first_bytes, mark.line);
    std::size_t end = input.size();
    for (const char* other : names) {
      const Mark next = find_mark(input, std::string("\n@") + other + "\n");
      if (next.line > mark.line) end = std::min(end, next.line);
    }
    if (mark.line < input.size()) {
      put(name, input.substr(mark.begin, std::max(end, mark.begin) - mark.begin));
    } else {
      ::unlink((folder() / name).c_str());
    }
  }
  return put(first, input.substr(0, first_bytes));
}

}  // namespace pal::fuzz

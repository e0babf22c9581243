// Tables, of which data sets are imported: with the names of their columns in the first row, and with names that are given.
#include "fuzz_input.h"
#include "pal/import/csv.h"

namespace pal::fuzz {
namespace {

// A field of one byte takes two of the file, and a string of 32 bytes in a list that grows.
constexpr Allowance kAllowance{1 << 20, 128};

void read(const std::filesystem::path& path, const CsvFormat& format) {
  read_csv(path, format, {"file"}, [](const CsvRow& row) { row.required("file"); });
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] {
    const auto path = put("table.csv", input);
    accepts([&] { read(path, {.delimiter = '\t', .names = {"file", "labels"}, .comment = '#'}); });
    read(path, {});
  });
}

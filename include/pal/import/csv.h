// Tables in text: CSV as RFC 4180 has it, and the same with tabs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// How a table is written.
struct CsvFormat {
  char delimiter = ',';              // between fields
  std::vector<std::string> names{};  // of the columns where the file does not say them; otherwise its first row does
  char comment = 0;                  // rows that begin with it are passed over; 0: none
};

// A row, by the names of its columns.
class CsvRow {
 public:
  // Both outlive the row; there are as many fields as names, or more.
  CsvRow(const std::vector<std::string>& names, const std::vector<std::string>& fields) : names_(names), fields_(fields) {}

  // The field, without the space around it. Throws UserError where the table has no such column.
  const std::string& operator[](std::string_view name) const;
  // The same, and it is not empty.
  const std::string& required(std::string_view name) const;

 private:
  const std::vector<std::string>& names_;
  const std::vector<std::string>& fields_;
};

// Calls `take` for each row behind the names; what it throws as UserError counts as that row's problem. Afterwards throws UserError with
// the first 20 problems, "FILE:LINE: ..." each, if there were any: rows without as many fields as there are names (a file without a row
// of names may have more), quotes that do not end, zero bytes, rows of more than 1 MiB. Throws UserError where the file cannot be read,
// has no row, or no column of a name that is in `needed`. Quotes inside a field that is not quoted stand for themselves.
void read_csv(const std::filesystem::path& path, const CsvFormat& format, const std::vector<std::string>& needed,
              const std::function<void(const CsvRow&)>& take);

}  // namespace pal

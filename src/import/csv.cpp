#include "pal/import/csv.h"

#include <csv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "pal/core/check.h"
#include "pal/core/line_problems.h"

namespace pal {

namespace {

constexpr std::size_t kLongestRow = 1 << 20;

// libcsv's parser, fed line by line so that a row's line is known.
class Table {
 public:
  Table(const std::filesystem::path& path, const CsvFormat& format, const std::vector<std::string>& needed,
        const std::function<void(const CsvRow&)>& take)
      : name_(path.string()), format_(format), needed_(needed), take_(take), problems_(name_), names_(format.names) {
    PAL_ASSERT(csv_init(&parser_, 0) == 0, "libcsv does not start");  // fails for wrong options alone
    csv_set_delim(&parser_, static_cast<unsigned char>(format.delimiter));
  }
  ~Table() { csv_free(&parser_); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void read(std::istream& file) {
    std::string line;
    while (std::getline(file, line)) {
      ++line_;
      if (line_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // a byte order mark
      if (!file.eof()) line += '\n';
      feed(line);
    }
    PAL_CHECK(!file.bad(), "{}: reading failed: {}", name_, std::strerror(errno));
    csv_set_opts(&parser_, CSV_STRICT | CSV_STRICT_FINI);  // only together do they find a quote that does not end
    const bool ended = csv_fini(&parser_, on_field, on_row, this) == 0;
    if (!ended) problems_.add(row_line_, "a quoted field that begins in this row does not end");
    take_rows();
    problems_.raise();
    PAL_CHECK(count_ > 0, "{}: holds no rows", name_);
  }

 private:
  void feed(const std::string& line) {
    if (row_bytes_ == 0) {
      if (line.find_first_not_of(" \t\r\n") == std::string::npos) return;  // libcsv passes over empty lines, too
      row_line_ = line_;
    }
    row_bytes_ += line.size();
    // A row that does not end is most often a quote that does not.
    PAL_CHECK(row_bytes_ <= kLongestRow, "{}:{}: a row of more than {} bytes; does a quoted field in it not end?", name_, row_line_,
              kLongestRow);
    PAL_CHECK(line.find('\0') == std::string::npos, "{}:{}: a zero byte in the text", name_, line_);
    PAL_CHECK(csv_parse(&parser_, line.data(), line.size(), on_field, on_row, this) == line.size(), "{}:{}: {}", name_, line_,
              csv_strerror(csv_error(&parser_)));
    take_rows();
  }

  // Called from C, which no exception may pass: what they get is only put aside.
  static void on_field(void* text, std::size_t size, void* table) {
    static_cast<Table*>(table)->fields_.emplace_back(static_cast<const char*>(text), size);
  }
  static void on_row(int, void* table) {
    auto& self = *static_cast<Table*>(table);
    self.rows_.push_back(std::exchange(self.fields_, {}));
    self.row_bytes_ = 0;
  }

  void take_rows() {
    for (const auto& row : std::exchange(rows_, {})) {
      if (format_.comment != 0 && row.front().starts_with(format_.comment)) continue;
      if (names_.empty())
        take_names(row);
      else
        take_row(row);
    }
  }

  void take_names(const std::vector<std::string>& row) {
    names_ = row;
    for (const auto& column : needed_)
      PAL_CHECK(std::ranges::count(names_, column) > 0, "{}:{}: no column '{}'; there are: {}", name_, row_line_, column,
                fmt::join(names_, ", "));
  }

  void take_row(const std::vector<std::string>& row) {
    ++count_;
    try {
      const bool more_allowed = !format_.names.empty();
      PAL_CHECK(row.size() == names_.size() || (more_allowed && row.size() > names_.size()), "expected {} fields, got {}",
                names_.size(), row.size());
      take_(CsvRow(names_, row));
    } catch (const UserError& error) {
      problems_.add(row_line_, error.what());
    }
  }

  std::string name_;
  const CsvFormat& format_;
  const std::vector<std::string>& needed_;
  const std::function<void(const CsvRow&)>& take_;
  LineProblems problems_;
  csv_parser parser_{};
  std::vector<std::string> names_, fields_;     // of the table; of the row that is being read
  std::vector<std::vector<std::string>> rows_;  // read to their end and not taken
  std::size_t line_ = 0, row_line_ = 1, row_bytes_ = 0, count_ = 0;
};

}  // namespace

const std::string& CsvRow::operator[](std::string_view name) const {
  const auto found = std::ranges::find(names_, name);
  PAL_CHECK(found != names_.end(), "no column '{}'", name);
  return fields_[std::size_t(found - names_.begin())];
}

const std::string& CsvRow::required(std::string_view name) const {
  const auto& field = (*this)[name];
  PAL_CHECK(!field.empty(), "'{}' is empty", name);
  return field;
}

void read_csv(const std::filesystem::path& path, const CsvFormat& format, const std::vector<std::string>& needed,
              const std::function<void(const CsvRow&)>& take) {
  std::error_code ignored;
  PAL_CHECK(!std::filesystem::is_directory(path, ignored), "{}: is a folder, but a file was expected", path.string());
  std::ifstream file(path, std::ios::binary);
  PAL_CHECK(file, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  Table(path, format, needed, take).read(file);
}

}  // namespace pal

// pal-data import: from a data set's published folder to a manifest.
#include "pal/import/import.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/printable.h"
#include "pal/core/tool.h"
#include "tools/data/data.h"

namespace pal {

namespace {

constexpr std::size_t kMissingShown = 5;

struct ImportArguments {
  ImportOptions options;
  std::vector<std::string> audio;  // SOURCE=DIR
  std::filesystem::path missing;   // where the list of what is missing goes
  bool force = false;
};

std::map<std::string, std::filesystem::path> audio_folders(const std::vector<std::string>& given) {
  std::map<std::string, std::filesystem::path> folders;
  for (const auto& one : given) {
    const auto equals = one.find('=');
    PAL_CHECK(equals != std::string::npos && equals > 0 && equals + 1 < one.size(), "--audio: expected SOURCE=DIR, got '{}'", one);
    PAL_CHECK(folders.emplace(one.substr(0, equals), one.substr(equals + 1)).second, "--audio: '{}' is given twice", one.substr(0, equals));
  }
  return folders;
}

void check_arguments(const ImportArguments& a) {
  const auto& options = a.options;
  PAL_CHECK(options.dataset == "openaqa" || (a.audio.empty() && options.json.empty()), "--json and --audio are for openaqa alone");
  for (const auto& file : {options.out, a.missing}) {
    if (file.empty()) continue;
    PAL_CHECK(a.force || !std::filesystem::exists(file), "{}: is there already; give --force to write over it", file.string());
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    PAL_CHECK(std::filesystem::is_directory(folder), "{}: the folder {} is not there", file.string(), folder.string());
  }
}

std::string with_published(std::int64_t count, const std::optional<std::int64_t>& published) {
  return published ? fmt::format("{:>10} {:>10}", count, *published) : fmt::format("{:>10} {:>10}", count, "-");
}

void print_report(const ImportReport& report, const ImportArguments& a) {
  SplitReport total{.name = "total"};
  std::int64_t published = 0;
  fmt::print("{:<20} {:>10} {:>10} {:>10} {:>10}\n", "split", "named", "published", "missing", "samples");
  for (const auto& split : report.splits) {
    fmt::print("{:<20} {} {:>10} {:>10}\n", printable(split.name), with_published(split.named, split.published), split.missing, split.samples);
    total.named += split.named, total.missing += split.missing, total.samples += split.samples;
    published += split.published.value_or(0);
  }
  const bool all_published = std::ranges::all_of(report.splits, [](const auto& split) { return split.published.has_value(); });
  if (report.splits.size() > 1)
    fmt::print("{:<20} {} {:>10} {:>10}\n", "total", with_published(total.named, all_published ? std::optional(published) : std::nullopt),
               total.missing, total.samples);
  if (report.labels > 0) fmt::print("{:<20} {}\n", "labels", with_published(report.labels, report.published_labels));
  if (report.missing.empty()) return;
  fmt::print("missing: {} recordings{}\n", report.missing.size(), a.missing.empty() ? "; --missing F writes all of them to a file" : "");
  for (std::size_t i = 0; i < std::min(kMissingShown, report.missing.size()); ++i) fmt::print("  {}\n", printable(report.missing[i]));
  if (report.missing.size() > kMissingShown) fmt::print("  ...\n");
}

void tell_what_differs(const ImportReport& report) {
  for (const auto& split : report.splits)
    if (split.published && *split.published != split.named)
      spdlog::warn("{}: the folder's files name {} recordings, {} were published", printable(split.name), split.named, *split.published);
  for (const auto& note : report.notes) spdlog::warn("{}", printable(note));
}

int run_import(ImportArguments a) {
  a.options.audio = audio_folders(a.audio);
  check_arguments(a);
  const auto report = import_dataset(a.options);
  if (!a.missing.empty())
    write_file_atomically(a.missing, [&](std::ostream& out) {
      for (const auto& name : report.missing) out << printable(name) << '\n';
    });
  print_report(report, a);
  tell_what_differs(report);
  spdlog::info("wrote {}", a.options.out.string());
  return kDone;
}

}  // namespace

void add_import_command(CLI::App& app, std::function<int()>& run) {
  auto arguments = std::make_shared<ImportArguments>();
  auto* command = app.add_subcommand("import", "From a data set's own published folder to a manifest, counted against what was published");
  auto& options = arguments->options;
  command->add_option("dataset", options.dataset, fmt::format("{}", fmt::join(dataset_names(), " | ")))->required();
  command->add_option("--root", options.root, "the data set's folder, laid out as published; docs/data.md shows each")->required();
  command->add_option("--out", options.out, "the manifest to write")->required();
  command->add_option("--split", options.split, "this split alone, by the data set's own name (default: all that are there)");
  command->add_flag("--each-caption", options.each_caption, "a sample for every caption, to train on (default: one for every recording)");
  command->add_option("--missing", arguments->missing, "write every recording that is named and not there to this file, one a line");
  command->add_option("--json", options.json, "openaqa: the file of questions (default: ROOT/openaqa_5.6M.json)");
  command->add_option("--audio", arguments->audio, "openaqa: SOURCE=DIR, where the recordings of the records' `dataset` SOURCE are (default: ROOT)")
      ->take_all()
      ->allow_extra_args(false);
  command->add_flag("--force", arguments->force, "write over files that are there already");
  command->footer("Example: pal-data import esc50 --root examples/esc50 --out esc50.jsonl");
  command->callback([arguments, &run] { run = [arguments] { return run_import(*arguments); }; });
}

}  // namespace pal

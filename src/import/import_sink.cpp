#include "import_sink.h"

#include <algorithm>
#include <ostream>

#include "pal/core/check.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

fs::path absolute_folder(const fs::path& path) { return fs::absolute(path.empty() ? "." : path).lexically_normal(); }

}  // namespace

void check_below_root(const std::string& path) {
  PAL_CHECK(!path.empty(), "a recording without a name");
  PAL_CHECK(path.find('\0') == std::string::npos, "a zero byte in the path of a recording");
  const fs::path parsed(path);
  PAL_CHECK(parsed.is_relative(), "'{}': a data set's recordings lie in its folder, but this path is absolute", path);
  PAL_CHECK(std::ranges::find(parsed, "..") == parsed.end(), "'{}': a path that leads out of the data set's folder", path);
}

ImportSink::ImportSink(const ImportOptions& options, std::ostream& out)
    : options_(options), out_(out), manifest_folder_(absolute_folder(options.out.parent_path())), root_(absolute_folder(options.root)) {}

void ImportSink::declare(const std::string& split, std::optional<std::int64_t> published) {
  report_.splits.push_back({.name = split, .published = published});
}

SplitReport& ImportSink::split_of(const std::string& name) {
  const auto found = std::ranges::find(report_.splits, name, &SplitReport::name);
  if (found != report_.splits.end()) return *found;
  return report_.splits.emplace_back(SplitReport{.name = name});
}

std::string ImportSink::path_in_manifest(const fs::path& recording) const {
  const fs::path relative = recording.lexically_relative(manifest_folder_);
  return relative.empty() || *relative.begin() == ".." ? recording.string() : relative.string();
}

void ImportSink::add(const ImportedSample& sample) {
  check_below_root(sample.audio);
  if (!wants(sample.split)) return;
  std::error_code ignored;
  const fs::path recording = root_ / sample.audio;
  if (!fs::is_regular_file(recording, ignored)) return add_missing(sample.split, sample.audio);
  write(sample, path_in_manifest(recording));
}

void ImportSink::add_from(const fs::path& folder, const ImportedSample& sample) {
  if (wants(sample.split)) write(sample, path_in_manifest(absolute_folder(folder) / sample.audio));
}

void ImportSink::add_missing(const std::string& split, const std::string& name) {
  if (!wants(split)) return;
  SplitReport& counts = split_of(split);
  ++counts.named;
  ++counts.missing;
  if (missing_.insert(name).second) report_.missing.push_back(name);
}

void ImportSink::write(const ImportedSample& sample, const std::string& path) {
  PAL_CHECK(!check_ids_ || ids_.insert(sample.id).second, "'{}' stands twice", sample.id);
  ++split_of(sample.split).named;
  labels_.insert(sample.labels.begin(), sample.labels.end());
  if (!options_.each_caption || sample.captions.size() < 2) return write_line(sample, sample.id, path, sample.captions);
  for (std::size_t i = 0; i < sample.captions.size(); ++i)
    write_line(sample, fmt::format("{}#{}", sample.id, i + 1), path, {sample.captions[i]});
}

void ImportSink::write_line(const ImportedSample& sample, const std::string& id, const std::string& path,
                            const std::vector<std::string>& captions) {
  nlohmann::ordered_json line = {{"id", id}, {"audio", path}};
  if (!sample.instruction.empty()) {
    line["instruction"] = sample.instruction;
    line["output"] = sample.output;
  }
  if (sample.labels.size() == 1) line["label"] = sample.labels.front();
  if (sample.labels.size() > 1) line["labels"] = sample.labels;
  if (!captions.empty()) line["captions"] = captions;
  line["split"] = sample.split;
  try {
    out_ << line.dump() << '\n';
  } catch (const nlohmann::json::exception&) {  // the one thing that dump() refuses
    user_error("text that is not UTF-8; convert the file first: iconv -f ISO-8859-1 -t UTF-8");
  }
  ++split_of(sample.split).samples;
}

ImportReport ImportSink::finish() {
  if (!options_.split.empty()) std::erase_if(report_.splits, [&](const SplitReport& split) { return split.name != options_.split; });
  std::int64_t samples = 0;
  for (const auto& split : report_.splits) samples += split.samples;
  PAL_CHECK(samples > 0, "{}: not one of the {} recordings that {} names was found there{}", options_.root.string(), report_.missing.size(),
            options_.dataset, report_.missing.empty() ? "" : fmt::format("; the first is {}", report_.missing.front()));
  report_.labels = std::int64_t(labels_.size());
  return std::move(report_);
}

}  // namespace pal

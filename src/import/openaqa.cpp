// OpenAQA, what LTU was trained on: 5,681,708 questions and answers about recordings of other data sets.
//
//   ROOT/openaqa_5.6M.json, or --json F for one of its parts:
//     [{"instruction": "...", "input": "", "dataset": "as_strong_train", "audio_id": "/data/.../audio/LZq4Neh-oWU.flac",
//       "task": "open-ended question", "output": "..."}, ...]
//
// The audio_id is a path on the authors' machine. A recording is found by its name, without folder and ending, below the folder that
// --audio SOURCE=DIR gives for the record's `dataset`, or else below the root; also with a Y before the name, or without one.
// Source: the README of github.com/YuanGongND/ltu, section "OpenAQA (LTU) and OpenASQA (LTU-AS) Dataset"; the number: openaqa/utils/
// combine_all_open_close.py there.
#include <map>
#include <nlohmann/json.hpp>

#include "datasets.h"
#include "pal/core/check.h"
#include "pal/core/json_array.h"
#include "pal/core/json_lines.h"
#include "pal/import/recording_index.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

constexpr const char* kWhole = "openaqa_5.6M.json";
constexpr std::int64_t kQuestions = 5681708;

// Folders are looked through when the first record asks for them.
class Sources {
 public:
  explicit Sources(const ImportOptions& options) : options_(options) {}

  const fs::path& folder(const std::string& source) const {
    const auto given = options_.audio.find(source);
    return given == options_.audio.end() ? options_.root : given->second;
  }

  const std::string* find(const std::string& source, const std::string& audio_id) {
    const auto& where = folder(source);
    const auto& recordings = folders_.try_emplace(where, where).first->second;
    const std::string name = fs::path(audio_id).stem().string();
    if (const std::string* path = recordings.find(name)) return path;
    if (const std::string* path = recordings.find("Y" + name)) return path;
    return name.starts_with('Y') ? recordings.find(name.substr(1)) : nullptr;
  }

 private:
  const ImportOptions& options_;
  std::map<fs::path, RecordingIndex> folders_;
};

std::string text_at(const nlohmann::json& record, const char* key) {
  const std::string text = required(record, key, "a text", &nlohmann::json::is_string);
  PAL_CHECK(!text.empty(), "'{}' is empty", key);
  return text;
}

void add(const nlohmann::json& record, std::int64_t number, Sources& sources, ImportSink& sink) {
  const std::string source = record.contains("dataset") ? text_at(record, "dataset") : "openaqa";
  const std::string audio_id = text_at(record, "audio_id");
  PAL_CHECK(audio_id.find('\0') == std::string::npos, "'audio_id': a zero byte in a path");
  ImportedSample sample = {.id = std::to_string(number), .split = source, .instruction = text_at(record, "instruction"), .output = text_at(record, "output")};
  if (record.contains("input") && record["input"].is_string() && !record["input"].get_ref<const std::string&>().empty())
    sample.instruction += "\n" + record["input"].get<std::string>();
  if (!sink.wants(source)) return;
  const std::string* path = sources.find(source, audio_id);
  if (path == nullptr) return sink.add_missing(source, audio_id);
  sample.audio = *path;
  sink.add_from(sources.folder(source), sample);
}

}  // namespace

void import_openaqa(const ImportOptions& options, ImportSink& sink) {
  const fs::path questions = options.json.empty() ? options.root / kWhole : options.json;
  Sources sources(options);
  sink.ids_are_numbers();
  std::int64_t number = 0;
  read_json_records(questions, [&](const nlohmann::json& record) { add(record, ++number, sources, sink); });
  if (questions.filename() == kWhole && number != kQuestions)
    sink.note(fmt::format("{} questions in {}; {} were published", number, questions.string(), kQuestions));
}

}  // namespace pal
